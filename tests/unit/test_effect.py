"""Who loses what by which change, line by line of the table in `plan/effect.py`."""

from __future__ import annotations

import pytest

from syncd.model import Change, ObservedState, Owned, Role, User
from syncd.plan.effect import Effect, after, effects, holders, losers
from syncd.targets.airflow.naming import permission

BOTH = frozenset(permission("can_read", f"DAG:{dag}") for dag in "ab")
ONE = frozenset({permission("can_read", "DAG:a")})
FINANCE, SMALLER = Role("finance", BOTH), Role("finance", ONE)


def person(name: str, *roles: str) -> User:
    return User(name, f"{name}@x", name, "X", frozenset(roles))


ANN, BOB = person("Ann", "finance"), person("bob", "finance", "ops")
OBSERVED = ObservedState("prod", {"ann": ANN, "bob": BOB, "cid": person("cid", "ops")}, {"finance": FINANCE})
ANNS = Owned(grants={"ann": frozenset({"finance"})})
ANN_LEAVES, ROLE_GOES, ROLE_SHRINKS = Change(ANN, person("Ann")), Change(FINANCE, None), Change(FINANCE, SMALLER)


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ((ANN_LEAVES,), {"ann"}),
        ((Change(ANN, person("Ann", "finance", "ops")),), set()),
        ((ROLE_GOES,), {"ann", "bob"}),
        ((ROLE_SHRINKS,), {"ann", "bob"}),
        ((Change(SMALLER, FINANCE),), set()),
        ((ANN_LEAVES, ROLE_GOES), {"ann", "bob"}),
        ((Change(BOB, person("bob", "finance")),), {"bob"}),
    ],
    ids=["a leaver", "a joiner", "a role goes", "a role shrinks", "a role grows", "each once", "another role"],
)
def test_who_loses_something(changes: tuple[Change, ...], who: set[str]) -> None:
    assert who == losers(OBSERVED, changes)


def test_a_role_that_shrinks_may_not_count_and_one_that_goes_always_does() -> None:
    asked: list[Change] = []

    def on_a_dag_that_is_gone(change: Change) -> bool:
        asked.append(change)
        return False

    assert frozenset() == losers(OBSERVED, [ROLE_SHRINKS], counts=on_a_dag_that_is_gone)
    assert [ROLE_SHRINKS] == asked
    assert {"ann", "bob"} == losers(OBSERVED, [ROLE_GOES], counts=on_a_dag_that_is_gone)


@pytest.mark.finding("H-E2")
def test_who_lost_the_role_before_it_goes_loses_nothing_by_that() -> None:
    """Her own change says what she loses; that it was ours to take or not is said of each by itself."""
    found = list(effects(OBSERVED, [ANN_LEAVES, ROLE_GOES], ANNS))
    assert [Effect(ANN_LEAVES, 1, 0), Effect(ROLE_GOES, 1, 1)] == found


@pytest.mark.parametrize(
    ("change", "people", "not_ours"),
    [
        (ANN_LEAVES, 1, 0),
        (Change(BOB, person("bob", "ops")), 1, 1),
        (Change(BOB, person("bob", "ops", "finance", "more")), 0, 0),
        (ROLE_SHRINKS, 2, 1),
        (ROLE_GOES, 2, 1),
        (Change(SMALLER, FINANCE), 0, 0),
        (Change(Role("other", BOTH), None), 0, 0),
    ],
    ids=["ours", "by another hand", "gains", "shrinks", "goes", "grows", "held by nobody"],
)
def test_how_many_lose_and_how_many_of_them_had_it_by_another_hand(change: Change, people: int, not_ours: int) -> None:
    assert [Effect(change, people, not_ours)] == list(effects(OBSERVED, [change], ANNS))


def test_who_is_given_a_role_just_before_it_goes_has_it_from_us() -> None:
    joins = Change(OBSERVED.users["cid"], person("cid", "ops", "finance"))
    assert [Effect(joins, 0, 0), Effect(ROLE_GOES, 3, 1)] == list(effects(OBSERVED, [joins, ROLE_GOES], ANNS))


def test_what_is_there_once_changes_were_made() -> None:
    """A role that goes vanishes from its holders; what is not there any more may be deleted all the same."""
    nobody, nothing = Change(person("zoe"), None), Change(Role("other", ONE), None)
    then = after(OBSERVED, [ROLE_GOES, nobody, nothing, Change(OBSERVED.users["cid"], None)])
    assert {} == then.roles
    assert {"ann": frozenset(), "bob": frozenset({"ops"})} == {name: user.roles for name, user in then.users.items()}
    assert SMALLER == after(OBSERVED, [ROLE_SHRINKS]).roles["finance"]
    joins = Change(None, person("Zoe", "ops"))
    assert joins.after == after(OBSERVED, [joins]).users["zoe"]


def test_who_still_holds_a_role_once_people_were_changed() -> None:
    assert {"finance": ["bob"], "ops": ["bob", "cid"]} == holders(OBSERVED, [ANN_LEAVES], ["finance", "ops"])
    gone, moves = Change(BOB, None), Change(ANN, person("Ann", "ops"))
    assert {"ops": ["Ann", "cid"]} == holders(OBSERVED, [gone, moves], {"finance", "ops"})
    assert {} == holders(OBSERVED, [ANN_LEAVES], [])
