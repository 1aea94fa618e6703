"""Boots a real PostgreSQL server for tests from the binaries of this machine: no network port, gone with the context.

PostgreSQL refuses to run as root; then it runs as the user postgres, or nobody. Its socket is reachable for its owner and
root only, so it asks for no password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from waiting import until

START_S = 30


@contextmanager
def boot_postgres() -> Iterator[str]:
    """Give the URL of an empty server whose user may create databases.

    Raises:
        RuntimeError: there is no PostgreSQL on this machine (the message says what to install), or it does not start.
    """
    binaries, run_as = find_binaries(), _run_as()
    with tempfile.TemporaryDirectory(prefix="syncd-pg-") as name:
        folder = Path(name)
        if run_as:
            shutil.chown(folder, run_as["user"], run_as["group"])
        options = ["-A", "trust", "-U", "syncd", "-E", "UTF8", "--no-sync"]
        initdb: list[str | Path] = [binaries / "initdb", "-D", folder / "data", *options]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **run_as)
        with _serving(binaries / "postgres", folder, run_as):
            yield f"postgresql://syncd@/postgres?host={folder}"


def new_database(server_url: str) -> str:
    """Make an empty place on a server and give its URL: a schema, because a database takes a third of a second."""
    name = f"test_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{server_url}&options=-csearch_path%3D{name}"


def find_binaries() -> Path:
    """Find the folder of initdb and postgres: on the PATH, or where Debian and its kin keep them (newest first)."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]), reverse=True)
    if not places:
        raise RuntimeError(
            "these tests need PostgreSQL 13 or newer: apt-get install postgresql, or put initdb on the PATH"
        )
    return places[0].parent


def _run_as() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def _serving(postgres: Path, folder: Path, run_as: dict[str, Any]) -> Iterator[None]:
    command: list[str | Path] = [postgres, "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stderr=log, stdout=log, cwd=folder, **run_as) as server,
    ):
        try:
            _wait(server, f"postgresql://syncd@/postgres?host={folder}", folder / "log")
            yield
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            server.wait(START_S)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    with suppress(AssertionError):
        until("PostgreSQL answers", lambda: server.poll() is not None or answers(url), within_s=START_S)
    if not answers(url):
        raise RuntimeError(f"PostgreSQL does not start: {log.read_text('utf-8')[-500:]}")


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
