"""What people are given for a time: each column of a grant is written once, and chained with that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from syncd.model import GrantRequest, GrantState, GrantWord, TimedGrant
from syncd.store import chain
from syncd.store.codec.text import time_to
from syncd.store.daemon_schema import timed_grants as grants
from syncd.store.engine import Database, insert


class DatabaseGrants:
    """Implements `ports.Grants`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, request: GrantRequest) -> TimedGrant:
        return self._database.commit(lambda c: _ask(c, request))

    def give(self, id_: int, word: GrantWord) -> TimedGrant | None:
        return self._database.commit(lambda c: _give(c, id_, word))

    def end(self, id_: int, word: GrantWord, why: str) -> TimedGrant | None:
        return self._database.commit(lambda c: _end(c, id_, word, why))

    def get(self, id_: int) -> TimedGrant | None:
        with self._database.read() as connection:
            return _get(connection, id_)

    def open(self, deployment: str | None = None) -> tuple[TimedGrant, ...]:
        asked = select(grants).where(grants.c.ended_at.is_(None)).order_by(grants.c.id)
        return self._all(asked if deployment is None else asked.where(grants.c.deployment == deployment))

    def active(self, deployment: str | None = None, *, now: datetime) -> tuple[TimedGrant, ...]:
        return tuple(grant for grant in self.open(deployment) if grant.state(now) is GrantState.ACTIVE)

    def newest(self, limit: int, *, offset: int = 0) -> tuple[TimedGrant, ...]:
        return self._all(select(grants).order_by(grants.c.id.desc()).limit(limit).offset(offset))

    def _all(self, asked: Select[Any]) -> tuple[TimedGrant, ...]:
        with self._database.read() as connection:
            return tuple(map(_from_row, connection.execute(asked)))


def _ask(connection: Connection, request: GrantRequest) -> TimedGrant:
    source, person = request.who
    row = {
        "deployment": request.deployment,
        "role": request.role,
        "source": source,
        "person": person,
        "called": request.person,
        "lasts_s": int(request.lasts.total_seconds()),
        "reason": request.reason,
        "ticket": request.ticket,
        "expires_at": request.expires_at,
        "ended_why": "",
    } | _said("asked", request.asked)
    if request.expires_at is None:
        row |= _given(request.asked, request.lasts)
    id_ = connection.execute(insert(connection, grants).values(row).returning(grants.c.id)).scalar_one()
    named = ("deployment", "role", "source", "person", "called", "lasts_s")
    why = {"reason": chain.said(request.reason), "ticket": chain.said(request.ticket)}
    waits = {"waits": request.expires_at is not None}
    _record(connection, "grant_asked", id_, request.asked, {name: row[name] for name in named} | why | waits)
    return _written(connection, id_)


def _give(connection: Connection, id_: int, word: GrantWord) -> TimedGrant | None:
    before = _get(connection, id_)
    if before is None or before.state(word.at) is not GrantState.WAITING:
        return None
    given = _given(word, before.request.lasts)
    waits = update(grants).where(grants.c.id == id_, grants.c.given_at.is_(None), grants.c.ended_at.is_(None))
    if not connection.execute(waits.values(given)).rowcount:
        return None
    _record(connection, "grant_given", id_, word, {"until": time_to(word.at + before.request.lasts)})
    return _get(connection, id_)


def _end(connection: Connection, id_: int, word: GrantWord, why: str) -> TimedGrant | None:
    lasts = update(grants).where(grants.c.id == id_, grants.c.ended_at.is_(None))
    ended = connection.execute(lasts.values(_said("ended", word) | {"ended_why": why}))
    if not ended.rowcount:
        return None
    _record(connection, "grant_ended", id_, word, {"why": chain.said(why)})
    return _get(connection, id_)


def _record(connection: Connection, kind: str, id_: int, word: GrantWord, facts: Mapping[str, object]) -> None:
    """Chain what was said of a grant, with the row that it changes."""
    told = {**facts, "grant": id_, "by": word.by, "host": word.origin}
    chain.append(connection, kind, now=word.at, about=chain.Subject("grant", id_), facts=told)


def _given(word: GrantWord, lasts: timedelta) -> dict[str, object]:
    return _said("given", word) | {"until": word.at + lasts}


def _said(what: str, word: GrantWord) -> dict[str, object]:
    return {f"{what}_by": word.by, f"{what}_from": word.origin, f"{what}_at": word.at}


def _written(connection: Connection, id_: int) -> TimedGrant:
    grant = _get(connection, id_)
    assert grant is not None  # it was just written
    return grant


def _get(connection: Connection, id_: int) -> TimedGrant | None:
    row = connection.execute(select(grants).where(grants.c.id == id_)).one_or_none()
    return _from_row(row) if row is not None else None


def _from_row(row: Row[Any]) -> TimedGrant:
    request = GrantRequest(
        row.deployment,
        row.role,
        (row.source, row.person),
        row.called,
        timedelta(seconds=row.lasts_s),
        row.reason,
        GrantWord(row.asked_by, row.asked_from, row.asked_at),
        row.ticket,
        row.expires_at,
    )
    given = GrantWord(row.given_by, row.given_from, row.given_at) if row.given_at else None
    ended = GrantWord(row.ended_by, row.ended_from, row.ended_at) if row.ended_at else None
    return TimedGrant(row.id, request, given, row.until, ended, row.ended_why)
