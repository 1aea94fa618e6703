"""What changes do to people: what is there once they were made, and who still holds a role then.

A change is a pair of a thing before and after; who loses something by it is derived here, once:

change of       | who loses
----------------|--------------------------------------------------------------------------------------------
a person        | that person, the roles that are gone
a role: shrinks | everybody who holds it before and after, the permissions that are gone, whoever gave it to them
a role: goes    | everybody who holds it by then, whoever gave it to them
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from syncd.model import Change, ObservedState, Role, User, key

_NOTHING: frozenset[str] = frozenset()


def after(observed: ObservedState, changes: Iterable[Change]) -> ObservedState:
    """Give what is there once the changes were made: a role that goes vanishes from its holders."""
    users, roles = dict(observed.users), dict(observed.roles)
    for change in changes:
        match change.after or change.before:
            case User() as person if change.after is None:
                users.pop(key(person.username), None)
            case User() as person:
                users[key(person.username)] = person
            case Role() as role if change.after is None:
                roles.pop(role.name, None)
                users = {name: _without(user, role.name) for name, user in users.items()}
            case role:
                assert isinstance(role, Role)  # a change has one side at least
                roles[role.name] = role
    return replace(observed, users=users, roles=roles)


def _without(user: User, role: str) -> User:
    return replace(user, roles=user.roles - {role}) if role in user.roles else user


def holders(observed: ObservedState, changes: Iterable[Change], roles: Collection[str]) -> dict[str, list[str]]:
    """Name, by role, who still holds these roles once the changes of people were made; sorted."""
    wanted = frozenset(roles)
    if not wanted:
        return {}
    now = {
        key(c.name): c.after.roles if isinstance(c.after, User) else _NOTHING for c in changes if c.subject == "user"
    }
    found: dict[str, list[str]] = {}
    for name, user in observed.users.items():
        for role in now.get(name, user.roles) & wanted:
            found.setdefault(role, []).append(user.username)
    return {role: sorted(people) for role, people in found.items()}


def stayers(observed: ObservedState, changes: Iterable[Change], role: str) -> list[str]:
    """Name by key, sorted, who held a role and still does once the changes of people were made."""
    names = map(key, holders(observed, changes, {role}).get(role, ()))
    return [name for name in names if name in observed.users and role in observed.users[name].roles]


def keepers(observed: ObservedState, changes: Iterable[Change], roles: Collection[str]) -> dict[str, int]:
    """Count, by role, who held these roles and still does once the changes of people were made: if the role goes, or
    shrinks, they lose by that."""
    found = holders(observed, changes, roles)
    there = {role: sum(role in observed.users[key(name)].roles for name in names) for role, names in found.items()}
    return {role: count for role, count in there.items() if count}
