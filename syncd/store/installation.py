"""Notices that the database is not the one that was worked with last: an older copy, a new one, or another one.

Each piece of work of consequence (a pass that changes something, a word of a person: `chain.WORDS`) counts the database's number
up and leaves a word of chance under it. What is remembered
elsewhere (`witness`) has to be found here again:

remembered                        | the database says             | then it is
----------------------------------|-------------------------------|------------------------------------------------
this id, a number and its word    | the same word under it        | the one that was worked with
this id, a number and its word    | it has not counted so far     | an older copy
this id, a number and its word    | another word under it         | an older copy that was worked with since
another id                        |                               | new, or of another installation
a number of long ago              | its word is forgotten by now  | taken for the one that was worked with
any, and a person spoke since     |                               | what that person said

A doubt that was noticed stands in the database until a person says which is true, so that every process knows of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from secrets import token_hex
from socket import gethostname
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, select, update

from syncd.errors import StoreError
from syncd.model import Status
from syncd.ports import DatabaseDoubt, Recovery, Truth
from syncd.store import chain, changes, codec, inbox, schema
from syncd.store.engine import Database, insert
from syncd.store.ownership import record
from syncd.store.schema import awaited, installation, marks, ownership, recoveries
from syncd.store.witness import Remembered, Witness

GIVEN_UP = "nobody waits for it any more: a person said that nothing of before is syncd's (syncd recover)"


class DatabaseStanding(NamedTuple):
    """How the database stands: its id, when it was made, the number and the word of its last mark, and the doubt of it."""

    id: str
    made_at: datetime
    number: int
    word: str
    doubt: DatabaseDoubt | None


class _Compared(NamedTuple):
    """What comparing the database with what is remembered came to; `is_of_database`: what is remembered could be read."""

    stands: DatabaseStanding
    doubt: DatabaseDoubt | None
    at: datetime
    is_of_database: bool


class DatabaseInstallation:
    """Implements `ports.Installation`."""

    def __init__(self, database: Database, witness: Witness) -> None:
        self._database = database
        self._witness = witness
        database.after_words = self.notice  # and not `mark`: who speaks may do so to a copy that nobody noticed yet

    def standing(self) -> DatabaseStanding:
        with self._database.read() as connection:
            return _standing(connection)

    @property
    def trouble(self) -> str:
        """Say why nothing can be remembered outside of the database; empty: it can."""
        return self._witness.trouble

    def doubt(self) -> DatabaseDoubt | None:
        return self._compared().doubt

    def notice(self) -> DatabaseDoubt | None:
        stands, found, now, is_of_database = self._compared()
        if found is None:
            self._witness.remember(Remembered(stands.id, stands.number, stands.word, now))
        elif stands.doubt is None and is_of_database:
            self._database.commit(lambda c: _write_down(c, found))
        return found

    def mark(self) -> None:
        word = token_hex(8)
        made = self._database.commit(lambda c: _mark(c, word, now=self._database.now(c)))
        if made is not None:
            self._witness.remember(made)

    def say_doubt(self, why: str) -> None:
        """Put the database in doubt by a person's word."""
        self._database.commit(lambda c: _write_down(c, DatabaseDoubt(why, self._database.now(c))))

    def owners(self) -> tuple[str, ...]:
        """Name the deployments where anything is ours."""
        names = select(ownership.c.deployment).where(ownership.c.until.is_(None)).distinct()
        with self._database.read() as connection:
            return tuple(sorted(connection.execute(names).scalars()))

    def recover(self, truth: Truth, *, by: str) -> None:
        """Write down which is true, do what it means, and remember the database as it is from now on."""
        found, (remembered, _) = self.doubt(), self._remembered()
        row = {"by": by, "truth": truth.value, "doubt": found.why if found else ""}
        ids = {each.installation for each in remembered}
        self._database.commit(lambda c: _recover(c, row, ids, now=self._database.now(c)), alone=True)
        self.mark()

    def recoveries(self) -> tuple[Recovery, ...]:
        """Give what people said, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(recoveries).order_by(recoveries.c.id.desc()))
            return tuple(Recovery(row.at, row.by, row.truth, row.doubt) for row in rows)

    def _compared(self) -> _Compared:
        """Read what is remembered, and then the database: what is remembered was committed before, by whichever thread."""
        remembered, unreadable = self._remembered()
        with self._database.read() as connection:
            stands, now = _standing(connection), self._database.now(connection)
            why = next(filter(None, (_contradiction(connection, stands, each) for each in remembered)), unreadable)
        found = stands.doubt or (DatabaseDoubt(why, now) if why else None)
        return _Compared(stands, found, now, why != unreadable)

    def _remembered(self) -> tuple[tuple[Remembered, ...], str]:
        try:
            return self._witness.remembered(), ""
        except StoreError as error:
            return (), str(error)


def forget_marks(connection: Connection, *, before: datetime) -> int:
    """Forget old marks, but never the last."""
    last = select(func.max(marks.c.number)).scalar_subquery()
    return connection.execute(delete(marks).where(marks.c.at < before, marks.c.number < last)).rowcount


def _standing(connection: Connection) -> DatabaseStanding:
    asked = select(installation, marks.c.word).outerjoin(marks, marks.c.number == installation.c.number)
    row = connection.execute(asked).one_or_none()
    if row is None:
        raise StoreError("the database does not say which one it is; restore a copy, or start with a new one")
    doubt = None if row.doubt is None else DatabaseDoubt(row.doubt, row.doubt_at)
    return DatabaseStanding(row.id, row.made_at, row.number, row.word or "", doubt)


def _contradiction(connection: Connection, stands: DatabaseStanding, remembered: Remembered) -> str:
    """Say why this is not the database that is remembered; empty: it is, or a person spoke since."""
    why = _other(connection, stands, remembered)
    return "" if why and _is_answered(connection, remembered) else why


def _other(connection: Connection, stands: DatabaseStanding, remembered: Remembered) -> str:
    then = f"{remembered.at:%Y-%m-%d %H:%M} UTC"
    if remembered.installation != stands.id:
        return (
            f"it is another one than syncd worked with until {then}: it was made at {stands.made_at:%Y-%m-%d %H:%M} UTC"
        )
    if remembered.number > stands.number:
        last = _at(connection, stands.number)
        done = f"the last work that it knows of is of {last:%Y-%m-%d %H:%M} UTC" if last else "it knows of no work"
        return f"it is an older copy: {done}, and syncd worked until {then}"
    word = connection.execute(select(marks.c.word).where(marks.c.number == remembered.number)).scalar()
    if word is not None and word != remembered.word:
        return f"it is an older copy that was worked with since: what syncd did until {then} is not in it"
    return ""


def _recover(connection: Connection, said: Mapping[str, str], ids: Collection[str], *, now: datetime) -> None:
    answers = codec.dumps(sorted({*ids, _standing(connection).id}))
    connection.execute(insert(connection, recoveries).values({**said, "at": now, "answers": answers}))
    connection.execute(update(installation).values(doubt=None, doubt_at=None))
    told = {"by": said["by"], "host": gethostname(), "truth": said["truth"], "doubt": chain.said(said["doubt"])}
    chain.append(connection, "database_recovered", now=now, facts=told)
    if said["truth"] == Truth.BEGIN_ANEW:
        _own_nothing(connection, now=now)


def _at(connection: Connection, number: int) -> datetime | None:
    return connection.execute(select(marks.c.at).where(marks.c.number == number)).scalar()


def _is_answered(connection: Connection, remembered: Remembered) -> bool:
    since = select(recoveries.c.answers).where(recoveries.c.at >= remembered.at)
    return any(remembered.installation in codec.loads(text) for text in connection.execute(since).scalars())


def _write_down(connection: Connection, found: DatabaseDoubt) -> None:
    first = update(installation).where(installation.c.doubt.is_(None))
    if connection.execute(first.values(doubt=found.why, doubt_at=found.since)).rowcount:
        chain.append(connection, "database_doubted", now=found.since, facts={"why": chain.said(found.why)})
        inbox.take_back_approvals(connection, now=found.since)


def _mark(connection: Connection, word: str, *, now: datetime) -> Remembered | None:
    """Count up; gives what is to be remembered, None while there is a doubt."""
    number = chain.mark(connection, word, now=now)
    row = connection.execute(select(installation.c.id, installation.c.doubt)).one()
    return None if number is None or row.doubt is not None else Remembered(row.id, number, word, now)


def _own_nothing(connection: Connection, *, now: datetime) -> None:
    """End everything that is ours, and wait for nothing that was begun: what comes of it is nobody's."""
    for left in _unsettled(connection):
        changes.close(connection, left.id, Status.FAILED, detail=GIVEN_UP, now=now, by_looking=True, final=True)
    connection.execute(delete(awaited))
    connection.execute(update(ownership).where(ownership.c.until.is_(None)).values(until=now))
    record(connection, {"deployment": "", "cause": "begin_anew", "ended_all": True}, now=now)


def _unsettled(connection: Connection) -> Iterable[Row[Any]]:
    return connection.execute(select(schema.changes.c.id).where(schema.is_unsettled)).all()
