"""The order of changes: what is lost goes first, and nobody is without what they have before and after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_world import person, role, there

from syncd.model import Change, ObservedState, Why
from syncd.plan.order import ordered

FIN, OPS, OLD = role("fin", "a"), role("ops", "b"), role("old", "c")
HERE = there(roles=(FIN, OPS, OLD, role("zzz", "z")))


def names(changes: list[Change], observed: ObservedState = HERE) -> list[str]:
    """Name changes in their order, whichever they were planned in."""
    for planned in (changes, changes[::-1]):
        found = [f"{change.kind.value} {change.name}" for change in ordered(planned, observed)]
        assert len(found) >= len(changes)
    return found


def test_the_steps_of_a_plan() -> None:
    """Names would have it the other way round: each step is one. People in it go by name in any case."""
    changes = [
        Change(person("Zoe", "old"), person("Zoe")),
        Change(person("yan", "old"), person("yan")),
        Change(None, role("X", "d")),
        Change(None, role("w", "d")),
        Change(role("zzz", "z"), role("zzz", "y")),
        Change(person("vic"), person("vic", "fin")),
        Change(None, person("Uli", "fin")),
        Change(person("tom"), None),
        Change(OLD, None),
        Change(role("aaa"), None),
    ]
    assert [
        "update yan",
        "update Zoe",
        "create X",
        "create w",
        "update zzz",
        "create Uli",
        "update vic",
        "delete tom",
        "delete aaa",
        "delete old",
    ] == names(changes)


def test_where_no_role_changes_who_loses_still_goes_first() -> None:
    assert ["update zoe", "create ann"] == names(
        [Change(None, person("ann", "fin")), Change(person("zoe", "old"), person("zoe"))]
    )


def test_two_changes_of_one_person_stay_in_their_order() -> None:
    both, less, none = person("ann", "fin", "ops"), person("ann", "fin"), person("ann")
    first, second = Change(both, less), Change(less, none)
    assert (first, second) == ordered([first, second], HERE)
    assert (second, first) == ordered([second, first], HERE)


@pytest.mark.parametrize(
    ("after", "roles", "waits"),
    [
        pytest.param(("fin",), (Change(FIN, role("fin", "a", "c")),), True, id="a role that they keep brings it"),
        pytest.param(("fin",), (Change(FIN, role("fin", "a", "d")),), False, id="that role brings something else"),
        pytest.param(("fin",), (Change(OPS, role("ops", "b", "c")),), False, id="a role that they do not have brings it"),
        pytest.param((), (Change(FIN, role("fin", "a", "c")),), False, id="they keep nothing"),
        pytest.param(("fin",), (Change(FIN, role("fin", "c")), Change(OPS, role("ops"))), True, id="and loses another"),
    ],
)  # fmt: skip
def test_who_gets_by_a_role_that_they_keep_what_they_lose_by_another_waits_for_it(
    after: tuple[str, ...], roles: tuple[Change, ...], waits: bool
) -> None:
    leaves = Change(person("ann", "fin", "old"), person("ann", *after))
    found = names([leaves, *roles])
    assert waits == (found.index("update fin" if "update fin" in found else "update ops") < found.index("update ann"))


def test_a_role_that_is_not_there_brings_nobody_anything_that_they_lose() -> None:
    leaves, grows = Change(person("ann", "gone", "fin"), person("ann", "fin")), Change(FIN, role("fin", "a", "c"))
    assert ["update ann", "update fin"] == names([leaves, grows])


WHY = (Why("as the mapping says"),)


def parts(change: Change, *others: Change, observed: ObservedState = HERE) -> list[tuple[int, Change, tuple[Why, ...]]]:
    found = ordered([change, *others], observed)
    return [(at, one, one.because) for at, one in enumerate(found) if one.subject == "role" and one.name == change.name]


def test_a_role_that_loses_what_people_are_given_by_another_loses_it_after_they_were_served() -> None:
    """It goes before accounts do. What it gains it gains at once, and each part has its reasons."""
    grows, abe_goes = Change(OPS, role("ops", "b", "a")), Change(person("abe"), None)
    moves, joins = Change(FIN, role("fin", "c"), WHY), Change(person("vic"), person("vic", "ops"))
    both = role("fin", "a", "c")
    found = parts(moves, grows, joins, abe_goes)
    assert [(0, Change(FIN, both), WHY), (3, Change(both, role("fin", "c")), WHY)] == found
    loses = Change(FIN, role("fin"), WHY)
    assert [(2, loses, WHY)] == parts(loses, grows, joins, abe_goes)
    through = Change(FIN, role("fin", "d"), WHY)
    gives = Change(person("vic"), person("vic", "also")), Change(None, role("also", "a"))
    assert 2 == len(parts(through, *gives))


def test_one_that_is_unfinished_is_finished_at_once() -> None:
    unfinished = replace(FIN, unfinished=True)
    grows = Change(OPS, role("ops", "b", "a"))
    found = parts(Change(unfinished, role("fin"), WHY), grows, observed=there(roles=(unfinished, OPS)))
    assert [(0, Change(unfinished, FIN), WHY), (2, Change(FIN, role("fin")), WHY)] == found


@pytest.mark.parametrize(
    "others",
    [
        (),
        (Change(OPS, role("ops", "b", "c")),),
        (Change(person("vic"), person("vic", "fin")),),
        (Change(person("vic"), person("vic", "ops")),),
    ],
    ids=["nobody is given it", "another role gains something else", "by itself", "by one that holds something else"],
)
def test_a_role_that_loses_what_nobody_is_given_elsewhere_changes_at_once(others: tuple[Change, ...]) -> None:
    moves = Change(FIN, role("fin", "d"), WHY)
    assert [(0, moves, WHY)] == parts(moves, *others)


def test_what_somebody_is_given_by_a_role_that_is_not_planned_counts_as_it_is() -> None:
    """Ops has what fin loses: whoever is given ops is served before fin loses it."""
    observed, loses = there(roles=(FIN, role("ops", "a"))), Change(FIN, role("fin"), WHY)
    assert [(1, loses, WHY)] == parts(loses, Change(person("vic"), person("vic", "ops")), observed=observed)
