"""A server that is away, slow, broken or lying: its deployment fails with a sentence that says what to do, the others go
on, the command ends with 5, and nothing is taken away anywhere on doubt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.sandbox.airflow import StandIn, serve_all
from syncd.sandbox.airflow.faults import (
    CRASH,
    DOWN,
    EMPTY_502,
    FORBIDDEN,
    UNAUTHORIZED,
    WEB_PAGE,
    Cut,
    Fault,
    RepeatPage,
    Shrink,
    Slow,
    on,
)

DEPLOYMENT = """
[deployments.{name}]
url = "{url}"
mode = "enforce"
timeouts = {{connect_s = 1, read_s = 1}}
auth = {{kind = "{kind}", username = "admin", password = {{env = "SYNCD_TEST_PASSWORD"}}}}
"""
PEOPLE = [f"p{n:02}" for n in range(12)]
OTHERS = 100
"""Accounts that are not ours, so that there are two pages."""


@dataclass
class Pair:
    """Two deployments of one mapping: `bad` is the one that the faults are for."""

    folder: Path
    bad: StandIn
    good: StandIn

    def members(self, *names: str) -> None:
        people = ", ".join(f"{{login: {name}}}" for name in PEOPLE)
        text = f"people: [{people}]\ngroups: [{{name: team, members: [{', '.join(names)}]}}]\n"
        (self.folder / "people" / "all.yaml").write_text(text)

    def run(self, *arguments: str) -> tuple[int, str]:
        with redirect_stdout(StringIO()) as out, redirect_stderr(out):
            code = run(["--quiet", "--config", str(self.folder / "config.toml"), *arguments])
        return code, out.getvalue()

    def holders(self, server: StandIn) -> set[str]:
        return {name for name, account in server.state.users.items() if "team" in account.roles}


@pytest.fixture(params=["2.11.2", "3.3.2"])
def pair(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setitem(os.environ, "SYNCD_TEST_PASSWORD", "admin")
    pair = Pair(tmp_path, StandIn(request.param), StandIn("3.3.2"))
    with serve_all(pair.bad, pair.good) as urls:
        for server in (pair.bad, pair.good):
            for number in range(OTHERS):
                server.state.add_user(f"other{number}", password="x")
        kinds = ("basic" if request.param == "2.11.2" else "token", "token")
        tables = [
            DEPLOYMENT.format(name=n, url=u, kind=k) for n, u, k in zip(("bad", "good"), urls, kinds, strict=True)
        ]
        head = '[limits]\nremovals = 1000\nshare = 1.0\n[sources.people]\ntype = "file"\ndirectory = "people"\n'
        (tmp_path / "config.toml").write_text(head + "".join(tables))
        for name in ("people", "mappings"):
            (tmp_path / name).mkdir()
        (tmp_path / "mappings" / "all.yaml").write_text(
            "roles: {team: {dags: [{level: trigger, id: '*'}]}}\n"
            "bindings: [{group: 'people:team', roles: [team], deployments: all}]\n"
        )
        pair.members(*PEOPLE)
        assert 0 == pair.run("apply")[0]
        yield pair


READS = on("GET", "*")
USERS, ROLES, DAGS = on("GET", "*/users"), on("GET", "*/roles"), on("GET", "*/dags")


CANNOT_WORK = {
    "look at the URL",
    "look at user name and password",
    "can_read on Users",
    "can_read on Roles",
    "can_read on DAGs",
}
"""What somebody has to see to; all else may pass by itself."""


@pytest.mark.parametrize(
    ("fault", "where", "says"),
    [
        pytest.param(DOWN, on("*", "*"), "is the server running?", id="down"),
        pytest.param(Slow(before_s=3), READS, "allow more time in `timeouts`", id="slow"),
        pytest.param(WEB_PAGE, READS, "look at `url`", id="a web page everywhere"),
        pytest.param(WEB_PAGE, USERS, "look at the URL", id="a web page for users"),
        pytest.param(UNAUTHORIZED, USERS, "look at user name and password", id="401"),
        pytest.param(FORBIDDEN, USERS, "can_read on Users", id="403 for users"),
        pytest.param(FORBIDDEN, ROLES, "can_read on Roles", id="403 for roles"),
        pytest.param(FORBIDDEN, DAGS, "can_read on DAGs", id="403 for DAGs"),
        pytest.param(CRASH, ROLES, "look at its log", id="500"),
        pytest.param(EMPTY_502, USERS, "look at its log", id="empty 502"),
        pytest.param(Cut(), USERS, "broke off", id="half a page of users"),
        pytest.param(Cut(), ROLES, "broke off", id="half a page of roles"),
        pytest.param(Shrink(), USERS, "could not be read whole", id="a count that shrinks"),
        pytest.param(RepeatPage(), USERS, "could not be read whole", id="the first page twice"),
    ],
)
def test_a_bad_server_fails_alone_and_takes_nothing(pair: Pair, fault: Fault, where: object, says: str) -> None:
    pair.members(*PEOPLE[3:])
    pair.bad.faults.add(fault, where)  # type: ignore[arg-type]
    code, told = pair.run("apply")
    assert (1 if says in CANNOT_WORK else 5) == code, told
    sentence = next(line for line in told.splitlines() if says in line)
    assert len(sentence) < 600, "a sentence, not a page"
    assert "<html" not in told
    assert "Traceback" not in told
    assert set(PEOPLE[3:]) <= pair.holders(pair.bad), "nothing was taken from anybody who did not leave"
    assert set(PEOPLE[3:]) == pair.holders(pair.good), "the other one went on"
    pair.bad.faults.clear()
    assert 0 == pair.run("apply")[0]
    assert set(PEOPLE[3:]) == pair.holders(pair.bad)
