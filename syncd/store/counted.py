"""What changes count towards limits: noted with each change, and summed up over the last hour."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, or_, select

from syncd.model import Change, Kind, Status
from syncd.plan.given import Gained
from syncd.plan.taken import Taken
from syncd.ports import Basis
from syncd.store import codec
from syncd.store.prepared import Prepared
from syncd.store.schema import INTENT, changes


class Counting:
    """What the changes of a plan count towards the limits of its deployment; see plan/taken.py."""

    def __init__(self, deployment: str, basis: Basis) -> None:
        self._deployment = deployment if basis.applying else None
        self._measure = basis.measure
        self._covered = {(c.subject, c.name, c.after) for c in basis.covered}

    def columns(self, change: Change) -> dict[str, Any]:
        took, gave = self._measure.took(change), self._measure.gave(change)
        counts = took or gave
        if not counts or not self._deployment or (change.subject, change.name, change.after) in self._covered:
            return dict.fromkeys(_COUNTED)
        return {
            "counts_for": self._deployment,
            "people": took.people,
            "permissions": took.permissions,
            "gainers": gave.people,
            "rights": gave.rights,
            "lost_rights": took.rights,
            "persons": self._persons(change, took, gave),
        }

    def _persons(self, change: Change, took: Taken, gave: Gained) -> str | None:
        """Name whom it moves; None where no limit is asked about them."""
        if self._measure.whom is None:
            return None
        moved = self._measure.moved(change, took, gave)
        return codec.dumps(sorted(moved.losers | moved.gainers))


_COUNTED = ("counts_for", "people", "permissions", "gainers", "rights", "lost_rights", "persons")


def taken_since(connection: Connection, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Taken:
    """Count what changes took there since then, or are about to, but for what a person let pass, and for these changes."""
    return Taken(*_sums(connection, _takings, _taken_since, deployment, since, but=but))


def given_since(connection: Connection, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Gained:
    """Count what changes gave there since then, or are about to, but for what a person let pass, and for these changes."""
    return Gained(*_sums(connection, _givings, _given_since, deployment, since, but=but))


def _sums(
    connection: Connection,
    asked: Select[Any],
    prepared: Prepared,
    deployment: str,
    since: datetime,
    *,
    but: Collection[int],
) -> Iterator[int]:
    if but:
        others = asked.where(changes.c.id.not_in(but))
        sums: Iterable[Any] = connection.execute(others, {"at": deployment, "since": since}).one()
    else:
        [sums] = prepared.rows(connection, at=deployment, since=since)
    return (int(number or 0) for number in sums)


MAYBE_DONE = (INTENT, Status.UNKNOWN.value, Status.PENDING.value, Status.APPLIED.value)
"""The states of a change that may have been made."""

_deleted = changes.c.kind == Kind.DELETE.value
_within = (
    changes.c.counts_for == bindparam("at"),
    changes.c.moved_at >= bindparam("since"),
    or_(*(changes.c.status == status for status in MAYBE_DONE)),
)
_takings = select(
    func.sum(changes.c.people),
    func.sum(changes.c.permissions),
    func.sum(case((and_(_deleted, changes.c.subject == "user"), 1), else_=0)),
    func.sum(case((and_(_deleted, changes.c.subject == "role"), 1), else_=0)),
    func.sum(changes.c.lost_rights),
).where(*_within)
_givings = select(func.sum(changes.c.gainers), func.sum(changes.c.rights)).where(*_within)
_taken_since, _given_since = Prepared(_takings, "at", "since"), Prepared(_givings, "at", "since")
