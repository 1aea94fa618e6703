"""The chain of records as it is read: exported line by line, and held against itself and against the tables of the journal."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, select

from syncd.model.chain import ChainVerdict, Following, Link
from syncd.store.engine import Database
from syncd.store.prepared import Prepared
from syncd.store.proof import journal_flaws
from syncd.store.schema_records import records

PAGE = 1_000

_after = Prepared(
    select(records.c.seq, records.c.line).where(records.c.seq > bindparam("after")).order_by(records.c.seq).limit(PAGE),
    "after",
)


class DatabaseRecords:
    """The journal's chain of records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self) -> ChainVerdict:
        """Say what is wrong with the chain, and where the tables of the journal say something else than it."""
        verdict = ChainVerdict()
        with self._database.still() as connection:
            verdict.follow(_links(connection), Following())
            verdict.add(journal_flaws(connection))
        return verdict

    def lines(self, *, after: int = 0) -> Iterator[tuple[int, str]]:
        """Give the number and the text of each record with a higher number, in order; no transaction outlasts a page."""
        page = self._database.rows(_after, after=after)
        while page:
            yield from page
            page = self._database.rows(_after, after=page[-1][0])


def _links(connection: Connection) -> Iterator[Link]:
    chosen = select(records.c.seq, records.c.line, records.c.hash).order_by(records.c.seq)
    return (Link(*row) for row in connection.execute(chosen))
