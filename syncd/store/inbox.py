"""The inbox of holds: rows that come and go with the plans that are recorded, and what people said of them.

A plan over some people or DAGs has a hold of its own of what no hold over everything has already. It is there until the next plan
over the same people or DAGs, or over everything.

a plan in force over everything      | a hold that is not over
-------------------------------------|----------------------------------------------------------------------
keeps back just this                 | is there, since then or since it came
keeps back something else            | is superseded by that
keeps back nothing                   | is gone
was let pass by its digest           | passed (any plan that is carried out says so)
leaves out some of what was rejected | stays rejected, of what is left of it; of nothing: gone
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, true, update

from syncd.callers import acting
from syncd.model import Change, Held, Plan, Scope, digest
from syncd.plan.on_people import Effects
from syncd.plan.rejected import Effect, Rejection, shrunk, still_rejected
from syncd.plan.rulings import (
    HoldRecord,
    HoldRuling,
    HoldState,
    HoldWord,
    NotTaken,
    approvals_since,
    by_whom,
    hold_name,
    hold_number,
    weighed,
)
from syncd.ports import Basis
from syncd.store import codec, evidence
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared
from syncd.store.schema_inbox import hold_words, holds

ITSELF: Final = "syncd"
"""Who takes approvals back where no person does."""
KEPT: Final = 20
"""So many holds of a deployment are kept that are over and of which nobody said anything."""
_is_open = holds.c.ended_at.is_(None)
_decided = Prepared(
    select(holds.c.id, holds.c.digest, holds.c.state, holds.c.said_at).where(
        holds.c.deployment == bindparam("at"),
        _is_open,
        or_(holds.c.state == HoldState.APPROVED.value, holds.c.state == HoldState.REJECTED.value),
    ),
    "at",
)


class DatabaseInbox:
    """Implements `ports.Inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> HoldRecord | None:
        with self._database.read() as connection:
            return find(connection, name)

    def listed(
        self, *, deployments: Collection[str] | None = None, over: bool = False, limit: int = 100
    ) -> tuple[HoldRecord, ...]:
        chosen = select(holds).order_by(holds.c.id.desc()).limit(limit)
        chosen = chosen if over else chosen.where(_is_open)
        if deployments is not None:
            chosen = chosen.where(holds.c.deployment.in_(sorted(deployments)))
        with self._database.read() as connection:
            rows = connection.execute(chosen).all()
            said = _words(connection, [row.id for row in rows])
            return tuple(_record(row, said.get(row.id, ()), whole=False) for row in rows)

    def named(self, held: Held) -> str:
        with self._database.read() as connection:
            return named(connection, held)

    def say(self, name: str, word: HoldWord, *, needs: int, expires: timedelta) -> HoldRecord | NotTaken:
        return self._database.commit(lambda c: _say(c, name, word, needs=needs, expires=expires))

    def rejections(self, deployment: str) -> tuple[Rejection, ...]:
        if not any(state == HoldState.REJECTED.value for _, _, state, _ in self._decided(deployment)):
            return ()
        rejected = holds.c.deployment == deployment, _is_open, holds.c.state == HoldState.REJECTED.value
        with self._database.read() as connection:
            rows = connection.execute(select(holds).where(*rejected).order_by(holds.c.id)).all()
            said = _words(connection, [row.id for row in rows])
        return tuple(_rejection(row, said.get(row.id, ())) for row in rows)

    def approved(self, deployment: str, *, since: datetime, needs: int = 1) -> frozenset[str]:
        decided = self._decided(deployment)
        found = {id_: d for id_, d, state, at in decided if state == HoldState.APPROVED.value and at and at >= since}
        if needs > 1 and found:
            with self._database.read() as connection:
                said = _words(connection, list(found))
            found = {id_: d for id_, d in found.items() if len(approvals_since(said.get(id_, ()), since)) >= needs}
        return frozenset(found.values())

    def _decided(self, deployment: str) -> list[tuple[Any, ...]]:
        return self._database.rows(_decided, at=deployment)


# --- what people say ----------------------------------------------------------------------------------------------------


def _say(connection: Connection, name: str, word: HoldWord, *, needs: int, expires: timedelta) -> HoldRecord | NotTaken:
    found = _row(connection, name, for_update=True)
    if found is None:
        return NotTaken(f"there is no hold {name}; those that wait: syncd hold list")
    hold = _record(found, _words(connection, [found.id]).get(found.id, ()), changes=_changes(found))
    state = weighed(hold, word, needs=needs, expires=expires)
    if isinstance(state, NotTaken):
        return state
    row = {
        "hold_id": hold.id,
        "ruling": word.ruling.value,
        "who": word.who,
        "people": codec.dumps(sorted(word.people)),
        "reason": word.reason,
        "origin": word.origin,
        "at": word.at,
    }
    said_as = connection.execute(insert(connection, hold_words).values(row).returning(hold_words.c.id)).scalar_one()
    evidence.said_of_hold(connection, int(said_as), hold, word)
    said = {"state": state.value, "said_at": word.at}
    connection.execute(update(holds).where(holds.c.id == hold.id).values(said))
    return find(connection, hold.name) or hold


def take_back_approvals(connection: Connection, *, now: datetime) -> None:
    """Reopen what is approved, as the database is in doubt: an older copy has approvals that were used up since."""
    approved = select(holds.c.id).where(_is_open, holds.c.state == HoldState.APPROVED.value).order_by(holds.c.id)
    word = HoldWord(HoldRuling.REOPEN, ITSELF, frozenset({ITSELF}), now, "the database is in doubt", ITSELF)
    for id_ in connection.execute(approved).scalars().all():
        _say(connection, hold_name(id_), word, needs=1, expires=timedelta(0))


# --- what plans do ------------------------------------------------------------------------------------------------------


def note_plan(
    connection: Connection,
    run: int,
    plan: Plan,
    *,
    held: Held | None,
    approved: str | None,
    basis: Basis,
    now: datetime,
) -> None:
    """Keep the inbox as a plan that is in force leaves it; see the table."""
    there = connection.execute(
        select(holds).where(holds.c.deployment == plan.deployment, _is_open).order_by(holds.c.id).with_for_update()
    ).all()
    if approved:
        _end(connection, [row for row in there if row.digest == approved], HoldState.PASSED, now=now)
    there = [row for row in there if row.digest != approved]
    seen = _Seen(run, plan.scope, now, basis.passing)
    if not plan.scope.everything:
        _note_part(connection, seen, held, there)
        return
    if held is not None:
        here = _held(connection, seen, held, there)
        others = [row for row in there if row.id != here and not _is_rejected(row)]
        _end(connection, others, HoldState.SUPERSEDED, now=now, by=here)
    else:
        _end(connection, [row for row in there if not _is_rejected(row)], HoldState.GONE, now=now)
    for row in there:
        if _is_rejected(row) and not (held is not None and row.digest == held.digest):
            _shrink(connection, row, plan, basis.rejected, now=now)


def approvers(connection: Connection, deployment: str, digest: str) -> str | None:
    """Name who let just this pass, with their reasons, as it stands in the journal; None: nobody said so in the inbox."""
    row = connection.execute(
        select(holds.c.id).where(
            holds.c.deployment == deployment,
            holds.c.digest == digest,
            holds.c.state == HoldState.APPROVED.value,
            _is_open,
        )
    ).first()
    if row is None:
        return None
    words = _words(connection, [row.id]).get(row.id, ())
    last = [word for word in words if word.ruling is HoldRuling.APPROVE][-2:]
    return acting(", ".join(word.who for word in last), reason="; ".join(word.reason for word in last if word.reason))


def _is_rejected(row: Row[Any]) -> bool:
    return bool(row.state == HoldState.REJECTED.value)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Which run planned, what it is about, when that was, and what passing what is held would do to people."""

    run: int
    scope: Scope
    now: datetime
    passing: Effects | None

    @property
    def scope_text(self) -> str | None:
        return None if self.scope.everything else codec.dumps(codec.scope_to(self.scope))

    def columns(self, held: Held) -> dict[str, Any]:
        effects = codec.pack(codec.dumps(codec.effects_to(self.passing))) if self.passing is not None else None
        told = {"run_id": self.run, "planned_at": self.now, "why": codec.dumps(held.why)}
        return {**told, "scope": self.scope_text, "effects": effects}


def _note_part(connection: Connection, seen: _Seen, held: Held | None, there: Collection[Row[Any]]) -> None:
    """Keep the inbox as a plan over some people or DAGs leaves it: what is held over everything stays as it is."""
    mine = [row for row in there if row.scope == seen.scope_text and not _is_rejected(row)]
    if held is None:
        _end(connection, mine, HoldState.GONE, now=seen.now)
        return
    here = _with_all_of(held, there) or _held(connection, seen, held, there)
    _end(connection, [row for row in mine if row.id != here], HoldState.SUPERSEDED, now=seen.now, by=here)


def _with_all_of(held: Held, there: Iterable[Row[Any]]) -> int | None:
    """Give the number of the hold over everything that has all of this, and is not rejected."""
    wanted = {effect for change in held.changes for effect in change.effects}
    whole = (row for row in there if row.scope is None and not _is_rejected(row))
    return next((int(row.id) for row in whole if wanted <= _effects(row)), None)


def _effects(row: Row[Any]) -> set[Effect]:
    return {effect for change in _changes(row) for effect in change.effects}


def _held(connection: Connection, seen: _Seen, held: Held, there: Iterable[Row[Any]]) -> int:
    """Note that this is held now, and give the number of its hold."""
    again = seen.columns(held)
    for row in there:
        if row.digest == held.digest:
            connection.execute(update(holds).where(holds.c.id == row.id).values(again))
            return int(row.id)
    new = {
        "deployment": held.deployment,
        "digest": held.digest,
        "state": HoldState.WAITS.value,
        "since": seen.now,
        "number": len(held.changes),
        "body": _packed(held.changes),
        **again,
    }
    connection.execute(insert(connection, holds).values(new).on_conflict_do_nothing())
    _forget_unspoken(connection, held.deployment)
    same = holds.c.deployment == held.deployment, holds.c.digest == held.digest, _is_open
    return int(connection.execute(select(holds.c.id).where(*same)).scalar_one())


def _forget_unspoken(connection: Connection, deployment: str) -> None:
    """Delete what is over and nobody spoke of, but for the newest: what is another hold at each sweep would fill the disk."""
    spoken = select(hold_words.c.id).where(hold_words.c.hold_id == holds.c.id).exists()
    over = holds.c.deployment == deployment, holds.c.ended_at.is_not(None), ~spoken
    old = select(holds.c.id).where(*over).order_by(holds.c.id.desc()).offset(KEPT).limit(KEPT)
    if ids := connection.execute(old).scalars().all():
        connection.execute(delete(holds).where(holds.c.id.in_(ids)))


def _end(
    connection: Connection, rows: Collection[Row[Any]], state: HoldState, *, now: datetime, by: int | None = None
) -> None:
    if rows:
        ended = {"state": state.value, "ended_at": now, "superseded_by": by}
        connection.execute(update(holds).where(holds.c.id.in_([row.id for row in rows])).values(ended))


def _shrink(connection: Connection, row: Row[Any], plan: Plan, left: Collection[Change], *, now: datetime) -> None:
    """Keep of a rejection what is still planned; of what is not, somebody is asked another time."""
    before = _changes(row)
    parts = [(change, still_rejected(change, left, plan)) for change in before]
    after = [part for change, still in parts if (part := shrunk(change, still)) is not None]
    if not after:
        _end(connection, [row], HoldState.GONE, now=now)
        return
    seen: dict[str, Any] = {"planned_at": now}
    if any(len(still) < len(change.effects) for change, still in parts):
        seen |= {"digest": digest(row.deployment, after), "number": len(after), "body": _packed(after), "effects": None}
    connection.execute(update(holds).where(holds.c.id == row.id).values(seen))


# --- rows ---------------------------------------------------------------------------------------------------------------


def find(connection: Connection, name: str) -> HoldRecord | None:
    """Give a hold by its name, or the newest by its digest."""
    row = _row(connection, name)
    if row is None:
        return None
    return _record(row, _words(connection, [row.id]).get(row.id, ()), changes=_changes(row))


MOST: Final = 200
"""So many holds are listed with their changes at once."""


def listed(connection: Connection, deployments: Collection[str], *, state: str | None) -> tuple[HoldRecord, ...]:
    """List holds with their changes: those that are not over, or those of a state (`all`: of any); the newest first."""
    which = _is_open if state is None else true() if state == "all" else holds.c.state == state
    chosen = select(holds).where(which, holds.c.deployment.in_(sorted(deployments))).order_by(holds.c.id.desc())
    rows = connection.execute(chosen.limit(MOST)).all()
    said = _words(connection, [row.id for row in rows])
    return tuple(_record(row, said.get(row.id, ()), changes=_changes(row)) for row in rows)


def named(connection: Connection, held: Held) -> str:
    """Name the hold, of those that are not over, that is of just this, or else one that has all of it; empty: none has."""
    here = select(holds).where(holds.c.deployment == held.deployment, _is_open).order_by(holds.c.id)
    found = connection.execute(here.where(holds.c.digest == held.digest)).scalar()
    if found is None:
        found = _with_all_of(held, connection.execute(here).all())
    return "" if found is None else hold_name(found)


def _row(connection: Connection, name: str, *, for_update: bool = False) -> Row[Any] | None:
    if "\0" in name:  # PostgreSQL takes no such text
        return None
    number = hold_number(name)
    which = holds.c.digest == name if number is None else holds.c.id == number
    newest = select(holds).where(which).order_by(_is_open.desc(), holds.c.id.desc()).limit(1)
    return connection.execute(newest.with_for_update() if for_update else newest).first()


def _words(connection: Connection, ids: Collection[int]) -> Mapping[int, tuple[HoldWord, ...]]:
    found: dict[int, list[HoldWord]] = defaultdict(list)
    if ids:
        said = select(hold_words).where(hold_words.c.hold_id.in_(sorted(ids))).order_by(hold_words.c.id)
        for row in connection.execute(said):
            people = frozenset(codec.loads(row.people))
            word = HoldWord(HoldRuling(row.ruling), row.who, people, row.at, row.reason, row.origin)
            found[row.hold_id].append(word)
    return {id_: tuple(words) for id_, words in found.items()}


@codec.reader("a hold")
def _record(
    row: Row[Any], words: tuple[HoldWord, ...], *, changes: tuple[Change, ...] = (), whole: bool = True
) -> HoldRecord:
    return HoldRecord(
        id=row.id,
        deployment=row.deployment,
        digest=row.digest,
        state=HoldState(row.state),
        since=row.since,
        planned_at=row.planned_at,
        run=row.run_id,
        why=tuple(codec.loads(row.why)),
        number=row.number,
        changes=changes,
        words=words,
        ended_at=row.ended_at,
        superseded_by=row.superseded_by,
        scope=codec.scope_from(codec.loads(row.scope or "null")),
        effects=codec.effects_from(codec.unpack(row.effects)) if whole and row.effects is not None else None,
    )


def _rejection(row: Row[Any], words: tuple[HoldWord, ...]) -> Rejection:
    return Rejection(hold_name(row.id), frozenset(_effects(row)), by_whom(words))


def _packed(changes: Iterable[Change]) -> bytes:
    things = [
        [codec.thing_to(change.before), codec.thing_to(change.after), codec.because_to(change.because)]
        for change in changes
    ]
    return codec.pack(codec.dumps({"v": codec.VERSION, "changes": things}))


@codec.reader("the changes of a hold")
def _changes_from(body: codec.Json) -> tuple[Change, ...]:
    codec.versioned(body, "changes")
    return tuple(
        codec.change_with(because, codec.thing_from(before), codec.thing_from(after))
        for before, after, because in body["changes"]
    )


def _changes(row: Row[Any]) -> tuple[Change, ...]:
    return _changes_from(codec.unpack(row.body))
