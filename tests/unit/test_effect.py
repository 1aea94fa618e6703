"""Who loses what by which change, line by line of the table in `plan/effect.py`."""

from __future__ import annotations

import pytest

from syncd.model import Change, ObservedState, Role, User
from syncd.plan.effect import after, holders, keepers
from syncd.targets.airflow.naming import permission

BOTH = frozenset(permission("can_read", f"DAG:{dag}") for dag in "ab")
ONE = frozenset({permission("can_read", "DAG:a")})
FINANCE, SMALLER = Role("finance", BOTH), Role("finance", ONE)


def person(name: str, *roles: str) -> User:
    return User(name, f"{name}@x", name, "X", frozenset(roles))


ANN, BOB = person("Ann", "finance"), person("bob", "finance", "ops")
OBSERVED = ObservedState("prod", {"ann": ANN, "bob": BOB, "cid": person("cid", "ops")}, {"finance": FINANCE})
CID_JOINS = Change(OBSERVED.users["cid"], person("cid", "ops", "finance"))
ANN_LEAVES, ROLE_GOES, ROLE_SHRINKS = Change(ANN, person("Ann")), Change(FINANCE, None), Change(FINANCE, SMALLER)


@pytest.mark.finding("H-E2")
@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ((ROLE_GOES,), 2),
        ((ROLE_SHRINKS,), 2),
        ((ANN_LEAVES, ROLE_GOES), 1),
        ((ROLE_SHRINKS, ANN_LEAVES), 1),
        ((ROLE_SHRINKS, Change(ANN, None), Change(BOB, None)), 0),
        ((ROLE_SHRINKS, Change(BOB, person("bob", "finance", "more"))), 2),
        ((ROLE_SHRINKS, CID_JOINS, Change(None, person("zoe", "finance"))), 2),
    ],
    ids=["goes", "shrinks", "one leaves", "one leaves later", "all gone", "another role", "who joins has less to lose"],
)
def test_who_loses_by_a_role_holds_it_before_and_after(changes: tuple[Change, ...], count: int) -> None:
    """Whoever gave it to them; who leaves it loses it by a change of their own, whichever is made first."""
    assert ({"finance": count} if count else {}) == keepers(OBSERVED, changes, {"finance"})
    assert {} == keepers(OBSERVED, changes, ())


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
