"""Every limit at both of its edges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.model import EVERYTHING, Change, ObservedState, Owned, Permission, Plan, Role, User, What, Why, key
from syncd.plan.guard import Guarded, guard, parted
from syncd.plan.limits import Limits
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


@pytest.mark.finding("BRK-1")
def test_a_role_that_gives_before_it_takes_is_as_hollow_as_one_that_does_both_at_once() -> None:
    """A role that is changed twice, because another one takes over what it loses, is measured by what it had at first."""
    was, will = role("finance", 4), Role("finance", on("e", 8))
    both = Role("finance", was.permissions | will.permissions)
    at_once, in_two = [Change(was, will)], [Change(was, both), Change(both, will)]
    for changes in (at_once, in_two):
        passed = held_by(changes, was, holders=12)
        assert passed.held is not None
        assert ("12 people lose a role: the limit is 10",) == passed.held.why
        assert was.permissions <= {p for change in passed.go for p in change.after.permissions}  # type: ignore[union-attr]
        assert {"finance": 12} == passed.measure.holders


@pytest.mark.finding("BRK-2")
@pytest.mark.parametrize("order", [1, -1], ids=["people first", "the role first"])
@pytest.mark.parametrize(("left", "goes"), [(1, False), (3, True)], ids=["all but one", "one of four"])
def test_who_is_to_keep_a_role_for_now_keeps_what_is_in_it(order: int, left: int, goes: bool) -> None:
    was = role("finance", 4)
    shrinks = Change(was, Role("finance", frozenset(sorted(was.permissions, key=str)[:left])))
    passed = held_by([*loses(12), shrinks][::order], was, holders=12)
    assert passed.held is not None
    assert (("12 people lose a role: the limit is 10",), goes) == (passed.held.why, shrinks in passed.go)
    assert goes != (shrinks in passed.held.changes)


@pytest.mark.finding("BRK-4")
def test_who_moves_from_a_role_that_shrinks_loses_it_once() -> None:
    """Who is given something waits for roles: the role that they leave is smaller by then."""
    was, moves = role("finance", 4), [Change(user(f"p{n}", "finance"), user(f"p{n}", "ops")) for n in range(8)]
    shrinks, joins = Change(was, role("finance", 1)), Change(user("p50"), user("p50", "finance"))
    passed = held_by([shrinks, *moves, joins], was, holders=9)
    assert (None, {"finance": 1}) == (passed.held, passed.measure.holders)
    moved_and_left = held_by([shrinks, *moves, joins], was, holders=11)
    assert moved_and_left.held is not None
    assert ("11 people lose a role: the limit is 10",) == moved_and_left.held.why


def on(prefix: str, count: int) -> frozenset[Permission]:
    return frozenset(permission("can_read", f"DAG:{prefix}{n}") for n in range(count))


def held_by(changes: list[Change], of: Role, *, holders: int) -> Guarded:
    """Ask of changes where a hundred people are managed, some of whom hold a role by us, and ten may lose one."""
    people = {f"p{n}": user(f"p{n}", of.name) for n in range(holders)}
    ours = {f"p{n}": frozenset({of.name}) for n in range(100)}
    observed = ObservedState("prod", people, {of.name: of})
    owned = Owned(roles=frozenset({of.name}), grants=ours)
    return guard(Plan("prod", EVERYTHING, tuple(changes)), observed, Limits(removals=10), owned=owned)


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


# --- what is said, and what is let pass -----------------------------------------------------------------------------------


def deletions(*subjects: User | Role) -> list[Change]:
    return [Change(subject, None) for subject in subjects]


EVERYBODY = [user(f"p{n}") for n in range(6)]
SIX_ROLES = [role(f"r{n}", 0) for n in range(6)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (loses(6), "6 of 6 people lose a role: the limit is 10%"),
        (deletions(*EVERYBODY), "6 of 6 accounts are deleted: the limit is 10%"),
        (deletions(*SIX_ROLES), "6 of 6 roles are deleted: the limit is 10%"),
        (
            [Change(role("r0", 9), role("r0", 0))],
            "9 of 9 permissions are taken out of roles: the limit is 10%",
        ),
    ],
    ids=["people", "accounts", "roles", "permissions"],
)
def test_each_limit_says_what_it_counts(changes: list[Change], said: str) -> None:
    first = changes[0].before
    roles = (role("r0", 9), *SIX_ROLES[1:]) if isinstance(first, Role) and first.permissions else tuple(SIX_ROLES)
    held = judged(changes, people=6, roles=roles).held
    assert held is not None
    assert (said,) == held.why


@pytest.mark.parametrize(("share", "held"), [(0.99, True), (1.0, False)])
@pytest.mark.parametrize("changes", [loses(2), deletions(*EVERYBODY[:2])], ids=["roles of people", "accounts"])
def test_a_small_deployment_may_be_emptied_only_where_the_share_is_all(
    changes: list[Change], share: float, held: bool
) -> None:
    found = judged(changes, people=2, limits=replace(LIMITS, share=share)).held
    assert held == (found is not None)
    if found is not None:
        assert found.why[0].endswith(": the limit is half of them")


def test_roles_that_are_deleted_leave_no_deployment_empty_of_people() -> None:
    assert judged(deletions(*SIX_ROLES[:2]), roles=tuple(SIX_ROLES[:2])).held is None


@pytest.mark.finding("H-E2")
def test_a_role_that_code_names_is_held_whatever_the_share() -> None:
    made = Plan("prod", EVERYTHING, (Change(role("named", 1), None),))
    limits = replace(LIMITS, share=1.0)
    held = guard(made, ObservedState("prod", {}, {}), limits, owned=Owned(), named={"named"}).held
    assert held is not None
    assert (
        "1 roles are deleted that the code of a DAG seems to name in access_control, which breaks its file: the limit is 0",
    ) == held.why


def test_a_role_that_is_given_and_taken_from_is_cut_in_two() -> None:
    old, new = frozenset(permission("can_read", f"DAG:d{n}") for n in range(9)), permission("can_read", "DAG:new")
    why = (Why("finance (m.yaml:3)"),)
    before, between, after = (Role("finance", p) for p in (old, old | {new}, frozenset({new})))
    guarded = judged([Change(before, after, why)], roles=(before,))
    assert guarded.held is not None
    assert ([Change(before, between, why)], [Change(between, after, why)]) == (
        list(guarded.go),
        list(guarded.held.changes),
    )
    assert [why, why] == [change.because for change in (*guarded.go, *guarded.held.changes)]
    assert [(why, False), (why, True)] == [
        (change.because, is_held) for change, is_held in parted([Change(before, after, why)], guarded.held)
    ]


def test_what_is_approved_goes_with_its_digest_and_what_that_covers() -> None:
    joiner = Change(None, user("new", "finance"))
    changes = (*loses(6), joiner)
    made, observed = Plan("prod", EVERYTHING, changes), ObservedState("prod", {}, {})
    owned = Owned(people=6)
    held = guard(made, observed, LIMITS, owned=owned).held
    assert held is not None
    passed = guard(made, observed, LIMITS, owned=owned, approvals={"another", held.digest})
    assert (changes, None, held.digest, tuple(loses(6))) == (passed.go, passed.held, passed.approved, passed.covered)
    assert "prod" == held.deployment
    elsewhere = guard(replace(made, deployment="test"), observed, LIMITS, owned=owned, approvals={held.digest})
    assert (None, (joiner,)) == (elsewhere.approved, elsewhere.go)


@pytest.mark.parametrize("limits", [LIMITS, Limits(removals=0, share=0.0, floor=0)], ids=["goes", "held"])
def test_whoever_asks_later_what_was_taken_is_told_who_held_each_role(limits: Limits) -> None:
    observed = ObservedState("prod", {"p0": user("p0", "finance")}, {"finance": role("finance", 1)})
    made = Plan("prod", EVERYTHING, (Change(role("finance", 1), None),))
    owned = Owned(roles=frozenset({"finance"}), people=100)
    found = guard(made, observed, limits, owned=owned)
    assert {"finance": 1} == dict(found.measure.holders)
    if found.held is not None:
        assert (
            found.measure.holders
            == guard(made, observed, limits, owned=owned, approvals={found.held.digest}).measure.holders
        )


def test_a_reason_that_is_about_no_role_stays_with_each_part() -> None:
    why = Why("their groups changed")
    changes = [replace(change, because=(why,)) for change in [Change(user("p0", "finance"), user("p0", "platform"))]]
    guarded = judged(changes, people=1, limits=Limits(removals=0, share=0.0, floor=0))
    assert guarded.held is not None
    assert [(why,), (why,)] == [change.because for change in (*guarded.go, *guarded.held.changes)]


def test_what_takes_nothing_from_those_who_are_to_keep_a_role_goes_on() -> None:
    """An account without roles may go, and an order of two that gives to a role before it takes gives."""
    was, more = role("finance", 4), Role("finance", role("finance", 4).permissions | on("e", 2))
    zoe_goes, grows, shrinks = Change(user("zoe"), None), Change(was, more), Change(more, Role("finance", on("e", 2)))
    passed = held_by([*loses(12), zoe_goes, grows, shrinks], was, holders=12)
    assert passed.held is not None
    assert (zoe_goes, grows) == passed.go
    assert shrinks in passed.held.changes


def test_a_role_with_nothing_in_it_does_not_go_from_those_who_are_to_keep_it() -> None:
    goes = Change(Role("finance", frozenset()), None)
    passed = held_by([*loses(12), goes], Role("finance", frozenset()), holders=12)
    assert passed.held is not None
    assert ((), goes) == (passed.go, passed.held.changes[-1])


@pytest.mark.parametrize("what", ["people", "permissions", "accounts", "roles"])
def test_whatever_is_taken_is_something(what: str) -> None:
    assert Taken(**{what: 1})
    assert not Taken()
