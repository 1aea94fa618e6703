"""Airflow's own code in processes that end when their starter does: a server, and its command line."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from syncd.sandbox.servers.release import ServerFailed

_COMMANDS_S = 600.0

_END_WITH_STARTER = """
import os, signal, threading
def watch(pipe):
    while os.read(pipe, 1): pass
    os.killpg(0, signal.SIGKILL)
"""
"""Standard input is a pipe that nobody writes to: it closes when the starter ends, even when that is killed."""

SERVE_2 = """
import sys
threading.Thread(target=watch, args=(0,), daemon=True).start()
from gunicorn.app.wsgiapp import run
from gunicorn.config import KNOWN_SETTINGS
newer = [option for setting in KNOWN_SETTINGS for option in setting.cli or () if option == "--no-control-socket"]
sys.argv[1:] = ["-w", sys.argv[2], "-k", "sync", "-t", "600", "-b", f"fd://{sys.argv[1]}", *newer, "airflow.www.app:cached_app()"]
run()
"""

SERVE_3 = """
import socket, sys
threading.Thread(target=watch, args=(0,), daemon=True).start()
import uvicorn
listener = socket.socket(fileno=int(sys.argv[1]))
workers = int(sys.argv[2])
config = uvicorn.Config("airflow.api_fastapi.main:app", log_level="warning", workers=workers)
server = uvicorn.Server(config)
if workers == 1:
    server.run(sockets=[listener])
else:
    from uvicorn.supervisors import Multiprocess
    Multiprocess(config, sockets=[listener]).run()  # as of uvicorn 0.40
"""

COMMAND = """
import sys
threading.Thread(target=watch, args=(0,), daemon=True).start()
from airflow.__main__ import main
main()
"""
"""One of Airflow's own commands that goes on until it is ended, as `scheduler`."""

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


class ServerProcess:
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


class Shell(ServerProcess):
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
