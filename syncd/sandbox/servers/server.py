"""One real Airflow server, from its start to its end."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from syncd.sandbox.servers.dag_files import write_sample_dags
from syncd.sandbox.servers.install import HOME, install
from syncd.sandbox.servers.process import COMMAND, SERVE_2, SERVE_3, ServerProcess, Shell, environment
from syncd.sandbox.servers.release import Release, ServerFailed, release_of
from syncd.sandbox.servers.template import PASSWORD, PREPARE, USERNAME, copy_database, template

_START_S = 240.0
_AGAIN = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How a server is run, where that is not alone, with one worker, on a file.

    path      under which it serves, as `/team-a`
    files     put into its home folder: name -> text
    workers   that serve at once
    commands  of Airflow's own that go on beside it, as `scheduler`; without one, a triggered DAG stays queued
    database  the URL of an empty one
    """

    path: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    commands: Sequence[str] = ()
    database: str = ""


class RealAirflow:
    """A real Airflow server on a free loopback port, with an administrator and its own copy of some DAG files.

    Airflow 2 takes basic authentication and the session that comes with it, Airflow 3 tokens. `settings` are further
    environment variables (`AIRFLOW__FAB__CACHE_TTL`).
    """

    username = USERNAME
    password = PASSWORD

    def __init__(
        self,
        version: str | Release,
        *,
        dags: Path | None = None,
        settings: Mapping[str, str] | None = None,
        around: Surroundings | None = None,
        home: Path = HOME,
    ) -> None:
        self.release, self.home = release_of(version), home
        self.version = self.release.version
        self.generation = int(self.version.split(".")[0])
        self._dags, self._settings, self._around = dags, dict(settings or {}), around or Surroundings()

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
            for name, text in self._around.files.items():
                (folder / name).write_text(text)
            self._venv = install(self.release, self.home)
            self._shell: Shell | None = None
            undo.callback(self._stop_shell)
            self._serve(folder, undo)
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

    def _serve(self, folder: Path, undo: contextlib.ExitStack) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}{self._around.path}"
            self._env = environment(self.version, folder, url=self.url) | self._settings
            self._prepare()
            script, fd = SERVE_2 if self.generation == 2 else SERVE_3, listener.fileno()
            words, inherit = (str(fd), str(self._around.workers)), (fd,)
            self._server = self._process(script, *words, inherit=inherit, undo=undo)
            for command in self._around.commands:
                self._process(COMMAND, command, inherit=(), undo=undo)

    def _process(self, script: str, *words: str, inherit: Sequence[int], undo: contextlib.ExitStack) -> ServerProcess:
        process = ServerProcess(self._venv, script, *words, env=self._env, log=self.log, inherit=inherit)
        undo.callback(process.stop)
        return process

    def _prepare(self) -> None:
        """Fill the database: a file is copied from the template, of any other kind it is made here."""
        if not self._around.database:
            copy_database(template(self.release, self.dags_folder, home=self.home), self.database)
            return
        self._env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = self._around.database
        self.run(*PREPARE)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        probe = self.url + ("/api/v1/health" if self.generation == 2 else "/api/v2/version")
        while time.monotonic() < deadline and self._server.popen.poll() is None:
            # nothing else listens on this port, so the call waits in the queue until the server takes it
            with contextlib.suppress(OSError), urllib.request.urlopen(probe, timeout=_START_S):  # noqa: S310  loopback
                return
            time.sleep(0.2)
        raise self._server.failed(f"Airflow {self.release.name} did not start")

    def run(self, *commands: Sequence[str]) -> None:
        """Run commands of Airflow's own command line against this server's database, as `run(["sync-perm"])`."""
        if self._shell is None:
            self._shell = Shell(self._venv, env=self._env, log=self.log)
        self._shell.run(*commands)

    def reserialize(self) -> None:
        """Parse every DAG file again, with all that a parse does: new resources, access_control, import errors.

        Airflow 3 also marks the DAGs of removed files as stale; on Airflow 2 only a scheduler does. Where one goes on beside
        it, both may write the same row, and Airflow ends the command with an error: then it is done again (2.11.2).
        """
        command = ["dags", "reserialize"] if self.generation == 2 else ["dag-processor", "-n", "1"]
        for _ in range(_AGAIN if self._around.commands else 0):
            with contextlib.suppress(ServerFailed):
                return self.run(command)
        return self.run(command)

    def stop(self) -> None:
        """End the server at once and remove all that was its own."""
        self._undo.close()
