"""Names in the configuration and in files of people: what nobody can see is refused, at its place and with its code."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.config import load
from syncd.errors import ConfigInvalid, SourceUnavailable
from syncd.model import Snapshot
from syncd.sources.file import FileSource

COMPOSED, PARTED = "Pr\u00fcfung", "Pru\u0308fung"
CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "http://127.0.0.1:9"
auth = {{kind = "bearer", token = {{env = "TOKEN"}}}}
{line}
"""


def _config(folder: Path, line: str) -> Any:
    (folder / "config.toml").write_text(CONFIG.format(line=line), encoding="utf-8")
    return load(folder / "config.toml")


@pytest.mark.finding("A-F13")
@pytest.mark.parametrize(
    "line", ['labels = {{env = "prod{c}"}}', 'labels = {{"env{c}" = "prod"}}', 'protected = ["root{c}"]']
)
@pytest.mark.parametrize("character", ["\u200b", "\u00a0", "\u202e"])
def test_a_configuration_with_a_name_that_nobody_can_read_is_refused(tmp_path: Path, line: str, character: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        _config(tmp_path, line.format(c=character))

    assert f"U+{ord(character):04X} (" in str(caught.value)
    assert caught.value.problems[0].line == 8


@pytest.mark.finding("C-34")
def test_a_label_is_the_same_in_whichever_form_it_is_written(tmp_path: Path) -> None:
    labels = _config(tmp_path, f'labels = {{env = "{PARTED}"}}').deployments[0].deployment.labels
    assert COMPOSED == labels["env"]


# --- files of people --------------------------------------------------------------------------------------------------


def _people(
    folder: Path, *, login: str = "anna", group: str = "crew", member: str = "anna", json_: bool = False
) -> Snapshot:
    people = {
        "people": [{"login": login, "given_name": "Jean\u00a0Luc"}],
        "groups": [{"name": group, "members": [member]}],
    }
    (folder / ("p.json" if json_ else "p.yaml")).write_text(json.dumps(people, ensure_ascii=json_), encoding="utf-8")
    return FileSource("people", folder, now=lambda: datetime(2026, 1, 31, tzinfo=UTC)).read()


@pytest.mark.finding("C-34")
@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize(("form", "other"), [(COMPOSED, PARTED), (PARTED, COMPOSED)])
def test_a_member_is_found_in_whichever_form_it_is_written(
    tmp_path: Path, form: str, other: str, is_json: bool
) -> None:
    found = _people(tmp_path, login=form, group=form, member=other, json_=is_json)
    assert [(COMPOSED, {COMPOSED})] == [(group.name, set(group.members)) for group in found.groups]
    assert "Jean\u00a0Luc" == found.identities[0].given_name, "a name of a person is no name of ours"


@pytest.mark.finding("A-F13")
@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("where", ["login", "group"])
def test_a_name_that_nobody_can_read_is_refused(tmp_path: Path, where: str, is_json: bool) -> None:
    with pytest.raises(SourceUnavailable, match=r"has the character U\+200B \(zero width space\) in it"):
        _people(tmp_path, json_=is_json, **{where: "x\u200b"})


@pytest.mark.finding("C-36")
@pytest.mark.parametrize("file", ["p.json", "p.yaml"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{\n<<<<<<< HEAD\n"people": []\n=======\n"groups": []\n>>>>>>> x\n}',
            ":2:1: a merge left its marks here (<<<<<<<)",
        ),
        ('{"people": []\n, “groups”: []}', "typographic"),
        ('{"people": [{"login": “anna”}]}', "typographic"),
        (
            '{"people":\n\u00a0\u00a0[{"login": "anna"}],, \'}',
            ":2:1: the character U+00A0 (no-break space) stands here",
        ),
    ],
)
def test_what_a_merge_or_a_word_processor_left_is_said(tmp_path: Path, file: str, text: str, says: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(SourceUnavailable, match=re.escape(says)):
        FileSource("people", tmp_path, now=lambda: datetime(2026, 1, 31, tzinfo=UTC)).read()
