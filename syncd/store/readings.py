"""What sources said: how each was last read, what names of groups mean, and who is known to be one person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from syncd.model import Doubt, JoinKey, KnownPersons, Snapshot
from syncd.ports import SourceHealth
from syncd.store import codec
from syncd.store.engine import LARGE, Database, insert
from syncd.store.processes import os_user
from syncd.store.schema import group_names, joined_sources, persons, readings, rests
from syncd.store.snapshots import Snapshots


class DatabaseReadings:
    """Implements `ports.Readings`, and `rests.Rests` beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshots = Snapshots(database)

    # --- each source --------------------------------------------------------------------------------------------------

    def last_snapshot(self, source: str) -> Snapshot | None:
        return self._snapshots.last(source)

    def save_snapshot(
        self, snapshot: Snapshot, *, cursor: str | None = None, full: bool = True, doubts: Iterable[Doubt] = ()
    ) -> None:
        read = {
            "cursor": None if cursor is None else codec.pack(codec.dumps(cursor)),
            "read_at": snapshot.taken_at,
            "doubts": codec.pack(codec.dumps(codec.doubts_to(doubts))),
            "failed_at": None,
            "failure": None,
        } | ({"full_at": snapshot.taken_at} if full else {})
        self._snapshots.save(snapshot, also=lambda connection: _put(connection, snapshot.source, read))

    def last_cursor(self, source: str) -> tuple[str, datetime] | None:
        mine = select(readings.c.cursor, readings.c.full_at).where(readings.c.source == source)
        with self._database.read() as connection:
            row = connection.execute(mine).first()
        if row is None or row.cursor is None or row.full_at is None:
            return None
        return codec.unpack(row.cursor), row.full_at

    def source_failed(self, source: str, why: str, *, now: datetime) -> None:
        def work(connection: Connection) -> None:
            statement = insert(connection, readings).values({"source": source, "failed_at": now, "failure": why})
            since = func.coalesce(readings.c.failed_at, statement.excluded.failed_at)
            again = {"failed_at": since, "failure": statement.excluded.failure}
            connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=again))

        self._database.commit(work)

    def health(self, source: str) -> SourceHealth | None:
        with self._database.read() as connection:
            row = connection.execute(select(readings).where(readings.c.source == source)).first()
        if row is None:
            return None
        doubts = codec.doubts_from(codec.unpack(row.doubts)) if row.doubts is not None else ()
        return SourceHealth(source, row.full_at, row.read_at, doubts, row.failed_at, row.failure)

    # --- what names of groups mean ------------------------------------------------------------------------------------

    def group_names(self) -> Mapping[tuple[str, str], str]:
        columns = group_names.c.source, group_names.c.name, group_names.c.group_id
        with self._database.read() as connection:
            return {(row.source, row.name): row.group_id for row in connection.execute(select(*columns))}

    def remember_groups(self, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:
        by = os_user()
        rows = [
            {"source": source, "name": name, "group_id": id_, "at": now, "by": by}
            for (source, name), id_ in sorted(names.items())
        ]

        def work(connection: Connection) -> None:
            statement = insert(connection, group_names)
            meant = {column: statement.excluded[column] for column in ("group_id", "at", "by")}
            connection.execute(statement.on_conflict_do_update(index_elements=["source", "name"], set_=meant), rows)

        if rows:
            self._database.commit(work)

    # --- who is one person --------------------------------------------------------------------------------------------

    def known_persons(self, key: JoinKey) -> KnownPersons:
        joined = select(joined_sources.c.source).where(joined_sources.c.key == key.value)
        with self._database.read() as connection:
            rows = connection.execute(select(persons.c.source, persons.c.id, persons.c.person))
            known = {(row.source, row.id): row.person for row in rows}
            return KnownPersons(known, frozenset(connection.execute(joined).scalars()))

    def remember_persons(self, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:
        if found.persons or found.sources:
            alone = len(found.persons) > LARGE
            self._database.commit(lambda connection: _put_persons(connection, found, key, now=now), alone=alone)

    # --- who wants to be left alone -----------------------------------------------------------------------------------

    def rests_until(self, provider: str) -> datetime | None:
        with self._database.read() as connection:
            return connection.execute(select(rests.c.until).where(rests.c.provider == provider)).scalar()

    def let_rest(self, provider: str, until: datetime) -> None:
        def work(connection: Connection) -> None:
            statement = insert(connection, rests).values({"provider": provider, "until": until})
            later = case((statement.excluded.until > rests.c.until, statement.excluded.until), else_=rests.c.until)
            connection.execute(statement.on_conflict_do_update(index_elements=["provider"], set_={"until": later}))

        self._database.commit(work)


def _put(connection: Connection, source: str, values: Mapping[str, object]) -> None:
    statement = insert(connection, readings).values({"source": source, **values})
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))


def _put_persons(connection: Connection, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:
    by = os_user()
    rows = [
        {"source": source, "id": id_, "person": person, "at": now, "by": by}
        for (source, id_), person in sorted(found.persons.items())
    ]
    if rows:
        statement = insert(connection, persons)
        new = {column: statement.excluded[column] for column in ("person", "at", "by")}
        connection.execute(statement.on_conflict_do_update(index_elements=["source", "id"], set_=new), rows)
    marks = [{"source": source, "key": key.value, "at": now} for source in sorted(found.sources)]
    if marks:
        statement = insert(connection, joined_sources)
        new = {column: statement.excluded[column] for column in ("key", "at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=new), marks)
