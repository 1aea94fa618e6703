"""What must be true of what people hold, whatever change takes it from them: the promises, in terms of people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from states import carry_out, desired_states, observed_states, owned_states, user

from syncd.model import (
    Deployment,
    DesiredState,
    ObservedState,
    Owned,
    Permission,
    Plan,
    Role,
    User,
    key,
)
from syncd.plan.diff import diff
from syncd.plan.guard import guard
from syncd.plan.limits import Limits
from syncd.targets.airflow.naming import NAMING, permission

NOTHING: frozenset[str] = frozenset()
PROD = Deployment("prod", naming=NAMING)
deployments = st.builds(
    Deployment,
    naming=st.just(NAMING),
    name=st.just("prod"),
    delete_leavers=st.booleans(),
    protected=st.sampled_from((frozenset[str](), frozenset({"anna"}))),
)


def plan(desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment = PROD) -> Plan:
    return diff(desired, observed, owned=owned, deployment=deployment, service_user="carol")


def lost(before: ObservedState, after: ObservedState) -> dict[str, frozenset[str]]:
    """Give by person the roles that they held before and do not hold after."""
    now = {name: person.roles for name, person in after.users.items()}
    found = {name: person.roles - now.get(name, NOTHING) for name, person in before.users.items()}
    return {name: roles for name, roles in found.items() if roles}


def can(state: ObservedState, person: User) -> frozenset[Permission]:
    """Give what a person may do by roles that are not built in."""
    held = (state.roles[role].permissions for role in person.roles if role in state.roles)
    return frozenset[Permission]().union(*held)


@pytest.mark.finding("H-E2")
@given(desired_states(), observed_states(), owned_states, deployments)
def test_whoever_loses_a_role_had_it_from_us(
    desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment
) -> None:
    after = carry_out(observed, plan(desired, observed, owned, deployment).changes)
    for name, roles in lost(observed, after).items():
        assert roles <= owned.grants.get(name, NOTHING)


@pytest.mark.finding("H-E2")
@given(desired_states(), observed_states(), owned_states)
def test_with_manual_grants_removed_every_loss_is_a_line_about_that_person(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    made = plan(desired, observed, owned, Deployment("prod", remove_manual_grants=True, naming=NAMING))
    told = {key(c.name): frozenset(c.revoked) for c in made.changes if c.subject == "user"}
    after = carry_out(observed, made.changes)
    assert lost(observed, after) == {name: roles for name, roles in told.items() if roles}
    for roles in lost(observed, after).values():
        assert roles <= owned.roles | frozenset().union(*owned.grants.values())


@pytest.mark.finding("H-E2")
@given(desired_states(), observed_states(), owned_states, deployments)
def test_who_is_protected_loses_no_role_whatever_goes(
    desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment
) -> None:
    after = carry_out(observed, plan(desired, observed, owned, deployment).changes)
    assert not lost(observed, after).keys() & ({"carol"} | deployment.protected)


@pytest.mark.finding("H-E2")
@given(desired_states(), observed_states(), owned_states)
def test_who_is_in_doubt_loses_no_role_whatever_goes(
    desired: DesiredState, observed: ObservedState, owned: Owned
) -> None:
    doubtful = DesiredState(
        "prod", desired.users, desired.roles, desired.because, frozen_users={"anna": "two people", "dave": "two people"}
    )
    after = carry_out(observed, plan(doubtful, observed, owned).changes)
    assert not lost(observed, after).keys() & {"anna", "dave"}


@given(desired_states(), observed_states(), owned_states, deployments)
def test_whoever_loses_a_permission_lost_a_role_of_theirs_or_the_role_was_ours_to_shrink(
    desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment
) -> None:
    after = carry_out(observed, plan(desired, observed, owned, deployment).changes)
    gone = lost(observed, after)
    for name, person in observed.users.items():
        now = can(after, after.users[name]) if name in after.users else frozenset()
        ours = [r for r in person.roles & observed.roles.keys() if r in gone.get(name, NOTHING) or r in owned.roles]
        explained = frozenset[Permission]().union(*(observed.roles[role].permissions for role in ours))
        assert can(observed, person) - now <= explained


@given(desired_states(), observed_states(), owned_states, st.booleans())
def test_whoever_loses_the_account_had_it_from_us_and_held_nothing(
    desired: DesiredState, observed: ObservedState, owned: Owned, remove: bool
) -> None:
    leaving = Deployment("prod", delete_leavers=True, remove_manual_grants=remove, naming=NAMING)
    made = plan(desired, observed, owned, leaving)
    after = carry_out(observed, made.changes)
    for name in observed.users.keys() - after.users.keys():
        assert name in owned.users
        assert observed.users[name].roles <= owned.grants.get(name, NOTHING) | (owned.roles if remove else NOTHING)


@given(desired_states(), observed_states(), owned_states, deployments)
def test_what_is_held_takes_nothing_from_anybody(
    desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment
) -> None:
    limits = Limits(removals=0, share=0, floor=0, permission_floor=0, permissions=0)
    made = plan(desired, observed, owned, deployment)
    assert {} == lost(observed, carry_out(observed, guard(made, observed, limits, owned=owned).go))


@pytest.mark.finding("H-E2")
@given(desired_states(), observed_states(), owned_states, deployments, st.sampled_from((0, 1, 2, 9)))
def test_no_more_people_lose_most_of_a_role_than_the_limit_says(
    desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment, removals: int
) -> None:
    """By a change of their own, or because it goes, or because more than half of what they had in it is gone."""
    made = plan(desired, observed, owned, deployment)
    limits = Limits(removals=removals, share=1.0, floor=0)
    end = carry_out(observed, guard(made, observed, limits, owned=owned).go)
    assert removals >= sum(_loses_a_role(observed, end, name) for name in observed.users)


def _loses_a_role(before: ObservedState, after: ObservedState, name: str) -> bool:
    had, has = before.users[name].roles, after.users[name].roles if name in after.users else NOTHING
    return any(role not in has or _is_hollow(role, before, after) for role in had)


def _is_hollow(role: str, before: ObservedState, after: ObservedState) -> bool:
    if role not in before.roles:
        return False
    was = before.roles[role].permissions
    return 2 * len(was - after.roles[role].permissions) > len(was)


@pytest.mark.finding("X-F12")
@given(desired_states(), observed_states(), owned_states, deployments)
def test_nobody_is_without_what_they_may_do_before_and_after(
    desired: DesiredState, observed: ObservedState, owned: Owned, deployment: Deployment
) -> None:
    changes = plan(desired, observed, owned, deployment).changes
    end = carry_out(observed, changes)
    for step in range(len(changes)):
        now = carry_out(observed, changes[:step])
        for name in observed.users.keys() & end.users.keys():
            kept = can(observed, observed.users[name]) & can(end, end.users[name])
            assert kept <= can(now, now.users[name])
            assert observed.users[name].roles & end.users[name].roles <= now.users[name].roles


@pytest.mark.finding("BRK-5")
def test_what_a_role_of_another_hand_gives_is_given_before_it_is_taken_elsewhere() -> None:
    """The mapping wants less of that role than it has, and that is left alone: so it does give it."""
    read, view = permission("can_read", "DAG:a"), permission("can_read", "Website")
    roles = {name: Role(name, frozenset({read})) for name in ("finance", "ops")}
    wanted = {"finance": Role("finance", frozenset({view})), "ops": Role("ops", frozenset())}
    observed = ObservedState("prod", {"dave": user("dave", {"finance"})}, roles)
    desired = DesiredState("prod", {"dave": user("dave", {"finance", "ops"})}, wanted, {})
    changes = plan(desired, observed, Owned(roles=frozenset({"finance"})), PROD).changes
    for step in range(len(changes) + 1):
        now = carry_out(observed, changes[:step])
        assert read in can(now, now.users["dave"])


@pytest.mark.finding("X-F12")
def test_a_loss_that_nothing_replaces_waits_for_nothing() -> None:
    read, edit, run = (permission(action, "DAG:a") for action in ("can_read", "can_edit", "can_create"))
    people = {n: user(n, {"finance"}) for n in ("anna", "bob")} | {"carl": user("carl", {"ops"})}
    roles = {"finance": Role("finance", frozenset({read, edit})), "ops": Role("ops", frozenset({read, run}))}
    wanted = {"finance": Role("finance", frozenset({read, run})), "ops": Role("ops", frozenset({read}))}
    desired = DesiredState(
        "prod", {"anna": user("anna", {"finance"}), "carl": user("carl", {"ops", "finance"})}, wanted, {}
    )
    owned = Owned(roles=frozenset(roles), grants={"bob": frozenset({"finance"})})
    made = plan(desired, ObservedState("prod", people, roles), owned)
    assert [
        ("bob", (), ("finance",)),
        ("finance", (str(run),), (str(edit),)),
        ("carl", ("finance",), ()),
        ("ops", (), (str(run),)),
    ] == [(c.name, c.granted, c.revoked) for c in made.changes]


@pytest.mark.finding("X-F12")
def test_a_loss_waits_for_the_role_that_gives_the_same() -> None:
    read = permission("can_read", "DAG:a")
    anna = {"anna": user("anna", {"finance", "ops"})}
    roles = {"finance": Role("finance", frozenset({read})), "ops": Role("ops", frozenset())}
    wanted = {"finance": roles["finance"], "ops": Role("ops", frozenset({read}))}
    desired = DesiredState("prod", {"anna": user("anna", {"ops"})}, wanted, {})
    owned = Owned(roles=frozenset(roles), grants={"anna": frozenset({"finance"})})
    made = plan(desired, ObservedState("prod", anna, roles), owned)
    assert ["ops", "anna"] == [change.name for change in made.changes]
