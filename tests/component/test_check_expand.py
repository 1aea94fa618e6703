"""`check --expand` lists what each pattern is for, as sources were read last, and what gives nothing, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from mapping_world import ANN, NOW, group, snapshot
from small_site import written

from syncd.access.known import LastKnown, SourcesSaid
from syncd.cli import run
from syncd.store.exported import export

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
  "{team}-{level}": {dags: [{level: "{level}", tag: "{team}"}]}
bindings:
  - group: "people:airflow-{team}-{level}"
    roles: ["{team}-{level}"]
    deployments: all
"""
PEOPLE = """\
people: [{login: anna}]
groups:
  - {name: airflow-fin-edit, members: [anna]}
  - {name: airflow-data-eng-view, members: []}
  - {name: airflow-fin-admin, members: [anna]}
  - {name: other, members: []}
"""


def checked(folder: Path, mapping: str, *options: str, people: str = PEOPLE) -> int:
    written(folder, config=CONFIG, people=people, mapping=mapping)
    return run(["--config", str(folder / "config.toml"), "check", *options])


def test_each_group_is_listed_with_what_it_captures_and_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == checked(tmp_path, MAPPING, "--expand")
    lines = capsys.readouterr().out.splitlines()
    at = "mappings/m.yaml:4"
    assert [
        f"{at}: people:airflow-{{team}}-{{level}}: 2 groups",
        "  people:airflow-data-eng-view (team data-eng, level view): data-eng-view",
        "  people:airflow-fin-edit (team fin, level edit): fin-edit",
    ] == lines[1:4]
    assert lines[4].startswith(f'note: {at}: the group "people:airflow-fin-admin" gives nothing: "admin" is no level')
    assert 5 == len(lines)


def test_files_without_a_pattern_have_nothing_to_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = 'bindings: [{group: "people:other", roles: [Viewer], deployments: all}]\n'
    assert 0 == checked(tmp_path, plain, "--expand")
    assert "no binding has a pattern, or `each`" == capsys.readouterr().out.splitlines()[-1]


def test_two_patterns_that_meet_are_told_with_both_places_and_a_mistake_where_notes_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    met = MAPPING.replace("bindings:\n", '  "{x}-edit": {dags: [{level: edit, id: "{x}_*"}]}\nbindings:\n')
    met += '  - {group: "people:{x}-team", roles: ["{x}-edit"], deployments: all}\n'
    people = PEOPLE + "  - {name: fin-team, members: [anna]}\n"
    for options in ((), ("--expand",)):
        assert 0 == checked(tmp_path, met, *options, people=people)
        (note,) = [line for line in capsys.readouterr().out.splitlines() if "make the role" in line]
        assert note.startswith("note: mappings/m.yaml:5 (role mappings/m.yaml:2) for people:airflow-fin-edit and ")
        assert 'mappings/m.yaml:8 (role mappings/m.yaml:3) for people:fin-team make the role "fin-edit"' in note
        assert 3 == checked(tmp_path, met, "--strict", *options, people=people)
        assert 'make the role "fin-edit", and not alike' in capsys.readouterr().err


def test_a_plain_check_takes_a_pattern_for_no_group_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == checked(tmp_path, MAPPING, "--strict")
    assert "ok: 1 deployment (0 enforced), 1 source; 1 role and 1 binding in the mapping\n" == capsys.readouterr().out


def test_a_group_with_a_line_break_in_its_name_writes_no_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = SourcesSaid({"people": snapshot((ANN,), group("airflow-fin\nok: all is well-view", "ann"))})
    (tmp_path / "known.gz").write_bytes(export(LastKnown(said, {}), at=NOW))
    assert 0 == checked(tmp_path, MAPPING, "--expand", "--snapshot", str(tmp_path / "known.gz"))
    out = capsys.readouterr().out
    assert [] == [line for line in out.splitlines() if line.startswith("ok: all is well")]
    assert "fin\\nok: all is well" in out
