"""The one place where records are chained: `append` takes one down, and the transaction writes them all as its last act.

So the order of the chain is the order of commits, and who waits for the head of the chain holds nothing that another one
who has it could want: PostgreSQL lets one transaction at a time write there (SQLite has one writer anyway). Where two wrote at
once all the same, the number of the record is the key of the table, and one of them would fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select

from syncd.model.chain import NOTHING_BEFORE, link_after
from syncd.store import codec
from syncd.store.codec.text import time_to
from syncd.store.columns import Sentence
from syncd.store.prepared import Prepared
from syncd.store.schema_records import records

_WAITING: Final = "syncd_records"
_LOCK: Final = 7_305_812
"""Any number will do: the advisory lock under which PostgreSQL lets one transaction append."""
_OWN: Final = frozenset({"seq", "prev", "at", "kind", "about"})

_head = Prepared(select(records.c.seq, records.c.hash).order_by(records.c.seq.desc()).limit(1))
_add = Prepared(insert(records), "seq", "line", "hash", "about", "about_id")
_lock = Prepared(select(func.pg_advisory_xact_lock(_LOCK)))


class Subject(NamedTuple):
    """What a record is about: a row of a table of the journal (`change`, `plan`), or of another thing that has a number."""

    table: str
    id: int


class _Waiting(NamedTuple):
    subject: Subject | None
    facts: str


def append(
    connection: Connection, kind: str, *, now: datetime, about: Subject | None = None, facts: Mapping[str, object]
) -> None:
    """Add a record to the journal's chain, with the transaction that this is called in: all of it is kept, or nothing.

    `kind` says what happened, as docs/evidence.md lists it; `facts` are values that JSON has. Words that somebody else said
    (an answer, a reason why something failed) go through `said` first.
    """
    assert not facts.keys() & _OWN, "these are the chain's own"
    known: dict[str, object] = {**facts, "at": time_to(now), "kind": kind}
    if about:
        known["about"] = list(about)
    waiting: list[_Waiting] = connection.info[_WAITING]  # there within `Database.write` alone
    waiting.append(_Waiting(about, codec.dumps(known)))


def said(text: str) -> str:
    """Give words of somebody else as the journal keeps them: without a secret that this process knows."""
    return Sentence().process_bind_param(text, None) or ""  # type: ignore[arg-type]


@contextmanager
def chained(connection: Connection) -> Iterator[None]:
    """Write what is appended within this context at its end; for the transaction that commits right after."""
    waiting: list[_Waiting] = []
    connection.info[_WAITING] = waiting
    try:
        yield
        if waiting:
            _write(connection, waiting)
    finally:
        del connection.info[_WAITING]


def _write(connection: Connection, waiting: list[_Waiting]) -> None:
    if connection.dialect.name == "postgresql":
        _lock.rows(connection)
    rows = []
    seq, prev = head(connection)
    for subject, facts in waiting:
        seq, line, prev = link_after(seq, prev, facts)
        table, id_ = subject or (None, None)
        rows.append({"seq": seq, "line": line, "hash": prev, "about": table, "about_id": id_})
    _add.run_each(connection, rows)


def head(connection: Connection) -> tuple[int, str]:
    """Give number and hash of the last record."""
    rows = _head.rows(connection)
    return (int(rows[0][0]), str(rows[0][1])) if rows else (0, NOTHING_BEFORE)
