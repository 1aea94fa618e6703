"""The commands as people use them, on a stand-in Airflow: what they print, where, and with which exit code."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import pytest

from syncd.alarm_kinds import alarm_id
from syncd.cli import run
from syncd.cli.init import CONFIG, MAPPING, PEOPLE
from syncd.model import Owned
from syncd.ports import AlarmRow, GoodFiles
from syncd.sandbox.airflow import DagFile, StandIn, serve
from syncd.store import Stores
from syncd.store.processes import os_user

EVERYBODY = [f"user{n}" for n in range(8)]


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    """The address of a stand-in that the tests of this module share; each works on people and roles of its own."""
    with serve(StandIn("3.3.2")) as url:
        yield url


class Desk:
    """A folder with a configuration, a mapping and people, and a person who types commands in it."""

    def __init__(self, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys, self.team = folder, capsys, folder.name
        enforced = CONFIG.replace('"observe" ', '"enforce" ').replace('"syncd"', '"admin"')
        self.write("config.toml", enforced.replace("http://localhost:8080", url))
        self.write("mappings/access.yaml", MAPPING.replace("analyst", self.team).replace(f"{self.team}s", "team"))
        self.members(*EVERYBODY)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def members(self, *logins: str) -> None:
        people = [{"login": f"{self.team}.{login}", "email": f"{login}@{self.team}.example.com"} for login in logins]
        groups = [{"name": "team", "members": [person["login"] for person in people]}]
        self.write("people/people.yaml", json.dumps({"people": people, "groups": groups}))

    def types(self, *words: str) -> tuple[int, str, str]:
        code = run(["--config", str(self.folder / "config.toml"), "--quiet", *words])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "\x1b" not in out + err
        return code, out, err

    def reads(self, *words: str) -> Any:
        code, out, err = self.types(*words, "-o", "json")
        assert (0, "") == (code, err)
        return json.loads(out)


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    airflow: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / request.node.name.removeprefix("test_").replace("_", "-")[:30]
    folder.mkdir()
    return Desk(folder, airflow, capsys)


@pytest.mark.finding("I-F1")
def test_checking_tells_of_a_group_that_no_file_has(desk: Desk) -> None:
    code, out, _ = desk.types("check")
    assert (0, False) == (code, "note:" in out)
    desk.write("people/people.yaml", json.dumps({"people": [], "groups": []}))
    code, out, _ = desk.types("check")
    assert (0, True) == (code, "note:" in out)
    assert "there is no group people:team, so nobody gets" in out


@pytest.mark.finding("N-402")
@pytest.mark.parametrize("strict", [(), ("--strict",)], ids=["check", "strict"])
def test_checking_tells_notes_of_a_kind_together(desk: Desk, strict: tuple[str, ...]) -> None:
    mapping = (desk.folder / "mappings/access.yaml").read_text(encoding="utf-8")
    unbound = "".join(f"  unbound{n}: {{permissions: [can_read on Pools]}}\n" for n in range(200))
    desk.write("mappings/access.yaml", mapping.replace("bindings:", f"{unbound}bindings:"))

    _, out, err = desk.types("check", *strict)
    told = out + err
    assert (3, 1) == (
        told.count("no binding gives the role"),
        told.count("and 197 notes of this kind (unbound_role; see -v)"),
    )
    _, out, err = desk.types("--verbose", "check", *strict)
    assert 200 == (out + err).count("no binding gives the role")


@pytest.mark.finding("N-401")
def test_a_note_repeats_no_long_value(desk: Desk) -> None:
    mapping = (desk.folder / "mappings/access.yaml").read_text(encoding="utf-8")
    desk.write("mappings/access.yaml", mapping.replace("people:team", f"people:{'x' * 1_900}"))
    code, out, _ = desk.types("check")
    assert (0, True) == (code, "… 1,788 characters …" in out)
    assert max(map(len, out.splitlines())) < 400


def test_from_a_plan_to_a_leaver(desk: Desk) -> None:
    assert 0 == desk.types("check")[0]
    code, out, _ = desk.types("plan", "--check")
    assert (2, "dev (enforce): 8 people gain, 1 role changes") == (code, out.splitlines()[1])
    code, out, _ = desk.types("apply")
    assert (0, True) == (code, out.splitlines()[-1].startswith("apply: 9 applied (1 deployment, "))
    code, out, _ = desk.types("plan", "--check")
    assert (0, "dev (enforce): nothing to do") == (code, out.splitlines()[0])

    desk.members(*EVERYBODY[1:])
    code, out, _ = desk.types("apply", "--user", f"{desk.team}.user0")

    assert 0 == code
    assert f"    ~ {desk.team}.user0  − {desk.team}   because was given by people:team (mappings/access.yaml:12)" in out
    assert 0 == desk.types("plan", "--check")[0]


def test_held_changes_pass_with_the_command_that_is_shown(desk: Desk) -> None:
    desk.types("apply")
    desk.members(EVERYBODY[0])

    code, out, _ = desk.types("apply")
    assert 4 == code
    assert "held as h1 (7 of 8 people lose a role: the limit is 10%)" in out
    [command] = [line.partition("pass: ")[2] for line in out.splitlines() if "to let exactly this pass" in line]
    assert f"syncd --config {desk.folder}/config.toml approve dev" == command.rpartition(" ")[0]

    code, out, _ = desk.types("status", "--offline")
    assert (0, True) == (code, command in out)
    show = _after(out, "all of it, and how to leave it undone: ")
    assert desk.types(*show)[1].startswith("h1 on dev: waits\n")
    fate = f"  has {desk.team}: no mapping line gives it; held as h1: 7 of 8 people lose a role: the limit is 10%; "
    assert (
        f"{fate}to let exactly this pass: {command}"
        in desk.types("explain", "--fresh", f"{desk.team}.user1")[1].splitlines()
    )
    code, out, _ = desk.types(*command.split()[3:])
    assert (0, True) == (code, "approve: 7 applied" in out)


def test_what_some_people_would_lose_is_let_pass_with_the_command_that_leads_to_it(desk: Desk) -> None:
    """What a pass over some people holds is a hold of its own, and passes with a pass over these alone."""
    desk.types("apply")
    desk.members(EVERYBODY[0])

    code, out, err = desk.types("reconcile", "--group", "people:team")
    assert 4 == code, err
    assert "approve dev" not in out
    code, out, _ = desk.types(*_after(out, "all of it, how it passes, and how to leave it undone: "))
    assert (0, True) == (code, "h1 on dev: waits\n  about          only " in out)
    code, out, _ = desk.types(*_after(out, "to let exactly this pass, once: "))
    assert (0, True) == (code, "approve: 7 applied" in out)


def test_what_is_held_over_everything_is_shown_with_its_command_after_a_pass_over_some(desk: Desk) -> None:
    desk.types("apply")
    desk.members(EVERYBODY[0])
    shown = desk.types("apply")[1]
    desk.types("apply", "--user", f"{desk.team}.user0")

    for words in (("status", "--offline"), ("status", "--offline", "-d", "dev")):
        out = desk.types(*words)[1]
        assert _after(shown, "to let exactly this pass: ") == _after(out, "to let exactly this pass: ")


def _after(out: str, words: str) -> list[str]:
    """Give the command that is shown after these words, as it is typed at a desk."""
    [command] = {line.partition(words)[2] for line in out.splitlines() if words in line}
    return command.split()[3:]


def test_who_has_something_put_right_where_it_is_only_observed_is_told(desk: Desk) -> None:
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", config.replace('"enforce"', '"observe"'))

    first, *_, last = desk.types("reconcile")[1].splitlines()
    assert "dev: 9 skipped, because it is only observed (mode = observe)" == first
    assert last.startswith("reconcile: 9 skipped (")
    first, *_, last = desk.types("reconcile", "--dry-run")[1].splitlines()
    assert ("dev: 9 changes", True) == (first, last.startswith("reconcile: 9 changes ("))


def test_the_journal_is_shown_oldest_first_and_filtered(desk: Desk) -> None:
    desk.types("apply")
    desk.members(*EVERYBODY[1:])
    desk.types("apply")

    code, out, _ = desk.types("audit", "--user", f"{desk.team}.user0")
    lines = [line for line in out.splitlines() if not line.startswith(" ")]
    assert (0, 2) == (code, len(lines))
    assert f"dev  applied  + {desk.team}.user0  new account  + {desk.team}" in lines[0]
    assert f"dev  applied  ~ {desk.team}.user0  − {desk.team}" in lines[1]
    assert "run 2 (apply by " in out
    rows = desk.reads("audit", "--role", desk.team, "--since", "1h", "--status", "applied")
    assert [["dev", "applied"]] * 10 == [[row["deployment"], row["status"]] for row in rows]
    assert [desk.team] == rows[-1]["revoked"]
    assert "the journal has nothing of this kind\n" == desk.types("audit", "--until", "2020-01-01")[1]
    assert desk.types("audit", "--limit", "1")[1].startswith("there is more, and older")
    code, out, _ = desk.types("audit", "--holders", "--user", f"{desk.team}.user0")
    assert (0, True, False) == (code, f"{desk.team}  from " in out, " to now" in out), "it was taken"
    assert "\n    because people:team (mappings/access.yaml:12); run 1 by " in out
    assert " to now\n" in desk.types("audit", "--holders", "--user", f"{desk.team}.user1")[1]
    held = desk.reads("audit", "--holders", "--since", "1h", "--role", desk.team)
    assert {desk.team} == {row["role"] for row in held}
    assert "nobody held anything" in desk.types("audit", "--holders", "--until", "2020-01-01")[1]


def test_a_person_is_explained_by_any_of_their_names(desk: Desk) -> None:
    desk.types("apply")
    login, email = f"{desk.team}.user0", f"user0@{desk.team}.example.com"

    expected = [
        f"people:{login}: {email}",
        f"dev: account {login} ({email})",
        f"  has {desk.team}",
        "    because people:team (mappings/access.yaml:12)",
    ]
    assert expected == desk.types("explain", "--fresh", login)[1].splitlines()
    assert expected == desk.types("explain", "--fresh", email.upper())[1].splitlines()

    desk.members(*EVERYBODY[1:])
    assert [
        f"no source knows {login}",
        f"dev: account {login} ({email})",
        f"  has {desk.team}: no mapping line gives it; the next apply takes it",
    ] == desk.types("explain", "--fresh", login)[1].splitlines()
    desk.members(*EVERYBODY, "new")
    assert (
        f"dev: no account yet; it would be {desk.team}.new" in desk.types("explain", "--fresh", f"{desk.team}.new")[1]
    )
    assert "dev: no account, and no mapping line gives anything" in desk.types("explain", "--fresh", "nobody")[1]
    assert "  has Admin: not by syncd; left alone" in desk.types("explain", "--fresh", "admin")[1]


def test_a_person_is_found_where_accounts_are_named_otherwise(desk: Desk) -> None:
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", config.replace('"{login}"', '"sso_{id}"'))

    said = desk.types("explain", "--fresh", f"{desk.team}.user0")[1]

    assert f"dev: no account yet; it would be sso_{desk.team}.user0\n  lacks {desk.team}\n" in said


def test_the_card_of_a_deployment(desk: Desk) -> None:
    code, out, _ = desk.types("status", "-d", "dev")
    assert 0 == code
    assert "  server       Airflow 3.3.2 (generation 3), FAB\n" in out
    assert "  credentials  roles token, users token, DAGs token\n" in out
    assert "  last run     none\n" in out
    desk.types("apply")

    [card] = desk.reads("status", "--offline")["deployments"]
    assert ("dev", "enforce", None) == (card["deployment"], card["mode"], card["error"])
    assert ("3.3.2", "admin") == (card["capabilities"]["version"], card["capabilities"]["service_user"])
    assert (1, {"applied": 9}, 1) == (
        card["last_run"]["run"],
        card["last_run"]["counts"],
        card["last_run"]["converged_run"],
    )


def test_every_key_that_programs_get_is_in_the_page(desk: Desk) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", page))))
    desk.types("apply")
    desk.members(EVERYBODY[0])
    desk.types("apply")

    for command in ("status", "alarms", "doctor", "audit", "audit --holders"):
        assert set() == set(_keys(desk.reads(*command.split()))) - words, command
    said = json.loads(desk.types("reconcile", "-o", "json")[1])
    assert {"results", "exit_code"} <= set(_keys(said))
    assert set() == set(_keys(said)) - words


def _keys(value: Any) -> Iterator[str]:
    """Give every key at every depth, but for objects whose keys are names, statuses, stages or words of a kind of target."""
    if isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner) if key not in ("capabilities", "counts", "on_dags", "seconds") else ()


def test_a_fleet_is_a_table_with_what_needs_somebody_first(desk: Desk) -> None:
    assert ["deployment", "mode", "server", "converged", "state"] == desk.types("status")[1].splitlines()[0].split()
    assert re.search(r"^dev +enforce +Airflow 3\.3\.2 +never +never planned$", desk.types("status")[1], re.M)
    desk.types("apply")
    assert re.search(r"^dev +enforce +Airflow 3\.3\.2 +0 min ago +ok$", desk.types("status")[1], re.M)
    desk.members(EVERYBODY[0])
    desk.types("apply")

    held, change, command, show, empty, *table = desk.types("status", "--offline")[1].splitlines()
    assert ("held", "") == (held, empty)
    assert "  dev: h1: 7 changes: 7 of 8 people lose a role: the limit is 10%" == change
    assert command.startswith("    to let exactly this pass: syncd ")
    assert show.endswith(" hold show h1")
    assert table[1].endswith("7 held as h1")
    assert "h1" == desk.reads("status", "--offline")["deployments"][0]["last_run"]["held"]["hold"]
    assert f"{'':<15}all of it, and how to leave it undone: " in desk.types("status", "-d", "dev")[1]


@pytest.mark.finding("U-B11")
def test_the_remark_of_a_binding_is_told_wherever_the_grant_is(desk: Desk) -> None:
    mapping = (desk.folder / "mappings/access.yaml").read_text(encoding="utf-8")
    desk.write("mappings/access.yaml", mapping.replace("    deployments:", "    reason: FIN-123\n    deployments:"))
    told, login = "people:team (mappings/access.yaml:12, FIN-123)", f"{desk.team}.user0"

    assert f"because {told}\n" in desk.types("plan")[1]
    assert told in desk.types("plan", "-o", "markdown")[1]
    desk.types("apply")
    assert f"    because {told}; run 3 (apply by " in desk.types("audit", "--user", login)[1]
    assert f"    because {told}\n" in desk.types("explain", "--fresh", login)[1]
    assert f"    because {told}; run 3 by " in desk.types("audit", "--holders", "--user", login)[1]
    desk.members(*EVERYBODY[1:])
    assert f"because was given by {told}: " in desk.types("plan")[1]


@pytest.mark.finding("U-B6")
def test_the_card_of_one_deployment_is_without_the_alarms_of_others(desk: Desk) -> None:
    desk.types("alarms")
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    i = config.index("[deployments.dev]")
    desk.write(
        "config.toml",
        config + "\n" + config[i:].replace("deployments.dev", "deployments.other").replace("127.0.0.1", "localhost"),
    )
    subjects = ("dev", "other", "people")
    at = datetime.now(UTC)
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        for subject in subjects:
            store.presence.save_alarms({("held", subject): (AlarmRow("it is held", at, at), None)})
    for words, told in (
        (("-d", "dev"), ["dev", "people"]),
        (("-d", "other"), ["other", "people"]),
        ((), list(subjects)),
    ):
        assert told == [alarm["subject"] for alarm in desk.reads("status", "--offline", *words)["alarms"]]


def test_alarms_are_shown_by_a_command_and_first_in_status(desk: Desk) -> None:
    assert (0, "no alarm stands\n", "") == desk.types("alarms")
    assert 0 == desk.types("alarms", "--check")[0]
    since = datetime.now(UTC) - timedelta(minutes=12, seconds=5)
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        late = since + timedelta(minutes=10)
        rows = {
            ("held", "dev"): AlarmRow("7 held\nlook", since, since),
            ("drift", "dev"): AlarmRow("by hand", late),  # which nobody was told yet
            ("frozen", "dev"): AlarmRow("its cause is gone", since, since, cleared_at=late),
        }
        store.presence.save_alarms({key: (row, None) for key, row in rows.items()})

    ids = [alarm_id(kind, "dev", at)[:8] for kind, at in (("held", since), ("drift", late))]
    held = [f"  held  dev  for 12 min  {ids[0]}", "    7 held", "    look", "    what to do: docs/runbook.md#held"]
    shown = [*held, f"  drift  dev  for 2 min  {ids[1]}", "    by hand", "    what to do: docs/runbook.md#drift"]
    nobody = "  no daemon runs: they are as the last one left them, and end once one runs again"
    assert [nobody, *shown] == desk.types("alarms")[1].splitlines()
    assert ["alarms", nobody, *shown, ""] == desk.types("status", "--offline")[1].splitlines()[:10]
    assert [[], []] == [desk.reads(*words)["replicas"] for words in (("alarms",), ("status", "--offline"))]
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        store.presence.beat("host-1-abc", ttl=timedelta(hours=1))
    assert ["host-1-abc"] == desk.reads("alarms")["replicas"] == desk.reads("status", "--offline")["replicas"]
    assert shown == desk.types("alarms")[1].splitlines()
    assert ["alarms", *shown, ""] == desk.types("status", "--offline")[1].splitlines()[:9]
    assert (1, ["held", "drift"]) == (desk.types("alarms", "--check")[0], kinds(desk.reads("alarms")))
    assert ["held", "drift"] == kinds(desk.reads("status", "--offline"))


@pytest.mark.finding("U-B7")
def test_status_says_since_when_a_deployment_fails_how_often_and_when_it_is_tried_again(desk: Desk) -> None:
    desk.types("apply")
    assert desk.reads("status")["deployments"][0]["failing"] is None
    good = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", CONFIG.replace("localhost:8080", "127.0.0.1:9").replace('"observe" ', '"enforce" '))
    desk.types("apply")
    assert "; fails for 0 min, once" in " ".join(desk.types("status")[1].split())
    desk.types("apply")
    assert "; fails for 0 min, 2 times in a row" in " ".join(desk.types("status")[1].split())

    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:  # as the daemon does
        store.failures.tries_again("dev", at=datetime.now(UTC) + timedelta(minutes=12, seconds=30))
        assert "2 times in a row, no next try: no daemon runs" in desk.types("status", "--offline")[1]
        store.presence.beat("host-1-abc", ttl=timedelta(hours=1))
        assert "2 times in a row, next try in 12 min" in desk.types("status", "--offline")[1]
        [known] = [line for line in desk.types("status", "-d", "dev")[1].splitlines() if "  fails " in line]
        since = store.failures.failing()["dev"].since
        assert f"  fails        since {since:%Y-%m-%d %H:%M:%SZ} (0 min), 2 times in a row, next try in 12 min" == known
        [shown] = desk.reads("status", "--offline")["deployments"]
        assert (2, since) == (shown["failing"]["times"], datetime.fromisoformat(shown["failing"]["since"]))
        assert "2 times in a row" in desk.types("status", "--offline")[1]
        for ahead, told in ((30, "within a minute"), (-30, "now")):
            store.failures.tries_again("dev", at=datetime.now(UTC) + timedelta(seconds=ahead))
            assert f"next try {told}" in desk.types("status", "--offline")[1]

    desk.write("config.toml", good)
    desk.types("apply")
    assert desk.reads("status")["deployments"][0]["failing"] is None
    assert "fails" not in desk.types("status", "-d", "dev")[1]


def kinds(shown: Any) -> list[str]:
    return [alarm["kind"] for alarm in shown["alarms"]]


@pytest.mark.finding("U-B4")
@pytest.mark.parametrize("broken", ["mappings/access.yaml", "config.toml"])
def test_while_files_are_broken_those_that_the_daemon_used_last_are_shown(desk: Desk, broken: str) -> None:
    desk.types("apply")
    login = f"{desk.team}.user0"
    explained, before = desk.types("explain", "--fresh", login)[1], desk.types("status", "-d", "dev")[1]
    texts = GoodFiles(
        (desk.folder / "config.toml").read_text(encoding="utf-8"),
        {"mappings/access.yaml": (desk.folder / "mappings/access.yaml").read_text(encoding="utf-8")},
    )
    for words in (("status",), ("explain", "--fresh", login), ("alarms",)):
        desk.write(broken, f"{texts.config}\nrun = 1\n" if broken == "config.toml" else "roles: [")
        assert (3, "") == desk.types(*words)[:2], "nothing is known that was used before"
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        store.presence.keep_files(str(desk.folder / "config.toml"), texts, now=datetime.now(UTC))

    code, out, err = desk.types("status", "-d", "dev")
    assert (3, before) == (code, out)
    assert f"{Path(broken).name}:" in err
    assert "the files cannot be used; what follows is by those that the daemon used last" in err
    assert (0, explained) == desk.types("explain", "--fresh", login)[:2]
    assert 0 == desk.types("alarms")[0]
    assert Path(broken).name in json.loads(desk.types("status", "--offline", "-o", "json")[1])["files_error"]


def test_plans_for_programs_and_for_pull_requests(desk: Desk) -> None:
    plan = desk.reads("plan")
    [deployment] = plan["deployments"]
    assert (1, {"gain": 8, "lose": 0, "roles": 1}) == (plan["version"], deployment["plan"]["counts"])
    assert desk.types("plan", "-o", "markdown")[1].startswith("### syncd plan: 9 changes on 1 deployment")


def test_an_unknown_deployment_is_a_wrong_command_line(desk: Desk) -> None:
    code, out, err = desk.types("plan", "--deployment", "dve")

    assert (3, "") == (code, out)
    assert '--deployment: no deployment "dve" in config.toml; did you mean "dev"?\n' == err


def test_a_server_that_is_away_is_a_sentence_and_exit_code_5(desk: Desk) -> None:
    desk.write("config.toml", CONFIG.replace("localhost:8080", "127.0.0.1:9"))
    for words in (("plan",), ("status",)):
        code, out, _ = desk.types(*words)
        assert (5, True) == (code, "the connection was refused" in out)


def test_a_source_that_is_away_is_exit_code_5(desk: Desk) -> None:
    desk.write("people/people.yaml", "people: [")

    code, out, _ = desk.types("plan")

    assert (5, True) == (code, "source people could not be read; nothing that it gave is taken away\n" in out)


@pytest.mark.finding("U-B16")
def with_alarms(desk: Desk, *rows: tuple[str, str, datetime]) -> None:
    desk.types("alarms")
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        store.presence.save_alarms({(kind, about): (AlarmRow("x", since), None) for kind, about, since in rows})


def test_an_alarm_is_acknowledged_by_the_beginning_of_its_id(desk: Desk) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    with_alarms(desk, ("held", "dev", since), ("drift", "dev", since))
    id_ = alarm_id("held", "dev", since)

    assert 3 == desk.types("alarms", "ack", id_[:3], "--reason", "x")[0], "too short to be meant"
    assert 3 == desk.types("alarms", "ack", "ffffffff", "--reason", "x")[0]
    assert 3 == desk.types("alarms", "ack", id_[:8], "--reason", "")[0]
    code, out, _ = desk.types("alarms", "ack", id_[:8], "--reason", "ticket 12")

    assert (0, "held of dev is acknowledged: it is told no more until it is over\n") == (code, out)
    said = {a["kind"]: a["acknowledged"] for a in desk.reads("alarms")["alarms"]}
    assert (None, "ticket 12") == (said["drift"], said["held"]["reason"])
    for shows in ("alarms", "status --offline"):
        assert 1 == desk.types(*shows.split())[1].count(f"by {said['held']['by']}: ticket 12")


def test_alarms_are_silenced_for_a_while_and_still_shown(desk: Desk) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    with_alarms(desk, ("held", "dev", since), ("drift", "dev", since))
    silence = ("alarms", "silence")
    why = ("--reason", "an upgrade")
    refused = [
        (3, (*silence, "all", "--for", "4h", *why)),
        (3, (*silence, "helt", "--for", "4h", *why)),
        (3, (*silence, "held", "--for", "4h", *why, "-d", "nowhere")),
        (3, (*silence, "held", "--for", "4h", *why, "--label", "env=nowhere")),
        (3, (*silence, "held", "--for", "31d", *why)),
        (3, (*silence, "held", "--for", "0s", *why)),
        (3, (*silence, "held", "--for", "soon", *why)),
        (3, (*silence, "held", "--for", "4h")),
        (3, (*silence, "held", "--for", "4h", *why, "--label", "env")),
    ]
    for code, words in refused:
        found, _, err = desk.types(*words)
        assert (code, True) == (found, err.startswith(("alarms: ", "Usage: "))), err
    assert [] == desk.reads("alarms")["silences"]

    code, out, _ = desk.types(*silence, "held", "--for", "4h", *why, "-d", "dev")
    assert (0, True) == (code, out.startswith("silence 1: held on dev, until "))
    assert 0 == desk.types(*silence, alarm_id("drift", "dev", since)[:6], "--for", "30m", *why)[0]
    found = desk.reads("alarms")
    assert {"held": "an upgrade", "drift": "an upgrade"} == {
        a["kind"]: a["silenced"]["reason"] for a in found["alarms"]
    }
    assert [("held", "dev"), ("", "")] == [(s["kind"], s["deployment"]) for s in found["silences"]]
    assert 2 == desk.types("status", "--offline")[1].count("silenced until")

    assert (0, "silence 1 is over\n") == desk.types("alarms", "unsilence", "1")[:2]
    assert 3 == desk.types("alarms", "unsilence", "1")[0]
    assert [None] == [a["silenced"] for a in desk.reads("alarms")["alarms"] if a["kind"] == "held"]


@pytest.mark.parametrize("is_known", [True, False], ids=["read-before", "never-read"])
@pytest.mark.parametrize("is_alarm", [True, False], ids=["alarm", "no-alarm"])
def test_status_says_once_why_a_source_cannot_be_read(desk: Desk, is_known: bool, is_alarm: bool) -> None:
    if is_known:
        desk.types("apply")
    desk.write("people/people.yaml", "people: [")
    desk.types("apply")
    [failed] = json.loads(desk.types("status", "-o", "json")[1])["failed_sources"]
    if is_alarm:
        with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
            now = datetime.now(UTC)
            store.presence.save_alarms({("source_failed", "people"): (AlarmRow(failed["why"], now, now), None)})

    for words in (("status",), ("status", "-d", "dev"), ("--verbose", "status", "-d", "dev")):
        out = " ".join(desk.types(*words)[1].split())
        assert 1 == out.count(" ".join(failed["why"].splitlines()[0].split())), out


def test_a_mistake_in_the_mapping_is_exit_code_3(desk: Desk) -> None:
    desk.write("mappings/more.yaml", "rolls: 1\n")
    for words in (("check",), ("plan",), ("apply",)):
        code, out, err = desk.types(*words)
        assert (3, "", True) == (code, out, err.startswith("mappings/more.yaml:1:1: unknown key"))


def test_a_database_that_cannot_be_opened_is_a_sentence(desk: Desk) -> None:
    (desk.folder / "syncd.db").mkdir()

    code, out, err = desk.types("plan")

    assert (1, "", True) == (code, out, err.startswith("syncd: "))


def test_a_wrong_command_line_is_not_taken_for_pending_changes(desk: Desk) -> None:
    for words in (("plan", "--chek"), ("audit", "--since", "soon"), ("audit", "--status", "done"), ("paln",)):
        code, out, err = desk.types(*words)
        assert (3, "", True) == (code, out, "Error: " in err)


# --- init, times, and how little is loaded ----------------------------------------------------------------------------


def test_init_writes_what_check_accepts_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "new" / "config.toml"

    assert 0 == run(["--config", str(config), "init"])
    assert "syncd plan " in capsys.readouterr().out
    assert 0 == run(["--config", str(config), "check"])
    config.unlink()
    assert 3 == run(["--config", str(config), "init"])

    assert f"{tmp_path}/new/mappings/access.yaml: is there already; nothing was written" in capsys.readouterr().err
    assert not config.exists()
    assert PEOPLE == (tmp_path / "new" / "people" / "people.yaml").read_text(encoding="utf-8")


def test_what_init_writes_names_the_schemas_beside_it_for_editors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    assert 0 == run(["--config", str(config), "init"])
    capsys.readouterr()
    for file, line in (
        (config, "#:schema "),
        (tmp_path / "mappings" / "access.yaml", "# yaml-language-server: $schema="),
    ):
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        named = file.parent / first.removeprefix(line)
        assert 0 == run(["schema", named.stem])
        assert named.read_text(encoding="utf-8") == capsys.readouterr().out
    schemas = {"config.json", "mapping.json", "scope.json", "tests.json"}
    assert schemas == {path.name for path in (tmp_path / "schemas").iterdir()}


def test_check_says_which_schemas_are_of_another_syncd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.toml"
    assert 0 == run(["--config", str(config), "init"])
    assert 0 == run(["--config", str(config), "check", "--strict"])
    assert "schemas" not in capsys.readouterr().out.partition("ok:")[2]

    (tmp_path / "schemas" / "mapping.json").write_text("{}", encoding="utf-8")
    (tmp_path / "schemas" / "scope.json").unlink()
    assert 0 == run(["--config", str(config), "check"])
    file = tmp_path / "schemas" / "mapping.json"
    said = capsys.readouterr().out.replace("\n  ", " ")
    assert f"note: {file} is of another syncd than this one; write it anew: syncd schema mapping > {file}\n" in said
    assert "scope.json" not in said


@pytest.mark.parametrize(
    ("written", "is_told"),
    [
        (lambda text: json.dumps(json.loads(text), indent=4, sort_keys=True).encode(), False),
        (lambda text: text.replace("draft-07", "draft-06").encode(), True),
        (lambda text: text[:100].encode(), True),
        (lambda _: b"\xff", True),
    ],
    ids=["formatted anew", "changed", "cut", "no text"],
)
def test_a_schema_is_known_by_what_it_says(
    written: Callable[[str], bytes], is_told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == run(["--config", str(tmp_path / "config.toml"), "init"])
    file = tmp_path / "schemas" / "mapping.json"
    file.write_bytes(written(file.read_text(encoding="utf-8")))
    capsys.readouterr()
    assert 0 == run(["--config", str(tmp_path / "config.toml"), "check"])
    assert is_told == ("is of another syncd than this one" in capsys.readouterr().out.replace("\n  ", " "))


def test_schema_reads_no_file_and_knows_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["--config", "/nowhere/config.toml", "schema"])
    assert {"vars", "defaults", "roles", "bindings"} == set(json.loads(capsys.readouterr().out)["properties"])
    assert 3 == run(["schema", "people"])


def test_help_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "requests", "rich", "ruamel", "sqlalchemy", "starlette", "structlog")
    script = f"import sys; from syncd.cli import run; run(['--help']); print([m for m in {heavy} if m in sys.modules])"

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert "[]" == said.splitlines()[-1]


def accepted(store: Stores) -> list[dict[str, object]]:
    """Give what the chain says was accepted, by this user on this machine."""
    found = [json.loads(line) for _, line in store.records.lines()]
    assert store.records.verify().count == len(found)
    these = [record for record in found if record["kind"] == "accepted"]
    assert all((os_user(), socket.gethostname()) == (record.pop("by"), record.pop("host")) for record in these)
    return [{k: v for k, v in record.items() if k not in ("seq", "prev", "at", "kind")} for record in these]


@pytest.mark.finding("C-49")
@pytest.mark.parametrize("words", [[], ["--leave"]])
def test_a_person_says_whose_a_renamed_role_is(desk: Desk, words: list[str]) -> None:
    code, _, err = desk.types("accept-role", "dev", "elsewhere")
    assert (3, True) == (code, "no role of syncd's on dev seems to be called elsewhere now" in err)
    code, _, err = desk.types("accept-role", "nowhere", "elsewhere")
    assert (3, True) == (code, 'no deployment "nowhere"' in err)
    with closing(Stores.open(f"sqlite:///{desk.folder / 'syncd.db'}")) as store:
        store.memory.remember_renamed("dev", {"elsewhere": desk.team}, now=datetime.now(UTC))
        store.holdings.adopt("dev", Owned(grants={"anna": frozenset({"elsewhere"})}))
        code, out, _ = desk.types("accept-role", "dev", "elsewhere", *words)
        assert (0, True) == (code, ("somebody else's" if words else f"as {desk.team} was") in out)
        expected = (set(), {}) if words else ({"elsewhere"}, {"anna": frozenset({"elsewhere"})})
        owned = store.holdings.owned("dev")
        assert expected == (set(owned.roles), owned.grants)
        said = {"what": "role", "deployment": "dev", "name": "elsewhere", "was": desk.team, "left": bool(words)}
        assert [said] == accepted(store)
    assert 3 == desk.types("accept-role", "dev", "elsewhere")[0]


@pytest.mark.finding("N-301")
@pytest.mark.parametrize("words", [[], ["--leave"]])
@pytest.mark.parametrize("is_applied", [False, True])
def test_a_person_says_which_server_a_deployment_is_at(desk: Desk, words: list[str], is_applied: bool) -> None:
    code, _, err = desk.types("accept-server", "dev")
    assert (3, True) == (code, "dev was at no other address than" in err)
    with closing(Stores.open(f"sqlite:///{desk.folder / 'syncd.db'}")) as store:
        was = Owned(grants={"anna": frozenset({"Viewer"})})
        store.places.move("dev", "https://old.example", now=datetime.now(UTC))
        store.holdings.adopt("dev", was)
        if is_applied:
            desk.types("apply", "-d", "dev")
        ours = store.holdings.owned("dev").grants if is_applied else {}
        code, out, _ = desk.types("accept-server", "dev", *words)
        assert (0, True) == (code, "https://old.example" in out)
        expected = ours if words else {**ours, "anna": ours.get("anna", frozenset()) | {"Viewer"}}
        assert expected == store.holdings.owned("dev").grants
        [said] = accepted(store)
        assert ("server", "https://old.example", bool(words)) == (said["what"], said["was"], said["left"])
    assert 3 == desk.types("accept-server", "dev")[0]


@pytest.mark.finding("U-B8")
def test_a_person_whom_nobody_knows_is_told_with_whom_was_meant(desk: Desk) -> None:
    desk.types("apply")
    login = f"{desk.team}.user0"
    said = f'no source knows "{login}x", and syncd gave nothing to an account of that name; nothing was done'
    said += f'; did you mean "{login}"?'

    for words in (("apply", "--user"), ("reconcile", "--user")):
        code, out, err = desk.types(*words, f"{login}x")
        assert (3, True) == (code, said in out), out + err
        assert 0 == desk.types(*words, login)[0]
        assert 0 == desk.types(*words, f"user0@{desk.team}.example.com".upper())[0]
    _, out, _ = desk.types("reconcile", "-u", f"{login}x", "-o", "json")
    assert [said] == json.loads(out)["strangers"]

    desk.members(*EVERYBODY[1:])
    assert 0 == desk.types("apply", "--user", login)[0], "who left is still somebody: the account is syncd's"


@pytest.mark.finding("U-B8")
def test_a_dag_that_nobody_knows_is_told_with_which_was_meant(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    said = 'no deployment that was asked has a DAG "sale", nor a role that holds anything on it; nothing was done'
    said += '; did you mean "sales"?'
    with serve(server := StandIn("3.3.2")) as url:
        server.state.parse(DagFile("sales"))
        desk = Desk(desk.folder, url, capsys)
        desk.types("apply")

        for words in ((), ("--dry-run",)):
            code, out, err = desk.types("reconcile", "--dag", "sale", *words)
            assert (3, True) == (code, said in out), out + err
            assert 0 == desk.types("reconcile", "--dag", "sales", *words)[0]
        _, out, _ = desk.types("reconcile", "--dag", "sale", "--dag", "sales", "-o", "json")
        assert [said] == json.loads(out)["strangers"]


class Typed(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_before_something_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.cli.apply.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", Typed(""))
    code, out, _ = desk.types("apply")
    assert (0, False) == (code, "Apply?" in out), "what only gives is not asked about"
    desk.members(*EVERYBODY[1:])

    for answer in ("", "n\n", "what\n"):
        monkeypatch.setattr("sys.stdin", Typed(answer))
        code, out, _ = desk.types("apply")
        assert (2, True) == (code, out.endswith("Apply? [y/N] nothing was done\n"))
        assert out.startswith("dev: 1 person loses")
    assert 2 == desk.types("plan", "--check")[0]

    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    code, out, _ = desk.types("apply")
    assert (0, True) == (code, "apply: 1 applied" in out)


class Gone(Typed):
    """A terminal whose line was cut."""

    def readline(self, _most: int | None = -1, /) -> str:  # type: ignore[override] # as of a text, not of bytes
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("stdin", [io.TextIOWrapper(io.BytesIO(b"y\xff\n"), "utf-8"), Gone()])
def test_what_is_no_text_agrees_to_nothing(stdin: TextIO, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.cli.apply.at_terminal", lambda: True)
    desk.types("apply")
    desk.members(*EVERYBODY[1:])

    monkeypatch.setattr("sys.stdin", stdin)
    code, out, _ = desk.types("apply")
    assert (2, True) == (code, out.endswith("Apply? [y/N] nothing was done\n"))


def test_whoever_says_yes_beforehand_is_not_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.cli.apply.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", Typed("n\n"))
    desk.types("apply")
    desk.members(*EVERYBODY[1:])

    code, out, _ = desk.types("apply", "--yes")
    assert (0, False) == (code, "Apply?" in out)


def test_what_became_more_while_somebody_thought_is_asked_about_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Thinks:
        """Types its answers, and meanwhile one more person leaves."""

        def __init__(self, *answers: str) -> None:
            self.answers = iter(answers)

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            desk.members(*EVERYBODY[2:])
            return next(self.answers)

    desk.types("apply")
    desk.members(*EVERYBODY[1:])
    monkeypatch.setattr("syncd.cli.apply.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", Thinks("y\n", "n\n"))
    code, out, _ = desk.types("apply")
    assert (2, 2) == (code, out.count("Apply? [y/N]"))
    assert out.startswith("dev: 1 person loses")
    assert "by now it is more:\ndev: 2 people lose" in out

    monkeypatch.setattr("sys.stdin", Thinks("y\n"))
    code, out, _ = desk.types("apply")
    assert (0, 1) == (code, out.count("Apply? [y/N]")), "what is the same still is not asked about twice"


def test_what_is_held_is_asked_about_only_where_it_is_approved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.types("apply")
    desk.members()
    assert 4 == desk.types("apply")[0]
    with closing(Stores.open(f"sqlite:///{desk.folder / 'syncd.db'}")) as store:
        found = store.queries.held("dev")
        assert found is not None
    monkeypatch.setattr("syncd.cli.apply.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", Typed(""))
    code, out, _ = desk.types("apply")
    assert (4, False) == (code, "Apply?" in out)
    code, out, _ = desk.types("apply", "--approve", found.held.digest)
    assert (2, True) == (code, f"{len(EVERYBODY)} people lose" in out)
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    assert 0 == desk.types("apply", "--approve", found.held.digest)[0]


def test_a_question_makes_no_approval_younger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.types("apply")
    desk.members()
    desk.types("apply")
    with closing(Stores.open(f"sqlite:///{desk.folder / 'syncd.db'}")) as store:
        found = store.queries.held("dev")
        assert found is not None
    with sqlite3.connect(desk.folder / "syncd.db") as database:
        database.execute("UPDATE plans SET made_at = '2026-01-01 00:00:00.000000'")
        database.execute("UPDATE holds SET planned_at = '2026-01-01 00:00:00.000000'")
    monkeypatch.setattr("syncd.cli.apply.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    code, _, err = desk.types("apply", "--approve", found.held.digest)
    assert (3, True) == (code, "too long ago" in err)
