"""What is right as the language goes and may be a mistake is told by `check`, with what to write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from syncd.cli import run
from syncd.mapping.parse import parse
from syncd.model import Rules

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
SOUND = "ok: 1 deployment (0 enforced), 1 source; 1 role and 1 binding in the mapping"


def checked(folder: Path, mapping: str, *options: str) -> int:
    for name, text in {
        "config.toml": CONFIG,
        "people/p.yaml": "people: [{login: anna}]\ngroups: [{name: analysts, members: [anna]}]\n",
        "mappings/m.yaml": mapping,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
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
    "a role that nobody binds": (
        MAPPING.replace("[analyst]", "[Viewer]"),
        'mappings/m.yaml:2: no binding gives the role "analyst", so nobody has it; bind it, or take it out',
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


def test_a_resource_of_a_plugin_is_no_doubt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = MAPPING.replace("Pools", "Cost Report of the Plugin")

    assert (0, f"{SOUND}\n") == (checked(tmp_path, mapping), capsys.readouterr().out)
