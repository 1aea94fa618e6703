"""The database as a thing on a disk or behind a network: private, durable, and clear about what is wrong with it."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from journal_rows import all_runs
from sqlalchemy import event
from store_samples import NOW, created, opened, planned

from syncd.errors import StoreError
from syncd.model import EVERYTHING, Outcome, Status
from syncd.store import Stores
from syncd.store.engine import Database


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}/syncd.db"


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_files_are_for_their_owner_only(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with closing(Stores.open(sqlite(tmp_path))) as store:
            store.ledger.start_run("plan", scope=EVERYTHING, now=NOW)
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"syncd.db": 0o600, "syncd.db-wal": 0o600, "syncd.db-shm": 0o600} == modes


@pytest.mark.finding("A-F14")
def test_a_file_behind_a_link_is_for_its_owner_only_too(tmp_path: Path) -> None:
    (tmp_path / "syncd.db").symlink_to(tmp_path / "real.db")
    before = os.umask(0)
    try:
        with closing(Stores.open(sqlite(tmp_path))) as store:
            store.ledger.start_run("plan", scope=EVERYTHING, now=NOW)
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir() if not p.is_symlink()}
    finally:
        os.umask(before)
    assert {"real.db", "real.db-wal", "real.db-shm"} == modes.keys()
    assert {0o600} == set(modes.values())


@pytest.mark.finding("A-F14")
def test_a_link_into_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "syncd.db").symlink_to(tmp_path / "gone" / "real.db")
    with pytest.raises(StoreError, match="gone does not exist: create it"):
        Stores.open(sqlite(tmp_path))


def test_every_connection_is_durable_and_checks_references(tmp_path: Path) -> None:
    with closing(Database(sqlite(tmp_path))) as database, database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000} == found


def test_threads_that_write_at_once_lose_nothing(store: Stores) -> None:
    changes = [created(f"user{n}", "Viewer") for n in range(24)]
    plan = planned(store, *changes)

    def make(number: int) -> None:
        change = changes[number]
        opened(store, plan, change).conclude(Outcome(change, Status.APPLIED), now=NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(len(changes))))
    assert {"applied"} == {row.status for row in store.queries.audit()}
    assert {f"user{n}" for n in range(24)} == store.holdings.owned("prod").users


def test_a_connection_that_comes_back_after_the_end_is_closed(database_url: str) -> None:
    closed: list[object] = []
    database = Database(database_url)
    event.listen(database._engine, "close", lambda connection, _record: closed.append(connection))
    with database.read() as reading:
        mine = reading.connection.dbapi_connection
        database.close()
        assert mine not in closed, "a thread still reads with it"
    assert mine in closed
    with database.read() as reading:
        late = reading.connection.dbapi_connection
    assert late in closed, "so is one that is opened later"


# --- what is wrong with it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("syncd.db", "the URL cannot be read; write sqlite:///syncd.db"),
        ("mysql://user:hunter2@host/db", "mysql is not supported"),
        ("sqlite://", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("sqlite:////nowhere/at/all/syncd.db", "the directory /nowhere/at/all does not exist: create it"),
        ("sqlite:////proc/syncd.db", "database /proc/syncd.db: "),
        ("postgresql://ann:hunter2@127.0.0.1:1/prod", "database prod on 127.0.0.1:1: no server answers there"),
        ("postgres://ann@127.0.0.1:1/prod?password=hunter2", "database prod on 127.0.0.1:1: no server answers there"),
    ],
)
def test_a_database_that_cannot_be_opened(url: str, words: str) -> None:
    with pytest.raises(StoreError) as caught:
        Stores.open(url)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "syncd.db").write_text("deployments: []\n" * 1000)
    with pytest.raises(StoreError, match=f"{tmp_path}/syncd.db: the file is not a database: give the path of another"):
        Stores.open(sqlite(tmp_path))


def test_a_full_database_says_so_and_works_again_when_there_is_room(tmp_path: Path) -> None:
    with closing(Stores.open(sqlite(tmp_path))) as store:
        with store.database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full: free some space"):
            planned(store, *(created(f"user{n}" * 50, "Viewer") for n in range(500)))
        assert [] == [run for run in all_runs(store) if run.id > 1]
        with store.database.read() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        planned(store, *(created(f"user{n}" * 50, "Viewer") for n in range(500)))
        assert 500 == len(store.queries.audit(status="planned", limit=1000))


def test_a_file_that_cannot_grow_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    story = """
import sys
sys.path.insert(0, sys.argv[2])
from sqlalchemy import event
from store_samples import NOW, created, made
from syncd.errors import StoreError
from syncd.store import Stores
store, number = Stores.open(sys.argv[1]), 0
try:
    while True:
        made(store, created(f"user{number}" * 100, "Viewer"))
        number += 1
except StoreError as error:
    print(number)
    print(error)
"""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    command = [sys.executable, "-c", story, sqlite(tmp_path), str(Path(__file__).parents[1])]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=limit)
    number, sentence = ended.stdout.splitlines()
    assert "the disk" in sentence
    assert "a daemon then goes on by itself" in sentence
    with closing(Stores.open(sqlite(tmp_path))) as store:
        done = store.queries.audit(status="applied", limit=10_000)
        assert int(number) <= len(done) <= int(number) + 1
        assert {row.change.name.casefold() for row in done} <= store.holdings.owned("prod").users


def test_a_database_that_somebody_keeps_locked(tmp_path: Path) -> None:
    with (
        closing(Stores.open(sqlite(tmp_path) + "?timeout=0.05")) as store,
        closing(Database(sqlite(tmp_path))) as other,
        other.write(),
        pytest.raises(StoreError, match=r"syncd\.db: another process keeps it locked: see who has the file open"),
    ):
        store.ledger.start_run("plan", scope=EVERYTHING, now=NOW)


def test_postgresql_without_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'syncd\[postgres\]'"):
        Stores.open("postgresql://host/prod")


@contextmanager
def somebody_else() -> Iterator[None]:
    """Run as a user without rights where the tests run as root, who may write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o444), (0o777, 0o444), (0o777, 0o000), (0o000, 0o666)])
def test_a_file_that_may_not_be_written_or_read(folder_mode: int, file_mode: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        Stores.open(sqlite(folder)).close()
        (folder / "syncd.db").chmod(file_mode)
        folder.chmod(folder_mode)
        with somebody_else(), pytest.raises(StoreError, match="let the user that runs syncd own the file") as caught:
            _write_once(sqlite(folder))
        folder.chmod(0o700)
    assert str(caught.value).startswith(f"database {folder}/syncd.db: it cannot be ")


def test_a_folder_where_no_file_can_be_made() -> None:
    with TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with somebody_else(), pytest.raises(StoreError, match="it cannot be opened: let the user"):
            Stores.open(sqlite(Path(name)))


def _write_once(url: str) -> None:
    with closing(Stores.open(url)) as store:
        store.ledger.start_run("plan", scope=EVERYTHING, now=NOW)


def test_a_file_that_is_deleted_or_replaced_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    with closing(Stores.open(f"sqlite:///{path}")) as store:
        path.rename(tmp_path / "aside")
        with pytest.raises(StoreError, match="deleted or replaced"):
            store.presence.leave("a")
        (tmp_path / "copy").write_bytes((tmp_path / "aside").read_bytes())
        (tmp_path / "copy").rename(path)
        with pytest.raises(StoreError, match="restart syncd"):
            all_runs(store)
        (tmp_path / "aside").rename(path)
        assert [] == all_runs(store), "it was put back"
