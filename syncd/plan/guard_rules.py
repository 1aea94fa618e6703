"""Rules of the guard that are no counts: what does not pass without a person's word, however little it is.

what a plan does                                                     | then
---------------------------------------------------------------------|-------------------------------------------------------
gives a role that administers to who had it not by us, and neither a | that role is held; whatever else the change does goes on
line that gives it nor the role says `privileged: true`              |
lets a role that people hold administer, and neither the role nor    | what comes into it is held
all lines that give it say so                                        |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from syncd.model import Change, Permission, Reason, Role, User, key

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


def _is_role(change: Change, name: str) -> bool:
    return change.subject == "role" and change.name == name


def _people(count: int) -> str:
    return "1 person gains" if count == 1 else f"{count} people gain"
