"""How far a pass is, by its events: how much of how much, and how long the rest takes."""

from __future__ import annotations

import io
from threading import Event

import pytest

from syncd.cli import progress
from syncd.cli.progress import Progress


def seen(*events: tuple[float, str, dict[str, object]]) -> list[str]:
    """Give what is said after each event, which came so many seconds after the start."""
    now = [0.0]
    progress = Progress(2, {"prod": True, "dev": False}, clock=lambda: now[0])
    said = []
    for at, event, facts in events:
        now[0] = at
        progress.note(event, facts)
        said.append(progress.words)
    return said


READ: list[tuple[float, str, dict[str, object]]] = [
    (1, "snapshot_read", {"source": "okta"}),
    (2, "source_failed", {"source": "people"}),
]
PLANNED: list[tuple[float, str, dict[str, object]]] = [
    (3, "plan_made", {"deployment": "prod", "changes": 110, "held": "2ffc324107b6"}),
    (3, "change_held", {"deployment": "prod", "changes": 10}),
    (4, "plan_made", {"deployment": "dev", "changes": 50, "held": None}),
]


def applied(count: int, *, every: float) -> list[tuple[float, str, dict[str, object]]]:
    return [(5 + n * every, "change_applied", {"deployment": "prod"}) for n in range(count)]


@pytest.mark.finding("U-9")
def test_sources_then_deployments_then_changes() -> None:
    assert [
        "1 of 2 sources read",
        "2 of 2 sources read",
        "1 of 2 deployments looked at, prod",
        "1 of 2 deployments looked at, prod",
        "2 of 2 deployments looked at, dev",
        "2 of 2 deployments looked at, 1 of 100 changes (1 %), prod",
    ] == seen(*READ, *PLANNED, *applied(1, every=1))


@pytest.mark.finding("U-9")
@pytest.mark.parametrize(
    ("every", "left"), [(0.5, "about 38 s left"), (0.001, "about 1 s left"), (6.0, "about 8 min left")]
)
def test_how_long_the_rest_takes(every: float, left: str) -> None:
    said = seen(*READ, *PLANNED, *applied(25, every=every))[-1]

    assert f"2 of 2 deployments looked at, 25 of 100 changes (25 %), {left}, prod" == said


def test_few_that_are_done_say_nothing_of_the_rest() -> None:
    assert [False, True] == ["left" in seen(*READ, *PLANNED, *applied(n, every=1.0))[-1] for n in (3, 4)]


@pytest.mark.parametrize(("seconds", "left"), [(89, "about 89 s left"), (90, "about 2 min left")])
def test_from_a_minute_and_a_half_on_minutes_are_told(seconds: int, left: str) -> None:
    said = seen(*READ, *PLANNED, *applied(51, every=seconds / 49))[-1]

    assert left in said


@pytest.mark.parametrize("event", ["change_applied", "change_failed", "change_unknown", "change_pending"])
def test_however_a_change_ends_it_is_done(event: str) -> None:
    assert "1 of 100 changes" in seen(*READ, *PLANNED, (5, event, {"deployment": "prod"}))[-1]


class Shown:
    """What stands on the terminal."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.started = Event()
        self.stopped = False

    def start(self) -> None:
        self.started.set()

    def update(self, words: str) -> None:
        self.words.append(words)

    def stop(self) -> None:
        self.stopped = True


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("moment_s", [0.0, 3_600.0])
def test_a_line_is_moved_once_it_takes_longer_than_a_moment_and_goes_at_the_end(
    moment_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    on_screen = Shown()
    monkeypatch.setattr(progress, "_status", lambda: on_screen)
    monkeypatch.setattr(progress, "MOMENT_S", moment_s)
    monkeypatch.setattr("sys.stderr", Terminal())

    with progress.showing(lambda event, /, **_: heard.append(event), Progress(2, {})) as emit:
        emit("snapshot_read", source="okta")
        assert moment_s or on_screen.started.wait(60)

    assert (["snapshot_read"], ["1 of 2 sources read"]) == (heard, on_screen.words)
    assert (not moment_s, True) == (on_screen.started.is_set(), on_screen.stopped)


def test_of_a_plan_the_rest_is_that_of_the_deployments() -> None:
    now = [0.0]
    progress = Progress(1, dict.fromkeys(map(str, range(9)), False), clock=lambda: now[0])
    for at in range(4):
        now[0] = at * 10.0
        progress.note("deployment_failed" if at else "snapshot_read", {"deployment": str(at) if at else None})

    assert "3 of 9 deployments looked at, about 60 s left, 3" == progress.words


def test_nothing_is_said_of_the_rest_while_some_are_not_planned() -> None:
    assert "left" not in seen(*READ, PLANNED[0], *applied(25, every=1.0))[-1]


def test_the_plan_that_reads_back_adds_nothing() -> None:
    again: list[tuple[float, str, dict[str, object]]] = [
        (60, "plan_made", {"deployment": "prod", "changes": 3, "held": None})
    ]

    assert "25 of 100 changes" in seen(*READ, *PLANNED, *applied(25, every=1.0), *again)[-1]


def test_a_name_cannot_act_on_the_terminal() -> None:
    assert r"a\x1b[2J" in seen((1, "plan_made", {"deployment": "a\x1b[2J", "changes": 1}))[-1]
