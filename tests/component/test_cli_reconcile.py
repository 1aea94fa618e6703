"""`syncd reconcile` and `syncd approve`: through a daemon over its socket or over HTTP, and from here without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from waiting import until
from web_world import NOW, FakeControl, Place, http_settings, secret_of, serving

from syncd.callers import user_name
from syncd.cli import run
from syncd.cli.daemon_client import result_lines
from syncd.cli.init import CONFIG, MAPPING
from syncd.control import DeploymentResult, Job, Order
from syncd.model import Change, Held, Level, Plan, Scope, User
from syncd.plan.on_people import Effects, OfRole, OnDags, Toll
from syncd.ports import Basis
from syncd.render.lines import plain
from syncd.sandbox.airflow import StandIn, serve
from syncd.store import Stores
from syncd.web.auth import at_socket
from syncd.web.timeouts import Peer

USER = {
    "kind": "update",
    "subject": "user",
    "name": "anna",
    "granted": ["analyst"],
    "revoked": ["Viewer"],
    "because": ["people:team (a.yaml:3)"],
}
ROLE = {
    "kind": "create",
    "subject": "role",
    "name": "analyst",
    "granted": ["can_read on DAG:a", "can_read on DAG:b"],
    "revoked": [],
    "because": [],
    "on_dags": {dag: {f"can_read on DAG:{dag}": "read"} for dag in "ab"},
}
DONE = DeploymentResult("prod", 0, applied=2, calls=5, seconds=0.8, run=7, plan={"plan": {"changes": [USER, ROLE]}})


class Prompt(FakeControl):
    """A daemon that is done at once, with the results that a test laid out; without any it never is."""

    results: tuple[DeploymentResult, ...] = (DONE,)

    def _open(self, order: Order, deployments: tuple[str, ...]) -> Job:
        job = super()._open(order, deployments)
        if self.results:
            self.end(job.id, *self.results)
        return job


class Desk:
    """A folder with a configuration, and a person who types commands in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def types(self, *words: str, aloud: bool = False) -> tuple[int, str, str]:
        code = run(["--config", str(self.folder / "config.toml"), *([] if aloud else ["--quiet"]), *words])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "access.yaml").write_text(MAPPING)
    return Desk(tmp_path, capsys)


@pytest.fixture
def daemon(desk: Desk, migrated_file: Path, tmp_path: Path) -> Iterator[Place]:
    """A daemon on the socket of that configuration, and on HTTP."""
    shutil.copy(migrated_file, tmp_path / "web.db")
    with closing(Stores.open(f"sqlite:///{tmp_path}/web.db")) as store:
        http = http_settings(tmp_path)
        with serving(store, tmp_path, http, name="syncd.sock", control=Prompt()) as place:
            yield place


# --- through a daemon ---------------------------------------------------------------------------------------------------


def test_a_daemon_is_asked_and_its_results_are_shown(desk: Desk, daemon: Place) -> None:
    code, out, err = desk.types(
        "reconcile", "--user", "anna", "--group", "okta:finance", "--deployment", "prod", aloud=True
    )

    assert (0, "") == (code, err)
    assert [
        "prod: 2 applied",
        "    ~ anna  + analyst  − Viewer   because people:team (a.yaml:3)",
        "    + analyst  new role  + read on 2 DAGs (a, b)",
        "reconcile: 2 applied (1 deployment, 0.8 s, 5 calls)",
    ] == out.splitlines()
    wanted = Order(frozenset({"anna"}), frozenset({"okta:finance"}), frozenset({"prod"}), by=user_name(os.getuid()))
    assert [wanted] == daemon.control.asked


def test_a_dry_run_of_some_dags(desk: Desk, daemon: Place) -> None:
    code, _, _ = desk.types("reconcile", "--dag", "sales", "--dag", "etl", "--dry-run")

    assert 0 == code
    assert [Order(dags=frozenset({"sales", "etl"}), dry_run=True, by=user_name(os.getuid()))] == daemon.control.asked


def test_what_was_done_in_full_for_programs(desk: Desk, daemon: Place) -> None:
    said = json.loads(desk.types("reconcile", "-o", "json")[1])

    assert (0, "prod", 2, [USER, ROLE]) == (
        said["exit_code"],
        said["results"][0]["deployment"],
        said["results"][0]["applied"],
        said["results"][0]["plan"]["plan"]["changes"],
    )


def test_who_does_not_wait_is_told_the_job(desk: Desk, daemon: Place) -> None:
    assert (0, "queued: job 1 on 2 deployments\n", "") == desk.types("reconcile", "--no-wait")
    assert 2 == json.loads(desk.types("reconcile", "--no-wait", "-o", "json")[1])["id"]


def test_the_exit_code_is_the_worst_of_the_results(desk: Desk, daemon: Place) -> None:
    silent = DeploymentResult("test", 5, error="it did not answer\nsee there")
    held = DeploymentResult("prod", 4, held="abc123")
    daemon.control.results = (held, silent)  # type: ignore[attr-defined]

    code, out, _ = desk.types("reconcile")

    program = f"syncd --config {desk.folder}/config.toml"
    assert 5 == code
    assert [
        "prod: held, and needs approval",
        f"  to let exactly this pass: {program} approve prod abc123",
        "test: failed",
        "  it did not answer",
        "  see there",
        "reconcile: 1 deployment held, 1 deployment failed (2 deployments, 0.0 s, 0 calls)",
    ] == out.splitlines()


def test_held_changes_are_approved_through_the_daemon(desk: Desk, daemon: Place) -> None:
    code, out, _ = desk.types("approve", "prod", "abc")

    assert (0, "approve: 2 applied (1 deployment, 0.8 s, 5 calls)") == (code, out.splitlines()[-1])
    assert [("prod", "abc", user_name(os.getuid()))] == daemon.control.asked
    assert (3, "", "syncd: nothing with the digest abd is held on prod\n") == desk.types("approve", "prod", "abd")


def test_the_inbox_of_a_daemon_elsewhere_is_looked_at(
    desk: Desk, daemon: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes = Change(User("ann", "", "", "", frozenset({"team"})), User("ann", "", "", "", frozenset()))
    effects = Effects(Toll(1, 0, (OfRole("team", 1),), (OnDags(Level.VIEW, 1, ("a",), (OfRole("team", 1),)),)))
    held, some = Held((goes,), ("too many",), "prod"), Scope.people(["ann"])
    store = daemon.ledger.books
    run = store.ledger.start_run("apply", scope=some, now=NOW)
    basis = Basis(passing=effects)
    store.ledger.record_plan(run, Plan("prod", some, (goes,)), held=held, approved=None, now=NOW, basis=basis)
    monkeypatch.setenv("WORD", secret_of("reader"))
    (desk.folder / "config.toml").unlink()  # it is not needed for that
    away = ("--url", f"http://127.0.0.1:{daemon.server.port}", "--token-env", "WORD")

    code, out, err = desk.types("hold", "list", *away)
    assert (0, "") == (code, err)
    assert "h1    prod: only ann  waits  1" in out
    code, out, _ = desk.types("hold", "show", "h1", *away)
    assert (0, "h1 on prod: waits") == (code, out.splitlines()[0])
    for line in (
        "  about          only ann",
        "    ~ ann  − team",
        "  if it passes",
        "    1 person loses view on DAG a (team: 1)",
    ):
        assert line in out.splitlines()
    assert "approve until" not in out, "the daemon knows that, and says it when it is asked"
    [listed] = json.loads(desk.types("hold", "list", "-o", "json", *away)[1])["holds"]
    whole = json.loads(desk.types("hold", "show", "h1", "-o", "json", *away)[1])
    assert listed == {name: value for name, value in whole.items() if name in listed}
    assert (["ann"], ["a"]) == (whole["scope"], whole["effects"]["loses"]["on_dags"][0]["dags"])
    run = store.ledger.start_run("apply", scope=some, now=NOW)
    store.ledger.record_plan(run, Plan("prod", some, ()), held=None, approved=None, now=NOW)
    assert (0, "nothing is held\n") == desk.types("hold", "list", *away)[:2]
    assert "not held any more" in desk.types("hold", "list", "--all", *away)[1]
    assert "not held any more" in desk.types("hold", "list", "--all", "-d", "prod", *away)[1]
    assert (3, "", 'syncd: there is no hold "h9"\n') == desk.types("hold", "show", "h9", *away)


def test_what_the_daemon_refuses(desk: Desk, daemon: Place) -> None:
    assert (3, "", 'syncd: no deployment "dev2"; there are prod, test\n') == desk.types("reconcile", "-d", "dev2")
    daemon.control.stopping = True
    assert (5, "", "syncd: the daemon is stopping\n") == desk.types("reconcile")
    assert 3 == desk.types("reconcile", "--dag", "a", "--user", "b")[0]


def test_a_daemon_that_goes_away_meanwhile(desk: Desk, daemon: Place) -> None:
    daemon.control.results = ()  # type: ignore[attr-defined]
    ended: list[Any] = []
    asking = Thread(target=lambda: ended.append(desk.types("reconcile")))
    asking.start()
    until("somebody waits for the job", lambda: daemon.control.looked_for)

    daemon.server.stop()
    asking.join(120)

    [(code, _, err)] = ended
    assert (5, True) == (code, err.endswith("syncd audit\n")), err


def test_over_http_with_a_token(desk: Desk, daemon: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{daemon.server.port}"
    monkeypatch.setenv("WORD", secret_of("doer"))
    (desk.folder / "config.toml").unlink()  # it is not needed for that

    code, out, _ = desk.types("reconcile", "--user", "anna", "--url", url, "--token-env", "WORD")

    assert (0, "prod: 2 applied") == (code, out.splitlines()[0])
    assert ["doer"] == [order.by for order in daemon.control.asked]
    code, _, err = desk.types("approve", "prod", "abc", "--url", url, "--token-env", "WORD")
    assert (3, 'syncd: the token "doer" has no right to approve\n') == (code, err)
    monkeypatch.setenv("WORD", "wrong")
    assert "syncd: send a token" in desk.types("reconcile", "--url", url, "--token-env", "WORD")[2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--url", "ftp://a"], "--url: write https://host:port"),
        (["--url", "https://"], "--url: write https://host:port"),
        (["--url", "https://a:b"], "--url: write https://host:port"),
        (["--url", "https://a"], "--token-env: --url needs a token"),
        (["--url", "https://a", "--token-env", "SYNCD_NO_SUCH"], "SYNCD_NO_SUCH has no token"),
    ],
)
def test_an_address_that_cannot_be(desk: Desk, words: list[str], says: str) -> None:
    code, _, err = desk.types("reconcile", *words)
    assert (3, True) == (code, says in err)


def test_nobody_there_and_somebody_else_there(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "x" * 20)
    code, _, err = desk.types("reconcile", "--url", "http://127.0.0.1:1", "--token-env", "WORD")
    assert (5, "syncd: no daemon listens at http://127.0.0.1:1\n") == (code, err)
    for answer in (b"<html>", b"[]", b"{}"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            Thread(target=answer_with, args=(listener, answer)).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            code, _, err = desk.types("reconcile", "--url", url, "--token-env", "WORD")
        assert (5, True) == (code, "this is not syncd's answer (HTTP 200)" in err)


def answer_with(listener: socket.socket, body: bytes) -> None:
    """Answer one request, whatever it is."""
    with listener.accept()[0] as wire:
        asked = b""
        while not _is_whole(asked):
            asked += wire.recv(65536)
        wire.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)


def _is_whole(asked: bytes) -> bool:
    head, ends, body = asked.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(ends) and len(body) == (int(length[1]) if length else 0)


def test_long_results_are_cut_and_names_cannot_act() -> None:
    changes = [{**USER, "name": f"user\x1b[31m{n}", "granted": [f"r{n}"]} for n in range(60)]
    lines = plain(result_lines([DeploymentResult("prod", 0, plan={"plan": {"changes": changes}})], verb="reconcile"))

    assert "    and 10 more (see -v or -o json)\n" in lines
    assert "\x1b" not in lines
    assert "reconcile: 60 changes (1 deployment, 0.0 s, 0 calls)" == lines.splitlines()[-1]
    quiet = plain(result_lines([DeploymentResult("a", 0), DeploymentResult("b", 0)], verb="reconcile"))
    assert "nothing to do on 2 deployments\nreconcile: nothing to do (2 deployments, 0.0 s, 0 calls)\n" == quiet


# --- without one --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    with serve(StandIn("3.3.2")) as url:
        yield url


@pytest.fixture
def alone(desk: Desk, airflow: str, request: pytest.FixtureRequest) -> Desk:
    """Eight people in the group "team", a reachable deployment, and nobody on the socket."""
    enforced = CONFIG.replace('"observe" ', '"enforce" ').replace('"syncd"', '"admin"')
    (desk.folder / "config.toml").write_text(enforced.replace("http://localhost:8080", airflow))
    team = request.node.name.removeprefix("test_").replace("_", "-")[:25]
    (desk.folder / "mappings" / "access.yaml").write_text(MAPPING.replace("analyst", team).replace(f"{team}s", "team"))
    members(desk, team, 8)
    return desk


def members(desk: Desk, team: str, count: int) -> None:
    people = [{"login": f"{team}.{n}", "email": f"{n}@{team}.example.com"} for n in range(count)]
    groups = [{"name": "team", "members": [person["login"] for person in people]}]
    (desk.folder / "people").mkdir(exist_ok=True)
    (desk.folder / "people" / "people.yaml").write_text(json.dumps({"people": people, "groups": groups}))


def test_one_person_without_a_daemon(alone: Desk) -> None:
    desk, team = alone, "one-person-without-a-daem"
    code, out, err = desk.types("reconcile", "--user", f"{team}.0", "--dry-run", aloud=True)
    said = f"syncd: no daemon listens at {desk.folder}/syncd.sock; working from here\n"
    assert (0, True) == (code, err.startswith(said))
    assert f"    + {team}.0  new account  + {team}   because people:team (mappings/access.yaml:12)" in out.splitlines()
    assert f"{team}.1" not in out

    assert "dev: 9 applied" == desk.types("reconcile")[1].splitlines()[0]

    assert "nothing to do on 1 deployment" == desk.types("reconcile", "-u", f"0@{team}.example.com")[1].splitlines()[0]


def test_the_members_of_a_group_and_who_just_left(alone: Desk) -> None:
    desk, team = alone, "the-members-of-a-group-an"
    assert "dev: 9 applied" == desk.types("reconcile")[1].splitlines()[0]
    members(desk, team, 7)

    code, out, _ = desk.types("reconcile", "--group", "people:team", "--user", f"{team}.7", "--dry-run")
    assert (0, "dev: 1 change") == (code, out.splitlines()[0])
    code, out, _ = desk.types("reconcile", "--group", "people:team")
    assert (0, "dev: 1 applied") == (code, out.splitlines()[0])
    code, _, err = desk.types("reconcile", "--group", "people:teem")
    assert (3, "--group: no source knows people:teem; write source:name\n") == (code, err)


def test_held_changes_are_approved_without_a_daemon(alone: Desk) -> None:
    desk, team = alone, "held-changes-are-approved"
    desk.types("reconcile")
    members(desk, team, 1)

    code, out, _ = desk.types("reconcile")
    assert 4 == code
    [command] = [line.partition("pass: ")[2] for line in out.splitlines() if "to let exactly this" in line]
    code, out, _ = desk.types(*command.split()[3:])

    assert (0, "approve: 7 applied") == (code, out.splitlines()[-1].partition(" (")[0])
    said = json.loads(desk.types("reconcile", "--dry-run", "-o", "json")[1])
    assert (0, []) == (said["exit_code"], said["results"][0]["plan"]["plan"]["changes"])


@pytest.mark.finding("H-E4")
def test_who_is_named_and_not_in_the_group_is_not_meant(alone: Desk) -> None:
    desk = alone
    code, out, _ = desk.types("reconcile", "--group", "people:team", "--user", "somebody.else", "--dry-run")
    assert (3, "nothing to do on 1 deployment") == (code, out.splitlines()[0])
    assert 'no source knows "somebody.else"' in out


def test_where_no_socket_can_be_no_daemon_is_asked(alone: Desk) -> None:
    entries = list(alone.folder.iterdir())
    deep = alone.folder / ("x" * 107)
    deep.mkdir()
    for entry in entries:
        entry.rename(deep / entry.name)

    code, out, err = Desk(deep, alone.capsys).types("reconcile", aloud=True)

    assert (0, True) == (code, "1 deployment" in out), err


@pytest.mark.finding("C-47")
@pytest.mark.parametrize("words", [("reconcile", "-u", "corp/eve"), ("explain", "corp/eve"), ("explain", "..")])
def test_a_name_that_cannot_be_addressed_is_refused_before_anything_is_asked(
    alone: Desk, words: tuple[str, ...]
) -> None:
    code, out, err = alone.types(*words)
    assert (3, "", True) == (code, out, "cannot be reached by the API" in err)


@pytest.mark.finding("U-B2")
def test_who_approved_through_the_socket_is_a_person(
    desk: Desk, daemon: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "anna.ops")
    assert 0 == desk.types("approve", "prod", "abc")[0]
    named = at_socket(Peer(os.getpid(), os.getuid()), "anna.ops").name
    assert [("prod", "abc", named)] == daemon.control.asked


@pytest.mark.finding("U-B2")
def test_who_approves_says_for_whom_and_why(desk: Desk, daemon: Place) -> None:
    assert 0 == desk.types("approve", "prod", "abc", "--as", "anna.ops", "--reason", "ticket 12: a team moves")[0]
    mine = user_name(os.getuid())
    assert [("prod", "abc", f"anna.ops (via {mine}): ticket 12: a team moves")] == daemon.control.asked
    job = daemon.control.jobs[1]
    assert mine == job.order.by, "who may look at the job is who asked for it"


@pytest.mark.finding("U-B2")
@pytest.mark.parametrize("words", [("--as", ""), ("--as", "anna (via root)"), ("--reason", ""), ("--reason", "a\nb")])
def test_no_name_and_no_reason_that_could_be_taken_for_something_else(
    desk: Desk, daemon: Place, words: tuple[str, str]
) -> None:
    code, _, err = desk.types("approve", "prod", "abc", *words)
    assert (3, True, []) == (code, words[0] in err, daemon.control.asked), err


@pytest.mark.finding("U-B2")
def test_without_a_daemon_the_journal_has_who_approved_and_why(alone: Desk) -> None:
    desk, team = alone, "without-a-daemon-the-jour"
    desk.types("reconcile")
    members(desk, team, 1)
    out = desk.types("reconcile", "-o", "json")[1]
    digest = json.loads(out)["results"][0]["held"]
    assert 0 == desk.types("approve", "dev", digest, "--as", "anna.ops", "--reason", "ticket 12")[0]
    rows = json.loads(desk.types("audit", "-o", "json", "--status", "applied")[1])
    last = max(rows["changes"] if isinstance(rows, dict) else rows, key=lambda row: row["id"])
    who = f"anna.ops (via {user_name(os.getuid())})"
    assert (who, "ticket 12", who) == (last["approved_by"], last["approved_reason"], last["by"])
    assert f"approved by {who}: ticket 12" in desk.types("audit")[1]
    [over] = [
        row for row in json.loads(desk.types("audit", "-o", "json", "--status", "held")[1]) if row["id"] < last["id"]
    ][:1]
    assert (None, None) == (over["approved_by"], over["approved_reason"])


# --- the inbox of what is held ------------------------------------------------------------------------------------------


def test_the_inbox_from_the_command_line(alone: Desk) -> None:
    desk, team, me = alone, "the-inbox-from-the-comman", user_name(os.getuid())
    assert (0, "nothing is held\n", "") == desk.types("hold", "list")
    desk.types("reconcile")
    members(desk, team, 1)
    assert 4 == desk.types("reconcile")[0]

    [listed] = json.loads(desk.types("hold", "list", "-o", "json")[1])["holds"]
    assert ("h1", "dev", "waits", 7) == tuple(listed[key] for key in ("id", "deployment", "state", "total"))
    row = desk.types("hold", "list")[1].splitlines()[1].split()
    assert ["h1", "dev", "waits", "7", "0", "min"] == row[:6]
    out = desk.types("hold", "show", listed["digest"])[1]
    assert "h1 on dev: waits" == out.splitlines()[0]
    assert len({line.index(line[15:].lstrip()) for line in out.splitlines()[1:6]}) == 1, "facts stand under each other"
    assert (
        f"  to let exactly this pass, once: syncd --config {desk.folder}/config.toml hold approve h1"
        in out.splitlines()
    )

    code, out, _ = desk.types("hold", "reject", "h1", "--reason", "they only moved", "--as", "anna")
    assert (0, "h1 on dev: rejected; it stays undone, and nobody is asked again until it is other changes\n") == (
        code,
        out,
    )
    code, out, _ = desk.types("plan")
    assert (0, True) == (code, f"rejected by anna (via {me}) (they only moved)" in out)
    code, out, _ = desk.types("reconcile")
    assert (0, "nothing to do on 1 deployment") == (code, out.splitlines()[0])

    assert 0 == desk.types("hold", "reopen", "h1")[0]
    assert 4 == desk.types("reconcile")[0]
    code, out, _ = desk.types("hold", "approve", "h1", "--reason", "ticket 12")
    assert (0, "approve: 7 applied") == (code, out.splitlines()[-1].partition(" (")[0])
    shown = json.loads(desk.types("hold", "show", "h1", "-o", "json")[1])
    assert ("passed", 7) == (shown["state"], len(shown["changes"]))
    said = [(word["what"], word["who"], word["reason"], word["from"]) for word in shown["said"]]
    assert said == [
        ("reject", f"anna (via {me})", "they only moved", "command"),
        ("reopen", me, "", "command"),
        ("approve", me, "ticket 12", "command"),
    ]
    assert (0, "nothing is held\n") == desk.types("hold", "list")[:2]
    assert ["passed"] == [h["state"] for h in json.loads(desk.types("hold", "list", "--all", "-o", "json")[1])["holds"]]


@pytest.mark.parametrize("word", ["approve", "reject", "reopen", "show"])
def test_a_hold_that_is_not_there_is_one_mistake(alone: Desk, word: str) -> None:
    said = 'hold: there is no hold "h9"; what there is: syncd hold list --all\n'
    assert (3, "", said) == alone.types("hold", word, "h9")


def test_an_apply_with_a_digest_is_a_word_in_the_inbox(alone: Desk) -> None:
    desk = alone
    desk.types("reconcile")
    members(desk, "an-apply-with-a-digest-is", 1)
    digest = json.loads(desk.types("reconcile", "-o", "json")[1])["results"][0]["held"]
    wrong = (
        f"syncd: nothing with the digest {digest[:-1]} is held on dev; what is held there now has the digest {digest}"
    )
    assert desk.types("apply", "--approve", digest[:-1])[2].startswith(wrong)
    assert 0 == desk.types("hold", "reject", digest)[0]
    assert 0 == desk.types("reconcile")[0]
    assert 0 == desk.types("apply", "--approve", digest)[0], "it takes the rejection back"
    shown = json.loads(desk.types("hold", "show", digest, "-o", "json")[1])
    assert ("passed", ["approve"]) == (shown["state"], [word["what"] for word in shown["said"]][1:])


def test_the_daemon_is_told_what_becomes_of_a_hold(desk: Desk, daemon: Place) -> None:
    me = user_name(os.getuid())
    said = "h1 on prod: rejected; it stays undone, and nobody is asked again until it is other changes\n"
    assert (0, said, "") == desk.types("hold", "reject", "h1", "--reason", "no")
    assert 0 == desk.types("hold", "reopen", "h1", "--as", "anna")[0]
    code, out, _ = desk.types("hold", "approve", "h1")
    assert (0, "approve: 2 applied (1 deployment, 0.8 s, 5 calls)") == (code, out.splitlines()[-1])
    socket = "control socket"
    assert daemon.control.asked == [
        ("h1", "reject", f"{me}: no", socket),
        ("h1", "reopen", f"anna (via {me})", socket),
        ("h1", "approve", me, socket),
    ]
    assert (3, "", 'syncd: there is no hold "h7"\n') == desk.types("hold", "reject", "h7")


def test_an_approval_waits_for_another_person(desk: Desk, daemon: Place) -> None:
    daemon.control.needs_another = True
    me = user_name(os.getuid())
    said = f"h1 on prod: approved by {me}; it passes once another person says so too: syncd approve prod abc\n"
    assert (4, said, "") == desk.types("hold", "approve", "h1")
    code, out, _ = desk.types("hold", "approve", "h1", "-o", "json")
    assert (4, "h1") == (code, json.loads(out)["id"])


def test_without_a_daemon_an_approval_waits_for_another_person(alone: Desk) -> None:
    desk, me = alone, user_name(os.getuid())
    config = desk.folder / "config.toml"
    config.write_text(f"{config.read_text()}\n[limits]\napprovers = 2\n")
    desk.types("reconcile")
    members(desk, "without-a-daemon-an-appro", 1)
    digest = json.loads(desk.types("reconcile", "-o", "json")[1])["results"][0]["held"]
    said = f"it passes once another person says so too: syncd approve dev {digest}"
    for _ in range(2):
        code, _, err = desk.types("approve", "dev", digest)
        assert code in (3, 4)
    code, _, err = desk.types("apply", "--approve", digest)
    assert (3, f"syncd: {me} approved h1 already: the second word has to be another person's\n") == (code, err)
    assert said not in err
    [word] = json.loads(desk.types("hold", "show", "h1", "-o", "json")[1])["said"]
    assert ("approve", me) == (word["what"], word["who"])
    assert 4 == desk.types("reconcile")[0]
