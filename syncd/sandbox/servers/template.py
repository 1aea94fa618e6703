"""A database with an administrator and every DAG parsed: made once for each set of DAG files, and copied."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

from syncd.sandbox.servers.install import HOME, alone, install
from syncd.sandbox.servers.process import Shell, environment
from syncd.sandbox.servers.release import Release, release_of

USERNAME = PASSWORD = "admin"  # noqa: S105  of servers that nobody else can reach
_ADMIN = {"role": "Admin", "username": USERNAME, "password": PASSWORD, "email": "admin@example.com"}
_NAMES = {"firstname": "Ada", "lastname": "Admin"}
PREPARE = (
    ["db", "migrate"],
    # makes the built-in roles: the user needs one, and a DAG may name one in its access_control
    ["sync-perm"],
    ["users", "create", *(f"--{option}={value}" for option, value in (_ADMIN | _NAMES).items())],
    # again: Airflow 2 gives Admin the rights on users and roles only when its views were registered before
    ["sync-perm"],
    ["dags", "reserialize"],
)


def template(version: str | Release, dags: Path, *, home: Path = HOME) -> Path:
    """Prepare a database in which every DAG file of a folder was parsed, once; gives the SQLite file.

    It is kept under a name that hashes the DAG files, the release and its packages.
    """
    release = release_of(version)
    venv = install(release, home)
    ready = home / f"template-{release.name}-{_hash(release.made_from, *sorted(dags.rglob('*.py')))}.db"
    with alone(home, ready.stem):
        if not ready.exists():
            with tempfile.TemporaryDirectory(prefix="syncd-airflow-") as made:
                _prepare(release.version, venv, folder=Path(made), dags=dags)
                copy_database(Path(made) / "airflow.db", ready.with_suffix(".part"))
            ready.with_suffix(".part").replace(ready)
    return ready


def _prepare(version: str, venv: Path, *, folder: Path, dags: Path) -> None:
    shutil.copytree(dags, folder / "dags")
    shell = Shell(venv, env=environment(version, folder), log=folder / "airflow.log")
    try:
        shell.run(*PREPARE)
    finally:
        shell.stop()


def _hash(made_from: bytes, *files: Path) -> str:
    hashed = hashlib.sha256(json.dumps(PREPARE).encode() + made_from)
    for file in files:
        hashed.update(file.name.encode() + b"\0" + file.read_bytes())
    return hashed.hexdigest()[:12]


def copy_database(source: Path, destination: Path) -> None:
    """Copy by SQLite's own means: part of a database may still be in its write-ahead log."""
    destination.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(destination)) as new:
        old.backup(new)
