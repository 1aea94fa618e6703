"""What changes do to people: who loses a role or what is in it, and whether that was ours.

A change is a pair of a thing before and after; what a person loses by it is derived here, once:

change of       | who loses
----------------|--------------------------------------------------------------------------------------------
a person        | that person, the roles that are gone
a role: shrinks | everybody who holds it, the permissions that are gone, whoever gave them the role
a role: goes    | everybody who holds it by then, whoever gave it to them

Roles are counted, not expanded: 20,000 people with 50 roles each cost one look at each person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from syncd.model import Change, Kind, ObservedState, Owned, Role, User, key

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Effect:
    """What one change takes from people: from how many, and how many of them had by another hand what they lose.

    Of a role that shrinks, `not_ours` are the holders to whom somebody else gave it: the role is ours to shrink, and they
    are people all the same.
    """

    change: Change
    people: int
    not_ours: int


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
            case Role() as role:
                roles[role.name] = role
    return replace(observed, users=users, roles=roles)


def _without(user: User, role: str) -> User:
    return replace(user, roles=user.roles - {role}) if role in user.roles else user


def effects(observed: ObservedState, changes: Iterable[Change], owned: Owned) -> Iterator[Effect]:
    """Say of each change, in order, what it takes from people."""
    changes = tuple(changes)
    held, ours = _holders(observed, _taken_through(changes), owned)
    for change in changes:
        if change.subject == "user":
            yield _of_person(change, owned)
            _move(change, held, ours, owned=owned)
        elif _takes(change):
            people = held[change.name]
            yield Effect(change, people, people - ours[change.name])
        else:
            yield Effect(change, 0, 0)


def losers(
    observed: ObservedState, changes: Iterable[Change], *, counts: Callable[[Change], bool] = lambda _: True
) -> frozenset[str]:
    """Name (by key) everybody who loses something by the changes that count, each person once.

    `counts` is asked of roles that shrink: one that loses what is on a DAG that is gone takes nothing from anybody.
    """
    changes = tuple(changes)
    people = {key(c.name) for c in changes if c.subject == "user" and c.revoked}
    roles = _taken_through(change for change in changes if change.after is None or counts(change))
    through = {name for name, user in observed.users.items() if user.roles & roles} if roles else set()
    return frozenset(people | through)


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


def keepers(observed: ObservedState, changes: Iterable[Change], roles: Collection[str]) -> dict[str, int]:
    """Count, by role, who held these roles and still does once the changes of people were made: if the role goes, or
    shrinks, they lose by that."""
    found = holders(observed, changes, roles)
    there = {role: sum(role in observed.users[key(name)].roles for name in names) for role, names in found.items()}
    return {role: count for role, count in there.items() if count}


def _taken_through(changes: Iterable[Change]) -> frozenset[str]:
    return frozenset(change.name for change in changes if change.subject == "role" and _takes(change))


def _takes(change: Change) -> bool:
    return change.kind is Kind.DELETE or bool(change.revoked)


def _holders(observed: ObservedState, roles: frozenset[str], owned: Owned) -> tuple[Counter[str], Counter[str]]:
    """Count by role how many hold it, and how many of them by us."""
    held, ours = Counter[str](), Counter[str]()
    for name, user in observed.users.items() if roles else ():
        touched = user.roles & roles
        held.update(touched)
        ours.update(touched & owned.grants.get(name, _NOTHING))
    return held, ours


def _of_person(change: Change, owned: Owned) -> Effect:
    lost = frozenset(change.revoked)
    return Effect(change, int(bool(lost)), int(bool(lost - owned.grants.get(key(change.name), _NOTHING))))


def _move(change: Change, held: Counter[str], ours: Counter[str], *, owned: Owned) -> None:
    mine = owned.grants.get(key(change.name), _NOTHING)
    held.subtract(change.revoked)
    ours.subtract(mine.intersection(change.revoked))
    held.update(change.granted)
    ours.update(change.granted)
