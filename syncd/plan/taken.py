"""How much changes take away, counted in people, permissions, accounts and roles: what limits are asked about.

A role that is deleted is taken from whoever holds it, and so is one that loses more than half of what it may do; one that
loses less is counted by its permissions only, because a DAG that goes would else count everybody who could see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.model import Change, Kind, ObservedState, Owned, Role
from syncd.plan.effect import effects

HOLLOW = 0.5
"""A role that loses more than this part of its permissions counts as taken from its holders."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a change takes, or many changes together: people who lose a role, permissions that roles lose, and deletions."""

    people: int = 0
    permissions: int = 0
    accounts: int = 0
    roles: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.people + other.people,
            self.permissions + other.permissions,
            self.accounts + other.accounts,
            self.roles + other.roles,
        )

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Taken()


def taken(change: Change, holders: Mapping[str, int]) -> Taken:
    """Count what one change takes; `holders` says for a role how many people hold it when their own changes are made."""
    deleted = int(change.kind is Kind.DELETE)
    if change.subject == "user":
        return Taken(people=int(bool(change.revoked)), accounts=deleted)
    people = holders.get(change.name, 0) if _is_hollowed(change) else 0
    return Taken(people=people, permissions=len(change.revoked), roles=deleted)


def holders_left(changes: Iterable[Change], observed: ObservedState, owned: Owned) -> Mapping[str, int]:
    """Say, for each role that goes or is as good as gone, how many people it is taken from; see effect.py."""
    planned = tuple(changes)
    if not any(change.subject == "role" and _is_hollowed(change) for change in planned):
        return {}
    roles = (effect for effect in effects(observed, planned, owned) if effect.change.subject == "role")
    return {effect.change.name: effect.people for effect in roles if effect.people > 0 and _is_hollowed(effect.change)}


def _is_hollowed(change: Change) -> bool:
    before = len(change.before.permissions) if isinstance(change.before, Role) else 0
    return change.before is not None and (change.after is None or len(change.revoked) > HOLLOW * before)
