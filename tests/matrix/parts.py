"""The parts of a row: each works on a booted server with the product's command line, and says what came of its steps."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from levels import wrong_levels
from site_fleet import Fleet
from sites import Hands, RealSite, Site, StandInSite, sample
from story import BULK, Story, once_upon_a_time

from matrix import questions
from matrix.answers import differences
from matrix.bases import only_in_the_table
from matrix.chapters import WHOLE_STORY, title
from matrix.recording import Again, RecordedSite, Recording, recorded
from matrix.results import Result, Step
from matrix.rows import Row
from syncd.sandbox.airflow import PRESETS, SAMPLE_DAGS, StandIn, serve
from syncd.sandbox.airflow.abilities import BASIC_OR_SESSION
from syncd.sandbox.servers import RealAirflow

NOT_REACHED = "not reached"


@dataclass
class Stage:
    """A booted server of a row behind an address where all is recorded, and a folder to work in."""

    row: Row
    real: RealSite
    site: Site
    recording: Recording
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def story(self) -> Story:
        return Story(Fleet(self.folder, {"site": self.site}, self.monkeypatch), self.site, uuid.uuid4().hex[:6])


def tell_the_story(stage: Stage, result: Result) -> None:
    told = stage.story
    once_upon_a_time(told)
    for chapter in WHOLE_STORY:
        failed = any(step.said for step in result.steps)
        result.steps.append(Step(title(chapter), NOT_REACHED) if failed else _step(title(chapter), chapter, told))


def act_as_people(stage: Stage, result: Result) -> None:
    def act() -> None:
        wrong = wrong_levels(stage.real, stage.folder, stage.monkeypatch)
        assert not wrong, "; ".join(wrong)

    result.steps.append(_step("each level lets people do what docs/levels.md says", act))


def ask_questions(stage: Stage, result: Result) -> None:
    result.steps.append(_step("odd requests are answered", questions.ask, Hands(stage.site)))


def is_told(stage: Stage, result: Result) -> None:
    """Where a server cannot be managed, each command says so, and nothing is changed."""
    told = stage.story
    once_upon_a_time(told)
    for command, code in {"doctor": 1, "plan": 1, "apply": 1}.items():
        result.steps.append(_step(f"{command} says so", _says, told, command, code, stage.row.told))
    result.steps.append(_step("nothing is written", _writes_nothing, stage.recording))


def _writes_nothing(recording: Recording) -> None:
    written = [f"{one.method} {one.target}" for one in recording.asked if one.method not in ("GET", "HEAD")]
    assert not [call for call in written if not call.endswith("/auth/token")], written


def _says(told: Story, command: str, code: int, words: tuple[str, ...]) -> None:
    ran = told.fleet.run(command)
    said = ran.out + ran.err
    assert code == ran.code, f"exit {ran.code}: {said}"
    assert all(word in said for word in words), said


PARTS: Mapping[str, Callable[[Stage, Result], None]] = {
    "story": tell_the_story,
    "levels": act_as_people,
    "questions": ask_questions,
    "told": is_told,
}


def play(part: str, stage: Stage, result: Result) -> None:
    """Do one part; whatever it ends with is what the table says."""
    stage.recording.took_place.clear()
    ended = _step("the part itself", PARTS[part], stage, result)
    result.steps += [ended] if ended.said else []
    result.seconds = ended.seconds


RECORDED = ("questions", "story")
"""The parts whose requests a stand-in is asked again."""


def _step(name: str, do: Callable[..., None], *arguments: object) -> Step:
    began = time.monotonic()
    try:
        do(*arguments)
        said = ""
    except Exception as error:  # noqa: BLE001  whatever a chapter ends with is what the table says
        said = f"{type(error).__name__}: {error}".strip()[:4000]
    return Step(name, said, round(time.monotonic() - began, 1))


@contextmanager
def stage_of(row: Row, server: RealAirflow, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Stage]:
    """Set the stage for a row on its server."""
    # where no user gets in there is nothing to be found by trying
    real, recording = (
        RealSite(server, dict.fromkeys(("roles", "users", "dags"), "token") if row.told else {}),
        Recording(),
    )
    with recorded(real.url.removesuffix(row.around.path), recording) as url:
        yield Stage(row, real, RecordedSite(real, url + row.around.path, recording), recording, folder, monkeypatch)


def compare(row: Row, recordings: Sequence[Recording], result: Result) -> None:
    """Ask the stand-in of a row what its server was asked, and keep what differs."""
    stand_in = stand_in_of(row)
    with serve(stand_in) as url:
        again = Again(StandInSite(row.preset, stand_in, url), row.around.path)
        pairs = [pair for recording in recordings for pair in again.play(recording)]
    result.requests = len(pairs)
    result.differences = [(str(found), because) for found, because in differences(pairs)]
    result.steps.append(
        _step("a built-in role as a base gives nothing more than here", _gives_no_more, row, recordings)
    )


def _gives_no_more(row: Row, recordings: Sequence[Recording]) -> None:
    more = list(only_in_the_table(row, recordings))
    assert not more, "; ".join(more)


def stand_in_of(row: Row) -> StandIn:
    """Make the stand-in of a row's preset, under the versions and settings of the row."""
    able = replace(
        PRESETS[row.preset],
        version=row.release.version,
        fab_version=row.fab,
        page_limit=row.page_limit,
        cache_ttl_s=0,
    )
    if row.generation == 2:  # the servers here take sessions beside passwords, whatever their release does by itself
        able = replace(able, roles=BASIC_OR_SESSION, users=BASIC_OR_SESSION, dags=BASIC_OR_SESSION)
    bulk = [replace(sample(name, tags=["bulk"], owners=("bulk",)), file=f"{BULK[0]}.py") for name in BULK]
    stand_in = StandIn(able, path=row.around.path, dags=[*SAMPLE_DAGS, *bulk])
    stand_in.state.users["admin"].first_name = "Ada"  # as the real one's is called
    return stand_in
