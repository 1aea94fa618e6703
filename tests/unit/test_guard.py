"""Every limit at both of its edges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.model import EVERYTHING, Change, ObservedState, Owned, Plan, Role, User, What, Why, key
from syncd.plan.guard import Guarded, Limits, guard, parted
from syncd.plan.taken import Taken
from syncd.targets.airflow.naming import permission

LIMITS = Limits(removals=20, share=0.10, floor=5, permissions=40, permission_floor=8)


def user(name: str, *roles: str) -> User:
    return User(name, f"{name}@x", name, name, frozenset(roles))


def loses(count: int) -> list[Change]:
    return [Change(user(f"p{n}", "finance"), user(f"p{n}")) for n in range(count)]


def role(name: str, permissions: int) -> Role:
    return Role(name, frozenset(permission("can_read", f"DAG:d{n}") for n in range(permissions)))


def judged(
    changes: list[Change],
    *,
    people: int = 1000,
    roles: tuple[Role, ...] = (),
    limits: Limits = LIMITS,
    lately: int = 0,
) -> Guarded:
    owned = Owned(
        users=frozenset(f"p{n}" for n in range(people)),
        roles=frozenset(r.name for r in roles),
        grants={f"p{n}": frozenset({"finance"}) for n in range(people)},
    )
    observed = ObservedState("prod", {}, {r.name: r for r in roles})
    return guard(Plan("prod", EVERYTHING, tuple(changes)), observed, limits, owned=owned, lately=Taken(people=lately))


@pytest.mark.parametrize(
    ("count", "people", "held"),
    [
        (5, 10, False),  # up to the floor, whatever the share
        (5, 9, True),  # but not more than half of all
        (2, 2, True),
        (3, 3, True),
        (3, 5, True),
        (3, 6, False),
        (2, 3, False),
        (1, 2, False),  # one leaver goes without a word
        (1, 1, False),
        (6, 6, True),  # above the floor, all of them
        (6, 60, False),  # just a tenth
        (6, 59, True),  # a little more
        (20, 1000, False),  # just the count
        (21, 1000, True),  # one more
    ],
)
def test_people_who_lose_a_role(count: int, people: int, held: bool) -> None:
    assert held == (judged(loses(count), people=people).held is not None)


@pytest.mark.parametrize(("count", "held"), [(5, False), (6, True)])
@pytest.mark.parametrize("subject", ["accounts", "roles"])
def test_deletions(subject: str, count: int, held: bool) -> None:
    limits = replace(LIMITS, removals=5)
    roles = tuple(role(f"r{n}", 0) for n in range(1000))
    things = [user(f"p{n}") for n in range(count)] if subject == "accounts" else list(roles[:count])
    assert held == (judged([Change(t, None) for t in things], roles=roles, limits=limits).held is not None)


@pytest.mark.parametrize(
    ("lost", "of", "held"),
    [(8, 8, False), (9, 9, True), (9, 90, False), (9, 89, True), (40, 400, False), (41, 4000, True)],
)
def test_permissions_that_roles_lose(lost: int, of: int, held: bool) -> None:
    before = role("finance", of)
    after = Role("finance", frozenset(sorted(before.permissions, key=str)[lost:]))
    assert held == (judged([Change(before, after)], roles=(before,)).held is not None)


def test_what_is_given_goes_on_and_a_mover_is_cut_in_two() -> None:
    mover = Change(user("p0", "finance"), user("p0", "platform"))
    joiner = Change(None, user("new", "finance"))
    guarded = judged([*loses(6)[1:], mover, joiner], people=6)
    assert [Change(user("p0", "finance"), user("p0", "finance", "platform")), joiner] == list(guarded.go)
    assert guarded.held is not None
    assert 6 == len(guarded.held.changes)
    assert ("6 of 6 people lose a role: the limit is 10%",) == guarded.held.why


def test_a_role_or_an_account_whose_loss_is_held_does_not_go_either() -> None:
    gone = [Change(user(f"p{n}"), None) for n in range(2)]
    guarded = judged([*loses(6), *gone, Change(role("finance", 1), None)], people=6)
    assert () == guarded.go


def test_one_kind_over_its_limit_holds_no_other() -> None:
    shrinks = Change(role("other", 3), role("other", 2))
    guarded = judged([*loses(6), shrinks], people=6, roles=(role("other", 3),))
    assert (shrinks,) == guarded.go


def test_names_are_compared_without_case_in_a_digest() -> None:
    upper = Change(user("ANNA", "finance"), user("ANNA"))
    lower = Change(user("anna", "finance"), user("anna"))
    assert upper.effects == lower.effects
    assert key("ANNA") == upper.effects[0][2]


@pytest.mark.parametrize(
    ("count", "lately", "held"),
    [
        (1, 4, False),  # up to the floor
        (1, 19, False),  # just the count
        (1, 20, True),  # one more
        (2, 19, True),
        (0, 500, False),  # who takes nothing is not held for what others took
    ],
)
def test_many_small_passes_are_one_large_one(count: int, lately: int, held: bool) -> None:
    assert held == (judged(loses(count), lately=lately).held is not None)


def test_the_share_is_of_those_who_were_there_an_hour_ago() -> None:
    assert judged(loses(5), people=95, lately=5).held is None, "ten of a hundred"
    found = judged(loses(6), people=95, lately=5).held
    assert found is not None
    assert ("6 of 100 people lose a role, after 5 within the last hour: the limit is 10%",) == found.why


def test_how_many_people_are_owned_can_be_said_without_naming_them() -> None:
    owned = Owned(grants={"p0": frozenset({"finance"})}, people=100, accounts=100)
    gone = [Change(user(f"p{n}"), None) for n in range(6)]
    plan, observed = Plan("prod", EVERYTHING, (*loses(6), *gone)), ObservedState("prod", {}, {})
    assert guard(plan, observed, LIMITS, owned=owned).held is None


@pytest.mark.finding("H-E2")
def test_a_role_that_the_code_of_a_dag_seems_to_name_is_not_deleted_without_a_word() -> None:
    fine, named = Change(role("fine", 1), None), Change(role("named", 1), None)
    owned = Owned(roles=frozenset({"fine", "named"}))
    observed = ObservedState("prod", {}, {r.name: r for r in (role("fine", 1), role("named", 1))})
    made = Plan("prod", EVERYTHING, (fine, named))
    found = guard(made, observed, LIMITS, owned=owned, named={"named"})
    assert found.held is not None
    assert ((fine,), (named,)) == (found.go, found.held.changes)
    assert "access_control" in found.held.why[0]
    passed = guard(made, observed, LIMITS, owned=owned, named={"named"}, approvals={found.held.digest})
    assert (None, (fine, named)) == (passed.held, passed.go)


@pytest.mark.finding("H-E2")
@pytest.mark.parametrize(
    ("after", "people"),
    [
        (None, 9),  # it goes
        (role("finance", 4), 9),  # less than half is left of it
        (role("finance", 5), 0),  # half of it is left
    ],
)
def test_a_role_is_taken_from_whoever_holds_it(after: Role | None, people: int) -> None:
    holders = {f"p{n}": user(f"p{n}", "finance") for n in range(9)}
    observed = ObservedState("prod", holders, {"finance": role("finance", 10)})
    owned = Owned(roles=frozenset({"finance"}), grants=dict.fromkeys(holders, frozenset({"finance"})), people=1000)
    change = Change(role("finance", 10), after)
    limits = Limits(removals=8, share=1.0, floor=0)
    held = guard(Plan("prod", EVERYTHING, (change,)), observed, limits, owned=owned).held
    assert (("9 people lose a role: the limit is 8",) if people else ()) == (held.why if held else ())


@pytest.mark.finding("H-E2")
def test_who_loses_a_role_before_it_goes_is_counted_once() -> None:
    observed = ObservedState(
        "prod", {f"p{n}": user(f"p{n}", "finance") for n in range(4)}, {"finance": role("finance", 1)}
    )
    owned = Owned(roles=frozenset({"finance"}), grants={f"p{n}": frozenset({"finance"}) for n in range(4)}, people=1000)
    plan = Plan("prod", EVERYTHING, (*loses(4), Change(role("finance", 1), None)))
    assert guard(plan, observed, Limits(removals=4, share=1.0, floor=0), owned=owned).held is None


def test_each_part_of_a_change_that_is_cut_has_its_own_reasons() -> None:
    before = User("anna", "", "", "", frozenset({"old"}))
    gives, takes = Why("people:g (m.yaml:1)", "new", What.GIVEN), Why("no mapping line gives it", "old", What.NOT_GIVEN)
    whole = Change(before, replace(before, roles=frozenset({"new"})), (gives, takes))
    observed = ObservedState("prod", {"anna": before}, {})
    limits = Limits(removals=0, share=0.0, floor=0)

    found = guard(Plan("prod", EVERYTHING, (whole,)), observed, limits, owned=Owned())

    assert found.held is not None
    assert [(gives,)] == [change.because for change in found.go]
    assert [(takes,)] == [change.because for change in found.held.changes]
    parts = [(change.because, is_held) for change, is_held in parted((whole,), found.held)]
    assert [((gives,), False), ((takes,), True)] == parts
