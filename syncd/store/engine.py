"""The connection to the database: SQLite in a file or PostgreSQL, transactions, and errors as sentences.

SQLite runs in WAL mode and syncs every commit: what the journal says was written down is on the disk. Writers begin with
BEGIN IMMEDIATE, so that two of them queue up instead of failing half-way.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from syncd.errors import StoreError, SyncdError
from syncd.store.chain import chained
from syncd.store.commits import Deferred, GroupCommit
from syncd.store.prepared import Prepared

LARGE = 500
"""How many rows make a write large: it is committed by itself, and what others write does not wait for it."""

WAIT_S = 30
"""How long a writer waits for another one. Each of our transactions takes milliseconds; the largest about a second."""

_POOL = {"pool_size": 16, "max_overflow": 32}
"""As many connections as the daemon has workers stay open; some more serve its other threads."""

_NOTICE_SILENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A PostgreSQL host that vanishes without a word is noticed within half a minute (libpq's words; the last is in ms):
everybody who wants to write waits behind whoever writes now."""

NO_TEXT = "Could not decode to UTF-8"
"""What SQLite's driver says of a text that is none."""

Clock = Callable[[], datetime]
T = TypeVar("T")

_THEN = "a daemon then goes on by itself, a command is run again"
_ADVICE = {
    "database or disk is full": f"the disk is full: free some space; {_THEN}",
    "disk i/o error": f"the disk refuses to write (full, over a quota, or broken): see to it; {_THEN}",
    "no space left": f"the disk is full: free some space; {_THEN}",
    "readonly database": "it cannot be written: let the user that runs syncd own the file and its directory",
    "unable to open": "it cannot be opened: let the user that runs syncd own the file and its directory",
    "permission denied": "it cannot be opened: let the user that runs syncd own the file and its directory",
    "database is locked": "another process keeps it locked: see who has the file open",
    "lock timeout": "another session keeps a row locked: see pg_stat_activity",
    "not a database": "the file is not a database: give the path of another one, or restore a copy",
    "malformed": "the file is damaged: restore a copy (without one, start anew: nothing that exists will be removed)",
    "password authentication failed": "the user or the password in its URL is wrong",
    "does not exist": "it has to be made first: CREATE DATABASE, for a user that may create tables in it",
    "refused": "no server answers there: start it, or correct the URL",
}


class Database:
    """One database and the ways to use it: `read()` and `write()`, each one transaction, and `commit()`, a part of one.

    Raises:
        StoreError: by every method, in place of what the libraries raise.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._url = _parse(url)
        self._clock = clock
        self.place = _place(self._url)
        with self._in_sentences():
            self._engine = _engine(self._url)
        self._closed = False
        event.listen(self._engine, "checkin", self._came_back)
        self._file = self._identity()
        self._writer = self._engine.execution_options(syncd_begin="BEGIN IMMEDIATE")
        self._one_writer = Lock() if self.is_sqlite else nullcontext()
        self._group = GroupCommit(self.write)
        self._was_said = False
        self.after_words: Callable[[], object] = _nothing
        """Called after a commit that had a word of a person in it, outside of any transaction."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._in_sentences():
            self._check_file()
            with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def still(self, *, any_text: bool = False) -> Iterator[Connection]:
        """Read several tables, row by row, as all of them are at one moment; with `any_text` also text of SQLite that is none."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}  # SQLite's transactions are so anyway
        with self._in_sentences():
            self._check_file()
            options = self._engine.execution_options(yield_per=1_000, **level)
            with options.begin() as connection, _any_text(connection, any_text and self.is_sqlite):
                yield connection

    def rows(self, asked: Prepared, **given: object) -> list[tuple[Any, ...]]:
        """Ask one question in a transaction of its own."""
        with self.read() as connection:
            return asked.rows(connection, **given)

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write in a transaction of its own, which ends with the records that were appended to the chain in it.

        SQLite has one writer: threads queue here, since it only polls.
        """
        with self._one_writer, self._in_sentences():
            self._check_file()
            with self._writer.begin() as connection, chained(connection) as taken:
                yield connection
            self._was_said |= taken.word_at is not None

    def commit(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Do something in a transaction that it shares with what other threads do, if it is not large; see `commits`."""
        if not alone:
            came = self._group.run(work)
        else:
            with self.write() as connection:
                came = work(connection)
        if self._was_said:
            self._was_said = False
            with suppress(StoreError):  # it is committed, though nothing could be remembered of it
                self.after_words()
        return came

    def commit_later(self, work: Callable[[Connection], object]) -> Deferred:
        """Do something in the transaction of whoever commits next, ahead of it; see `commits`."""
        return self._group.later(work)

    @property
    def url(self) -> URL:
        """Where it is, with the password: never log or print it."""
        return self._url

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """Give a connection of SQLite's own, for what only that can do."""
        with self._in_sentences(), closing(self._engine.raw_connection()) as connection:
            self._check_file()
            driver = connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)  # asked for where `is_sqlite`
            yield driver

    def tidy(self) -> None:
        """Let SQLite do its housekeeping; PostgreSQL does its own. It waits for nobody and holds nobody up for long."""
        if not self.is_sqlite:
            return
        with self._in_sentences(), closing(self._engine.raw_connection()) as connection:
            for pragma in ("analysis_limit=400", "optimize", "wal_checkpoint(PASSIVE)"):
                connection.cursor().execute(f"PRAGMA {pragma}").fetchall()

    def now(self, connection: Connection) -> datetime:
        """Tell the time: PostgreSQL's own, because several hosts meet there and their clocks differ."""
        if self._clock is not None:
            return self._clock()
        if connection.dialect.name == "postgresql":
            clock: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return clock.astimezone(UTC)
        return datetime.now(UTC)

    def close(self) -> None:
        """Close what rests now, and what other threads still use when they give it back."""
        self._closed = True
        self._engine.dispose()

    def _came_back(self, _connection: object, record: ConnectionPoolEntry) -> None:
        if self._closed:
            record.close()

    def _identity(self) -> tuple[int, int] | None:
        """Tell SQLite's file from every other one; None where there is none."""
        if not self.is_sqlite:
            return None
        try:
            found = os.stat(str(self._url.database))
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _check_file(self) -> None:
        """Refuse to go on with a file that was deleted or replaced: what is written there is lost at the next start."""
        if self._file is not None and self._identity() != self._file:
            raise StoreError(
                f"{self.place}: the file was deleted or replaced while syncd runs: put it back, or restart syncd to use "
                "what is there now"
            )

    @contextmanager
    def _in_sentences(self) -> Iterator[None]:
        try:
            yield
        except SyncdError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, ModuleNotFoundError) as error:
            raise StoreError(f"{self.place}: {_explain(error)}") from error
        except (ValueError, TypeError) as error:  # what SQLAlchemy raises of a time of SQLite is no error of its own
            if "isoformat" not in str(error):
                raise
            raise StoreError(f"{self.place}: a time in it is none, so it was edited or is damaged: {error}") from error


@contextmanager
def _any_text(connection: Connection, is_wanted: bool) -> Iterator[None]:
    """Read text whose bytes are not UTF-8 as what no text of ours can be."""
    if not is_wanted:
        yield
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


def _nothing() -> None:
    """Remember nothing."""


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that can say ON CONFLICT, which both databases spell the same and SQLAlchemy's core does not."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Do what `insert` does, before there is a connection."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            "database: the URL cannot be read; write sqlite:///syncd.db or postgresql://host/name"
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise StoreError(f"database: {parsed.drivername} is not supported; write sqlite:///… or postgresql://…")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("database: SQLite needs a file here, for example sqlite:////var/lib/syncd/syncd.db")
    return parsed


def _place(url: URL) -> str:
    """Name a database without its user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"database {url.database}"
    return f"database {url.database} on {url.host or 'this host'}" + (f":{url.port}" if url.port else "")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        _create_private(Path(str(url.database)))
        engine = create_engine(url, **_POOL, connect_args=_unless_given(url, {"timeout": WAIT_S}))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments = _unless_given(url, {"application_name": "syncd"} | _NOTICE_SILENCE)
    engine = create_engine(url, **_POOL, pool_pre_ping=True, connect_args=arguments)
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _unless_given(url: URL, arguments: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the URL says itself, as in `sqlite:///syncd.db?timeout=5`."""
    return {name: value for name, value in arguments.items() if name not in url.query}


def _create_private(path: Path) -> None:
    """Create the file for its owner only; SQLite gives its side files the same mode.

    An existing file is not even opened: closing it would drop the locks that this process has on it. A link that leads
    nowhere yet is followed: SQLite would make the file behind it, for everybody to read.
    """
    path = Path(os.path.realpath(path))
    if not path.exists():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return  # another process was faster
        except FileNotFoundError as error:
            raise StoreError(f"database {path}: the directory {path.parent} does not exist: create it") from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("syncd_begin", "BEGIN")
    # Through SQLAlchemy it costs as much as a statement that does something.
    connection.connection.cursor().execute(begin)


def _prepare_postgres(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{WAIT_S}s'")
    connection.commit()


def _explain(error: Exception) -> str:
    """Say what the matter is and what to do; never SQL and never its parameters."""
    if isinstance(error, ModuleNotFoundError):
        return f"PostgreSQL needs one more package: pip install 'syncd[postgres]' ({error})"
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    for words, advice in _ADVICE.items():
        if words in text.lower():
            return f"{advice} ({text[:200]})"
    return text[:300]
