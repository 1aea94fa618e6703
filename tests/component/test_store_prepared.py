"""Statements that are compiled once: values keep their types, never become SQL, and errors are the driver's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta, timezone

import pytest
from sqlalchemy import bindparam, event, insert, select, update
from store_samples import NOW

from syncd.errors import StoreError
from syncd.http.secrets import remember
from syncd.store import migrate
from syncd.store.daemon_schema import alarms
from syncd.store.engine import Database
from syncd.store.prepared import Prepared

ADD = Prepared(insert(alarms), "kind", "subject", "text", "since", "is_bundled")
OF_KIND = Prepared(
    select(alarms.c.subject, alarms.c.text, alarms.c.since)
    .where(alarms.c.kind == bindparam("which"))
    .order_by(alarms.c.subject),
    "which",
)
TELL = Prepared(update(alarms).where(alarms.c.kind == "full", alarms.c.subject == bindparam("which")), "which", "text")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    with closing(Database(database_url)) as database:
        yield database


def alarm(subject: str, text: str = "") -> dict[str, object]:
    return {"kind": "full", "subject": subject, "text": text, "since": NOW, "is_bundled": False}


def test_values_are_bound_and_read_as_their_columns_say(database: Database) -> None:
    remember("hunter2-hunter2")
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    with database.write() as connection:
        assert 1 == ADD.run(
            connection, **alarm("a\x00b'; DROP TABLE alarms --", "hunter2-hunter2") | {"since": elsewhere}
        )
        assert [("a\ufffdb'; DROP TABLE alarms --", "[secret]", NOW)] == OF_KIND.rows(connection, which="full")
        assert [] == OF_KIND.rows(connection, which="other")


def test_what_stands_in_the_statement_stays_and_the_rows_that_changed_are_counted(database: Database) -> None:
    with database.write() as connection:
        ADD.run_each(connection, [alarm("a"), alarm("b")])
        ADD.run_each(connection, [])
        assert (1, 0) == (TELL.run(connection, which="a", text="new"), TELL.run(connection, which="c", text="new"))
        assert [("a", "new"), ("b", "")] == [row[:2] for row in OF_KIND.rows(connection, which="full")]


def test_what_the_driver_refuses_is_an_error_of_the_store_and_is_rolled_back(database: Database) -> None:
    def twice() -> None:
        with database.write() as connection:
            ADD.run(connection, **alarm("a"))
            ADD.run(connection, **alarm("a"))

    with pytest.raises(StoreError, match=r"^database .*(UNIQUE|unique)"):
        twice()
    with database.read() as connection:
        assert [] == OF_KIND.rows(connection, which="full")


def test_who_listens_to_statements_hears_of_these_too(database: Database) -> None:
    heard: list[str] = []
    event.listen(database._engine, "before_cursor_execute", lambda *told: heard.append(told[2].split()[0]))
    with database.write() as connection:
        ADD.run(connection, **alarm("a"))
        OF_KIND.rows(connection, which="full")
    assert ["INSERT", "SELECT"] == heard
