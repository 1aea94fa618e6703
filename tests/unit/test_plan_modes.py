"""What the modes of a deployment and of roles leave out of a plan, and what is said of that."""

from __future__ import annotations

import pytest
from plan_world import person, role

from syncd.model import Change, Note, Plan, RoleMode, Scope, Why
from syncd.plan.modes import Modes, within_modes

ADD, LOOK = RoleMode.ADD_ONLY, RoleMode.OBSERVE
ONLY_ADDS = Modes(add_only=True)


def cut(modes: Modes, *changes: Change) -> tuple[Change, ...]:
    return within_modes(Plan("prod", Scope(), changes), modes).changes


def notes(modes: Modes, *changes: Change) -> list[Note]:
    return list(within_modes(Plan("prod", Scope(), changes), modes).notes)


def test_without_modes_a_plan_is_left_as_it_is() -> None:
    plan = Plan("prod", Scope(), (Change(person("ann", "fin"), None),))
    assert plan is within_modes(plan, Modes())


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (Change(None, person("ann", "fin")), Change(None, person("ann", "fin"))),
        (Change(person("ann", "fin"), person("ann")), None),
        (
            Change(person("ann", "fin"), person("ann", "ops")),
            Change(person("ann", "fin"), person("ann", "fin", "ops")),
        ),
        (Change(person("ann", "fin"), None), None),
        (Change(None, role("fin", "a")), Change(None, role("fin", "a"))),
        (Change(role("fin", "a"), None), None),
        (Change(role("fin", "a"), role("fin", "b")), Change(role("fin", "a"), role("fin", "a", "b"))),
        (Change(role("fin", "a", "b"), role("fin", "b")), None),
    ],
)
def test_a_deployment_that_only_adds_takes_nothing(change: Change, left: Change | None) -> None:
    assert (left,) * (left is not None) == cut(ONLY_ADDS, change)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (Change(None, person("ann", "fin")), None),
        (Change(None, person("ann", "fin", "ops")), Change(None, person("ann", "ops"))),
        (Change(person("ann"), person("ann", "fin")), None),
        (Change(person("ann", "fin", "ops"), person("ann")), Change(person("ann", "fin", "ops"), person("ann", "fin"))),
        (Change(person("ann", "fin", "ops"), None), Change(person("ann", "fin", "ops"), person("ann", "fin"))),
        (Change(person("ann", "ops"), None), Change(person("ann", "ops"), None)),
        (Change(role("fin", "a"), role("fin", "b")), None),
        (Change(None, role("fin", "a")), None),
        (Change(role("ops", "a"), None), Change(role("ops", "a"), None)),
    ],
)
def test_a_role_that_is_observed_is_left_to_whoever_has_it(change: Change, left: Change | None) -> None:
    assert (left,) * (left is not None) == cut(Modes({"fin": LOOK}), change)


def test_a_role_that_is_only_added_to_is_given_and_never_taken() -> None:
    gives, takes = Change(person("ann"), person("ann", "fin")), Change(person("bob", "fin", "ops"), person("bob"))
    grows = Change(role("fin", "a"), role("fin", "b"))

    assert (
        gives,
        Change(person("bob", "fin", "ops"), person("bob", "fin")),
        Change(role("fin", "a"), role("fin", "a", "b")),
    ) == cut(Modes({"fin": ADD}), gives, takes, grows)


def test_an_account_that_keeps_a_role_stays_also_where_its_roles_go_first() -> None:
    gone, account = Change(person("ann", "fin", "ops"), person("ann")), Change(person("ann"), None)

    assert (Change(person("ann", "fin", "ops"), person("ann", "fin")),) == cut(Modes({"fin": ADD}), gone, account)
    assert (gone, account) == cut(Modes({"other": ADD}), gone, account)


def test_a_part_of_a_change_has_the_reasons_that_speak_of_it() -> None:
    change = Change(person("ann", "fin"), person("ann", "ops"), (Why("left", "fin"), Why("came", "ops"), Why("moves")))

    [left] = cut(ONLY_ADDS, change)

    assert (Why("came", "ops"), Why("moves")) == left.because


def test_what_is_left_out_is_said() -> None:
    changes = (
        Change(person("ann", "fin"), person("ann")),
        Change(person("bob", "fin"), None),
        Change(role("fin", "a", "b"), role("fin", "b")),
        Change(role("old", "a"), None),
    )

    assert [
        "nothing is taken here (mode add-only); what would go: 1 permission of fin, fin of ann, fin of bob, "
        "the account bob, the role old"
    ] == [note.text for note in notes(ONLY_ADDS, *changes)]
    assert ["nothing is taken of roles in mode add-only; what would go: 1 permission of fin, fin of ann"] == [
        note.text for note in notes(Modes({"fin": ADD}), *changes[::2])
    ]


def test_what_would_change_of_an_observed_role_is_said() -> None:
    changes = (
        Change(person("ann", "fin"), person("ann")),
        Change(None, person("bob", "fin")),
        Change(role("fin", "a"), role("fin", "b")),
    )

    assert [
        (
            "role_observed",
            "roles in mode observe are left as they are; what would change: fin for bob, fin of ann, the role fin",
        )
    ] == [(note.code, note.text) for note in notes(Modes({"fin": LOOK}), *changes)]


def test_nothing_is_said_where_nothing_is_left_out() -> None:
    assert [] == notes(ONLY_ADDS, Change(None, person("ann", "fin")))
