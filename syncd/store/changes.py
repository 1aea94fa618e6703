"""Runs, plans, their changes and the calls of each change: written before they happen, closed after.

status   | set by       | meaning
planned  | record_plan  | part of a plan, not begun
held     | record_plan  | part of a plan, kept back by a limit
intent   | begin        | begun; whether it happened is not known yet
others   | close        | as the outcome says; `unknown` stays open until a later look settles it
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from syncd.errors import DeploymentBusy, StoreError
from syncd.model import Change, Held, Plan, Status, key
from syncd.plan.guard import parted
from syncd.ports import Basis, Unsettled
from syncd.store import awaited, codec, evidence, inbox, ownership
from syncd.store.counted import Counting
from syncd.store.prepared import Prepared
from syncd.store.schema import INTENT, PLANNED, changes, is_unsettled, plans, runs, steps, touches

KEPT_PLANS = 20
"""Of how many plans for a deployment (over everything, and beside them over a few people) the changes are kept that were
never begun (only planned, or held): a plan that is made every few minutes and never carried out would otherwise fill the
disk. What was begun is kept for ever."""


# --- runs and plans ---------------------------------------------------------------------------------------------------


def record_plan(
    connection: Connection,
    run: int,
    plan: Plan,
    *,
    held: Held | None,
    approved: str | None,
    now: datetime,
    basis: Basis,
) -> int:
    of_them = basis.applying or newest_files(connection, plan.deployment) in (None, basis.files)
    in_force = of_them and not basis.undoing
    row = {
        "run_id": run,
        "deployment": plan.deployment,
        "scope": codec.dumps(codec.scope_to(plan.scope)),
        "everything": plan.scope.everything,
        "digest": plan.digest,
        "kept": codec.dumps(codec.kept_to(plan.kept)),
        "notes": codec.dumps(codec.notes_to(plan.notes)),
        "held_digest": held and held.digest,
        "held_why": held and codec.dumps(held.why),
        "approved": approved,
        "approved_by": _who_let_it_pass(connection, run, plan.deployment, approved),
        "made_at": now,
        "files": basis.files,
        "in_force": in_force,
    }
    id_ = int(connection.execute(insert(plans).values(row).returning(plans.c.id)).scalar_one())
    evidence.planned(connection, id_, plan, row, held=held, basis=basis)
    parts = parted(plan.changes, held, waiting=basis.waiting)
    _record_changes(connection, id_, parts, now=now, counted=Counting(plan.deployment, basis))
    _forget_unbegun(connection, plan, in_force=in_force)
    if in_force:
        inbox.note_plan(connection, run, plan, held=held, approved=approved, basis=basis, now=now)
    return id_


def newest_files(connection: Connection, deployment: str | None = None) -> str | None:
    """Give the fingerprint of the files in force (for a deployment): those of the newest plan that is of them."""
    where = [plans.c.in_force] + ([plans.c.deployment == deployment] if deployment is not None else [])
    newest = select(plans.c.files).where(*where).order_by(plans.c.id.desc()).limit(1)
    return connection.execute(newest).scalar()


def _who_let_it_pass(connection: Connection, run: int, deployment: str, approved: str | None) -> str | None:
    """Name who said so in the inbox; where nobody did, who ran it with the digest."""
    if approved is None:
        return None
    return inbox.approvers(connection, deployment, approved) or _who_ran(connection, run)


def _who_ran(connection: Connection, run: int) -> str:
    return str(connection.execute(select(runs.c.by).where(runs.c.id == run)).scalar_one())


class _Encoded(NamedTuple):
    before: str
    after: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.before}\n{self.after}".encode("ascii")).hexdigest()[:32]


def _encode(change: Change) -> _Encoded:
    return _Encoded(*(codec.dumps(codec.thing_to(thing)) for thing in (change.before, change.after)))


def fingerprint(change: Change) -> str:
    """Tell a change from the others of its plan."""
    return _encode(change).fingerprint


def _record_changes(
    connection: Connection, plan: int, parts: Iterable[tuple[Change, bool]], *, now: datetime, counted: Counting
) -> None:
    rows, wanted = [], []
    for seq, (change, is_held) in enumerate(parts):
        status = Status.HELD.value if is_held else PLANNED
        rows.append(_change_row(plan, seq, change) | counted.columns(change) | {"status": status, "moved_at": now})
        wanted.append(_touched(change))
    if rows:
        connection.execute(insert(changes), rows)
        _record_touches(connection, plan, wanted)


def _forget_unbegun(connection: Connection, plan: Plan, *, in_force: bool) -> None:
    """Delete what was never begun of the plan that is too old now; each recording makes one plan of its kind too old.

    The kinds are apart, because what a plan in force over everything holds can be approved until the next one, however
    many people come and go between the two, and whatever is planned of other files.
    """
    alike = (
        plans.c.deployment == plan.deployment,
        plans.c.everything == plan.scope.everything,
        plans.c.in_force == in_force,
    )
    too_old = select(plans.c.id).where(*alike).order_by(plans.c.id.desc()).offset(KEPT_PLANS).limit(1).scalar_subquery()
    unbegun = changes.c.status.in_((PLANNED, Status.HELD.value))
    connection.execute(delete(changes).where(changes.c.plan_id == too_old, unbegun))


def _change_row(plan: int, seq: int, change: Change) -> dict[str, Any]:
    encoded = _encode(change)
    return {
        "plan_id": plan,
        "seq": seq,
        "subject": change.subject,
        "kind": change.kind.value,
        "name": key(change.name) if change.subject == "user" else change.name,
        "fingerprint": encoded.fingerprint,
        "before": encoded.before,
        "after": encoded.after,
        "because": codec.dumps(codec.because_to(change.because)),
        "detail": "",
        "settled_by_looking": False,
    }


def _touched(change: Change) -> list[dict[str, str]]:
    if change.subject == "role":
        return [{"role": change.name, "verb": "change"}]
    granted = [{"role": role, "verb": "grant"} for role in change.granted]
    return granted + [{"role": role, "verb": "revoke"} for role in change.revoked]


def _record_touches(connection: Connection, plan: int, wanted: list[list[dict[str, str]]]) -> None:
    ids = connection.execute(select(changes.c.id).where(changes.c.plan_id == plan).order_by(changes.c.seq)).scalars()
    rows = [{"change_id": id_, **touch} for id_, touched in zip(ids.all(), wanted, strict=True) for touch in touched]
    if rows:
        connection.execute(insert(touches), rows)


# --- one change -------------------------------------------------------------------------------------------------------

_deployment = select(plans.c.deployment).where(plans.c.id == changes.c.plan_id).scalar_subquery().label("deployment")
_first = (
    select(changes.c.id)
    .where(
        changes.c.plan_id == bindparam("of_plan"),
        changes.c.fingerprint == bindparam("like"),
        changes.c.status == PLANNED,
    )
    .order_by(changes.c.seq)
    .limit(1)
)
_begin = Prepared(
    update(changes).where(changes.c.id == _first.scalar_subquery()).returning(changes.c.id, _deployment),
    *("of_plan", "like", "status", "intent_at", "moved_at"),
)
_close = Prepared(
    update(changes)
    .where(changes.c.id == bindparam("which"), is_unsettled)
    .returning(_deployment, changes.c.before, changes.c.after),
    *("which", "status", "detail", "ended_at", "moved_at", "settled_by_looking"),
)
_unsettled = Prepared(
    select(changes.c.id, changes.c.before, changes.c.after, changes.c.because)
    .join(plans, plans.c.id == changes.c.plan_id)
    .where(plans.c.deployment == bindparam("at"), is_unsettled)
    .order_by(changes.c.intent_at, changes.c.id),
    "at",
)
_call = Prepared(insert(steps).returning(steps.c.id), "change_id", "call", "at")
_answer = Prepared(update(steps).where(steps.c.id == bindparam("which")), "which", "answer", "answered_at", "refused")


class Begun(NamedTuple):
    """The number of a change that was begun, and where."""

    id: int
    deployment: str


def begin(connection: Connection, plan: int, change: Change, *, fingerprint: str, now: datetime) -> Begun:
    """Begin a planned change, and own what it brings.

    Raises:
        StoreError: the plan has no such change that waits to be made (it was never recorded, is held, or was begun).
    """
    rows = _begin.rows(connection, of_plan=plan, like=fingerprint, status=INTENT, intent_at=now, moved_at=now)
    if not rows:
        raise StoreError(
            f"journal: plan {plan} has no {change.kind} of {change.subject} {change.name!r} that waits to be made; "
            "nothing is done that was not written down first"
        )
    found = Begun(*rows[0])
    ownership.mark_brought(connection, found.deployment, change, id_=found.id, now=now)
    return found


def close(
    connection: Connection,
    id_: int,
    status: Status,
    *,
    detail: str,
    now: datetime,
    by_looking: bool = False,
    final: bool = False,
    change: Change | None = None,
    answers: Iterable[StepOutcome] = (),
) -> None:
    """Write down how a change that was begun ended, and move ownership with it; `change` spares reading which one it is.
    `answers` are those that no record has yet.

    status           | what it took | what its intent marked
    applied          | ended        | stays
    unknown, pending | stays        | stays: some of it may be there, or is
    failed, skipped  | stays        | forgotten

    What was sent of a change that was not made, or not whole, is awaited, unless it is `final`.

    Raises:
        DeploymentBusy: somebody else found out by looking how it ended, since our lease was lost.
        StoreError: the change was never begun, or has ended before.
    """
    ended = {"status": status.value, "detail": detail, "ended_at": now, "moved_at": now}
    rows = _close.rows(connection, which=id_, settled_by_looking=by_looking, **ended)
    if not rows:
        raise _not_open(connection, id_, status)
    told = ((step, answer, refused) for step, answer, refused, _ in answers)
    evidence.ended(connection, id_, status.value, detail=detail, by_looking=by_looking, answers=told, now=now)
    deployment, before, after = rows[0]
    change = change or _change(before, after)
    if status not in {Status.APPLIED, Status.UNKNOWN} and not final:
        awaited.expect(connection, deployment, change, id_=id_, now=now)
    if status is Status.APPLIED:
        ownership.mark_brought(connection, deployment, change, id_=id_, now=now)
        ownership.end_taken(connection, deployment, change, id_=id_, now=now)
    elif status not in {Status.UNKNOWN, Status.PENDING}:
        ownership.unmark(connection, id_)


def _not_open(connection: Connection, id_: int, status: Status) -> StoreError | DeploymentBusy:
    by_another = connection.execute(select(changes.c.settled_by_looking).where(changes.c.id == id_)).scalar()
    if by_another:
        return DeploymentBusy(
            f"change {id_} was settled by another process while this one was held up; the lease is that one's now"
        )
    return StoreError(f"journal: change {id_} is not open, so it cannot end as {status}")


def unsettled(connection: Connection, deployment: str) -> tuple[Unsettled, ...]:
    rows = _unsettled.rows(connection, at=deployment)
    return tuple(Unsettled(id_, _change(before, after, because=because)) for id_, before, after, because in rows)


def change_of(row: Row[Any]) -> Change:
    """Build the change of a row that has `before`, `after` and, where it was read, `because`."""
    return _change(row.before, row.after, because=getattr(row, "because", "[]"))


def _change(before: str, after: str, *, because: str = "[]") -> Change:
    return codec.change_with(codec.loads(because), *(codec.thing_from(codec.loads(text)) for text in (before, after)))


# --- its calls --------------------------------------------------------------------------------------------------------


def record_call(connection: Connection, change: int, call: str, *, now: datetime) -> int:
    [(step,)] = _call.rows(connection, change_id=change, call=call, at=now)
    return int(step)


class StepOutcome(NamedTuple):
    """What came of a call."""

    step: int
    answer: str
    refused: bool
    makes: str = ""


def record_answers(connection: Connection, begun: Begun, answers: Iterable[StepOutcome], *, now: datetime) -> None:
    for step, answer, refused, makes in answers:
        _answer.run(connection, which=step, answer=answer, answered_at=now, refused=refused)
        if refused and makes:
            give_up(connection, begun, [makes], now=now)


def claim(connection: Connection, begun: Begun, makes: str, *, now: datetime) -> None:
    """Own the second role that a call is about to make, whatever becomes of its change."""
    if makes:
        ownership.adopt(connection, begun.deployment, [ownership.Thing("member", makes)], now=now, cause="second_role")


def give_up(connection: Connection, begun: Begun, names: Iterable[str], *, now: datetime) -> None:
    """Own second roles no more that were not made, or are gone: another hand may make one of that name."""
    ownership.disown(
        connection,
        begun.deployment,
        [ownership.Thing("member", name) for name in names],
        now=now,
        cause="no_second_role",
    )
