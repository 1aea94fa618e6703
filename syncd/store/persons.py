"""Who is known to be one person: what joining the sources found, or somebody accepted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from syncd.model import JoinKey, KnownPersons
from syncd.store.engine import insert
from syncd.store.processes import os_user
from syncd.store.schema import joined_sources, persons


def known_persons(connection: Connection, key: JoinKey) -> KnownPersons:
    rows = connection.execute(select(persons.c.source, persons.c.id, persons.c.person))
    seen = connection.execute(select(joined_sources.c.source).where(joined_sources.c.key == key.value))
    return KnownPersons({(row.source, row.id): row.person for row in rows}, frozenset(seen.scalars()))


def remember_persons(connection: Connection, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:
    """Keep who is one person, and of which sources everybody was joined; what was known of them before is replaced."""
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
