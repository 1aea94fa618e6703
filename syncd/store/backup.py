"""Makes a copy of the database while others work with it: SQLite by its own backup, PostgreSQL by pg_dump.

A copy that is only half there is never under the name that was asked for.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from syncd.errors import StoreError
from syncd.http.secrets import blotted
from syncd.store.engine import Database

DUMP_S: Final = 6 * 3600
"""After so long a dump that does not end is given up: a large journal takes minutes."""


def backup(database: Database, file: Path) -> int:
    """Write a copy for its owner alone; gives its size in bytes.

    Raises:
        StoreError: there is a file of that name, it cannot be written, or the copy is not sound.
    """
    if os.path.lexists(file):
        raise StoreError(f"{file}: there is something of this name: name a file that is not there yet")
    part = file.with_name(f".syncd.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _copy(database, part)
        _to_disk(part)
        part.replace(file)
        return file.stat().st_size
    except OSError as error:
        raise StoreError(f"{file}: it cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _copy(database: Database, part: Path) -> None:
    if database.is_sqlite:
        with database.raw() as connection, closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
            _be_one_file(copy, part)
    else:
        _dump(database.url, part)


def _be_one_file(copy: sqlite3.Connection, part: Path) -> None:
    """Leave no write-ahead log beside the copy, and look whether it is sound."""
    copy.execute("PRAGMA journal_mode=DELETE").fetchall()
    found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        raise StoreError(f"{part}: the copy is damaged, and so is the database: {'; '.join(found)[:300]}")


def _dump(url: URL, part: Path) -> None:
    command = ["pg_dump", "--format=custom", f"--file={part}", f"--dbname={_for_libpq(url)}"]
    if not (program := shutil.which("pg_dump")):
        raise StoreError(
            f"pg_dump is not installed here: install the client programs of PostgreSQL, or run where they are: "
            f"{shlex.join([*command[:2], '--file=FILE', command[3]])}"
        )
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    try:
        subprocess.run([program, *command[1:]], check=True, capture_output=True, env=environment, timeout=DUMP_S)  # noqa: S603 - no shell
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"pg_dump did not end within {DUMP_S // 3600} hours") from error
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode("utf-8", "replace").split())
        raise StoreError(f"pg_dump failed: {blotted(said)[:300]}") from None


def _for_libpq(url: URL) -> str:
    """Write the address as PostgreSQL's own programs read it; the password goes another way, as everybody sees arguments."""
    return url._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _to_disk(file: Path) -> None:
    opened = os.open(file, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
