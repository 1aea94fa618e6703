"""What stands in the journal and nobody but tests asks for: every run, and every call of a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from syncd.store import Stores
from syncd.store.schema import runs, steps


def all_runs(store: Stores) -> Sequence[Row[Any]]:
    """Give every run, the newest first."""
    with store.database.read() as connection:
        return connection.execute(select(runs).order_by(runs.c.id.desc())).all()


def calls_of(store: Stores, change: int) -> list[tuple[str, str | None]]:
    """Give each call that a change made, in order, and its answer; None where none came."""
    mine = select(steps).where(steps.c.change_id == change).order_by(steps.c.id)
    with store.database.read() as connection:
        return [(row.call, row.answer) for row in connection.execute(mine)]
