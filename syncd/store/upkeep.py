"""What is forgotten after a while: runs that changed nothing, their empty plans, who asked for what, and what sources and lists
of DAGs said in the past.

A pass every few minutes on a hundred deployments leaves ten thousand rows a day that say nothing. What says who had
what, or why, is never deleted, and neither is the newest plan of a deployment. Each transaction takes milliseconds, so
that nobody has to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, tuple_

from syncd.store import silences
from syncd.store.daemon_schema import uses
from syncd.store.engine import Database
from syncd.store.installation import forget_marks
from syncd.store.past import forget_past
from syncd.store.schema import changes, desired, plans, runs

BATCH = 500
"""How many runs are looked at, or rows deleted, in one transaction."""


def upkeep(database: Database, *, before: datetime) -> Mapping[str, int]:
    """Delete what is older than `before` and says nothing; gives how many rows of which table."""
    deleted = {"runs": 0, "plans": 0, "uses": 0, "past": 0}
    for ids in _quiet_runs(database, before):
        gone_plans, gone_runs = database.commit(partial(_delete_runs, ids=ids))
        deleted["plans"] += gone_plans
        deleted["runs"] += gone_runs
    database.commit(partial(forget_marks, before=before))
    database.commit(partial(silences.forget, before=before))
    while gone_uses := database.commit(partial(_delete_uses, before=before)):
        deleted["uses"] += gone_uses
    while gone_past := database.commit(partial(forget_past, before=before)):
        deleted["past"] += gone_past
    database.tidy()
    return deleted


# --- runs -------------------------------------------------------------------------------------------------------------

_later = plans.alias("later")
_newer = (
    _later.c.deployment == plans.c.deployment,
    _later.c.in_force == plans.c.in_force,
    _later.c.id > plans.c.id,
)
_says_something = or_(
    exists().where(changes.c.plan_id == plans.c.id),
    plans.c.held_digest.is_not(None),
    plans.c.approved.is_not(None),
    ~exists().where(*_newer),
    and_(plans.c.everything, ~exists().where(*_newer, _later.c.everything)),
)
_is_quiet: ColumnElement[bool] = and_(
    ~exists().where(plans.c.run_id == runs.c.id, _says_something),
    ~exists().where(desired.c.run_id == runs.c.id),
)


def _quiet_runs(database: Database, before: datetime) -> Iterator[list[int]]:
    """Give the numbers of old runs that say nothing, some at a time, oldest first. Only looks: it holds up no writer."""
    old = select(runs.c.id, runs.c.started_at).where(runs.c.started_at < before)
    old = old.order_by(runs.c.started_at, runs.c.id).limit(BATCH)
    page = old
    while True:
        with database.read() as connection:
            found = connection.execute(page).all()
            quiet = select(runs.c.id).where(runs.c.id.in_([row.id for row in found]), _is_quiet)
            ids = list(connection.execute(quiet).scalars())
        if ids:
            yield ids
        if len(found) < BATCH:
            return
        page = old.where(tuple_(runs.c.started_at, runs.c.id) > tuple_(found[-1].started_at, found[-1].id))


def _delete_runs(connection: Connection, *, ids: list[int]) -> tuple[int, int]:
    """Delete runs with their plans, but those that have come to say something since they were looked at."""
    quiet = list(connection.execute(select(runs.c.id).where(runs.c.id.in_(ids), _is_quiet)).scalars())
    gone_plans = connection.execute(delete(plans).where(plans.c.run_id.in_(quiet))).rowcount
    return gone_plans, connection.execute(delete(runs).where(runs.c.id.in_(quiet))).rowcount


# --- uses -------------------------------------------------------------------------------------------------------------


def _delete_uses(connection: Connection, *, before: datetime) -> int:
    old = select(uses.c.id).where(uses.c.at < before).order_by(uses.c.at).limit(BATCH)
    return connection.execute(delete(uses).where(uses.c.id.in_(old))).rowcount
