"""Databases below an Airflow that are no files: servers without a network port, booted for a row and gone with it."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from postgres_server import boot_postgres
from waiting import until

Kind = Literal["sqlite", "postgresql", "mariadb"]
START_S = 60.0


@contextmanager
def boot(kind: Kind, generation: int) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the URL of an empty database, empty for SQLite, and the settings that Airflow needs for it."""
    match kind:
        case "sqlite":
            yield "", {}
        case "postgresql":
            with boot_postgres() as url:
                folder = parse_qs(urlsplit(url).query)["host"][0]
                yield _postgres(folder, "psycopg2"), _asynchronous(folder) if generation == 3 else {}
        case "mariadb":
            with boot_mariadb() as socket:
                yield f"mysql+pymysql://root@localhost/airflow?unix_socket={socket}&charset=utf8mb4", {}


def _postgres(folder: str, driver: str) -> str:
    return f"postgresql+{driver}://syncd@/postgres?host={folder}"


def _asynchronous(folder: str) -> Mapping[str, str]:
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": _postgres(folder, "asyncpg")}


@contextmanager
def boot_mariadb() -> Iterator[Path]:
    """Give the socket of a MariaDB with a database `airflow`, whose collation ignores case and accents.

    Raises:
        RuntimeError: there is no MariaDB on this machine.
    """
    install, serve = _found("mariadb-install-db"), _found("mariadbd")
    with tempfile.TemporaryDirectory(prefix="syncd-mariadb-") as made:
        folder = Path(made)
        data, socket, me = folder / "data", folder / "socket", f"--user={getpass.getuser()}"
        init = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", me]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL)
        first = folder / "first.sql"
        first.write_text("CREATE DATABASE airflow CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;\n")
        command = [serve, "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--init-file={first}", me]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([*command, "--skip-networking"], stdout=log, stderr=log)
            try:
                until("MariaDB answers", socket.exists, within_s=START_S, told=(folder / "log").read_text)
                yield socket
            finally:
                server.terminate()
                server.wait(START_S)


def _found(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError(f"this row needs {program}: apt-get install mariadb-server")
    return found
