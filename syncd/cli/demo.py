"""`syncd demo`: the main job in front of your eyes, on Airflow deployments that exist only while it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.output import show
from syncd.errors import SyncdError
from syncd.render.lines import Line, Style

if TYPE_CHECKING:
    from syncd.sandbox.company import Airflow, Company

HAND = "plat_cleanup"
"""The DAG that somebody gives away by hand."""


class ShownOn(StrEnum):
    """What the demo is shown on."""

    STAND_IN = "stand-in"
    REAL = "real"


def demo(
    airflow: Annotated[
        ShownOn, typer.Option("--airflow", help="Stand-ins, or real Airflow 2.11 and 3.3 servers, installed first.")
    ] = ShownOn.STAND_IN,
) -> int:
    """Show the main job, start to end, on servers that exist only while it runs."""
    from syncd.sandbox.company import airflows, company_in

    started = time.monotonic()
    boot = airflows if airflow is ShownOn.STAND_IN else _real_servers
    with (
        tempfile.TemporaryDirectory(prefix="syncd-demo-") as folder,
        company_in(Path(folder)) as company,
        boot() as servers,
    ):
        _Stage(Path(folder), company, servers).play()
    show([Line(""), Line(f"That was the demo: {time.monotonic() - started:.0f} seconds.", Style.TITLE)])
    return 0


@contextmanager
def _real_servers() -> Iterator[Mapping[Airflow, str]]:
    """Serve dev and prod of the company on real servers."""
    from syncd.sandbox.company import AIRFLOWS, DAGS
    from syncd.sandbox.servers import RealAirflow, write_dags

    show([Line("Starting real Airflow servers; the first time they are installed, which takes minutes.", Style.QUIET)])
    with ExitStack() as stack:
        dags = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="syncd-demo-dags-")))
        for dag in DAGS:
            write_dags(dags, dag.id, tags=dag.tags, owners=dag.owners)
        yield {
            each: stack.enter_context(RealAirflow(each.preset, dags=dags)).url
            for each in AIRFLOWS
            if each.name in ("dev", "prod")
        }


@dataclass(slots=True)
class _Stage:
    """The folder of a platform team, and what happens in it."""

    folder: Path
    company: Company
    servers: Mapping[Airflow, str]
    number: int = 0

    def play(self) -> None:
        self._open()
        self._first_apply()
        self._who_has_what()
        self._pull_request()
        self._leaver()
        self._damage()
        self._journal()

    def _open(self) -> None:
        with (self.folder / "config.toml").open("a", encoding="utf-8") as config:
            config.writelines(server.table(url) for server, url in self.servers.items())
        servers = "; ".join(f"{server.name} ({server.says})" for server in self.servers)
        self._say("The deployments", servers)
        self._say(
            "The mapping files, which teams keep in git", "people are in Okta and Entra ID, and on call by a file"
        )
        mappings = self.folder / "mappings"
        files = {str(file.relative_to(self.folder)): file for file in sorted(mappings.rglob("*.yaml"))}
        width = max(map(len, files))
        for name, file in files.items():
            says = file.read_text(encoding="utf-8").partition("\n")[0]
            show([Line(f"  {name:<{width}}  {says}", Style.QUIET)])
        self._read_aloud(mappings / "finance" / "access.yaml")
        self._run("check")

    def _read_aloud(self, file: Path) -> None:
        shown = [Line(f"  {text}", Style.QUIET) for text in file.read_text(encoding="utf-8").splitlines()]
        show([Line(""), Line(f"  {file.relative_to(self.folder)}", Style.HEADING), *shown[2:]])

    def _first_apply(self) -> None:
        self._say("What would change, and why. Nothing is written yet")
        self._run("plan")
        self._say("Make it so. Every change is written down first, and read back at the end")
        self._run("apply")
        self._say("A second plan is empty: that is the proof")
        self._run("plan", "--check")

    def _who_has_what(self) -> None:
        self._say("What has Bernd where, and which line gives it? Who can run the monthly close?")
        self._run("explain", "bernd@example.com")
        self._run("who", "--dag", "fin_monthly", "--can", "trigger", "--deployment", "prod")

    def _pull_request(self) -> None:
        proposed = shutil.copytree(self.folder / "mappings", self.folder / "proposed")
        file = proposed / "finance" / "access.yaml"
        interns = "    none_of: [okta:airflow-finance-interns]\n"
        file.write_text(file.read_text(encoding="utf-8").replace(interns, ""), encoding="utf-8")
        self._say("Somebody proposes to let interns run the monthly close too. What would that change?")
        self._run("diff", "mappings", "proposed")

    def _leaver(self) -> None:
        self._say("Bernd leaves: Okta deactivates him, and nobody touches Airflow by hand")
        self.company.leaves("bernd")
        self._run("apply")
        self._run("explain", "bernd@example.com")

    def _damage(self) -> None:
        url = next(url for server, url in self.servers.items() if server.name == "prod")
        self._say(
            "Somebody damages prod by hand",
            "the role finance-analyst may now delete a DAG of another team, and Anna lost all her roles",
        )
        _damage(url)
        self._run("plan", "--check", expect=2)
        self._run("apply")

    def _journal(self) -> None:
        self._say("The journal: what happened to Bernd, and to the damaged role?")
        self._run("audit", "--user", "bernd@example.com")
        self._run("audit", "--role", "finance-analyst", "--deployment", "prod")

    def _say(self, title: str, more: str = "") -> None:
        self.number += 1
        lines = [Line(""), Line(f"{self.number}. {title}", Style.TITLE)]
        show([*lines, Line(f"   {more}.")] if more else lines)

    def _run(self, *arguments: str, expect: int = 0) -> None:
        """Run a command as a person would.

        Raises:
            SyncdError: it ended in another way than it should, so this is no demo of anything.
        """
        show([Line(""), Line(f"$ syncd {' '.join(arguments)}", Style.HEADING)])
        sys.stdout.flush()
        environment = os.environ | self.company.environment
        environment.pop("SYNCD_CONFIG", None)
        command = [sys.executable, "-m", "syncd", "--quiet", *arguments]
        ended = subprocess.run(command, cwd=self.folder, env=environment, check=False).returncode  # noqa: S603 - our own words
        if ended != expect:
            raise SyncdError(f"syncd {' '.join(arguments)} ended with {ended}, not {expect}; the demo stops here")


def _damage(url: str) -> None:
    """Do to an Airflow 3 what an administrator can do in its web interface."""
    import requests

    def call(method: str, path: str, **arguments: Any) -> Mapping[str, Any]:
        answer = requests.request(method, f"{url}/auth/{path}", headers=headers, timeout=60, **arguments)
        answer.raise_for_status()
        return dict(answer.json())

    headers: dict[str, str] = {}
    token = call("POST", "token", json={"username": "admin", "password": "admin"})["access_token"]
    headers["Authorization"] = f"Bearer {token}"
    role = call("GET", "fab/v1/roles/finance-analyst")
    more = {"action": {"name": "can_delete"}, "resource": {"name": f"DAG:{HAND}"}}
    call("PATCH", "fab/v1/roles/finance-analyst", json={"name": role["name"], "actions": [*role["actions"], more]})
    call("PATCH", "fab/v1/users/anna@example.com", params={"update_mask": "roles"}, json={"roles": []})
