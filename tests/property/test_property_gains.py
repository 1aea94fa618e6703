"""What an hour gives, whatever the order, the size and the number of passes: never more than the limits, unless approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from states import carry_out, desired_states, observed_states, own, owned_states

from syncd.model import EVERYTHING, Change, Deployment, DesiredState, ObservedState, Owned, Plan, Role, User, key
from syncd.plan.diff import diff
from syncd.plan.given import NOTHING_GAINED, Gained, gains
from syncd.plan.guard import Guarded, guard, parted
from syncd.plan.limits import Limits
from syncd.plan.order import ordered
from syncd.plan.rejected import Rejection, without_rejected
from syncd.targets.airflow.naming import NAMING, permission

PROD = Deployment("prod", delete_leavers=True, remove_manual_grants=True, naming=NAMING)
ROLES = {
    name: Role(name, frozenset(permission("can_read", f"DAG:{name}{n}") for n in range(size)))
    for name, size in (("small", 1), ("large", 7))
}
limits = st.builds(
    Limits,
    gains=st.integers(0, 12),
    gain_share=st.sampled_from([0.1, 0.25, 0.5, 1.0]),
    gain_floor=st.integers(0, 6),
    rights=st.integers(0, 60),
    right_floor=st.integers(0, 30),
    removals=st.just(99),
    share=st.just(1.0),
    floor=st.just(99),
    permissions=st.just(99),
    permission_floor=st.just(99),
)


@dataclass
class Hour:
    """A deployment, and what the ledger of an hour says: no process remembers anything."""

    limits: Limits
    users: dict[str, User] = field(default_factory=dict)
    grants: dict[str, frozenset[str]] = field(default_factory=dict)
    given: Gained = NOTHING_GAINED
    held: int = 0

    def join(self, people: Sequence[tuple[str, str]]) -> None:
        """Let people get roles in one pass."""
        wanted: dict[str, frozenset[str]] = {}
        for name, role in people:
            if role not in self.grants.get(name, ()):
                wanted[name] = wanted.get(name, frozenset()) | {role}
        changes = tuple(self._gets(name, roles) for name, roles in wanted.items())
        observed, owned = ObservedState("prod", dict(self.users), ROLES), Owned(grants=dict(self.grants))
        measured, plan = gains(changes, observed, owned=owned), Plan("prod", EVERYTHING, changes)
        found = guard(plan, observed, self.limits, owned=owned, gains=measured, given_lately=self.given)
        self.held += len(found.held.changes) if found.held else 0
        for change in found.go:
            assert isinstance(change.after, User)
            self.users[key(change.name)] = change.after
            self.grants[key(change.name)] = change.after.roles
            gave = measured.of(change)
            self.given = Gained(self.given.people + gave.people, self.given.rights + gave.rights)

    def _gets(self, name: str, roles: frozenset[str]) -> Change:
        before = self.users.get(name)
        had = before.roles if before else frozenset[str]()
        return Change(before, User(name, name, name, name, had | roles))

    @property
    def rights(self) -> int:
        return sum(
            len(frozenset().union(*(ROLES[role].permissions for role in roles))) for roles in self.grants.values()
        )

    def is_within(self) -> bool:
        """Judge by what people hold; nobody held anything when the hour began."""
        found = self.limits
        people, rights = len(self.grants), self.rights
        return (people <= found.gain_floor or (people <= found.gains and found.gain_share == 1)) and (
            rights <= found.right_floor or (rights <= found.rights and found.gain_share == 1)
        )


joins = st.lists(
    st.tuples(st.sampled_from([f"p{n}" for n in range(14)]), st.sampled_from(sorted(ROLES))), unique=True, max_size=20
)


@given(limits, joins, st.randoms(use_true_random=False), st.integers(1, 20))
def test_an_hour_gives_no_more_than_the_limits_whatever_the_passes(
    found: Limits, people: list[tuple[str, str]], chance: object, size: int
) -> None:
    """Everybody of an empty deployment is new, so a share of less than all holds whatever is above the floor."""
    chance.shuffle(people)  # type: ignore[attr-defined]
    hour = Hour(found)
    for start in range(0, len(people), size):
        hour.join(people[start : start + size])
        assert hour.is_within()
    before = hour.given
    hour.join(people)
    assert hour.is_within()
    assert before == hour.given or hour.held, "what was held may go one by one, never what is too much altogether"


@given(
    limits, st.lists(st.sampled_from([f"p{n}" for n in range(14)]), unique=True), st.integers(1, 5), st.integers(0, 30)
)
def test_what_may_go_in_one_pass_may_go_in_many(found: Limits, names: list[str], size: int, there: int) -> None:
    people = [(name, "small") for name in names]
    managed = {f"old{n}": frozenset({"small"}) for n in range(there)}
    at_once, in_many = Hour(found, grants=dict(managed)), Hour(found, grants=dict(managed))
    at_once.join(people)
    for start in range(0, len(people), size):
        in_many.join(people[start : start + size])
    if not at_once.held:
        assert 0 == in_many.held
        assert at_once.grants == in_many.grants


def judged(desired: DesiredState, observed: ObservedState, owned: Owned, found: Limits) -> tuple[Plan, Guarded]:
    plan = diff(desired, observed, owned=owned, deployment=PROD)
    return plan, guard(plan, observed, found, owned=owned, gains=gains(plan.changes, observed, owned=owned))


HARD = Limits(0, 0.0, 0, 0, 0, gains=0, gain_share=0.0, gain_floor=0, rights=0, right_floor=0)
SOFT = Limits(99, 1.0, 99, 99, 99, gains=0, gain_share=0.0, gain_floor=0, rights=0, right_floor=0)


@given(desired_states(), observed_states(), owned_states, limits)
def test_the_guard_loses_no_effect_and_adds_none(
    desired: DesiredState, observed: ObservedState, owned: Owned, found: Limits
) -> None:
    plan, guarded = judged(desired, observed, owned, found)
    held = guarded.held.changes if guarded.held else ()
    assert sorted(e for c in plan.changes for e in c.effects) == sorted(
        e for c in (*guarded.go, *held) for e in c.effects
    )
    assert not [e for c in held for e in c.effects if e[0] == "revoke"], "what is taken goes on"


@given(desired_states(), observed_states(), owned_states, st.sampled_from([HARD, SOFT]))
def test_what_is_held_is_all_that_is_left_and_passes_with_its_digest(
    desired: DesiredState, observed: ObservedState, owned: Owned, found: Limits
) -> None:
    """A part may go by then: what a role gives those who got it by another one, which was put back, is no gain of theirs."""
    _, first = judged(desired, observed, owned, found)
    after, now_owned = carry_out(observed, first.go), own(owned, first.go)
    again, second = judged(desired, after, now_owned, found)
    left = sorted(effect for change in first.held.changes for effect in change.effects) if first.held else []
    assert left == sorted(effect for change in again.changes for effect in change.effects)
    if first.held and second.held and not second.go:
        assert first.held.digest == second.held.digest
        passed = guard(
            again,
            after,
            found,
            owned=now_owned,
            gains=gains(again.changes, after, owned=now_owned),
            approvals={first.held.digest},
        )
        assert (again.changes, None) == (passed.go, passed.held)


@given(desired_states(), observed_states(), owned_states)
def test_nobody_gains_what_was_not_theirs_by_us_where_nothing_may_be_given(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    _, guarded = judged(desired, observed, owned, SOFT)
    after = carry_out(observed, guarded.go)
    for name, user in after.users.items():
        had = observed.users[name].roles if name in observed.users else frozenset[str]()
        assert user.roles - had <= owned.grants.get(name, frozenset())


FINANCE_A, FINANCE_B = permission("can_read", "DAG:a"), permission("can_read", "DAG:b")


def in_two_steps() -> tuple[Plan, ObservedState]:
    """A role that gains b before, and loses a after, somebody is given a by another role."""
    anna = User("anna", "anna@x", "anna", "X", frozenset({"finance"}))
    observed = ObservedState("prod", {"anna": anna}, {"finance": Role("finance", frozenset({FINANCE_A}))})
    steps = (
        Change(observed.roles["finance"], Role("finance", frozenset({FINANCE_A, FINANCE_B}))),
        Change(None, Role("platform", frozenset({FINANCE_A}))),
        Change(anna, replace(anna, roles=frozenset({"finance", "platform"}))),
        Change(Role("finance", frozenset({FINANCE_A, FINANCE_B})), Role("finance", frozenset({FINANCE_B}))),
    )
    assert steps == ordered((Change(steps[0].before, steps[-1].after), *steps[1:3]), observed)
    return Plan("prod", EVERYTHING, steps), observed


@pytest.mark.finding("N-654")
def test_what_is_held_of_a_role_that_is_changed_twice_is_not_given_by_its_second_change() -> None:
    plan, observed = in_two_steps()
    found = guard(plan, observed, SOFT, owned=Owned(), gains=gains(plan.changes, observed, owned=Owned()))
    assert found.held is not None
    assert "can_read on DAG:b" in {detail for c in found.held.changes for *_, detail in c.effects}
    assert frozenset() == carry_out(observed, found.go).roles["finance"].permissions
    written = [change for change, is_held in parted(plan.changes, found.held) if not is_held]
    assert list(found.go) == written, "what goes is what is written down"


@pytest.mark.finding("N-654")
def test_what_was_rejected_of_a_role_that_is_changed_twice_is_not_given_by_its_second_change() -> None:
    plan, observed = in_two_steps()
    no = Rejection("h1", frozenset(plan.changes[0].effects), "by ann")
    left, _ = without_rejected(plan, [no])
    assert frozenset() == carry_out(observed, left.changes).roles["finance"].permissions
