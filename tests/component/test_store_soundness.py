"""Copies of a database that others work with, and what is found where one is not as it has to be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from postgres_server import find_binaries
from sqlalchemy import update
from store_samples import begun, created, left, made, moved, planned, snapshot

from syncd.errors import StoreError
from syncd.model import GrantRequest, GrantWord, Paused, Status
from syncd.ports import Silence, Truth
from syncd.store import Stores
from syncd.store.backup import backup
from syncd.store.engine import Database
from syncd.store.schema import changes, ownership, steps
from syncd.store.soundness import unsound


@pytest.fixture
def lived_in(store: Stores) -> Stores:
    """A database in which something of every kind happened."""
    store.readings.save_snapshot(snapshot())
    made(store, created("anna", "Viewer"))
    made(store, moved("anna", {"Viewer"}, {"Editor"}))
    made(store, created("bob", "Viewer"), Status.FAILED)
    made(store, created("carol", "Viewer"), Status.UNKNOWN)
    made(store, left("anna", "Editor"))
    begun(store, planned(store, created("dora", "Viewer")), created("dora", "Viewer"))
    planned(store, created("eve", "Viewer"))
    return store


def found(store: Stores) -> list[str]:
    return [f"{each.where}: {each.what}" for each in unsound(store.database)]


def spoil(store: Stores, statement: Any) -> None:
    with store.database.write() as connection:
        connection.execute(statement)


def test_what_syncd_itself_writes_is_sound(lived_in: Stores) -> None:
    assert [] == found(lived_in)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (update(changes).where(changes.c.status == "applied").values(intent_at=None), "changes: it is said to be made"),
        (update(changes).where(changes.c.status == "failed").values(status="planned"), "changes: it was announced"),
        (update(changes).where(changes.c.status == "planned").values(status="done"), "changes: nobody knows a status"),
        (update(changes).where(changes.c.status == "planned").values(before="{"), "changes: what is kept cannot be"),
        (update(steps).values(change_id=1).where(steps.c.id == 1), ""),
        (update(ownership).values(until=None), "ownership: its end has a change, and no time"),
        (update(ownership).where(ownership.c.ended_by.is_not(None)).values(ended_by=3), "ownership: it was ended by"),
        (
            update(ownership).where(ownership.c.until.is_(None)).values(change_id=3),
            "ownership: it is owned by a change",
        ),
    ],
)
def test_what_does_not_hold_together_is_found(lived_in: Stores, statement: Any, said: str) -> None:
    spoil(lived_in, statement)

    assert said == "" or any(line.startswith(said) for line in found(lived_in))
    assert (said == "") == (found(lived_in) == [])


def _spoken(store: Stores) -> None:
    """Have said a word of each kind."""
    now = datetime.now(UTC)
    word = GrantWord("eve", "host", now)
    store.grants.ask(GrantRequest("prod", "Op", ("okta", "1"), "bob", timedelta(hours=1), "why", word))
    store.pauses.pause(Paused("", "", False), until=now + timedelta(hours=1), reason="audit", by="eve")
    store.presence.silence(Silence(now + timedelta(hours=1), "eve", "night", "drift"), now=now)
    store.installation.recover(Truth.AS_IT_IS, by="eve")


@pytest.mark.finding("N-622")
@pytest.mark.parametrize(
    ("spoils", "said"),
    [
        ("UPDATE timed_grants SET given_by = NULL", "timed_grants: what was said of it does not go together"),
        ("UPDATE timed_grants SET lasts_s = 0", "timed_grants: its times are in no order"),
        ("UPDATE timed_grants SET person = ''", "timed_grants: it does not say who asked"),
        ("UPDATE pauses SET until = since", "pauses: its end is before it began"),
        ("UPDATE pauses SET ended_at = since", "pauses: it does not say who paused or ended it"),
        ("UPDATE silences SET until = at", "silences: it ends before it began"),
        ("UPDATE recoveries SET truth = 'maybe'", "recoveries: nobody knows a truth of this name"),
        ("UPDATE recoveries SET answers = '['", "recoveries: what is kept cannot be read"),
        ("UPDATE installation SET number = 0", "marks: it counts further than the database does"),
        ("UPDATE ownership SET kind = 'thing'", "ownership: nobody knows a thing of this kind"),
    ],
)
def test_words_that_do_not_hold_together_are_found(lived_in: Stores, spoils: str, said: str) -> None:
    _spoken(lived_in)
    assert [] == found(lived_in)

    lived_in.database.commit(lambda c: c.exec_driver_sql(spoils))

    assert [said] == [line[: len(said)] for line in found(lived_in)]


@pytest.mark.finding("N-622")
@pytest.mark.parametrize(
    ("spoils", "said"),
    [
        ("UPDATE timed_grants SET until = 'tomorrow'", "timed_grants: until is no time"),
        ("UPDATE pauses SET since = '2026-99-99 00:00:00.000000'", "pauses: since is no time"),
        ("UPDATE pauses SET removals_only = 7", "pauses: removals_only is neither true nor false"),
        ("UPDATE ownership SET since = x'00'", "ownership: since is no time"),
        ("UPDATE marks SET word = x'ff'", "marks: word is no text"),
        ("UPDATE marks SET word = CAST(x'ff' AS TEXT)", "marks: word is no text, as its bytes are not UTF-8"),
        ("UPDATE timed_grants SET lasts_s = 'long'", "timed_grants: lasts_s is no number"),
        ("UPDATE snapshots SET body = 'text'", "snapshots: body is no body"),
    ],
)
def test_a_cell_that_is_none_of_its_kind_is_found(tmp_path: Path, spoils: str, said: str) -> None:
    """PostgreSQL takes none of these."""
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        store.readings.save_snapshot(snapshot())
        made(store, created("anna", "Viewer"))
        _spoken(store)
        assert [] == found(store)
        store.database.commit(lambda c: c.exec_driver_sql(spoils))

        assert [said] == found(store)


def test_a_body_that_is_not_what_its_digest_says_is_found(lived_in: Stores) -> None:
    lived_in.database.commit(lambda c: c.exec_driver_sql("UPDATE snapshots SET digest = 'x'"))

    [one] = unsound(lived_in.database)

    assert ("snapshots", 1, ("1",)) == (one.where, one.count, one.places)
    assert "snapshots: what is kept cannot be read, or is not what its digest says (1: 1)" == str(one)


def test_an_older_database_is_told_to_be_upgraded(empty_database_url: str) -> None:
    with closing(Database(empty_database_url)) as database:
        [one] = unsound(database)

    assert one.what.startswith("it is at revision none, and this syncd works with ")
    assert one.what.endswith(": syncd db upgrade")


def test_a_column_that_is_not_there_is_found(lived_in: Stores) -> None:
    lived_in.database.commit(lambda c: c.exec_driver_sql("ALTER TABLE desired RENAME COLUMN digest TO digests"))

    assert ["desired: has no column digest"] == found(lived_in)


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    with closing(Stores.open(f"sqlite:///{path}")) as store:
        for number in range(200):
            made(store, created(f"user{number}", "Viewer"))
    with path.open("r+b") as file:  # pages of an index, so that its rows are not those of the table any more
        root, size = _root_of(path, "ix_changes_name")
        file.seek((root - 1) * size + size // 2)
        file.write(b"\xff" * (size // 2))

    with closing(Database(f"sqlite:///{path}")) as database:
        said = [one.where for one in unsound(database)]

    assert "file" in said


def _root_of(path: Path, index: str) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [index])
        [(size,)] = connection.execute("PRAGMA page_size")
    return root, size


# --- copies -----------------------------------------------------------------------------------------------------------


def test_a_copy_is_made_while_others_write(tmp_path: Path) -> None:
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        made(store, created("anna", "Viewer"))
        going, over = Event(), Event()

        def write() -> None:
            number = 0
            while not over.is_set():
                made(store, created(f"user{number}", "Viewer"))
                number += 1
                going.set()

        writer = Thread(target=write)
        writer.start()
        going.wait(30)
        size = backup(store.database, tmp_path / "copy.db")
        over.set()
        writer.join(30)

    assert size == (tmp_path / "copy.db").stat().st_size
    assert 0o600 == (tmp_path / "copy.db").stat().st_mode & 0o777
    assert {"copy.db", "syncd.db"} == {path.name for path in tmp_path.iterdir()}
    with closing(Stores.open(f"sqlite:///{tmp_path}/copy.db")) as copy:
        assert [] == found(copy)
        assert {"anna", "user0"} <= copy.holdings.owned("prod").users


def test_nothing_that_is_there_is_overwritten(lived_in: Stores, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("mine")

    with pytest.raises(StoreError, match="there is something of this name"):
        backup(lived_in.database, tmp_path / "copy")

    assert "mine" == (tmp_path / "copy").read_text()


def test_where_it_cannot_be_written_nothing_is_left(store: Stores, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it cannot be written: No such file or directory"):
        backup(store.database, tmp_path / "nowhere" / "copy")


@pytest.mark.servers
def test_a_dump_of_postgresql_goes_into_an_empty_database(postgres_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE one")
        connection.execute("CREATE DATABASE two")
    one, two = (postgres_url.replace("/postgres?", f"/{name}?") for name in ("one", "two"))
    with closing(Stores.open(one)) as store:
        made(store, created("anna", "Viewer"))
        backup(store.database, tmp_path / "copy")
    restore = [str(find_binaries() / "pg_restore"), "--exit-on-error", f"--dbname={two}", str(tmp_path / "copy")]
    subprocess.run(restore, check=True)

    with closing(Stores.open(two)) as copy:
        assert ([], {"anna"}) == (found(copy), set(copy.holdings.owned("prod").users))


@pytest.mark.servers
def test_a_dump_that_fails_says_why_and_leaves_nothing(postgres_url: str, tmp_path: Path) -> None:
    nowhere = postgres_url.replace("/postgres?", "/nothing-of-this-name?")
    with closing(Database(nowhere)) as database, pytest.raises(StoreError, match="pg_dump failed: ") as told:
        backup(database, tmp_path / "copy")

    assert 'database "nothing-of-this-name" does not exist' in str(told.value)

    assert [] == list(tmp_path.iterdir())


def test_the_command_is_said_where_there_is_no_pg_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))

    url = "postgresql://syncd:s3cret@db.example.com/syncd"
    with closing(Database(url)) as database, pytest.raises(StoreError, match="is not installed here") as told:
        backup(database, tmp_path / "copy")

    assert "pg_dump --format=custom --file=FILE --dbname=postgresql://syncd@db.example.com/syncd" in str(told.value)
