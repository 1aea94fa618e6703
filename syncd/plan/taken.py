"""How much changes take away, counted in people, permissions, accounts and roles: what limits are asked about.

A role that is deleted is taken from whoever holds it, and so is one that loses more than half of what it may do; one that
loses less is counted by its permissions only, because a DAG that goes would else count everybody who could see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.model import Change, Kind, ObservedState, Role
from syncd.plan.effect import keepers

HOLLOW = 0.5
"""A role that loses more than this part of its permissions counts as taken from its holders."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a change takes, or many changes together: people who lose a role, permissions that roles lose, deletions, and
    rights that people lose, where these were counted (see lost.py)."""

    people: int = 0
    permissions: int = 0
    accounts: int = 0
    roles: int = 0
    rights: int = 0

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Taken()


def taken(change: Change, holders: Mapping[str, int]) -> Taken:
    """Count what one change takes; `holders` says for a role how many people hold it when their own changes are made."""
    deleted = int(change.kind is Kind.DELETE)
    if change.subject == "user":
        return Taken(people=int(bool(change.revoked)), accounts=deleted)
    people = holders.get(change.name, 0) if deleted or change.revoked else 0
    return Taken(people=people, permissions=len(change.revoked), roles=deleted)


def holders_left(changes: Iterable[Change], observed: ObservedState) -> Mapping[str, int]:
    """Say, for each role that goes or is as good as gone, how many people it is taken from, whoever gave it to them.

    Who loses it by a change of their own is counted there, whichever of the two is made first.
    """
    planned = tuple(changes)
    return keepers(observed, planned, hollowed(planned))


def hollowed(changes: Iterable[Change]) -> frozenset[str]:
    """Name the roles that go or are as good as gone once all changes were made: one may be changed twice; see order.py."""
    before: dict[str, Role] = {}
    after: dict[str, Role | None] = {}
    for change in changes:
        match change.before, change.after:
            case Role() as was, (Role() | None) as will:
                before.setdefault(was.name, was)
                after[was.name] = will
    return frozenset(name for name, was in before.items() if _is_hollowed(was, after[name]))


def _is_hollowed(before: Role, after: Role | None) -> bool:
    return after is None or len(before.permissions - after.permissions) > HOLLOW * len(before.permissions)
