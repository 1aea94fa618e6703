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
from typing import Annotated, Any

import typer

from syncd.cli.output import show
from syncd.errors import SyncdError
from syncd.render.lines import Line, Style

MAPPINGS = Path(__file__).parents[1] / "sandbox" / "mappings"
PASSWORD_VARIABLE = "SYNCD_DEMO_PASSWORD"  # noqa: S105 - the name of a variable
PEOPLE = """\
people:
  - {{login: anna,  email: anna@example.com,  given_name: Anna,  family_name: Schmidt}}
{bernd}  - {{login: chloe, email: chloe@example.com, given_name: Chloé, family_name: Martin}}
groups:
  - {{name: finance,  members: [anna{also_bernd}]}}
  - {{name: platform, members: [chloe]}}
"""
BERND = "  - {login: bernd, email: bernd@example.com, given_name: Bernd, family_name: Öztürk}\n"
CONFIG = """\
[sources.people]
type = "file"
directory = "people"

[defaults]
mode = "enforce"
"""
DEPLOYMENT = """
[deployments.{name}]
url = "{url}"
labels = {{env = "{env}"}}
auth = [{auth}]
"""
CREDENTIAL = '{{kind = "{kind}", username = "admin", password = {{env = "{variable}"}}}}'


class Airflow(StrEnum):
    """What the demo is shown on."""

    STAND_IN = "stand-in"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class _Server:
    """One deployment of the demo. `kinds` are the credentials that it wants."""

    name: str
    says: str
    url: str
    kinds: tuple[str, ...]
    env: str


def demo(
    airflow: Annotated[
        Airflow, typer.Option("--airflow", help="Stand-ins, or real Airflow 2.11 and 3.3 servers, installed first.")
    ] = Airflow.STAND_IN,
) -> int:
    """Show the main job, start to end, on servers that exist only while it runs."""
    started = time.monotonic()
    boot = _stand_ins if airflow is Airflow.STAND_IN else _real_servers
    with tempfile.TemporaryDirectory(prefix="syncd-demo-") as folder, boot() as servers:
        _Stage(Path(folder), servers).play()
    show([Line(""), Line(f"That was the demo: {time.monotonic() - started:.0f} seconds.", Style.TITLE)])
    return 0


@contextmanager
def _stand_ins() -> Iterator[tuple[_Server, ...]]:
    from syncd.sandbox.airflow import PRESETS, StandIn, serve_all

    told = {
        "airflow-2": ("2.11.2", ("basic",), "prod", "Airflow 2.11: its API can only add to a role"),
        "airflow-3": ("3.3.2", ("token",), "prod", "Airflow 3.3: its API replaces roles"),
        "airflow-31": ("3.1.8+3.1.1", ("basic", "token"), "dev", "Airflow 3.1: its API refuses every change of a role"),
    }
    with serve_all(*(StandIn(PRESETS[preset]) for preset, *_ in told.values())) as urls:
        yield tuple(
            _Server(name, says, url, kinds, env)
            for (name, (_, kinds, env, says)), url in zip(told.items(), urls, strict=True)
        )


@contextmanager
def _real_servers() -> Iterator[tuple[_Server, ...]]:
    from syncd.sandbox.servers import RealAirflow

    show(
        [
            Line(
                "Installing and starting real Airflow 2.11.2 and 3.3.2 servers; the first time takes minutes.",
                Style.QUIET,
            )
        ]
    )
    with ExitStack() as stack:
        two = stack.enter_context(RealAirflow("2.11.2"))
        three = stack.enter_context(RealAirflow("3.3.2"))
        yield (
            _Server("airflow-2", "a real Airflow 2.11.2", two.url, ("basic",), "prod"),
            _Server("airflow-3", "a real Airflow 3.3.2", three.url, ("token",), "prod"),
        )


@dataclass(slots=True)
class _Stage:
    """The folder of a platform team, and what happens in it."""

    folder: Path
    servers: tuple[_Server, ...]
    number: int = 0

    def play(self) -> None:
        self._open()
        self._first_apply()
        self._who_has_what()
        self._leaver()
        self._damage()
        self._journal()

    def _open(self) -> None:
        shutil.copytree(MAPPINGS, self.folder / "mappings")
        (self.folder / "people").mkdir()
        self._write_people(with_bernd=True)
        tables = [self._table(server) for server in self.servers]
        (self.folder / "config.toml").write_text("".join([CONFIG, *tables]))
        servers = "; ".join(f"{server.name} ({server.says})" for server in self.servers)
        self._say("The deployments", servers)
        self._say("The mapping files, which teams keep in git")
        for file in sorted((self.folder / "mappings").glob("*.yaml")):
            shown = [Line(f"  {text}", Style.QUIET) for text in file.read_text().splitlines() if text.strip()]
            show([Line(f"  mappings/{file.name}", Style.HEADING), *shown])
        self._run("check")

    def _first_apply(self) -> None:
        self._say("What would change, and why. Nothing is written yet")
        self._run("plan")
        self._say("Make it so. Every change is written down first, and read back at the end")
        self._run("apply")
        self._say("A second plan is empty: that is the proof")
        self._run("plan", "--check")

    def _who_has_what(self) -> None:
        self._say("What has Bernd where, and which line gives it?")
        self._run("explain", "bernd")

    def _leaver(self) -> None:
        self._say("Bernd leaves: he is gone from the source, and nobody touches Airflow by hand")
        self._write_people(with_bernd=False)
        self._run("apply")
        self._run("explain", "bernd")

    def _damage(self) -> None:
        server = next(server for server in self.servers if server.name == "airflow-3")
        self._say(
            f"Somebody damages {server.name} by hand",
            "the role finance-analyst may now delete a DAG of another team, and Anna lost all her roles",
        )
        _damage(server.url)
        self._run("plan", "--check", expect=2)
        self._run("apply")

    def _journal(self) -> None:
        self._say("The journal: what happened to Bernd, and to the damaged role?")
        self._run("audit", "--user", "bernd")
        self._run("audit", "--role", "finance-analyst", "--deployment", "airflow-3")

    def _table(self, server: _Server) -> str:
        auth = ", ".join(CREDENTIAL.format(kind=kind, variable=PASSWORD_VARIABLE) for kind in server.kinds)
        return DEPLOYMENT.format(name=server.name, url=server.url, env=server.env, auth=auth)

    def _write_people(self, *, with_bernd: bool) -> None:
        text = PEOPLE.format(bernd=BERND if with_bernd else "", also_bernd=", bernd" if with_bernd else "")
        (self.folder / "people" / "people.yaml").write_text(text)

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
        environment = os.environ | {PASSWORD_VARIABLE: "admin"}
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
    more = {"action": {"name": "can_delete"}, "resource": {"name": "DAG:plat_cleanup"}}
    call("PATCH", "fab/v1/roles/finance-analyst", json={"name": role["name"], "actions": [*role["actions"], more]})
    call("PATCH", "fab/v1/users/anna", params={"update_mask": "roles"}, json={"roles": []})
