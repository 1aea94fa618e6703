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
from pathlib import Path
from typing import Self

from syncd.sandbox.servers.dag_files import write_sample_dags
from syncd.sandbox.servers.install import HOME, install
from syncd.sandbox.servers.process import SERVE_2, SERVE_3, ServerProcess, Shell, environment
from syncd.sandbox.servers.template import PASSWORD, USERNAME, copy_database, template

_START_S = 240.0


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
            copy_database(template(self.version, self.dags_folder, home=self.home), self.database)
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
            script, fd = SERVE_2 if self.generation == 2 else SERVE_3, listener.fileno()
            self._server = ServerProcess(self._venv, script, str(fd), env=self._env, log=self.log, inherit=(fd,))

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
