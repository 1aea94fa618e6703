"""What we ourselves gave and took since the last pass over everything: nobody else had a hand in that.

A pass over a few people, over DAGs, or one that undoes a run changes what the last pass over everything read back. So what is
gone, or there, is held against this before another hand is blamed for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from syncd.model import Change, Permission, key


class Act(NamedTuple):
    """A part of a thing: a role of the `user` `name` (as `key` gives it), or a permission of the `role` `name`, in words."""

    subject: str
    name: str
    part: str


@dataclass(frozen=True, slots=True)
class OwnActs:
    """What was given last, and what was taken last; what may have been done counts."""

    given: frozenset[Act] = frozenset()
    taken: frozenset[Act] = frozenset()

    def took(self, role: str, permission: Permission) -> bool:
        return Act("role", role, str(permission)) in self.taken

    def gave(self, role: str, permission: Permission) -> bool:
        return Act("role", role, str(permission)) in self.given


def own_acts(changes: Iterable[Change]) -> OwnActs:
    """Put changes together, the oldest first: of each thing the last one counts."""
    given: set[Act] = set()
    taken: set[Act] = set()
    for change in changes:
        gave, took = acts(change, change.granted), acts(change, change.revoked)
        given, taken = (given - took) | gave, (taken - gave) | took
    return OwnActs(frozenset(given), frozenset(taken))


def acts(change: Change, parts: Iterable[str]) -> frozenset[Act]:
    """Name these parts of what a change is about."""
    name = key(change.name) if change.subject == "user" else change.name
    return frozenset(Act(change.subject, name, part) for part in parts)
