"""`check` runs the tests that stand beside mapping files: without a database, by what was seen last, and in their own world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cli_commands import Desk

from syncd.sandbox.airflow import DagFile, StandIn, serve

MAPPING = """\
roles:
  readers:
    dags: [{level: view, tag: payments}]
  runners:
    dags: [{level: trigger, id: "pay_*"}]
bindings:
  - {group: people:team, roles: [readers], deployments: all}
  - {group: people:ops, roles: [runners], deployments: all}
"""
TESTS = """\
tests:
  - {nobody_outside: people:ops, can: trigger, dags: {tag: payments}, deployments: {name: dev}}
"""


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    site = StandIn("3.3.2")
    with serve(site) as url:
        site.state.parse(DagFile("pay_daily", tags=("payments",)))
        yield url


@pytest.fixture
def desk(tmp_path: Path, airflow: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / "tested"
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    desk.write("mappings/access.yaml", MAPPING)
    desk.write("mappings/_tests.yaml", TESTS)
    return desk


def test_a_test_of_dags_is_decided_once_they_were_seen(desk: Desk) -> None:
    code, out, _ = desk.types("check")
    assert 0 == code
    assert "on dev it was never looked at, so its DAGs are not known" in out
    assert 3 == desk.types("check", "--strict")[0]

    assert 0 == desk.types("plan")[0]
    code, out, err = desk.types("check")
    assert (0, "") == (code, err)
    assert "1 test holds (1 whoever is in which group, 0 for the people of today)" in out

    desk.write("mappings/more.yaml", "bindings: [{group: people:team, roles: [runners], deployments: all}]\n")
    code, out, err = desk.types("check")
    assert (3, "") == (code, out)
    assert err.startswith(
        "mappings/_tests.yaml:2:5: it is not so that nobody outside people:ops can trigger DAGs {tag: payments} on {name: dev}: "
        "on dev whoever is in people:team and not in people:ops has runners (mappings/more.yaml:1), on pay_daily "
        "(tested.user0, tested.user1, tested.user2 and 5 more have it today)"
    )


def test_so_many_tests_that_do_not_hold_are_told_and_how_many_more_there_are(desk: Desk) -> None:
    said = "  - {{nobody_in: people:team, has: readers, deployments: all, reason: number {}}}\n"
    desk.write("mappings/_tests.yaml", "tests:\n" + "".join(map(said.format, range(60))))
    code, out, err = desk.types("check")
    assert (3, "", 51) == (code, out, err.count("\n"))
    assert "number 49)" in err
    assert err.splitlines()[-1].endswith("and 10 more")
    code, out, err = desk.types("-v", "check")
    assert (3, "", 60) == (code, out, err.count("it is not so that"))


def test_a_test_can_bring_its_own_world(desk: Desk) -> None:
    desk.write(
        "mappings/_tests.yaml",
        "given:\n"
        "  groups: {people:ops: [ann@example.com]}\n"
        "  dags: [{id: pay_out, tags: [payments]}]\n"
        "tests:\n"
        "  - {person: ann@example.com, can: trigger, dag: pay_out, deployments: all}\n"
        "  - {person: ann@example.com, can: edit, dag: pay_out, deployments: all}\n",
    )

    code, out, err = desk.types("check")

    assert (3, "") == (code, out)
    assert ["mappings/_tests.yaml:6:5"] == [line.split(": ")[0] for line in err.splitlines()]
    assert "on dev no line gives ann@example.com edit on pay_out" in err


def test_mistakes_of_tests_are_told_with_those_of_the_mapping_and_stop_no_plan(desk: Desk) -> None:
    desk.write("mappings/_tests.yaml", "tests: [{every_role_has: colour}]\n")
    assert 0 == desk.types("plan")[0]

    desk.write("mappings/more.yaml", "bindings: [{group: people:team, roles: [nothing], deployments: all}]\n")
    code, _, err = desk.types("check")

    assert 3 == code
    assert {"mappings/_tests.yaml", "mappings/more.yaml"} == {line.split(":")[0] for line in err.splitlines()}


def test_programs_are_told_what_holds_and_what_is_wrong(desk: Desk) -> None:
    assert 0 == desk.types("plan")[0]
    code, out, _ = desk.types("check", "-o", "json")
    found = json.loads(out)
    (test,) = found.pop("tests")

    assert (0, True, []) == (code, found["is_sound"], found["problems"])
    assert ("mappings/_tests.yaml", 2, 5, "always", []) == tuple(
        test[key] for key in ("file", "line", "column", "ruling", "why")
    )

    desk.write("mappings/more.yaml", "bindings: [{group: people:team, roles: [runners], deployments: all}]\n")
    code, out, _ = desk.types("check", "-o", "json")
    found = json.loads(out)
    assert (3, False, "broken") == (code, found["is_sound"], found["tests"][0]["ruling"])
    assert "whoever is in people:team" in found["tests"][0]["why"][0]

    desk.write("mappings/more.yaml", "bindings: [{group: people:team, roles: [nothing], deployments: all}]\n")
    code, out, _ = desk.types("check", "-o", "json")
    (problem,) = json.loads(out)["problems"]
    assert (3, "mappings/more.yaml", 1) == (code, problem["file"], problem["line"])


def test_programs_are_told_what_is_wrong_with_the_configuration_too(desk: Desk) -> None:
    desk.write("config.toml", "[mappings]\ndirectory = 7\n")

    code, out, _ = desk.types("check", "-o", "json")

    assert 3 == code
    assert {"config.toml"} == {Path(problem["file"]).name for problem in json.loads(out)["problems"]}


def test_what_is_noted_is_not_sound_where_it_is_taken_for_a_mistake(desk: Desk) -> None:
    code, out, _ = desk.types("check", "--strict", "-o", "json")
    found = json.loads(out)

    assert (3, False, []) == (code, found["is_sound"], found["problems"])
    assert "test_undecided" in {note["code"] for note in found["notes"]}
    assert "undecided" == found["tests"][0]["ruling"]


def test_a_folder_of_mapping_files_that_is_not_there_is_told_once(desk: Desk) -> None:
    (desk.folder / "mappings").rename(desk.folder / "elsewhere")
    code, out, err = desk.types("check")
    assert (3, "", 1) == (code, out, err.count("the mapping files cannot be read"))
    _, out, _ = desk.types("check", "-o", "json")
    assert 1 == out.count("the mapping files cannot be read")
