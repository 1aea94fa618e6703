"""Every record has its cause: from the group and the line with its commit to what was read back."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.sandbox.airflow import StandIn, serve
from syncd.store import Stores
from syncd.text.revision import head_of

CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "{url}"
mode = "enforce"
auth = {{kind = "token", username = "admin", password = {{env = "SYNCD_TEST_PASSWORD"}}}}
"""
PERSON = {"login": "anna", "email": "anna@example.com", "given_name": "Anna", "family_name": "Example"}
MAPPING = 'bindings:\n  - {group: "people:crew", roles: [Viewer], deployments: all}\n'


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def committed(folder: Path) -> str:
    git(folder, "init", "-q")
    git(folder, "add", "mappings")
    git(folder, "commit", "-q", "-m", "one")
    return git(folder, "rev-parse", "HEAD")


def test_the_commit_of_a_directory(tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "a.yaml").write_text(MAPPING)
    assert "" == head_of(mappings)
    commit = committed(tmp_path)
    assert commit == head_of(mappings)
    (tmp_path / "beside").write_text("no mapping file")
    assert commit == head_of(mappings)
    (mappings / "b.yaml").write_text("roles: {}")
    assert f"{commit}+" == head_of(mappings)


def test_a_grant_is_told_from_its_line_to_its_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCD_TEST_PASSWORD", "admin")
    people = {"people": [PERSON], "groups": [{"name": "crew", "members": ["anna"]}]}
    for name, text in (("people/all.json", json.dumps(people)), ("mappings/all.yaml", MAPPING)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    commit = committed(tmp_path)
    with serve(StandIn()) as url:
        (tmp_path / "config.toml").write_text(CONFIG.format(url=url))
        assert 0 == run(["--config", str(tmp_path / "config.toml"), "apply"])
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        told = {facts["kind"]: facts for _, line in store.records.lines() for facts in [json.loads(line)]}
        assert [] == store.records.verify().flaws
    assert ["read", "plan", "intent", "outcome", "read_back"] == [kind for kind in told if kind != "call"]
    assert "people" == told["read"]["source"]
    assert commit == told["plan"]["revision"]
    assert "mappings/all.yaml:2" in json.dumps(told["intent"]["because"])
    assert ("anna", ["Viewer"]) == (told["intent"]["name"], told["intent"]["grants"])
    assert ("applied", True) == (told["outcome"]["status"], bool(told["outcome"]["answers"]))
    assert ({"prod": []}, 0) == (told["read_back"]["not_converged"], told["read_back"]["exit_code"])
