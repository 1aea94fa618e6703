"""The one place where records are chained: `append` takes one down, and the transaction writes them all as its last act.

So the order of the chain is the order of commits, and who waits for the head of the chain holds nothing that another one
who has it could want: PostgreSQL lets one transaction at a time write there (SQLite has one writer anyway). Where two wrote at
once all the same, the number of the record is the key of the table, and one of them would fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from syncd.errors import StoreError
from syncd.model.chain import NOTHING_BEFORE, link_after
from syncd.store import codec
from syncd.store.codec.text import time_to
from syncd.store.columns import Sentence
from syncd.store.prepared import Prepared
from syncd.store.schema import installation, marks
from syncd.store.schema_records import records

_WAITING: Final = "syncd_records"
_LOCK: Final = 7_305_812
"""Any number will do: the advisory lock under which PostgreSQL lets one transaction append."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OWN: Final = frozenset({"seq", "prev", "at", "kind", "about"})
WORDS: Final = frozenset(
    {
        *("hold", "pause", "resume", "grant_asked", "grant_given", "grant_ended", "accepted"),
        *("alarm_acknowledged", "alarms_silenced", "silence_ended"),
    }
)
"""Kinds of records of what a person said: each is work of consequence, so that a copy from before is known for an older one."""

_head = Prepared(select(records.c.seq, records.c.hash).order_by(records.c.seq.desc()).limit(1))
_add = Prepared(insert(records), "seq", "line", "hash", "about", "about_id")
_lock = Prepared(select(func.pg_advisory_xact_lock(_LOCK)))


class Subject(NamedTuple):
    """What a record is about: a row of a table of the journal (`change`, `plan`), or of another thing that has a number."""

    table: str
    id: int


LAST: Final = 2**63 - 1
"""The largest number that either database has."""


class _Waiting(NamedTuple):
    subject: Subject | None
    facts: str


class TakenDown:
    """What a transaction appends to the chain."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting] = []
        self.word_at: datetime | None = None
        """When the last word of a person was said among them; None: none was."""


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
    taken: TakenDown = connection.info[_WAITING]  # there within `Database.write` alone
    taken.waiting.append(_Waiting(about, codec.dumps(known)))
    if kind in WORDS:
        taken.word_at = now


def micros(moment: datetime) -> int:
    """Give the microseconds since 1970: the number of a moment, where records are of what was at it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def said(text: str) -> str:
    """Give words of somebody else as the journal keeps them: without a secret that this process knows."""
    return Sentence().process_bind_param(text, None) or ""  # type: ignore[arg-type]


@contextmanager
def chained(connection: Connection) -> Iterator[TakenDown]:
    """Write what is appended within this context at its end; for the transaction that commits right after."""
    taken = TakenDown()
    connection.info[_WAITING] = taken
    try:
        yield taken
        if taken.waiting:
            _write(connection, taken.waiting)
        if taken.word_at:
            mark(connection, token_hex(8), now=taken.word_at)
    finally:
        del connection.info[_WAITING]


def mark(connection: Connection, word: str, *, now: datetime) -> int | None:
    """Count work of consequence, with a word of chance under its number, which this gives; None: the database has no id."""
    counted = update(installation).values(number=installation.c.number + 1).returning(installation.c.number)
    number = connection.execute(counted).scalar_one_or_none()
    if number is not None:
        connection.execute(insert(marks).values(number=number, word=word, at=now))
    return number


def _write(connection: Connection, waiting: list[_Waiting]) -> None:
    if connection.dialect.name == "postgresql":
        _lock.rows(connection)
    rows = []
    seq, prev = head(connection)
    if seq > LAST - len(waiting):
        raise StoreError(
            f"journal: the last record has the number {seq}, and there are no higher ones: somebody inserted it, so nothing more "
            f"can be written down. See syncd audit verify, then delete it from the table records, or restore a copy"
        )
    for subject, facts in waiting:
        seq, line, prev = link_after(seq, prev, facts)
        table, id_ = subject or (None, None)
        rows.append({"seq": seq, "line": line, "hash": prev, "about": table, "about_id": id_})
    _add.run_each(connection, rows)


def head(connection: Connection) -> tuple[int, str]:
    """Give number and hash of the last record."""
    rows = _head.rows(connection)
    return (int(rows[0][0]), str(rows[0][1])) if rows else (0, NOTHING_BEFORE)
