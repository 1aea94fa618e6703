"""The shell completes names by the files and the last read, says nothing else, and changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from store_samples import snapshot

from syncd.app import open_store
from syncd.cli import complete, run
from syncd.cli.complete import MOST, beginning
from syncd.config import load
from syncd.store import Stores, migrate

CONFIG = """
[database]
url = "sqlite:///state.db"
[sources.people]
type = "file"
directory = "people"
[sources.okta]
type = "okta"
url = "https://nobody.okta.com"
groups = { ids = ["00g1"] }
auth = { kind = "token", token = { env = "NONE" } }
[deployments.prod]
url = "https://nobody.example.com"
auth = { kind = "basic", username = "syncd", password = { env = "NONE" } }
"""
MAPPING = """
roles: {analyst: {dags: [{level: view, tag: a}]}}
bindings: [{group: people:finance, roles: [analyst, Viewer], deployments: all}]
"""
PEOPLE = "people: [{login: anna}, {login: Ahmed}, {login: bob}]\ngroups: [{name: finance, members: [anna]}]"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, text in {"config.toml": CONFIG, "mappings/a.yaml": MAPPING, "people/p.yaml": PEOPLE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    load(tmp_path / "config.toml")
    return tmp_path / "config.toml"


@pytest.mark.finding("U-11")
@pytest.mark.parametrize(
    ("names", "typed", "expected"),
    [
        (complete.deployments, "", ["prod"]),
        (complete.sources, "o", ["okta"]),
        (complete.roles, "", ["Viewer", "analyst"]),
        (complete.people, "a", ["Ahmed", "anna"]),
        (complete.groups, "people:", ["people:finance"]),
        (complete.people, "z", []),
    ],
)
def test_names(names: complete.Names, typed: str, expected: list[str], config: Path) -> None:
    assert expected == beginning(names, config, typed, within_s=60)
    assert not (config.parent / "state.db").exists()


@pytest.mark.parametrize("damage", ["config.toml", "mappings/a.yaml", "people/p.yaml", "state.db"])
def test_whatever_is_wrong_is_not_told_here(damage: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / damage).write_bytes(b"\xff[")
    for names in (complete.deployments, complete.sources, complete.roles, complete.people, complete.groups):
        beginning(names, config, "", within_s=60)

    assert ("", "") == capsys.readouterr()
    assert b"\xff[" == (config.parent / damage).read_bytes()


def test_no_name_acts_on_the_terminal_and_a_thousand_are_enough(config: Path) -> None:
    def many(_: object) -> list[str]:
        return ["a\x1b[2J", "a\nb", *(f"a{n}" for n in range(MOST + 5))]

    found = beginning(many, config, "", within_s=60)

    assert (MOST, True) == (len(found), all(name.isprintable() for name in found))


def test_nobody_waits_for_ever(config: Path) -> None:
    never = Event()

    def slow(_: object) -> list[str]:
        never.wait()
        return ["late"]

    assert [] == beginning(slow, config, "", within_s=0.01)
    never.set()


def test_the_shell_gets_them(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_SYNCD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"syncd --config {config} plan -d p")
    monkeypatch.setenv("COMP_CWORD", "5")

    with pytest.raises(SystemExit):
        run([])

    assert ("prod\n", "") == capsys.readouterr()


def test_who_was_read_last_is_known(config: Path) -> None:
    read = snapshot()
    otto = replace(read.identities[0], login="otto")
    with closing(open_store(load(config))) as store:
        store.readings.save_snapshot(replace(read, identities=(otto,)))

    assert ["Ahmed", "anna", "bob", "otto"] == beginning(complete.people, config, "", within_s=60)


def test_a_database_that_wants_an_upgrade_is_left_alone(config: Path) -> None:
    url = f"sqlite:///{config.parent}/state.db"
    migrate(url, to="0002")

    assert ["Ahmed", "anna", "bob"] == beginning(complete.people, config, "", within_s=60)
    assert Stores.peek(url) is None


@pytest.mark.finding("N-404")
@pytest.mark.parametrize(
    ("said", "offered"),
    [
        ({}, "apply"),
        ({"COMP_WORDS": "syncd st"}, "status"),
        ({"COMP_WORDS": "syncd 'st", "COMP_CWORD": "x"}, "status"),
        ({"COMP_WORDS": "syncd st", "COMP_CWORD": "-1"}, "status"),
        ({"COMP_WORDS": "syncd st", "COMP_CWORD": "99"}, "apply"),
        ({"COMP_WORDS": "syncd st", "COMP_CWORD": "²"}, "status"),
        ({"COMP_CWORD": "1"}, "apply"),
    ],
)
def test_a_shell_that_says_only_half_of_what_it_wants_sees_no_error(said: Mapping[str, str], offered: str) -> None:
    env = {**os.environ, **said, "_SYNCD_COMPLETE": "complete_bash"}

    done = subprocess.run(
        [sys.executable, "-m", "syncd"], env=env, capture_output=True, text=True, timeout=120, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert offered in done.stdout.split()
