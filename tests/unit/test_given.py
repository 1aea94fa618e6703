"""What changes give, counted in people and in rights, and the limits on it at both of their edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from syncd.model import EVERYTHING, Change, ObservedState, Owned, Permission, Plan, Role, User, What, Why
from syncd.plan.given import NOTHING_GAINED, Everywhere, Gained, Gains, gains
from syncd.plan.guard import Guarded, guard, parted
from syncd.plan.limits import Limits
from syncd.targets.airflow.naming import permission

ON_ALL = permission("can_read", "DAGs")
LIMITS = Limits(gains=20, gain_share=0.5, gain_floor=5, rights=40, right_floor=8, share=1.0)


def user(name: str, *roles: str) -> User:
    return User(name, f"{name}@x", name, name, frozenset(roles))


def on(prefix: str, count: int) -> frozenset[Permission]:
    return frozenset(permission("can_read", f"DAG:{prefix}{n}") for n in range(count))


def there(people: Iterable[User] = (), *roles: Role) -> ObservedState:
    return ObservedState("prod", {u.username: u for u in people}, {r.name: r for r in roles})


def joins(count: int, role: str = "finance") -> list[Change]:
    return [Change(None, user(f"new{n}", role)) for n in range(count)]


def judged(
    changes: list[Change],
    observed: ObservedState | None = None,
    *,
    people: int = 1000,
    lately: Gained = NOTHING_GAINED,
    limits: Limits = LIMITS,
    approvals: Iterable[str] = (),
) -> Guarded:
    observed = observed or there((), Role("finance", on("d", 0)))
    owned = Owned(grants={f"p{n}": frozenset({"finance"}) for n in range(people)})
    measured = gains(changes, observed, owned=owned)
    return guard(
        Plan("prod", EVERYTHING, tuple(changes)),
        observed,
        limits,
        owned=owned,
        gains=measured,
        given_lately=lately,
        approvals=frozenset(approvals),
    )


# --- what is counted ----------------------------------------------------------------------------------------------------

FINANCE, OPS = Role("finance", on("d", 3)), Role("ops", on("d", 2) | on("e", 4))


@pytest.mark.parametrize(
    ("before", "after", "given"),
    [
        (None, user("anna", "finance"), Gained(1, 3)),
        (None, user("anna"), NOTHING_GAINED),
        (user("anna"), user("anna", "finance", "ops"), Gained(1, 7)),
        (user("anna", "finance"), user("anna", "ops"), Gained(1, 4)),  # what she had is nothing new
        (user("anna", "ops", "finance"), user("anna", "ops"), NOTHING_GAINED),
        (user("anna", "ops"), None, NOTHING_GAINED),
        (user("anna"), user("anna", "unknown"), Gained(1, 0)),
    ],
)
def test_who_gains_a_role_gains_what_they_could_not_do_before(
    before: User | None, after: User | None, given: Gained
) -> None:
    change = Change(before, after)
    assert given == gains([change], there((), FINANCE, OPS), owned=Owned()).of(change)


def test_a_role_that_was_ours_and_is_gone_is_put_back_and_not_given() -> None:
    back, more = Change(user("anna"), user("anna", "finance")), Change(user("anna"), user("anna", "finance", "ops"))
    measured = gains([back, more], there((), FINANCE, OPS), owned=Owned(grants={"anna": frozenset({"finance"})}))
    assert (NOTHING_GAINED, Gained(1, 6)) == (measured.of(back), measured.of(more))


def test_who_gets_a_role_that_is_made_or_grows_gets_what_it_allows_then() -> None:
    grows, made = Change(FINANCE, Role("finance", on("d", 9))), Change(None, OPS)
    joiner = Change(None, user("anna", "finance", "ops"))
    measured = gains([grows, made, joiner], there((), FINANCE), owned=Owned())
    assert [NOTHING_GAINED, NOTHING_GAINED, Gained(1, 13)] == [measured.of(c) for c in (grows, made, joiner)]


HOLDERS = [*(user(f"p{n}", "finance") for n in range(5)), user("both", "finance", "ops"), user("other", "ops")]


@pytest.mark.parametrize(
    ("after", "given"),
    [
        (on("d", 3) | on("x", 3), Gained(0, 18)),  # half of it is new
        (on("d", 3) | on("x", 4), Gained(6, 24)),  # more than half
        (on("d", 3) | on("e", 3), Gained(0, 15)),  # who may do it by another role gains nothing
        (on("d", 2), NOTHING_GAINED),
    ],
)
def test_what_comes_into_a_role_is_given_to_whoever_keeps_it(after: frozenset[Permission], given: Gained) -> None:
    grows, leaver = Change(FINANCE, Role("finance", after)), Change(user("gone", "finance"), user("gone"))
    observed = there([*HOLDERS, user("gone", "finance")], FINANCE, OPS)
    assert given == gains([leaver, grows], observed, owned=Owned()).of(grows)


def test_what_the_last_pass_wanted_in_a_role_and_dags_that_are_new_do_not_count() -> None:
    grows = Change(FINANCE, Role("finance", on("d", 4) | on("x", 2)))
    measured = gains(
        [grows],
        there(HOLDERS, FINANCE),
        owned=Owned(),
        wanted={"finance": Role("finance", on("d", 4))},
        new_dags={"x0"},
    )
    assert Gained(0, 6) == measured.of(grows)


def test_what_is_on_every_dag_counts_for_each_dag_that_is_listed() -> None:
    joiner = Change(None, user("anna", "all"))
    role = Role("all", frozenset({ON_ALL, permission("can_read", "Jobs")}))
    for dags, rights in ((0, 2), (1, 2), (500, 501)):
        everywhere = Everywhere(frozenset({ON_ALL}), dags)
        measured = gains([joiner], there((), role), owned=Owned(), everywhere=everywhere)
        assert Gained(1, rights) == measured.of(joiner)


# --- the limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "people", "lately", "held"),
    [
        (5, 0, 0, False),  # up to the floor, whatever the share
        (6, 5, 0, True),  # six of eleven
        (6, 6, 0, False),  # just the half of those who are there then
        (20, 1000, 0, False),
        (21, 1000, 0, True),
        (1, 1000, 19, False),
        (1, 1000, 20, True),
        (0, 1000, 500, False),
    ],
)
def test_people_who_gain_a_role(count: int, people: int, lately: int, held: bool) -> None:
    assert held == (judged(joins(count), people=people, lately=Gained(people=lately)).held is not None)


@pytest.mark.parametrize(
    ("rights", "lately", "held"),
    [(8, 0, False), (9, 0, True), (40, 0, True), (4, 4, False), (4, 5, True)],
)
def test_rights_that_people_gain(rights: int, lately: int, held: bool) -> None:
    """Nobody has any before, so above the floor it is more than half of all."""
    observed = there((), Role("finance", on("d", rights)))
    assert held == (judged(joins(1), observed, people=0, lately=Gained(rights=lately)).held is not None)


def test_rights_are_a_share_of_those_that_people_have_by_then() -> None:
    role = Role("finance", on("d", 10))
    assert judged(joins(2), there((), role), people=2).held is None
    found = judged(joins(3), there((), role), people=2).held
    assert found is not None
    assert ("30 of 50 rights are given (one permission of one person each): the limit is 50%",) == found.why
    most = judged(joins(5), there((), role), people=1000).held
    assert most is not None
    assert ("50 rights are given (one permission of one person each): the limit is 40",) == most.why


def test_each_limit_says_what_it_counts() -> None:
    found = judged(joins(6), people=5, lately=Gained(people=2)).held
    assert found is not None
    assert ("6 of 11 people gain a role, after 2 within the last hour: the limit is 50%",) == found.why


def test_where_nobody_measures_gains_none_is_held() -> None:
    made, observed = Plan("prod", EVERYTHING, tuple(joins(500))), there()
    found = guard(made, observed, LIMITS, owned=Owned(), given_lately=Gained(900, 900))
    assert (None, None, made.changes) == (found.held, found.measure.gains, found.go)


# --- what goes on ------------------------------------------------------------------------------------------------------


def test_what_is_taken_goes_on_where_too_much_is_given_and_a_mover_is_cut_in_two() -> None:
    gone, kept = Why("left", "old", What.LEFT_GROUP), Why("a.yaml:1", "finance", What.GIVEN)
    mover = Change(user("anna", "old", "same"), user("anna", "finance", "same"), (gone, kept))
    leaver = Change(user("bob", "old"), user("bob"))
    found = judged([leaver, mover, *joins(20)])
    assert found.held is not None
    between = user("anna", "same")
    assert [leaver, Change(mover.before, between)] == list(found.go)
    assert [Change(between, mover.after), *joins(20)] == list(found.held.changes)
    assert [(gone,), (kept,)] == [change.because for change in (found.go[1], found.held.changes[0])]
    parts = list(parted((leaver, mover), found.held))
    assert [(leaver, False), (found.go[1], False), (found.held.changes[0], True)] == parts


def test_a_role_that_gives_too_much_is_made_smaller_all_the_same() -> None:
    was, will = Role("finance", on("d", 4)), Role("finance", on("d", 2) | on("x", 40))
    found = judged([Change(was, will)], there([user(f"p{n}", "finance") for n in range(9)], was))
    assert found.held is not None
    less = Role("finance", on("d", 2))
    assert ([Change(was, less)], [Change(less, will)]) == (list(found.go), list(found.held.changes))


def test_where_too_much_is_taken_and_given_a_mover_waits_whole() -> None:
    moves = [Change(user(f"p{n}", "finance"), user(f"p{n}", "ops")) for n in range(30)]
    found = judged(moves, people=40, limits=replace(LIMITS, removals=9, share=0.1))
    assert found.held is not None
    assert ((), tuple(moves)) == (found.go, found.held.changes)
    assert 2 == len(found.held.why)


def test_what_is_approved_goes_and_is_told_from_what_is_measured() -> None:
    held = judged(joins(21)).held
    assert held is not None
    passed = judged(joins(21), approvals={held.digest})
    assert (None, held.digest, tuple(joins(21))) == (passed.held, passed.approved, passed.covered)
    assert isinstance(passed.measure.gains, Gains)
