"""Real Airflow servers on this machine: installed by hash, prepared once, booted in seconds, gone with their starter.

What takes long is done once and kept under a home directory (`.servers` beside the package): the installation, and for
each set of DAG files a migrated database with an administrator and every DAG parsed, the template. A server works on
copies of both, so any number can run at once and none can spoil another. Nothing here is reachable from outside this
machine, and nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from syncd.errors import SyncdError

_ROOT = Path(__file__).parents[2]
HOME = _ROOT / ".servers"
PYTHONS: Mapping[str, tuple[int, int]] = {"2.11.2": (3, 12), "3.3.2": (3, 14)}
"""The releases that can be booted, each with the newest Python it runs on."""

USERNAME = PASSWORD = "admin"  # noqa: S105  of servers that nobody else can reach
_START_S = 240.0
_COMMANDS_S = 600.0


class ServerFailed(SyncdError):
    """A real Airflow could not be installed, prepared or started; carries the end of its log."""


# --- DAG files --------------------------------------------------------------------------------------------------------

_DAG_FILE = '''\
"""Airflow DAGs that do nothing: made to be listed, granted and triggered."""

from datetime import datetime

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:
    from airflow import DAG
    from airflow.models import BaseOperator

for dag_id in {ids!r}:
    with DAG(
        dag_id, schedule=None, start_date=datetime(2024, 1, 1), tags={tags!r},
        default_args={{"owner": {owner!r}}}, access_control={access_control!r},
    ) as dag:
        BaseOperator(task_id="only")
    globals()[dag_id] = dag
'''


def write_dags(
    folder: Path,
    *ids: str,
    tags: Sequence[str] = (),
    owner: str = "airflow",
    access_control: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write one file, named for its first DAG, that defines DAGs of these ids; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    access = None if access_control is None else {role: set(actions) for role, actions in access_control.items()}
    file = folder / f"{ids[0]}.py"
    file.write_text(_DAG_FILE.format(ids=list(ids), tags=list(tags), owner=owner, access_control=access))
    return file


def write_sample_dags(folder: Path, *, bulk: int = 0) -> None:
    """Write the DAGs of tests and demo: finance, platform, one with dots in its id, and `bulk` more (`bulk_000` ...)."""
    write_dags(folder, "fin_daily", tags=["finance", "daily"], owner="fin-team")
    write_dags(folder, "fin_monthly", tags=["finance"], owner="fin-team")
    write_dags(folder, "plat_cleanup", tags=["infra"], owner="platform")
    write_dags(folder, "plat.dotted-name_1", tags=["infra"], owner="platform")
    if bulk:
        write_dags(folder, *(f"bulk_{n:03}" for n in range(bulk)), tags=["bulk"], owner="bulk")


# --- installing -------------------------------------------------------------------------------------------------------


def install(version: str, home: Path = HOME) -> Path:
    """Install a release into a virtual environment of its own, once; gives its directory.

    The stamp is written last, so an installation that was cut off is made anew. Several processes may ask at once.

    Raises:
        ServerFailed: no fitting Python, or the installer failed.
    """
    wanted = _requirements(version).read_bytes()
    venv = home / f"airflow-{version}"
    with _alone(home, venv.name):
        stamp = venv / "installed"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            shutil.rmtree(venv, ignore_errors=True)
            _build(venv, python=_python(version), requirements=_requirements(version))
            stamp.write_bytes(wanted)
    return venv


def _requirements(version: str) -> Path:
    file = _ROOT / "requirements" / f"airflow-{version}.txt"
    if version not in PYTHONS or not file.exists():
        known = ", ".join(PYTHONS)
        raise ServerFailed(f"Airflow {version} cannot be booted here; known: {known}, each from {file.parent}")
    return file


def _python(version: str) -> str:
    """Find an interpreter that the release runs on: this one, else an older one of the search path."""
    newest = PYTHONS[version]
    if sys.version_info[:2] <= newest:
        return sys.executable
    names = [f"python3.{minor}" for minor in range(newest[1], 10, -1)]
    for found in filter(None, map(shutil.which, names)):
        if subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return found
    raise ServerFailed(f"Airflow {version} runs on Python 3.11 to {newest[0]}.{newest[1]}; install one of them")


def _build(venv: Path, *, python: str, requirements: Path) -> None:
    """Create the environment with the uv beside this interpreter, or with venv and pip where there is none."""
    uv, inside = Path(sys.executable).with_name("uv"), str(venv / "bin" / "python")
    if uv.exists():
        commands = [
            [str(uv), "venv", "-q", "--python", python, str(venv)],
            [str(uv), "pip", "install", "-q", "--python", inside, "--require-hashes", "-r", str(requirements)],
        ]
    else:
        pip = [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        commands = [[python, "-m", "venv", str(venv)], [*pip, "--require-hashes", "-r", str(requirements)]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own words
        if done.returncode:
            raise ServerFailed(f"{' '.join(command)}\n{done.stderr[-4000:]}")


@contextlib.contextmanager
def _alone(home: Path, name: str) -> Iterator[None]:
    """Keep other processes out; the kernel lets go of the lock however this one ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- running Airflow's own code ---------------------------------------------------------------------------------------

_END_WITH_STARTER = """
import os, signal, threading
def watch(pipe):
    while os.read(pipe, 1): pass
    os.killpg(0, signal.SIGKILL)
"""
"""Standard input is a pipe that nobody writes to: it closes when the starter ends, even when that is killed."""

_SERVE_2 = """
import sys
threading.Thread(target=watch, args=(0,), daemon=True).start()
from gunicorn.app.wsgiapp import run
sys.argv[1:] = ["-w", "1", "-k", "sync", "-t", "600", "-b", f"fd://{sys.argv[1]}", "--no-control-socket",
                "airflow.www.app:cached_app()"]
run()
"""

_SERVE_3 = """
import socket, sys
threading.Thread(target=watch, args=(0,), daemon=True).start()
import uvicorn
listener = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config("airflow.api_fastapi.main:app", log_level="warning")).run(sockets=[listener])
"""

_SHELL = """
import json, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from airflow.cli.cli_parser import get_parser
parser = get_parser()
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            for command in json.loads(line):
                args = parser.parse_args(command)
                args.func(args)
        except SystemExit as ended:
            if ended.code: raise
        sys.stdout.flush()
        os._exit(0)
    print(os.waitpid(child, 0)[1], file=answers, flush=True)
os.killpg(0, signal.SIGKILL)
"""
"""Importing Airflow takes most of the time of each of its commands: import once, then fork for every list of commands."""


def environment(version: str, folder: Path, *, url: str = "http://127.0.0.1:8080") -> dict[str, str]:
    """Give the settings of an Airflow whose database, logs and DAGs (`dags`) are in this folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    common = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__FAB__UPDATE_FAB_PERMS": "False",  # the template has them; saves 3 s of each start
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
    }
    return kept | common | (_settings_2(url) if version.startswith("2.") else _settings_3(url))


def _settings_2(url: str) -> dict[str, str]:
    return {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
        "AIRFLOW__WEBSERVER__BASE_URL": url,
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(),
    }


def _settings_3(url: str) -> dict[str, str]:
    return {
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
    }


class Process:
    """A program of an installed Airflow, in a process group of its own that ends when this process does."""

    def __init__(
        self, venv: Path, script: str, *arguments: str, env: Mapping[str, str], log: Path, inherit: Sequence[int] = ()
    ) -> None:
        self.log = log
        with log.open("a") as output:
            self.popen = subprocess.Popen(  # noqa: S603
                [venv / "bin" / "python", "-c", _END_WITH_STARTER + script, *arguments],
                env=dict(env), cwd=log.parent, start_new_session=True, pass_fds=inherit,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE if script is _SHELL else output, stderr=output,
            )  # fmt: skip

    def failed(self, what: str) -> ServerFailed:
        end = self.log.read_text(errors="replace")[-4000:]
        return ServerFailed(f"{what}; its log ends:\n{textwrap.indent(end, '  ')}")

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        for pipe in filter(None, (self.popen.stdin, self.popen.stdout)):
            pipe.close()


class Shell(Process):
    """Airflow's command line, imported once; every list of commands runs in a fresh fork."""

    def __init__(self, venv: Path, *, env: Mapping[str, str], log: Path) -> None:
        super().__init__(venv, _SHELL, env=env, log=log)

    def run(self, *commands: Sequence[str]) -> None:
        """Run commands such as `["dags", "reserialize"]` one after the other."""
        stdin, stdout = self.popen.stdin, self.popen.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(commands).encode() + b"\n")
            stdin.flush()
        ready = select.select([stdout], [], [], _COMMANDS_S)[0]
        if not ready or stdout.readline() != b"0\n":
            raise self.failed(f"airflow {' && airflow '.join(' '.join(words) for words in commands)} failed")


# --- the template -----------------------------------------------------------------------------------------------------

_ADMIN = {"role": "Admin", "username": USERNAME, "password": PASSWORD, "email": "admin@example.com"}
_NAMES = {"firstname": "Ada", "lastname": "Admin"}
_PREPARE = (
    ["db", "migrate"],
    # makes the built-in roles: the user needs one, and a DAG may name one in its access_control
    ["sync-perm"],
    ["users", "create", *(f"--{option}={value}" for option, value in (_ADMIN | _NAMES).items())],
    # again: Airflow 2 gives Admin the rights on users and roles only when its views were registered before
    ["sync-perm"],
    ["dags", "reserialize"],
)


def template(version: str, dags: Path, *, home: Path = HOME) -> Path:
    """Prepare a database in which every DAG file of a folder was parsed, once; gives the SQLite file.

    It is kept under a name that hashes the DAG files, the release and its requirements.
    """
    venv = install(version, home)
    ready = home / f"template-{version}-{_hash(_requirements(version), *sorted(dags.rglob('*.py')))}.db"
    with _alone(home, ready.stem):
        if not ready.exists():
            with tempfile.TemporaryDirectory(prefix="syncd-airflow-") as made:
                _prepare(version, venv, folder=Path(made), dags=dags)
                _copy_database(Path(made) / "airflow.db", ready.with_suffix(".part"))
            ready.with_suffix(".part").replace(ready)
    return ready


def _prepare(version: str, venv: Path, *, folder: Path, dags: Path) -> None:
    shutil.copytree(dags, folder / "dags")
    shell = Shell(venv, env=environment(version, folder), log=folder / "airflow.log")
    try:
        shell.run(*_PREPARE)
    finally:
        shell.stop()


def _hash(*files: Path) -> str:
    hashed = hashlib.sha256(json.dumps(_PREPARE).encode())
    for file in files:
        hashed.update(file.name.encode() + b"\0" + file.read_bytes())
    return hashed.hexdigest()[:12]


def _copy_database(source: Path, destination: Path) -> None:
    """Copy by SQLite's own means: part of a database may still be in its write-ahead log."""
    destination.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(destination)) as new:
        old.backup(new)


# --- the server -------------------------------------------------------------------------------------------------------


class RealAirflow:
    """A real Airflow server on a free loopback port, with an administrator and its own copy of some DAG files.

    Airflow 2 takes basic authentication and the session that comes with it, Airflow 3 tokens. No scheduler runs: a
    triggered DAG stays queued. `settings` are further environment variables (`AIRFLOW__FAB__CACHE_TTL`); `path` is the
    path under which it serves (`/team-a`).
    """

    username = USERNAME
    password = PASSWORD

    def __init__(
        self,
        version: str,
        *,
        dags: Path | None = None,
        settings: Mapping[str, str] | None = None,
        path: str = "",
        home: Path = HOME,
    ) -> None:
        self.version, self.home = version, home
        self.generation = int(version.split(".")[0])
        self._dags, self._settings, self._path = dags, dict(settings or {}), path

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Install and prepare what is missing, start, and wait for the first answer.

        Raises:
            ServerFailed: with the end of the log.
        """
        with contextlib.ExitStack() as undo:
            made = tempfile.TemporaryDirectory(prefix="syncd-airflow-", ignore_cleanup_errors=True)
            folder = Path(undo.enter_context(made))
            self.dags_folder, self.log, self.database = folder / "dags", folder / "airflow.log", folder / "airflow.db"
            self._copy_dags()
            self._venv = install(self.version, self.home)
            _copy_database(template(self.version, self.dags_folder, home=self.home), self.database)
            self._shell: Shell | None = None
            undo.callback(self._stop_shell)
            self._serve(folder)
            undo.callback(self._server.stop)
            self._wait()
            self._undo = undo.pop_all()
        return self

    def _stop_shell(self) -> None:
        if self._shell is not None:
            self._shell.stop()

    def _copy_dags(self) -> None:
        if self._dags is None:
            write_sample_dags(self.dags_folder)
        else:
            shutil.copytree(self._dags, self.dags_folder)

    def _serve(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}{self._path}"
            self._env = environment(self.version, folder, url=self.url) | self._settings
            script, fd = _SERVE_2 if self.generation == 2 else _SERVE_3, listener.fileno()
            self._server = Process(self._venv, script, str(fd), env=self._env, log=self.log, inherit=(fd,))

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        probe = self.url + ("/api/v1/health" if self.generation == 2 else "/api/v2/version")
        while time.monotonic() < deadline and self._server.popen.poll() is None:
            # nothing else listens on this port, so the call waits in the queue until the server takes it
            with contextlib.suppress(OSError), urllib.request.urlopen(probe, timeout=_START_S):  # noqa: S310  loopback
                return
            time.sleep(0.2)
        raise self._server.failed(f"Airflow {self.version} did not start")

    def run(self, *commands: Sequence[str]) -> None:
        """Run commands of Airflow's own command line against this server's database, as `run(["sync-perm"])`."""
        if self._shell is None:
            self._shell = Shell(self._venv, env=self._env, log=self.log)
        self._shell.run(*commands)

    def reserialize(self) -> None:
        """Parse every DAG file again, with all that a parse does: new resources, access_control, import errors.

        Airflow 3 also marks the DAGs of removed files as stale; on Airflow 2 only a scheduler does.
        """
        self.run(["dags", "reserialize"] if self.generation == 2 else ["dag-processor", "-n", "1"])

    def stop(self) -> None:
        """End the server at once and remove all that was its own."""
        self._undo.close()
