"""The order in which changes are safe: what is lost goes first, and nobody is without what they have before and after.

step | changes
-----|----------------------------------------------------------------------------------------------------------------
0    | people who only lose something
1    | roles that come or change
2    | people who gain something, and who lose what a role that they keep brings them in step 1
3    | roles that lose what somebody is given by another change
4    | accounts that go
5    | roles that go

A role of step 3 that also gains something is changed twice: it gains in step 1. No other loss waits for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from syncd.model import Change, ObservedState, Permission, Role, User, key

Permissions = frozenset[Permission]
_NONE: Permissions = frozenset()


def ordered(changes: Iterable[Change], observed: ObservedState) -> tuple[Change, ...]:
    """Sort changes; cut those of roles in two that must give before others were served, and take after."""
    planned = tuple(changes)
    gained = {change.name: _gains(change) for change in planned if change.subject == "role"}
    through = _through_roles(planned, observed)
    steps: list[tuple[int, str, Change]] = []
    for change in planned:
        name = key(change.name) if change.subject == "user" else change.name
        steps += [(step, name, part) for step, part in _steps(change, gained, through, observed)]
    return tuple(change for _, _, change in sorted(steps, key=lambda found: found[:2]))


def _steps(
    change: Change, gained: Mapping[str, Permissions], through: Mapping[str, Permissions], observed: ObservedState
) -> Iterator[tuple[int, Change]]:
    match change.before, change.after:
        case Role(), None:
            yield 5, change
        case User(), None:
            yield 4, change
        case Role() as before, Role() as after if _is_moved(change, gained, through):
            whole = replace(after, permissions=before.permissions | after.permissions)
            if change.granted or before.unfinished:
                yield 1, Change(before, whole, change.because)
            yield 3, Change(whole, after, change.because)
        case _, Role():
            yield 1, change
        case _:
            yield (2 if change.granted or _waits(change, gained, observed) else 0), change


class Ungiven:
    """What roles were not given after all: of a role that is changed twice, the second change repeats what the first gave."""

    def __init__(self) -> None:
        self._by_role: dict[str, Permissions] = {}

    def note(self, kept_back: Change | None) -> None:
        """Hear of a change that is not made, or of the part of one."""
        if kept_back is not None and isinstance(kept_back.before, Role):
            self._by_role[kept_back.name] = self._by_role.get(kept_back.name, _NONE) | _gains(kept_back)

    def out_of(self, change: Change) -> Change:
        """Give a change without what it would give in the place of one before it."""
        missing = self._by_role.get(change.name)
        if not missing or change.subject != "role":
            return change
        return replace(change, before=_less(change.before, missing), after=_less(change.after, missing))


def _less(thing: User | Role | None, missing: Permissions) -> User | Role | None:
    return replace(thing, permissions=thing.permissions - missing) if isinstance(thing, Role) else thing


def _gains(change: Change) -> Permissions:
    before, after = (thing.permissions if isinstance(thing, Role) else _NONE for thing in (change.before, change.after))
    return after - before


def _through_roles(changes: Iterable[Change], observed: ObservedState) -> Mapping[str, Permissions]:
    """Give, by role, what it holds in the end, of each role that somebody is given: what is not ours stays in it."""
    given = {role for change in changes if change.subject == "user" for role in change.granted}
    planned = {change.name: change.after for change in changes if isinstance(change.after, Role)}
    roles = {**observed.roles, **planned}
    return {name: roles[name].permissions for name in given & roles.keys()}


def _is_moved(change: Change, gained: Mapping[str, Permissions], through: Mapping[str, Permissions]) -> bool:
    """Say whether somebody is given elsewhere what this role loses."""
    before, after = change.before, change.after
    assert isinstance(before, Role)
    assert isinstance(after, Role)
    lost = before.permissions - after.permissions
    elsewhere = {**gained, **through}  # what a role gains it holds in the end
    return any(lost & permissions for name, permissions in elsewhere.items() if name != change.name)


def _waits(change: Change, gained: Mapping[str, Permissions], observed: ObservedState) -> bool:
    """Say whether a role that a person keeps is given what they lose."""
    after = change.after
    if not gained or not isinstance(after, User):
        return False
    roles = (observed.roles[name].permissions for name in change.revoked if name in observed.roles)
    lost = _NONE.union(*roles)
    return any(lost & gained[name] for name in after.roles & gained.keys())
