"""What must be true of every plan, whatever the world looks like."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st
from states import NAMES, ROLES, carry_out, desired_states, observed_states, own, owned_states

from syncd.model import (
    Change,
    Deployment,
    DesiredState,
    Kind,
    ObservedState,
    Owned,
    Plan,
    Role,
    RoleMode,
    User,
    Why,
    digest,
    key,
)
from syncd.plan.diff import diff
from syncd.plan.guard import guard
from syncd.plan.limits import Limits
from syncd.plan.modes import Modes, within_modes
from syncd.targets.airflow.naming import NAMING

PROD = Deployment("prod", naming=NAMING)
flags = st.booleans()
T = TypeVar("T")


def shuffled(mapping: Mapping[str, T], chance: random.Random) -> dict[str, T]:
    return dict(chance.sample(sorted(mapping.items(), key=str), len(mapping)))


def plan(desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment = PROD) -> Plan:
    return diff(desired, observed, owned=owned, deployment=deployment)


@given(desired_states(), observed_states(), owned_states)
def test_applying_a_plan_leaves_nothing_to_do(desired: DesiredState, observed: ObservedState, owned: Owned) -> None:
    first = plan(desired, observed, owned)
    after = carry_out(observed, first.changes)
    assert () == plan(desired, after, own(owned, first.changes)).changes


@given(desired_states(), observed_states(), owned_states)
def test_after_a_plan_everybody_has_what_is_wanted(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    after = carry_out(observed, plan(desired, observed, owned).changes)
    for name, want in desired.users.items():
        assert want.roles <= after.users[name].roles
    for name, role in desired.roles.items():
        assert role.permissions <= after.roles[name].permissions


@given(desired_states(), observed_states(), owned_states)
def test_nothing_is_taken_that_is_not_owned(desired: DesiredState, observed: ObservedState, owned: Owned) -> None:
    for change in plan(desired, observed, owned).changes:
        if change.subject == "role":
            assert not change.revoked or change.name in owned.roles
        else:
            assert set(change.revoked) <= owned.grants.get(key(change.name), frozenset())
            assert change.kind is not Kind.DELETE


@given(desired_states(), observed_states())
def test_a_lost_database_takes_nothing(desired: DesiredState, observed: ObservedState) -> None:
    assert [] == [c for c in plan(desired, observed, Owned()).changes if c.revoked or c.kind is Kind.DELETE]


@given(desired_states(), observed_states(), owned_states)
def test_nothing_is_given_that_the_mapping_does_not_give(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    for change in plan(desired, observed, owned).changes:
        if change.subject == "user":
            wanted = desired.users.get(key(change.name))
            assert set(change.granted) <= (wanted.roles if wanted else frozenset())
        else:
            role = desired.roles.get(change.name)
            assert set(change.granted) <= {str(p) for p in (role.permissions if role else ())}


@given(desired_states(), observed_states(), owned_states)
def test_a_frozen_role_is_taken_from_nobody(desired: DesiredState, observed: ObservedState, owned: Owned) -> None:
    doubtful = replace(desired, frozen={"finance": "not read whole", "Viewer": "not read whole"})
    made = plan(doubtful, observed, owned)
    assert [] == [c for c in made.changes if c.subject == "user" and {"finance", "Viewer"} & set(c.revoked)]
    certain = plan(desired, observed, owned)
    would_go = {(c.name, r) for c in certain.changes if c.subject == "user" for r in c.revoked}
    assert {(k.username, k.role) for k in made.kept} == {(n, r) for n, r in would_go if r in {"finance", "Viewer"}}


@given(desired_states(), observed_states(), owned_states)
def test_a_frozen_account_loses_nothing_and_may_gain(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    leaving = Deployment("prod", delete_leavers=True, remove_manual_grants=True, naming=NAMING)
    doubtful = replace(desired, frozen_users={key(name): "two people" for name in NAMES})
    frozen, free = plan(doubtful, observed, owned, leaving), plan(desired, observed, owned, leaving)
    effects = {e for c in frozen.changes if c.subject == "user" for e in c.effects}
    assert {e for c in free.changes if c.subject == "user" for e in c.effects if e[0] in {"grant", "create"}} == effects


@given(desired_states(), observed_states(), owned_states, st.data())
def test_a_second_pass_finishes_a_first_that_failed_in_part(
    desired: DesiredState, observed: ObservedState, owned: Owned, data: st.DataObject
) -> None:
    first = plan(desired, observed, owned)
    changed = {c.name for c in first.changes if c.subject == "role"}
    done = [
        c
        for c in first.changes
        if data.draw(flags) and (c.subject == "role" or c.after is None or not changed & set(c.granted))
    ]
    between = carry_out(observed, [c for c in done if not (c.subject == "role" and c.after is None)])
    now_owned = own(owned, [c for c in done if not (c.subject == "role" and c.after is None)])
    second = plan(desired, between, now_owned)
    finished = carry_out(between, second.changes)
    assert () == plan(desired, finished, own(now_owned, second.changes)).changes


@given(desired_states(), observed_states(), owned_states)
def test_roles_come_before_the_people_who_get_them_and_go_after(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    changes = plan(desired, observed, owned).changes
    for position, change in enumerate(changes):
        later = changes[position + 1 :]
        if change.subject == "user":
            assert not {c.name for c in later if c.subject == "role" and c.before is None} & set(change.granted)
        elif change.kind is Kind.DELETE:
            assert not [c for c in later if c.subject == "user"]


@given(desired_states(), observed_states(), owned_states, st.randoms(use_true_random=False))
def test_order_of_reading_changes_no_digest(
    desired: DesiredState, observed: ObservedState, owned: Owned, chance: random.Random
) -> None:
    other = replace(observed, users=shuffled(observed.users, chance), roles=shuffled(observed.roles, chance))
    wanted = replace(desired, users=shuffled(desired.users, chance))
    assert plan(desired, observed, owned) == plan(wanted, other, owned)
    assert plan(desired, observed, owned).digest == plan(wanted, other, owned).digest


@given(desired_states(), observed_states(), owned_states)
def test_reasons_change_no_digest(desired: DesiredState, observed: ObservedState, owned: Owned) -> None:
    changes = plan(desired, observed, owned).changes
    assert digest("prod", changes) == digest(
        "prod", (replace(change, because=(Why("for another reason"),)) for change in changes)
    )


@given(desired_states(), observed_states(), owned_states, st.booleans())
def test_protected_people_and_our_own_account_are_never_touched(
    desired: DesiredState, observed: ObservedState, owned: Owned, delete: bool
) -> None:
    deployment = Deployment(
        "prod", protected=frozenset({"ANNA"}), delete_leavers=delete, remove_manual_grants=True, naming=NAMING
    )
    made = diff(desired, observed, owned=owned, deployment=deployment, service_user="carol")
    assert not {"anna", "carol"} & {key(c.name) for c in made.changes if c.subject == "user"}


@given(desired_states(), observed_states(), owned_states, st.integers(0, 3), st.floats(0, 1))
def test_the_guard_loses_no_effect_and_adds_none(
    desired: DesiredState, observed: ObservedState, owned: Owned, floor: int, share: float
) -> None:
    made = plan(desired, observed, owned, Deployment("prod", delete_leavers=True, naming=NAMING))
    limits = Limits(removals=2, share=share, floor=floor, permission_floor=floor, permissions=3)
    guarded = guard(made, observed, limits, owned=owned)
    held = guarded.held.changes if guarded.held else ()
    assert sorted(e for c in made.changes for e in c.effects) == sorted(
        e for c in (*guarded.go, *held) for e in c.effects
    )
    assert [] == [e for c in held for e in c.effects if e[0] == "grant"]


@given(desired_states(), observed_states(), owned_states)
def test_the_digest_of_what_is_held_survives_what_goes_on(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    limits = Limits(removals=0, share=0, floor=0, permission_floor=0, permissions=0)
    first = guard(plan(desired, observed, owned), observed, limits, owned=owned)
    after, now_owned = carry_out(observed, first.go), own(owned, first.go)
    again = plan(desired, after, now_owned)
    second = guard(again, after, limits, owned=now_owned)
    assert (first.held.digest if first.held else None) == (second.held.digest if second.held else None)
    assert () == second.go
    if first.held:
        approved = guard(again, after, limits, owned=now_owned, approvals={first.held.digest})
        assert (again.changes, None) == (approved.go, approved.held)


def test_effects_of_the_four_shapes_of_change() -> None:
    anna = User("Anna", "a@x", "A", "B", frozenset({"Viewer"}))
    role = Role("finance", frozenset())
    assert (("create", "user", "anna", ""), ("grant", "user", "anna", "Viewer")) == Change(None, anna).effects
    assert (("delete", "role", "finance", ""),) == Change(role, None).effects
    assert (("revoke", "user", "anna", "Viewer"),) == Change(anna, replace(anna, roles=frozenset())).effects
    assert (("finish", "role", "finance", ""),) == Change(replace(role, unfinished=True), role).effects


modes = st.builds(
    Modes, st.dictionaries(st.sampled_from(ROLES), st.sampled_from([RoleMode.OBSERVE, RoleMode.ADD_ONLY])), flags
)


@given(desired_states(), observed_states(), owned_states, modes, flags)
def test_nobody_loses_what_the_modes_keep_and_nobody_gets_what_is_only_observed(
    desired: DesiredState, observed: ObservedState, owned: Owned, given_modes: Modes, deletes: bool
) -> None:
    whole = plan(desired, observed, owned, replace(PROD, delete_leavers=deletes, remove_manual_grants=True))
    after = carry_out(observed, within_modes(whole, given_modes).changes)

    for name, user in observed.users.items():
        kept = user.roles if given_modes.add_only else user.roles & given_modes.kept
        assert kept <= (after.users[name].roles if name in after.users else frozenset())
    for name, user in after.users.items():
        had = observed.users[name].roles if name in observed.users else frozenset()
        assert not (user.roles - had) & given_modes.observed
    for name, role in observed.roles.items():
        if given_modes.add_only or name in given_modes.kept:
            assert role.permissions <= after.roles[name].permissions
        if name in given_modes.observed:
            assert role == after.roles[name]


@given(desired_states(), observed_states(), owned_states, modes)
def test_within_its_modes_a_plan_leaves_nothing_to_do(
    desired: DesiredState, observed: ObservedState, owned: Owned, given_modes: Modes
) -> None:
    first = within_modes(plan(desired, observed, owned), given_modes)
    after = carry_out(observed, first.changes)

    assert () == within_modes(plan(desired, after, own(owned, first.changes)), given_modes).changes
