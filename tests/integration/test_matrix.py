"""What `make matrix` is made of: two servers behind one address, how their answers are compared, and the page it writes.

Stand-ins take the place of the real servers here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import story
from matrix.__main__ import is_wanted, started, wanted_parts
from matrix.answers import differences
from matrix.chapters import WHOLE_STORY
from matrix.page import PAGE, render
from matrix.parts import PARTS, Stage, compare, play, stand_in_of
from matrix.questions import QUESTIONS
from matrix.recording import Answer, Asked, RecordedSite, Recording, recorded
from matrix.results import START, Result, Step, read
from matrix.rows import ROWS, Row
from sites import RealSite, StandInSite

from syncd.sandbox.airflow import PRESETS, serve
from syncd.sandbox.airflow.abilities import Abilities
from syncd.sandbox.servers import RealAirflow, ServerFailed, Surroundings
from syncd.targets.airflow.naming import permission

BY_NAME = {row.name: row for row in ROWS}
NEWEST = BY_NAME["3.3.2+3.10.2"]


OWN = [chapter for chapter in WHOLE_STORY if chapter not in story.CHAPTERS[4:]]


@contextmanager
def stage(row: Row, folder: Path) -> Iterator[Stage]:
    """Set the stage for a row with a stand-in where its real server is wanted."""
    server = stand_in_of(row)
    with ExitStack() as stack:
        url, recording = stack.enter_context(serve(server)), Recording()
        there = stack.enter_context(recorded(url.removesuffix(row.around.path), recording)) + row.around.path
        in_place = cast("RealSite", StandInSite(row.preset, server, url))
        site, monkeypatch = RecordedSite(in_place, there, recording), stack.enter_context(pytest.MonkeyPatch.context())
        yield Stage(row, in_place, site, recording, folder, monkeypatch)


def played(part: str, row: Row, folder: Path) -> tuple[Result, Recording]:
    """Play a part, and keep its recording as the runner does: in a file."""
    with stage(row, folder) as on:
        result = Result(row.name, part, "", {})
        play(part, on, result)
        on.recording.write(folder / "asked")
    return result, Recording.read(folder / "asked")


@pytest.mark.parametrize("name", ["2.11.2+1.5.4", "3.3.2+3.10.2", "3.0.6+2.4.4", "3.3.2, under /air/flow"])
def test_servers_that_are_alike_do_not_differ(name: str, tmp_path: Path) -> None:
    row = BY_NAME[name]
    told, recording = played("questions", row, tmp_path)
    result = Result(name, "answers", "", {})
    compare(row, [recording], result)
    assert [] == told.faults + result.faults
    assert len(QUESTIONS) <= result.requests


def test_what_is_unlike_is_told_once_for_each_place(tmp_path: Path) -> None:
    _, recording = played("questions", NEWEST, tmp_path)
    result = Result(NEWEST.name, "answers", "", {})
    compare(replace(NEWEST, preset="3.2.2+3.6.5"), [recording], result)
    places = [fault.removeprefix("the stand-in differs: ") for fault in result.faults]
    assert any(place.startswith("GET /auth/fab/v1/roles/{name}: actions[") for place in places)
    assert len(places) == len(set(places))


def test_a_base_that_would_give_more_than_the_servers_own_role_is_told(tmp_path: Path) -> None:
    with stage(NEWEST, tmp_path) as on:
        roles = cast("StandInSite", on.real).server.state.roles
        roles["Op"] -= {permission("can_edit", "Pools")}
        play("questions", on, Result(NEWEST.name, "questions", "", {}))
    result = Result(NEWEST.name, "answers", "", {})
    compare(NEWEST, [on.recording], result)
    assert [
        Step("a built-in role as a base gives nothing more than here", "AssertionError: Op: can_edit on Pools")
    ] == [replace(step, seconds=0) for step in result.steps]


def test_the_chapters_that_are_told_here_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told on every stand-in, in the tests of the story."""
    monkeypatch.setattr("matrix.parts.WHOLE_STORY", OWN)
    told, recording = played("story", NEWEST, tmp_path)
    result = Result(NEWEST.name, "answers", "", {})
    compare(NEWEST, [recording], result)
    assert [] == told.faults + result.faults
    assert len(OWN) == len(told.steps)


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.told and row.preset])
def test_what_cannot_be_managed_is_told(name: str, tmp_path: Path) -> None:
    result, recording = played("told", BY_NAME[name], tmp_path)
    assert [] == result.faults
    assert ["doctor says so", "plan says so", "apply says so", "nothing is written"] == [s.title for s in result.steps]
    assert recording.asked


def test_who_writes_where_nothing_can_be_managed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matrix.parts._says", lambda told, *_: told.hands.make_role("x", []))
    result, _ = played("told", BY_NAME["3.1.8+3.3.0"], tmp_path)
    assert ["nothing is written"] == [step.title for step in result.steps if step.said]


def test_a_chapter_that_fails_is_a_result_and_those_behind_it_are_not_reached(tmp_path: Path) -> None:
    with stage(NEWEST, tmp_path) as on:
        cast("StandInSite", on.real).server.state.users.pop("admin")
        result = Result(NEWEST.name, "story", "", {})
        play("story", on, result)
    first, second = result.steps[:2]
    assert first.said
    assert "not reached" == second.said


def providers(description: str, version: str) -> Answer:
    row = {"package_name": "apache-airflow-providers-fab", "description": description, "version": version}
    return Answer(200, "application/json", {"providers": [row]})


@pytest.mark.parametrize(("stand_in", "may"), [(providers("b", "1"), True), (providers("a", "2"), False)])
def test_a_place_that_may_differ_says_why(stand_in: Answer, may: bool) -> None:
    asked = Asked("GET", "/api/v2/providers?limit=1", {}, "", providers("a", "1"))
    assert [may] == [bool(because) for _, because in differences([(asked, stand_in)])]


def test_a_result_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    kept = Result("3.3.2, under /x", "story", "2026-11-27", {"Airflow": "3.3.2"}, [Step("1", "no"), Step("2")], 7)
    kept.differences = [("GET /x: a: b", "because"), ("GET /y: a: b", "")]
    kept.write(tmp_path)
    assert kept == read("3.3.2, under /x", "story", tmp_path)
    assert ["1: no", "the stand-in differs: GET /y: a: b"] == kept.faults
    assert None is read("3.3.2, under /x", "levels", tmp_path)


def test_a_row_has_a_name_of_its_own_and_a_stand_in_that_there_is() -> None:
    assert len(ROWS) == len(BY_NAME)
    for row in ROWS:
        assert row.preset in {"", *PRESETS}, row.name
        assert set(row.parts) <= set(PARTS), row.name
        if row.preset:
            assert row.release.version == stand_in_of(row).abilities.version


def test_a_stand_in_of_a_row_is_its_preset_but_for_its_version_and_surroundings() -> None:
    row = BY_NAME["3.3.2, 7 rows a page"]
    able: Abilities = stand_in_of(row).abilities
    assert replace(PRESETS["3.3.2"], cache_ttl_s=0, page_limit=7) == able


def test_the_page_names_each_row_and_says_what_was_not_measured(tmp_path: Path) -> None:
    empty = render(tmp_path)
    page = PAGE.read_text()
    for row in ROWS:
        assert f"| {row.name}" in empty
        assert f"| {row.name}" in page, f"{row.name} is not in {PAGE.name}: make matrix writes it"
    assert "| pass" not in empty
    assert "Nothing." in empty


def test_the_page_says_what_passed_and_what_failed(tmp_path: Path) -> None:
    versions = {"Airflow": "3.3.2", "FAB provider": "3.10.2"}
    Result(NEWEST.name, "story", "2026-11-27", versions, [Step("one"), Step("two", "no\nsuch | role")]).write(tmp_path)
    Result(NEWEST.name, "answers", "2026-11-27", {}, [], 12, [("GET /x: a: b", "")]).write(tmp_path)
    Result(NEWEST.name, "levels", "2026-11-27", versions, [Step("acted")]).write(tmp_path)
    page = render(tmp_path)
    [line] = [line for line in page.splitlines() if line.startswith(f"| {NEWEST.name} |")]
    assert ["3.3.2", "3.10.2", "fail, 1 of 16", "pass", "fail, 12 compared, 1 differ", "", "2026-11-27", ""] == [
        cell.strip() for cell in line.split("|")[2:-1]
    ]
    assert f"- {NEWEST.name}, story: two: no such \\| role" in page


def test_the_page_keeps_what_was_measured_elsewhere(tmp_path: Path) -> None:
    versions = {"Airflow": "3.3.2", "FAB provider": "3.10.2"}
    Result(NEWEST.name, "story", "2026-11-27", versions, [Step("one", "no")]).write(tmp_path / "there")
    there = render(tmp_path / "there")
    assert there == render(tmp_path / "here", there)
    Result(NEWEST.name, "story", "2026-11-28", versions, [Step("one")]).write(tmp_path / "here")
    here = render(tmp_path / "here", there)
    assert ("2026-11-27" in there, "2026-11-27" in here, "one: no" in here) == (True, False, False)


MACHINE = {"cores": "2", "load": "3"}


def timed(row: Row, home: Path, seconds: float) -> None:
    for part in (START, *row.parts, "answers"):
        Result(row.name, part, "2026-11-27", MACHINE if part == START else {}, seconds=seconds).write(home)


def test_the_page_says_how_long_the_rows_took_and_all_of_them_together(tmp_path: Path) -> None:
    timed(NEWEST, tmp_path / "there", 30.25)
    there = render(tmp_path / "there")
    assert f"| {NEWEST.name} | 3.3.2 |  | pass, 0 of 16 | pass | not measured yet |  | 2026-11-27 | 2:31 |" in there
    assert f"Of these rows 1 of {len(ROWS)} were timed: 0 h 3 min, one after the other, " in there
    assert "on 2 cores, whose load by other work was up to 3 when they began." in there
    timed(BY_NAME["3.0.6+2.4.4"], tmp_path / "here", 1000)
    here = render(tmp_path / "here", there)
    assert f"Of these rows 2 of {len(ROWS)} were timed: 1 h 26 min, one after the other, " in here
    assert there == render(tmp_path / "nowhere", there)
    timed(BY_NAME["3.0.6+2.4.4"], tmp_path / "there", 30)
    (tmp_path / "there" / "results" / "3.0.6+2.4.4 start.json").unlink()
    there = render(tmp_path / "there")
    assert "| 2:00 + start |" in there
    assert f"Of these rows 2 of {len(ROWS)} were timed (1 of them without the start): 0 h 5 min" in there
    (tmp_path / "there" / "results" / f"{NEWEST.name} answers.json").unlink()
    assert f"1 of {len(ROWS)} were timed" in render(tmp_path / "there"), "the half of a row is no row"


def test_a_story_that_has_a_younger_chapter_is_told_again_and_the_page_says_so(tmp_path: Path) -> None:
    all_but_one = Result(NEWEST.name, "story", "2026-11-27", {}, [Step(str(n)) for n, _ in enumerate(WHOLE_STORY[1:])])
    all_but_one.write(tmp_path)
    assert f"| pass, {len(WHOLE_STORY) - 1} of {len(WHOLE_STORY)} |" in render(tmp_path)
    whole = replace(all_but_one, steps=[*all_but_one.steps, Step("the end")])
    wanted = [is_wanted("story", None), is_wanted("story", all_but_one), is_wanted("story", whole)]
    assert [True, True, False] == wanted
    assert not is_wanted("levels", replace(whole, steps=[Step("acted")]))


def test_what_is_recorded_is_done_together_on_one_server(tmp_path: Path) -> None:
    for part in (START, *NEWEST.parts):
        Result(NEWEST.name, part, "2026-11-27", {}, [Step(str(n)) for n, _ in enumerate(WHOLE_STORY)]).write(tmp_path)
    assert [] == wanted_parts(NEWEST, tmp_path)
    Result(NEWEST.name, "story", "2026-11-27", {}, [Step("one", "no")]).write(tmp_path)
    assert ["questions", "story"] == wanted_parts(NEWEST, tmp_path)


def test_the_longest_start_is_the_whole_of_it(tmp_path: Path) -> None:
    for seconds in (60.0, 8.0):
        started(NEWEST, {}, seconds, tmp_path)
    known = read(NEWEST.name, START, tmp_path)
    assert known is not None
    assert known.seconds == 60


class Clashing(RealAirflow):
    """Two of its parses end as they do when a scheduler writes the same rows."""

    parses = 0

    def run(self, *commands: Sequence[str]) -> None:
        self.parses += 1
        if self.parses < 3:
            raise ServerFailed(str(commands))


def test_a_parse_that_a_scheduler_got_in_the_way_of_is_done_again() -> None:
    beside = Clashing("2.11.2", around=Surroundings(commands=("scheduler",)))
    beside.reserialize()
    assert beside.parses == 3
    with pytest.raises(ServerFailed):
        Clashing("2.11.2").reserialize()
