"""Whatever new files do to the daemon that reads them, the last good ones stay in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_site import CONFIG, MAPPING, site

from syncd.config import load
from syncd.daemon.loaded import Fleet
from syncd.daemon.runtime import Runtime
from syncd.errors import StoreError
from syncd.store import Stores

__all__ = ["site"]

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def events() -> list[tuple[str, dict[str, object]]]:
    return []


@pytest.fixture
def broken_clock() -> list[Exception]:
    """What the clock of the fleet raises from now on."""
    return []


@pytest.fixture
def fleet(site: Path, events: list[tuple[str, dict[str, object]]], broken_clock: list[Exception]) -> Iterator[Fleet]:
    def clock() -> datetime:
        if broken_clock:
            raise broken_clock[0]
        return NOW

    def emit(event: str, /, **facts: object) -> None:
        events.append((event, facts))

    with closing(Stores.open("sqlite:///" + str(site / "syncd.db"), clock=lambda: NOW)) as store:
        made = Fleet(
            load(site / "config.toml"),
            store,
            Runtime(emit, clock, lambda: 0.0, lambda: False),
            called=lambda _name, _call: None,
        )
        yield made
        made.close()


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mappings/m.yaml", 'roles: {"a\\U00110000": {}}\n'),
        ("config.toml", CONFIG + "[run]\nworkers = " + "9" * 5000 + "\n"),
        ("config.toml", "a = " + "[" * 3000),
        ("config.toml", CONFIG.replace('type = "file"', 'type = ["file"]\nx = 1')),
    ],
)
def test_files_that_readers_stumble_over_are_rejected(fleet: Fleet, site: Path, file: str, text: str) -> None:
    before = fleet.now
    (site / file).write_text(text)

    said = fleet.reload()

    assert f"{file}:" in said
    assert "unexpected" not in said
    assert (said, before) == (fleet.error, fleet.now)
    (site / "mappings/m.yaml").write_text(MAPPING)
    (site / "config.toml").write_text(CONFIG)
    assert ("", "") == (fleet.reload(), fleet.error)


@pytest.mark.finding("A-F7")
def test_an_error_that_nobody_thought_of_is_a_rejection_too(
    fleet: Fleet, events: list[tuple[str, dict[str, object]]], broken_clock: list[Exception]
) -> None:
    before = fleet.now
    broken_clock.append(RuntimeError("of no kind that is known"))

    said = fleet.reload()

    assert "the files cannot be used: unexpected RuntimeError" == said
    assert (said, before) == (fleet.error, fleet.now)
    assert [("config_rejected", broken_clock[0])] == [(event, facts["exc_info"]) for event, facts in events]


def test_what_should_be_written_otherwise_is_told_with_each_reading(
    site: Path, fleet: Fleet, events: list[tuple[str, dict[str, object]]]
) -> None:
    (site / "config.toml").write_text(CONFIG + '[daemon]\nleaky_sweep = "2h"\n')

    assert "" == fleet.reload()

    assert ["config_noted", "config_reloaded"] == [event for event, _ in events]
    assert str(events[0][1]["note"]).endswith("daemon.leaky_sweep is called slow_sweep now; write slow_sweep")


@pytest.mark.finding("N-650")
def test_files_are_used_while_the_database_is_away(
    fleet: Fleet, site: Path, events: list[tuple[str, dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are right; of the database its own alarm tells."""
    away = StoreError("no server answers there")

    def fails(*_: object) -> None:
        raise away

    monkeypatch.setattr("syncd.store.engine.Database.read", fails)
    monkeypatch.setattr("syncd.store.engine.Database.write", fails)
    before = fleet.now
    (site / "mappings/m.yaml").write_text(MAPPING + "\n# another line\n")

    assert ("", "") == (fleet.reload(), fleet.error)

    assert fleet.now is not before
    assert "config_rejected" not in [event for event, _ in events]


def _lasting(fleet: Fleet) -> object:
    """Give the session that a pass on the one deployment would use now."""
    with closing(fleet.now.targets["prod"].open(None)) as session:
        return session._session  # type: ignore[attr-defined]


@pytest.mark.finding("N-652")
@pytest.mark.parametrize("line", ['protected = ["root"]', 'break_glass = ["root"]'])
def test_an_account_that_is_protected_from_now_on_is_so_in_sessions_that_were_open(
    fleet: Fleet, site: Path, line: str
) -> None:
    """A session has the fence that it was opened with, which is asked at every call."""
    before = _lasting(fleet)
    assert _lasting(fleet) is before, "a reload of nothing keeps it"
    (site / "config.toml").write_text(f"{CONFIG}{line}\n")

    assert "" == fleet.reload()

    assert _lasting(fleet) is not before
