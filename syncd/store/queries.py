"""What people ask the journal: what was done, by whom and why; who held which role when; how a deployment stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from syncd.callers import parted
from syncd.model import Held, Status, key
from syncd.plan.rulings import HoldRecord
from syncd.ports import AuditFilter, AuditRow, HeldPlan, Holding, HoldingFilter, LastPlan, RunRecord
from syncd.ports.queries import LIMIT
from syncd.store import codec, inbox
from syncd.store.changes import change_of
from syncd.store.engine import Database
from syncd.store.places import here_or_before
from syncd.store.schema import INTENT, PLANNED, changes, desired, is_unsettled, ownership, plans, runs, touches

_Tests = Mapping[str, Callable[[Any], ColumnElement[bool]]]
"""For each key of a filter, what it asks of a row."""


class DatabaseQueries:
    """Implements `ports.Queries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- changes and runs ---------------------------------------------------------------------------------------------

    def audit(self, **wanted: Unpack[AuditFilter]) -> tuple[AuditRow, ...]:
        in_runs = changes.join(plans, plans.c.id == changes.c.plan_id).join(runs, runs.c.id == plans.c.run_id)
        chosen = select(changes, plans, runs.c.command, runs.c.by).select_from(in_runs)
        chosen = chosen.where(*_chosen(wanted, _AUDITED)).order_by(changes.c.moved_at.desc(), changes.c.id.desc())
        if wanted.get("status") is None:
            chosen = chosen.where(changes.c.status != PLANNED)
        with self._database.read() as connection:
            return tuple(_audit_row(row) for row in connection.execute(_page(chosen, wanted, changes.c.id)))

    def journal_head(self) -> tuple[int, int]:
        with self._database.read() as connection:
            highest = connection.execute(select(func.max(changes.c.id))).scalar_one()
            unsettled = connection.execute(select(func.count()).select_from(changes).where(is_unsettled)).scalar_one()
        return int(highest or 0), int(unsettled)

    # --- how a deployment stands --------------------------------------------------------------------------------------

    def last_plan(self, deployment: str) -> LastPlan | None:
        with self._database.read() as connection:
            return _last_plan(connection, deployment)

    def held(self, deployment: str) -> HeldPlan | None:
        with self._database.read() as connection:
            return _held(connection, deployment)

    def hold(self, name: str) -> HoldRecord | None:
        with self._database.read() as connection:
            return inbox.find(connection, name)

    def holds(self, deployments: Collection[str], *, state: str | None = None) -> tuple[HoldRecord, ...]:
        with self._database.read() as connection:
            return inbox.listed(connection, deployments, state=state)

    # --- who held what ------------------------------------------------------------------------------------------------

    def history(self, **wanted: Unpack[HoldingFilter]) -> tuple[Holding, ...]:
        chosen = _holdings().where(*_chosen(wanted, _OVERLAPPING))
        with self._database.read() as connection:
            return tuple(_holding(row) for row in connection.execute(_page(chosen, wanted, ownership.c.id)))


# --- changes and runs -------------------------------------------------------------------------------------------------


_AUDITED: _Tests = {
    "deployment": lambda name: plans.c.deployment == name,
    "user": lambda name: and_(changes.c.subject == "user", changes.c.name == key(name)),
    "role": lambda name: changes.c.id.in_(select(touches.c.change_id).where(touches.c.role == name)),
    "since": lambda at: changes.c.moved_at >= at,
    "until": lambda at: changes.c.moved_at < at,
    "status": lambda status: changes.c.status == str(status),
    "run": lambda run: plans.c.run_id == run,
}


def _approval(row: Row[Any]) -> dict[str, str | None]:
    """Say who let it pass and for what reason; None where nobody had to, or gave none."""
    who, reason = parted(row.approved_by or "")
    return {"approved_by": who or None, "approved_reason": reason or None}


def _audit_row(row: Row[Any]) -> AuditRow:
    return AuditRow(
        id=row.id,
        run=row.run_id,
        command=row.command,
        by=parted(row.by)[0],
        plan=row.plan_id,
        digest=row.digest,
        approved=row.approved,
        **_approval(row),
        deployment=row.deployment,
        change=change_of(row),
        status=row.status,
        detail=row.detail,
        at=row.moved_at,
        intent_at=row.intent_at,
        ended_at=row.ended_at,
        settled_by_looking=row.settled_by_looking,
    )


def _run(row: Row[Any]) -> RunRecord:
    return RunRecord(
        id=row.id,
        command=row.command,
        scope=codec.scope_from(codec.loads(row.scope)),
        by=row.by,
        host=row.host,
        pid=row.pid,
        started_at=row.started_at,
        ended_at=row.ended_at,
        exit_code=row.exit_code,
        summary=codec.loads(row.summary or "{}"),
    )


# --- how a deployment stands ------------------------------------------------------------------------------------------


def _last_plan(connection: Connection, deployment: str) -> LastPlan | None:
    """Tell how a deployment stood after the last plan in force for it; None where there was none."""
    plan = newest_plan(connection, and_(plans.c.deployment == deployment, plans.c.in_force))
    if plan is None:
        return None
    reached = connection.execute(
        select(desired.c.at, desired.c.run_id).where(desired.c.deployment == deployment, desired.c.reached)
    ).first()
    return LastPlan(
        deployment=deployment,
        run=_run(connection.execute(select(runs).where(runs.c.id == plan.run_id)).one()),
        plan=plan.id,
        digest=plan.digest,
        scope=codec.scope_from(codec.loads(plan.scope)),
        made_at=plan.made_at,
        counts=_counts(connection, plan.id),
        kept=codec.kept_from(codec.loads(plan.kept)),
        notes=codec.notes_from(codec.loads(plan.notes)),
        held=_held(connection, deployment),
        reached_at=reached and reached.at,
        reached_run=reached and reached.run_id,
    )


def _held(connection: Connection, deployment: str) -> HeldPlan | None:
    plan = holding_plan(connection, deployment)
    return None if plan is None else _held_plan(connection, plan)


def holding_plan(connection: Connection, deployment: str, digest: str | None = None) -> Row[Any] | None:
    """Give the newest plan in force over everything, if it keeps something back that was not let pass since.

    With a digest: the newest one in force over a few people that keeps just this back, if besides the newest over
    everything since then keeps back all of it too.
    """
    here = plans.c.deployment == deployment, plans.c.in_force
    which = (plans.c.everything,) if digest is None else (~plans.c.everything, plans.c.held_digest == digest)
    plan = newest_plan(connection, and_(*here, *which))
    if plan is None or plan.held_digest is None:
        return None
    since = *here, plans.c.id > plan.id
    if newest_plan(connection, and_(*since, plans.c.approved == plan.held_digest)) is not None:
        return None
    whole = newest_plan(connection, and_(*since, plans.c.everything))
    return plan if whole is None or _keeps_back(connection, whole.id, plan.id) else None


def _keeps_back(connection: Connection, whole: int, part: int) -> bool:
    """Say whether one plan keeps back all that another one did."""
    kept = changes.alias()
    mine, theirs = (
        (of.c.plan_id == plan, of.c.status == Status.HELD.value) for of, plan in ((changes, part), (kept, whole))
    )
    too = select(kept.c.fingerprint).where(*theirs)
    more = select(changes.c.id).where(*mine, changes.c.fingerprint.not_in(too)).limit(1)
    return connection.execute(more).first() is None


def _held_plan(connection: Connection, plan: Row[Any]) -> HeldPlan:
    which = changes.c.plan_id == plan.id, changes.c.status == Status.HELD.value
    rows = connection.execute(select(changes).where(*which).order_by(changes.c.seq))
    kept_back = Held(tuple(change_of(row) for row in rows), tuple(codec.loads(plan.held_why)), plan.deployment)
    hold = inbox.named(connection, kept_back)
    return HeldPlan(
        plan.run_id, plan.id, plan.held_digest, plan.made_at, _held_since(connection, plan), kept_back, hold
    )


def _held_since(connection: Connection, plan: Row[Any]) -> datetime:
    """Say when just this began to be kept back: since then it was not let pass, and no such plan kept back anything else."""
    here = plans.c.deployment == plan.deployment, plans.c.in_force
    alike = plans.c.everything == plan.everything
    other = and_(alike, or_(plans.c.held_digest.is_(None), plans.c.held_digest != plan.held_digest))
    ended = or_(other, plans.c.approved == plan.held_digest)
    last = select(plans.c.id).where(*here, ended).order_by(plans.c.id.desc()).limit(1)
    after = plans.c.id > func.coalesce(last.scalar_subquery(), 0)
    first = select(plans.c.made_at).where(*here, alike, after).order_by(plans.c.id).limit(1)
    since: datetime = connection.execute(first).scalar_one()
    return since


def newest_plan(connection: Connection, which: ColumnElement[bool]) -> Row[Any] | None:
    """Give the newest plan of those that are chosen."""
    return connection.execute(select(plans).where(which).order_by(plans.c.id.desc()).limit(1)).first()


def _counts(connection: Connection, plan: int) -> dict[str, int]:
    counted = (
        select(changes.c.status, func.count().label("number"))
        .where(changes.c.plan_id == plan)
        .group_by(changes.c.status)
    )
    return {row.status: row.number for row in connection.execute(counted.order_by(changes.c.status))}


# --- who held what ----------------------------------------------------------------------------------------------------

_bringer, _taker = changes.alias("bringer"), changes.alias("taker")


def _holdings() -> Select[Any]:
    joined = (
        ownership.outerjoin(_bringer, _bringer.c.id == ownership.c.change_id)
        .outerjoin(_taker, _taker.c.id == ownership.c.ended_by)
        .outerjoin(plans, plans.c.id == _bringer.c.plan_id)
        .outerjoin(runs, runs.c.id == plans.c.run_id)
    )
    columns = (
        ownership,
        _bringer.c.because,
        _bringer.c.status.in_((INTENT, "unknown")).label("is_open"),
        _taker.c.because.label("ended_because"),
        plans.c.run_id,
        plans.c.approved_by,
        runs.c.by,
    )
    newest_first = ownership.c.since.desc(), ownership.c.id.desc()
    return select(*columns).select_from(joined).where(ownership.c.kind == "grant").order_by(*newest_first)


def _within(column: ColumnElement[datetime], first: datetime, last: datetime) -> ColumnElement[bool]:
    return and_(column > first, column <= last)


_OVERLAPPING: _Tests = {
    "deployment": lambda name: here_or_before(ownership.c.deployment, name),
    "user": lambda name: ownership.c.name == key(name),
    "role": lambda name: ownership.c.role == name,
    "since": lambda at: or_(ownership.c.until.is_(None), ownership.c.until > at),
    "until": lambda at: ownership.c.since < at,
    "moved": lambda between: or_(_within(ownership.c.since, *between), _within(ownership.c.until, *between)),
}


def _holding(row: Row[Any]) -> Holding:
    return Holding(
        id=row.id,
        deployment=row.deployment,
        username=row.name,
        role=row.role,
        since=row.since,
        until=row.until,
        change=row.change_id,
        because=_about(row.role, row.because),
        run=row.run_id,
        by=row.by and parted(row.by)[0],
        **_approval(row),
        ended_by=row.ended_by,
        ended_because=_about(row.role, row.ended_because),
        proven=not row.is_open,
    )


def _about(role: str, because: str | None) -> tuple[str, ...]:
    """Give the reasons of a change that speak of this role, or of the change as a whole."""
    whys = codec.because_from(codec.loads(because or "[]"), lambda: (role,))
    return tuple(why.text for why in whys if why.role in ("", role))


def _chosen(wanted: Mapping[str, object], tests: _Tests) -> list[ColumnElement[bool]]:
    return [test(wanted[name]) for name, test in tests.items() if wanted.get(name) is not None]


def _page(chosen: Select[Any], wanted: AuditFilter | HoldingFilter, id_: ColumnElement[int]) -> Select[Any]:
    after = wanted.get("after")
    if after is not None:
        chosen = chosen.where(id_ > after).order_by(None).order_by(id_)
    return chosen.limit(wanted.get("limit", LIMIT)).offset(wanted.get("offset", 0))
