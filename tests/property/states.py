"""Small random deployments for property tests, and what a server does with a plan."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from syncd.model import (
    Change,
    DesiredState,
    ObservedState,
    Owned,
    Reason,
    Role,
    User,
    key,
)
from syncd.plan.effect import after
from syncd.targets.airflow.naming import permission

NAMES = ("anna", "Böb", "carol", "dave", "okta_00u1")
ROLES = ("Viewer", "Op", "finance", "platform", "ops")
CUSTOM = ("finance", "platform", "ops")
PERMISSIONS = tuple(permission("can_read", f"DAG:{dag}") for dag in "abcd")

role_names = st.frozensets(st.sampled_from(ROLES))
permissions = st.frozensets(st.sampled_from(PERMISSIONS))
# Made once: a strategy that is made anew for each draw is looked through anew for each draw.
usernames = st.sampled_from(NAMES)
keys = st.sampled_from([key(n) for n in NAMES])
custom_roles = st.sampled_from(CUSTOM)
roles_there = st.dictionaries(custom_roles, permissions)
people_there = st.dictionaries(usernames, role_names)
people_wanted = st.dictionaries(usernames, role_names.filter(bool))


def user(name: str, roles: Iterable[str]) -> User:
    return User(name, f"{name}@example.com", name, "X", frozenset(roles))


@st.composite
def observed_states(draw: st.DrawFn) -> ObservedState:
    roles = draw(roles_there)
    people = draw(people_there)
    there = frozenset({"Viewer", "Op", *roles})
    return ObservedState(
        "prod",
        users={key(n): user(n, r & there) for n, r in people.items()},
        roles={n: Role(n, p) for n, p in roles.items()},
    )


@st.composite
def desired_states(draw: st.DrawFn) -> DesiredState:
    people = draw(people_wanted)
    named = {role for roles in people.values() for role in roles} & set(CUSTOM)
    roles = {name: Role(name, draw(permissions)) for name in sorted(named)}
    reason = Reason("people", "g1", "group", "mappings/a.yaml:1")
    return DesiredState(
        "prod",
        users={key(n): user(n, r) for n, r in people.items()},
        roles=roles,
        because={key(n): dict.fromkeys(r, (reason,)) for n, r in people.items()},
    )


owned_states = st.builds(
    Owned,
    users=st.frozensets(keys),
    roles=st.frozensets(custom_roles),
    grants=st.dictionaries(keys, role_names),
)


def carry_out(observed: ObservedState, changes: Iterable[Change]) -> ObservedState:
    """Do what a server does, which refuses a role that is not there."""
    changes = tuple(changes)
    for step, change in enumerate(changes):
        there = after(observed, changes[:step]).roles.keys() | {"Viewer", "Op"}
        if isinstance(change.after, User):
            assert change.after.roles <= there, "a role must be there before it is given"
    return after(observed, changes)


def own(owned: Owned, changes: Iterable[Change]) -> Owned:
    """Move ownership as the journal does when changes are applied."""
    users, roles, grants = set(owned.users), set(owned.roles), {n: set(r) for n, r in owned.grants.items()}
    for change in changes:
        if change.subject == "role":
            if change.before is None:
                roles.add(change.name)
            if change.after is None:
                roles.discard(change.name)
        else:
            name = key(change.name)
            grants[name] = (grants.get(name, set()) | set(change.granted)) - set(change.revoked)
            if change.before is None:
                users.add(name)
            if change.after is None:
                users.discard(name)
    return Owned(frozenset(users), frozenset(roles), {n: frozenset(r) for n, r in grants.items()})
