"""Brings a database to the tables that this program knows: Alembic, driven from here, without an ini file.

Alembic is imported only when there is something to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from syncd.errors import StoreError
from syncd.store.engine import Database
from syncd.store.schema import REVISION, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 7_305_811
"""Any number will do: the advisory lock under which PostgreSQL is upgraded. SQLite needs none: its writers are alone."""


def migrate(url: str, *, to: str = REVISION) -> None:
    """Create or upgrade the tables of a database; `to` stops at an older revision.

    Raises:
        StoreError: the database cannot be used, or a newer syncd has upgraded it.
    """
    database = Database(url)
    try:
        upgrade(database, to=to)
    finally:
        database.close()


def upgrade(database: Database, *, to: str = REVISION) -> None:
    """Do what `migrate` does, on an open database. Processes that start together wait for one another."""
    with database.read() as connection:
        found = _revision(connection, database.place)
    if found < to:
        with database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if _revision(connection, database.place) < to:
                _run(connection, to)


def is_current(database: Database) -> bool:
    """Say whether a database has just the tables that this program knows."""
    return revision(database) == REVISION


def revision(database: Database) -> str:
    """Give the revision of a database; empty for one without our tables.

    Raises:
        StoreError: it is of a newer syncd.
    """
    with database.read() as connection:
        return _revision(connection, database.place)


def _revision(connection: Connection, place: str) -> str:
    """Give the revision of a database; empty for one without our tables."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    found = str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or "")  # noqa: S608
    if found > REVISION:
        raise StoreError(
            f"{place}: it is at revision {found} of a newer syncd, and this one knows {REVISION}: run the newer one, or "
            "restore a copy from before the upgrade"
        )
    return found


def _run(connection: Connection, to: str) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def alembic_config() -> Config:
    """Give the configuration that Alembic's own functions want."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "syncd.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
