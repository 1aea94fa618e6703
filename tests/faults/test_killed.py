"""syncd is killed with SIGKILL at fourteen places of an apply, from the first intent to the last outcome.

The next apply must settle by looking what nobody knows the end of, finish, and neither lose nor double a change or a line
of the journal. The role that loses a permission makes it a long apply: on a server that only adds, a second role is made,
people are moved, the first is deleted, the second renamed.

What is killed and what settles it are processes of their own, which share nothing but the database. What was there before, and
the look at the end, are made in this one: that saves the start of two processes in each test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from journal_rows import all_runs

from syncd import cli
from syncd.model import key
from syncd.sandbox.airflow import StandIn, serve
from syncd.sandbox.airflow.faults import HangUp
from syncd.store import Stores

CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "{url}"
mode = "enforce"
auth = [{auth}]
"""
AUTH = '{{kind = "{kind}", username = "admin", password = {{env = "SYNCD_TEST_PASSWORD"}}}}'
BEFORE = (
    "roles: {finance: {dags: [{level: trigger, tag: finance}]}}\n"
    "bindings: [{group: 'people:finance', roles: [finance], deployments: all}]\n",
    "people: [{login: anna}, {login: bob}, {login: carol}]\ngroups: [{name: finance, members: [anna, bob, carol]}]\n",
)
AFTER = (
    "roles: {finance: {dags: [{level: view, tag: finance}]}, ops: {dags: [{level: edit, id: '*'}]}}\n"
    "bindings:\n"
    "  - {group: 'people:finance', roles: [finance], deployments: all}\n"
    "  - {group: 'people:ops', roles: [ops, Viewer], deployments: all}\n",
    "people: [{login: anna}, {login: bob}, {login: dora}]\n"
    "groups: [{name: finance, members: [anna, bob]}, {name: ops, members: [bob, dora]}]\n",
)
PLACES = [
    (call, when) for call in range(1, 6) for when in ("before", "after", "answered") if (call, when) != (3, "answered")
]
"""Between the third call and the announcement of the fourth, which makes an account, nothing is asked for."""


@dataclass
class Killer:
    """A fault that kills a process when it makes its n-th writing call, before the server does the work or after.

    `answered`: it gets the answer and is killed when it asks for something else, before it could announce more.
    """

    call: int
    when: str
    process: subprocess.Popen[bytes] | None = None
    writes: int = 0

    def __call__(self, method: str, path: str) -> bool:
        if path.endswith("/token") or self.process is None:
            return False
        reads = method == "GET"
        self.writes += not reads
        if self.writes != self.call or reads != (self.when == "answered"):
            return False
        os.kill(self.process.pid, signal.SIGKILL)
        return True


@dataclass
class Scene:
    folder: Path
    server: StandIn

    def edit(self, texts: tuple[str, str]) -> None:
        for name, text in zip(("mappings/all.yaml", "people/all.yaml"), texts, strict=True):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "syncd", "--quiet", "--config", str(self.folder / "config.toml"), *arguments]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self, *arguments: str) -> int:
        process = self.start(*arguments)
        _, said = process.communicate(timeout=300)
        assert process.returncode in {0, 2}, said.decode()
        return process.returncode

    def run_here(self, *arguments: str) -> int:
        return cli.run(["--quiet", "--config", str(self.folder / "config.toml"), *arguments])

    def store(self) -> AbstractContextManager[Stores]:
        return closing(Stores.open(f"sqlite:///{self.folder / 'syncd.db'}"))

    def access(self) -> dict[str, set[str]]:
        """What each account may do in the end, whatever the roles are called."""
        state = self.server.state
        return {
            n: {str(p) for role in a.roles for p in state.roles[role]} for n, a in state.users.items() if n != "admin"
        }


@pytest.fixture(params=["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("SYNCD_TEST_PASSWORD", "admin")
    server = StandIn(request.param)
    with serve(server) as url:
        kinds = {"2.11.2": ["basic"], "3.3.2": ["token"]}.get(request.param, ["basic", "token"])
        auth = ", ".join(AUTH.format(kind=kind) for kind in kinds)
        (tmp_path / "config.toml").write_text(CONFIG.format(url=url, auth=auth))
        scene = Scene(tmp_path, server)
        scene.edit(BEFORE)
        assert 0 == scene.run_here("apply")
        scene.edit(AFTER)
        yield scene


@pytest.mark.parametrize(("call", "when"), PLACES)
def test_the_next_apply_finishes_what_a_killed_one_left(scene: Scene, call: int, when: str) -> None:
    with scene.store() as store:
        first_run = all_runs(store)[0].id
    killer = Killer(call, when)
    scene.server.faults.add(HangUp(after_work=when != "before"), killer)
    killer.process = scene.start("apply")
    killer.process.communicate(timeout=300)
    assert -signal.SIGKILL == killer.process.returncode, "the apply had fewer calls than this test thinks"
    scene.server.faults.clear()

    assert 0 == scene.run("apply")
    assert 0 == scene.run_here("plan", "--check")
    access = scene.access()
    assert set() == access["carol"], "the leaver"
    assert {"can_read on DAG:fin_daily", "can_read on DAG:fin_monthly"} == {p for p in access["anna"] if "DAG:" in p}
    assert access["anna"] < access["bob"], "the one who joined another team as well"
    assert "can_edit on DAG:plat_cleanup" in access[key("dora")], "the joiner"
    with scene.store() as store:
        the_journal_is_whole(store, after=first_run)


def the_journal_is_whole(store: Stores, *, after: int) -> None:
    rows = [row for row in store.queries.audit(limit=1000) if row.run > after]
    assert () == store.ledger.unsettled("prod")
    assert {"applied", "failed"} >= {row.status for row in rows}, "every intent has an outcome"
    assert all(row.settled_by_looking for row in rows if row.status == "failed")
    done = Counter(effect for row in rows if row.status == "applied" for effect in row.change.effects)
    assert {1} == set(done.values()), "no change was made twice"
    assert WANTED == {effect for effect in done if effect[0] != "finish" and effect[1] == "user"}
    lost = {effect[3] for effect in done if effect[:3] == ("revoke", "role", "finance")}
    assert {"can_edit on DAG:fin_daily", "can_edit on DAG:fin_monthly"} <= lost
    assert ("create", "role", "ops", "") in done


WANTED = {
    ("revoke", "user", "carol", "finance"),
    ("grant", "user", "bob", "ops"),
    ("grant", "user", "bob", "Viewer"),
    ("create", "user", "dora", ""),
    ("grant", "user", "dora", "ops"),
    ("grant", "user", "dora", "Viewer"),
}
