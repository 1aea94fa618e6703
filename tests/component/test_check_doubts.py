"""What is right as the language goes and may be a mistake is told by `check`, with what to write."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from small_site import written

from syncd.app import open_store
from syncd.cli import run
from syncd.config import load
from syncd.mapping.parse import parse
from syncd.model import Identity, Rules, Snapshot

pytestmark = pytest.mark.finding("U-B9")

CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.dev]
url = "http://127.0.0.1:9"
labels = {env = "dev"}
auth = {kind = "basic", username = "admin", password = {env = "SYNCD_TEST_NOT_SET"}}
"""
MAPPING = """\
roles:
  analyst:
    permissions: [can_read on Pools]
bindings:
  - group: people:analysts
    roles: [analyst]
    deployments: all
"""
PEOPLE = "people: [{login: anna}]\ngroups: [{name: analysts, members: [anna]}]\n"
SOUND = "ok: 1 deployment (0 enforced), 1 source; 1 role and 1 binding in the mapping"


def checked(folder: Path, mapping: str, *options: str) -> int:
    written(folder, config=CONFIG, people=PEOPLE, mapping=mapping)
    return run(["--config", str(folder / "config.toml"), "check", *options])


def test_sound_files_have_no_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (0, f"{SOUND}\n") == (checked(tmp_path, MAPPING), capsys.readouterr().out)


@pytest.mark.parametrize("command", ["check", "doctor"])
def test_files_are_read_once(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reading is most of what a command over large files does, and two readings may be of two versions."""
    checked(tmp_path, MAPPING)
    parsed: list[list[str]] = []

    def counted(files: Mapping[str, bytes], **others: Any) -> Rules:
        parsed.append([*files])
        return parse(files, **others)

    monkeypatch.setattr("syncd.app.parse", counted)

    run(["--config", str(tmp_path / "config.toml"), command])

    capsys.readouterr()
    assert [["mappings/m.yaml"]] == parsed


@pytest.mark.parametrize("resource", ["DAG:fin_daily", "DAG Run:fin_daily", "Audit Logs", "Dag Bundles", "Assets"])
def test_what_airflow_has_is_no_doubt(resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == checked(tmp_path, MAPPING.replace("Pools", resource), "--strict"), capsys.readouterr()


DOUBTS = {
    "a group that the file has not": (
        MAPPING.replace("people:analysts", "people:analists"),
        "mappings/m.yaml:5: there is no group people:analists, so nobody gets analyst by it, or loses what it "
        'gave; did you mean "analysts"?',
    ),
    "a resource that nearly is one": (
        MAPPING.replace("Pools", "Pool"),
        'mappings/m.yaml:3: no release has a resource "Pool" of its own; did you mean "Pools"?',
    ),
    "a resource in the singular of one thing": (
        MAPPING.replace("Pools", "Pool:etl"),
        'mappings/m.yaml:3: no release has a resource "Pool:etl" of its own; did you mean "Pools"?',
    ),
    "a resource in the word of the API": (
        MAPPING.replace("Pools", "DagRun"),
        'mappings/m.yaml:3: no release has a resource "DagRun" of its own; did you mean "DAG Runs"?',
    ),
    "a resource that nobody knows": (
        MAPPING.replace("Pools", "ReportView"),
        'mappings/m.yaml:3: no release has a resource "ReportView" of its own; where a plugin brings it, name it in '
        "`extra_resources`",
    ),
    "a role that nobody binds": (
        MAPPING.replace("[analyst]", "[Viewer]"),
        'mappings/m.yaml:2: no binding gives the role "analyst", so nobody has it; bind it, or take it out',
    ),
    "a role of somebody that nobody binds": (
        MAPPING.replace("[analyst]", "[Viewer]").replace(
            "    permissions", "    owner: data@example.com\n    permissions"
        ),
        'mappings/m.yaml:2: no binding gives the role "analyst" of data@example.com, so nobody has it; bind it, or take it out',
    ),
    "the same twice": (
        f"{MAPPING}  - group: people:analysts\n    roles: [Viewer, analyst]\n    deployments: all\n",
        "mappings/m.yaml:8: gives analyst to people:analysts where mappings/m.yaml:5 does already; take it out of one of them",
    ),
    "an end that is over": (
        f"{MAPPING}    until: 2026-01-31\n",
        "mappings/m.yaml:5: this binding of people:analysts ended at 2026-02-01 00:00 UTC; take it out",
    ),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubt_is_noted_and_strictly_a_mistake(
    doubt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping, said = DOUBTS[doubt]

    assert (0, [f"note: {said}"]) == (checked(tmp_path, mapping), capsys.readouterr().out.splitlines()[1:])
    assert (3, [said]) == (checked(tmp_path, mapping, "--strict"), capsys.readouterr().err.splitlines())


def test_what_plugins_bring_is_declared_for_all_deployments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = MAPPING.replace("can_read on Pools", "can_list on ReportView")

    assert 3 == checked(tmp_path, mapping)
    assert 'unknown action "can_list"' in capsys.readouterr().err

    config = tmp_path / "config.toml"
    declared = 'extra_actions = ["can_list"]\nextra_resources = ["ReportView"]\n'
    config.write_text(
        f"{CONFIG}{declared}{CONFIG[CONFIG.index('[deployments') :].replace('dev', 'other').replace(':9', ':8')}"
    )
    assert 0 == run(["--config", str(config), "check", "--strict"])
    assert "note:" not in capsys.readouterr().out


@pytest.mark.parametrize(("written", "told"), [("Datasets", "Airflow 3 calls it"), ("Assets", "Airflow 2 calls it")])
def test_a_resource_that_releases_call_otherwise_is_told_and_no_mistake(
    written: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == checked(tmp_path, MAPPING.replace("Pools", written), "--strict")

    assert f'note: mappings/m.yaml:3: "{written}": {told}' in capsys.readouterr().out


def test_who_logs_in_by_a_source_that_nobody_asked_is_no_doubt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` asks no provider, so it says nothing of what only a provider knows."""
    okta = """
[sources.okta]
type = "okta"
url = "https://example.okta.com"
auth = {kind = "token", token = {env = "SYNCD_TEST_NOT_SET"}}
groups = {all = true}
"""
    written(tmp_path, config=f'{okta}{CONFIG}login_source = "okta"\n', people=PEOPLE, mapping=MAPPING)

    assert 0 == run(["--config", str(tmp_path / "config.toml"), "check", "--strict"]), capsys.readouterr()


def test_what_a_line_asks_and_nobody_is_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = MAPPING.replace("people:analysts", "people:analysts\n    where: {department: Finnance}")
    people = "people: [{login: anna, department: Finance}]\ngroups: [{name: analysts, members: [anna]}]\n"
    written(tmp_path, config=CONFIG, people=people, mapping=mapping)
    assert 0 == run(["--config", str(tmp_path / "config.toml"), "check"])
    told = 'note: mappings/m.yaml:5: nobody in people has the department "Finnance"; did you mean "Finance"?'
    assert [SOUND, told] == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("department", ["Finance", "Sales"])
def test_so_it_is_of_a_source_that_was_read_last_by_a_pass(
    department: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    okta = '[sources.okta]\ntype = "okta"\nurl = "https://x.okta.com"\nauth = {kind = "token", token = {env = "T"}}\n'
    config = f"{okta}groups = {{prefixes = ['a']}}\n{CONFIG}"
    mapping = MAPPING.replace("people:analysts", "okta:analysts\n    where: {department: Finance}")
    file = written(tmp_path, config=config, people=PEOPLE, mapping=mapping) / "config.toml"
    ann = Identity("okta", "1", "ann", "", "", "", department=department)
    with closing(open_store(load(file))) as store:
        store.readings.save_snapshot(Snapshot("okta", (ann,), (), datetime(2026, 3, 1, tzinfo=UTC)))
    assert 0 == run(["--config", str(file), "check"])
    is_told = 'nobody in okta has the department "Finance"' in capsys.readouterr().out
    assert is_told == (department == "Sales")
