"""Which roles administer, which lines give them without a word that this is meant, and what the guard makes of that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.errors import MappingInvalid
from syncd.mapping.doubtful import doubtful
from syncd.mapping.parse import parse
from syncd.mapping.privileged import privileges, unmarked
from syncd.model import EVERYTHING, Change, ObservedState, Owned, Plan, Reason, Role, Rules, User
from syncd.plan.guard import Guarded, guard, parted
from syncd.plan.guard_rules import Privileged
from syncd.plan.limits import Limits
from syncd.targets.airflow.naming import NAMING, permission

ROLES = """
roles:
  keys: {permissions: [can_read on Pools, can_edit on Variables]}
  reads: {permissions: [can_read on Connections, can_read on Users]}
  more: {extends: keys}
  ops: {extends: Op, without: all_dags}
  users: {extends: User}
  meant: {privileged: true, permissions: [can_create on Users]}
"""


def rules(bindings: str = "", **more: Any) -> Rules:
    text = f"{ROLES}bindings: [{bindings}]\n"
    return parse({"m.yaml": text.encode()}, sources=frozenset({"people"}), namings=[NAMING], **more)


def gives(role: str, more: str = "") -> str:
    return f"{{group: 'people:team', roles: [{role}], deployments: all{more}}}"


@pytest.mark.parametrize(
    ("role", "why"),
    [
        ("Admin", "that role administers"),
        ("Op", "that role administers"),
        ("keys", 'that role has "can_edit on Variables" (m.yaml:3)'),
        ("more", 'that role has "can_edit on Variables" (m.yaml:3)'),
        ("ops", "that role extends Op (m.yaml:6)"),
        ("meant", 'that role has "can_create on Users" (m.yaml:8)'),
        ("reads", None),
        ("users", None),
        ("User", None),
    ],
)
def test_a_role_administers_by_what_it_holds(role: str, why: str | None) -> None:
    assert why == privileges(rules(), [NAMING]).roles.get(role)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (gives("Op"), ["Op"]),
        (gives("Viewer, keys, ops"), ["keys", "ops"]),
        (gives("Op", ", privileged: true"), []),
        (gives("Op", ", privileged: false"), ["Op"]),
        (gives("meant"), []),
        (gives("Viewer"), []),
    ],
)
def test_a_line_that_gives_such_a_role_says_that_it_is_meant_or_the_role_does(line: str, told: list[str]) -> None:
    assert told == [one.role for one in unmarked(rules(line), [NAMING])]


def test_check_tells_of_the_line_and_what_to_write() -> None:
    notes = doubtful(rules(gives("Op")), [NAMING], now=datetime(2026, 1, 1, tzinfo=UTC))
    [text] = [note.text for note in notes if note.code == "privileged_unmarked"]
    assert (
        "m.yaml:9: gives Op to people:team, and that role administers; write `privileged: true` into this line if that is meant"
    ) == text


def test_where_the_configuration_wants_it_a_line_without_it_is_a_mistake() -> None:
    with pytest.raises(MappingInvalid) as raised:
        rules(gives("Op"), privileged=True)
    assert (
        "m.yaml:9:12: gives Op to people:team, and that role administers; write `privileged: true` into this line if that is "
        "meant: the configuration wants it (mappings.privileged)"
    ) == str(raised.value)
    rules(gives("Op", ", privileged: true"), privileged=True)


# --- the guard ----------------------------------------------------------------------------------------------------------

MARKED, UNMARKED = "m.yaml:1", "m.yaml:2"


def user(name: str, *roles: str) -> User:
    return User(name, f"{name}@x", name, name, frozenset(roles))


def asked(because: dict[str, dict[str, str]], **more: Any) -> Privileged:
    reasons = {
        name: {role: (Reason("people", "g", "g", at),) for role, at in roles.items()} for name, roles in because.items()
    }
    roles = {"Op": "it is", "keys": "it is", "meant": "it is"}
    return Privileged(roles, frozenset({"meant"}), frozenset({MARKED}), reasons, is_one=NAMING.is_privileged, **more)


def judged(*changes: Change, privileged: Privileged, roles: tuple[Role, ...] = ()) -> Guarded:
    observed = ObservedState("prod", {}, {role.name: role for role in roles})
    limits = Limits(share=1.0)
    return guard(Plan("prod", EVERYTHING, changes), observed, limits, owned=Owned(), privileged=privileged)


def test_a_role_that_administers_is_held_and_whatever_else_the_change_does_goes_on() -> None:
    change = Change(user("anna", "old"), user("anna", "Op", "Viewer"))
    found = judged(change, privileged=asked({"anna": {"Op": UNMARKED, "Viewer": UNMARKED}}))
    assert found.held is not None
    between = user("anna", "Viewer")
    assert ([Change(change.before, between)], [Change(between, change.after)]) == (
        list(found.go),
        list(found.held.changes),
    )
    said = "1 person gains Op, which administers, and no `privileged: true` says that it is meant (m.yaml:2)"
    assert (said,) == found.held.why
    assert [(found.go[0], False), (found.held.changes[0], True)] == list(parted([change], found.held))


def test_an_account_is_made_with_its_other_roles() -> None:
    because = {name: {"Op": UNMARKED, "Viewer": UNMARKED} for name in ("anna", "bob")}
    anna, bob = Change(None, user("anna", "Op", "Viewer")), Change(None, user("bob", "Op"))
    found = judged(anna, bob, privileged=asked(because))
    assert found.held is not None
    viewer = user("anna", "Viewer")
    assert [Change(None, viewer)] == list(found.go)
    assert [Change(viewer, anna.after), bob] == list(found.held.changes)


@pytest.mark.parametrize(
    ("change", "because", "more"),
    [
        (Change(None, user("anna", "Op")), {"anna": {"Op": MARKED}}, {}),  # the line says it
        (Change(None, user("anna", "meant")), {"anna": {"meant": UNMARKED}}, {}),  # the role says it
        (Change(user("anna", "Op"), user("anna", "Op", "Viewer")), {"anna": {"Op": UNMARKED}}, {}),  # has it already
        (Change(user("anna", "Op"), user("anna")), {}, {}),  # loses it
        (Change(user("anna"), user("anna", "Op")), {"anna": {"Op": UNMARKED}}, {"ours": {"anna": frozenset({"Op"})}}),
        (Change(None, user("anna", "Viewer")), {"anna": {"Viewer": UNMARKED}}, {}),
    ],
)
def test_what_is_meant_or_nothing_new_goes_on(change: Change, because: Any, more: Any) -> None:
    found = judged(change, privileged=asked(because, **more))
    assert (None, (change,)) == (found.held, found.go)


def test_one_line_of_several_that_says_it_is_enough() -> None:
    reasons = (Reason("people", "g", "g", UNMARKED), Reason("people", "h", "h", MARKED))
    privileged = Privileged({"Op": ""}, frozenset(), frozenset({MARKED}), {"anna": {"Op": reasons}})
    assert judged(Change(None, user("anna", "Op")), privileged=privileged).held is None


def test_a_role_that_comes_to_administer_waits_and_what_else_comes_into_it_does_not() -> None:
    pools, edits, more = (
        permission(a, r) for a, r in (("can_read", "Pools"), ("can_edit", "Roles"), ("can_read", "Jobs"))
    )
    was, will = Role("team", frozenset({pools})), Role("team", frozenset({edits, more}))
    found = judged(Change(was, will), privileged=asked({}), roles=(was,))
    assert found.held is not None
    between = Role("team", frozenset({more}))
    assert ([Change(was, between)], [Change(between, will)]) == (list(found.go), list(found.held.changes))
    assert (
        "the role team gets can_edit on Roles, which administers, and no `privileged: true` says that it is meant",
    ) == found.held.why
    assert judged(Change(None, will), privileged=asked({})).held is None, "nobody has it yet"
    meant = Change(Role("meant", was.permissions), Role("meant", will.permissions))
    assert judged(meant, privileged=asked({})).held is None


def test_three_places_are_named_at_most() -> None:
    because = {f"p{n}": {"Op": f"m.yaml:{n}"} for n in range(5, 10)}
    found = judged(*(Change(None, user(name, "Op")) for name in because), privileged=asked(because))
    assert found.held is not None
    assert found.held.why[0].endswith("(m.yaml:5, m.yaml:6, m.yaml:7 and 2 more)")
