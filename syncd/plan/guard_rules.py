"""Rules of the guard that are no counts: what does not pass without a person's word, however little it is.

what a plan does                                                     | then
---------------------------------------------------------------------|-------------------------------------------------------
gives a role that administers to who had it not by us, and neither a | that role is held; whatever else the change does goes on
line that gives it nor the role says `privileged: true`              |
lets a role that people hold administer, and neither the role nor    | what comes into it is held
all lines that give it say so                                        |
leaves fewer administrators than `min_admins`, without our own       | whatever takes that from anybody is held; somebody who
account                                                              | becomes one by the same plan, and is not held, counts
takes it from one of `required_admins`                               | that is held
takes something from a role that our own account holds, which it has | that is held
by no other                                                          |
gives by older mapping files, as a database in doubt says, what those | that is held
in use do not                                                        |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from syncd.model import Change, DesiredState, Permission, Reason, Role, User, key

Parts = frozenset[str]
_NONE: Parts = frozenset()
SHOWN = 3
"""So many places are named at most."""


@dataclass(frozen=True, slots=True)
class KeptBack:
    """What a rule keeps back, and why. `takes` and `gives` say of a change whether what it takes is held, and what it gives."""

    why: str
    takes: Callable[[Change], bool] = lambda _: False
    gives: Callable[[Change], Parts] = lambda _: _NONE


@dataclass(frozen=True, slots=True)
class Privileged:
    """What the rule about roles that administer asks.

    roles    those that do, each with why
    marked   those that say themselves that they are meant to, or that only lines give which say so
    lines    the places of lines that say so
    because  by key and role, why people get it
    ours     by key, the roles that people hold by us
    is_one   says of a permission whether it makes a role one that administers
    """

    roles: Mapping[str, str]
    marked: frozenset[str]
    lines: frozenset[str]
    because: Mapping[str, Mapping[str, tuple[Reason, ...]]]
    ours: Mapping[str, Parts] = field(default_factory=dict)
    is_one: Callable[[Permission], bool] = lambda _: False

    def held(self, change: Change) -> Parts:
        """Give what of a change is held: roles that somebody gets, or permissions that a role gets."""
        match change.before, change.after:
            case _, User() as after:
                name = key(after.username)
                new = frozenset(change.granted) - self.marked - self.ours.get(name, _NONE)
                return frozenset(role for role in new & self.roles.keys() if not self._is_meant(name, role))
            case Role() as before, Role() as after if after.name not in self.marked:
                return frozenset(str(p) for p in after.permissions - before.permissions if self.is_one(p))
            case _:
                return _NONE

    def _is_meant(self, name: str, role: str) -> bool:
        return any(reason.at in self.lines for reason in self.because.get(name, {}).get(role, ()))

    def places(self, changes: Iterable[Change]) -> list[str]:
        """Name the lines that give what is held."""
        found = {
            reason.at
            for change in changes
            for role in (self.held(change) if change.subject == "user" else ())
            for reason in self.because.get(key(change.name), {}).get(role, ())
        }
        return sorted(found)


def privileged_rulings(changes: Iterable[Change], asked: Privileged) -> Iterator[KeptBack]:
    """Keep back what makes somebody an administrator without a word that it is meant."""
    over = [(change, held) for change in changes if (held := asked.held(change))]
    people = [(change, held) for change, held in over if change.subject == "user"]
    if people:
        roles = ", ".join(sorted(frozenset().union(*(held for _, held in people))))
        at = asked.places(change for change, _ in people)
        lines = ", ".join(at[:SHOWN]) + (f" and {len(at) - SHOWN} more" if len(at) > SHOWN else "")
        yield KeptBack(
            f"{_people(len(people))} {roles}, which administers, and no `privileged: true` says that it is meant"
            + (f" ({lines})" if lines else ""),
            gives=lambda change: asked.held(change) if change.subject == "user" else _NONE,
        )
    for change, held in over:
        if change.subject == "role":
            yield KeptBack(
                f"the role {change.name} gets {', '.join(sorted(held)[:SHOWN])}, which administers, and no `privileged: true` "
                "says that it is meant",
                gives=lambda other, name=change.name: asked.held(other) if _is_role(other, name) else _NONE,  # type: ignore[misc]
            )


def timed_rulings(changes: Iterable[Change], timed: Mapping[str, Parts], doubt: str) -> Iterator[KeptBack]:
    """Keep back what only a grant for a time gives that is older than the doubt: it may have been ended since. `timed` are
    these roles, by key."""

    def held(change: Change) -> Parts:
        return timed.get(key(change.name), _NONE) & frozenset(change.granted) if change.subject == "user" else _NONE

    if number := sum(1 for change in changes if held(change)):
        who = "1 person gets a role" if number == 1 else f"{number} people get a role"
        yield KeptBack(
            f"{who} for a time by a grant that may be over, as the database is in doubt ({doubt})", gives=held
        )


def outgrown_rulings(changes: Iterable[Change], in_use: DesiredState, doubt: str) -> Iterator[KeptBack]:
    """Keep back what the mapping files in use do not give, where a database in doubt says that older ones are still gone by: they
    may have been replaced there since. `in_use` is what those in use want."""

    def held(change: Change) -> Parts:
        user, role = in_use.users.get(key(change.name)), in_use.roles.get(change.name)
        if change.subject == "user":
            return frozenset(change.granted) - (user.roles if user else _NONE)
        return frozenset(change.granted) - frozenset(map(str, role.permissions if role else ()))

    if number := sum(1 for change in changes if held(change)):
        what = "1 change gives" if number == 1 else f"{number} changes give"
        yield KeptBack(
            f"{what} what the mapping files in use do not, by older ones that are gone by here as a database in doubt says "
            f"({doubt})",
            gives=held,
        )


@dataclass(frozen=True, slots=True)
class Admins:
    """What the rules about administrators ask.

    roles     those that make somebody one
    now       by key, who is one on the server, without the account that we run as; None: nobody knows
    least     so many stay
    required  user names, by key, that do
    """

    roles: Parts
    now: Parts | None
    least: int = 1
    required: Parts = _NONE

    def is_lost(self, change: Change) -> bool:
        """Say whether somebody stops being an administrator by a change of their account."""
        return self._are(change.before) and not self._are(change.after)

    def is_gained(self, change: Change, held: Parts) -> bool:
        """Say whether somebody becomes one, but for what of it is held."""
        return not self._are(change.before) and self._are(change.after, without=held)

    def _are(self, thing: User | Role | None, *, without: Parts = _NONE) -> bool:
        return isinstance(thing, User) and not self.roles.isdisjoint(thing.roles - without)


def admin_rulings(changes: Iterable[Change], asked: Admins, so_far: Iterable[KeptBack]) -> Iterator[KeptBack]:
    """Keep back what leaves a deployment without those who can put it right; `so_far` is what is held already."""
    changes, others = tuple(changes), tuple(so_far)
    lost = [change for change in changes if asked.is_lost(change)]
    named = {key(change.name) for change in lost} & asked.required
    if named:
        who = ", ".join(sorted(change.name for change in lost if key(change.name) in named))
        yield KeptBack(
            f"{who} would not be {_or(asked.roles)} any more, and required_admins names them",
            takes=lambda change: asked.is_lost(change) and key(change.name) in named,
        )
    going = [change for change in lost if key(change.name) not in named and not any(o.takes(change) for o in others)]
    held = {id(c): frozenset[str]().union(*(other.gives(c) for other in others)) for c in changes}
    left = len(asked.now or ()) - len(going) + sum(asked.is_gained(change, held[id(change)]) for change in changes)
    if going and left < asked.least:
        there = "how many there are is not known" if asked.now is None else f"{max(0, left)} would be left"
        yield KeptBack(
            f"{_lose(len(going))} {_or(asked.roles)}, and {there}: at least {asked.least} stay (min_admins)",
            takes=asked.is_lost,
        )


def own_rulings(changes: Iterable[Change], own: User | None, roles: Mapping[str, Role]) -> Iterator[KeptBack]:
    """Keep back what would take from the account that we run as what it can do; `roles` are those before."""
    for change in changes if own else ():
        assert own is not None
        if not isinstance(change.before, Role) or change.name not in own.roles:
            continue
        kept = change.after.permissions if isinstance(change.after, Role) else frozenset[Permission]()
        others = (roles[role].permissions for role in own.roles - {change.name} if role in roles)
        if lost := change.before.permissions - kept - frozenset[Permission]().union(*others):
            yield KeptBack(
                f"syncd runs as {own.username}, which holds {change.name} and would lose {_some(lost)}",
                takes=lambda other, this=change: other is this,  # type: ignore[misc]
            )


def _some(permissions: Iterable[Permission]) -> str:
    found = sorted(map(str, permissions))
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def _or(roles: Parts) -> str:
    return " or ".join(sorted(roles))


def _lose(count: int) -> str:
    return "1 person loses" if count == 1 else f"{count} people lose"


def _is_role(change: Change, name: str) -> bool:
    return change.subject == "role" and change.name == name


def _people(count: int) -> str:
    return "1 person gains" if count == 1 else f"{count} people gain"
