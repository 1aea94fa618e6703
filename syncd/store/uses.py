"""Who asked a running daemon for what, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from syncd.store.schema import uses


@dataclass(frozen=True, slots=True)
class Use:
    """One request. `who` is the name of a token or an OS user, `answer` an HTTP status."""

    id: int
    at: datetime
    who: str
    what: str
    answer: int
    detail: str


def record_use(connection: Connection, who: str, what: str, *, answer: int, now: datetime, detail: str) -> None:
    connection.execute(insert(uses), {"at": now, "who": who, "what": what, "answer": answer, "detail": detail})


def newest_uses(connection: Connection, *, limit: int, offset: int) -> tuple[Use, ...]:
    rows = connection.execute(select(uses).order_by(uses.c.id.desc()).limit(limit).offset(offset))
    return tuple(Use(row.id, row.at, row.who, row.what, row.answer, row.detail) for row in rows)
