"""Reading sources: what changed where that is enough, everything where it is due, and what is noted of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fakes import ReadWhole
from mapping_world import NOW

from syncd.directory.read_sources import Intake, read_sources
from syncd.errors import CursorLost, SourceUnavailable, StoreError
from syncd.mapping.parse import parse
from syncd.model import Certificate, Directory, Group, Identity, Snapshot
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING

RULES = parse(
    {"m.yaml": b"bindings:\n  - {group: okta:finance, roles: [Viewer], deployments: all}\n"}, namings=[NAMING]
)


@dataclass
class Org:
    """A source that says what changed; `missed` is what its changes never show. Every request is noted in `asked`."""

    name: str = "okta"
    members: dict[str, set[str]] = field(default_factory=lambda: {"finance": {"ann"}})
    inactive: set[str] = field(default_factory=set)
    missed: dict[str, set[str]] = field(default_factory=dict)
    whole: bool = True
    lost: bool = False
    down: bool = False
    asked: list[str] = field(default_factory=list)
    now: datetime = NOW

    ignored: Mapping[str, int] = field(default_factory=dict)

    @property
    def feed(self) -> Org:
        return self

    def close(self) -> None:
        """Do nothing."""

    def read(self) -> Snapshot:
        return self.read_from_here()[0]

    def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
        _ = earlier
        self.asked.append("full")
        return self._said(self.members), f"cursor {len(self.asked)}"

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        self.asked.append(f"since {cursor}")
        assert earlier.source == self.name
        if self.lost:
            raise CursorLost("too old")
        return self._said({**self.members, **self.missed}), f"cursor {len(self.asked)}"

    def _said(self, members: dict[str, set[str]]) -> Snapshot:
        if self.down:
            raise SourceUnavailable("it does not answer")
        names = sorted(set().union(*members.values()))
        people = tuple(Identity(self.name, n, n, f"{n}@x", n, "T", n not in self.inactive) for n in names)
        groups = (
            Group(self.name, f"id-{g}", g, frozenset(m), Certificate(1, len(m), None, self.now, self.whole, "cut"))
            for g, m in members.items()
        )
        return Snapshot(self.name, people, tuple(groups), self.now)


@dataclass
class Desk:
    store: Stores
    org: Org = field(default_factory=Org)
    now: datetime = NOW
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def emit(self, event: str, **facts: object) -> None:
        self.events.append((event, facts))

    def reads(self, *, full: bool = False) -> Directory:
        self.org.asked.clear()
        self.org.now = self.now
        intake = Intake(self.store.readings, lambda: self.now, self.emit, full=full)
        return read_sources([self.org], RULES, intake)

    def told(self, event: str) -> list[dict[str, object]]:
        return [facts for name, facts in self.events if name == event]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        yield Desk(store)


def test_the_first_read_is_whole_and_the_next_ones_are_not_until_it_is_time(desk: Desk) -> None:
    asked = []
    for hours in (0, 1, 5, 7, 8):
        desk.now = NOW + timedelta(hours=hours)
        desk.reads()
        asked.append(list(desk.org.asked))
    assert [
        ["full"],
        ["since cursor 1"],
        ["since cursor 1"],
        ["since cursor 1", "full", "since cursor 1"],
        ["since cursor 2"],
    ] == asked
    assert [] == desk.told("divergence_found")


def test_a_full_read_can_be_asked_for(desk: Desk) -> None:
    desk.reads()
    desk.reads(full=True)
    assert "full" in desk.org.asked


def test_a_clock_that_went_back_is_no_reason_to_trust_the_cursor_for_longer(desk: Desk) -> None:
    desk.reads()
    desk.now = NOW - timedelta(days=30)
    desk.reads()
    assert "full" in desk.org.asked


def test_a_lost_cursor_ends_in_a_full_read(desk: Desk) -> None:
    desk.reads()
    desk.org.lost = True
    found = desk.reads()
    assert (["since cursor 1", "full"], {}) == (desk.org.asked, found.failed)
    assert 1 == len(desk.told("cursor_lost"))


def test_what_refreshes_missed_is_found_counted_and_repaired(desk: Desk) -> None:
    desk.reads()
    desk.org.missed = {"finance": {"ann", "bob"}}
    desk.reads()
    desk.now += timedelta(hours=7)
    desk.org.inactive = set()
    found = desk.reads()
    assert [{"source": "okta", "groups": ["id-finance"], "people": []}] == desk.told("divergence_found")
    assert {"ann"} == found.groups["okta", "id-finance"].members
    snapshot = desk.store.readings.last_snapshot("okta")
    assert snapshot is not None
    assert {"ann"} == snapshot.groups[0].members


def test_what_changes_while_it_is_compared_is_no_divergence(desk: Desk) -> None:
    class Busy(Org):
        """Somebody joins just before the full read; the refresh after it shows that."""

        def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
            self.members = {"finance": {"ann", "zoe"}}
            return super().read_from_here(earlier)

    desk.org = Busy(members={"finance": {"ann"}})
    desk.reads()
    desk.org.members = {"finance": {"ann"}}
    desk.reads(full=True)
    assert [] == desk.told("divergence_found")


def test_a_source_that_fails_keeps_its_cursor_and_is_noted_since_its_first_failure(desk: Desk) -> None:
    desk.reads()
    desk.org.down = True
    for hours in (1, 2):
        desk.now = NOW + timedelta(hours=hours)
        assert {"okta": "it does not answer"} == desk.reads().failed
    reading = desk.store.readings.health("okta")
    assert reading is not None
    assert (NOW + timedelta(hours=1), NOW) == (reading.failed_at, reading.read_at)
    desk.org.down = False
    desk.reads()
    assert ["since cursor 1"] == desk.org.asked
    reading = desk.store.readings.health("okta")
    assert reading is not None
    assert None is reading.failed_at


def test_a_group_that_is_not_read_whole_is_noted_with_the_time_of_its_last_whole_read(desk: Desk) -> None:
    desk.reads()
    desk.org.whole = False
    for hours in (1, 2):
        desk.now = NOW + timedelta(hours=hours)
        desk.org.members = {"finance": {"ann"}, "new": {"bob"}}
        desk.reads()
    reading = desk.store.readings.health("okta")
    assert reading is not None
    assert [("finance", NOW, "cut"), ("new", None, "cut")] == [(d.group, d.since, d.why) for d in reading.doubts]


def test_what_a_name_means_is_remembered_by_the_first_whole_read(desk: Desk) -> None:
    desk.org.whole = False
    desk.reads()
    assert {} == desk.store.readings.group_names()
    desk.org.whole = True
    desk.reads(full=True)
    assert {("okta", "finance"): "id-finance"} == desk.store.readings.group_names()
    assert {("okta", "finance"): "id-finance"} == desk.reads().names


def test_a_source_that_only_reads_everything_is_read_so(desk: Desk) -> None:
    class Plain(ReadWhole):
        name = "people"

        def read(self) -> Snapshot:
            return replace(Org(name="people").read(), source="people")

    intake = Intake(desk.store.readings, lambda: NOW, desk.emit)
    for _ in range(2):
        assert {} == read_sources([Plain()], RULES, intake).failed
    assert None is desk.store.readings.last_cursor("people")


def test_a_plan_notes_no_failure_of_a_source(desk: Desk) -> None:
    desk.reads()
    desk.org.down = True
    intake = Intake(desk.store.readings, lambda: desk.now, desk.emit, keeps=False)
    assert {"okta": "it does not answer"} == read_sources([desk.org], RULES, intake).failed
    health = desk.store.readings.health("okta")
    assert health is not None
    assert health.failed_at is None


def test_a_source_that_breaks_stops_nobody_and_is_logged_whole(desk: Desk) -> None:
    class Broken(Org):
        def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
            _ = earlier
            raise KeyError("members")

    desk.org = Broken()
    assert "unexpected KeyError: 'members'; this is a defect, see the log" == desk.reads().failed["okta"]
    (told,) = desk.told("source_failed")
    assert isinstance(told["exc_info"], KeyError)


def test_a_database_that_fails_is_no_failure_of_the_source(desk: Desk) -> None:
    class Asks(Org):
        def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
            _ = earlier
            raise StoreError("no server answers there")

    desk.org = Asks()
    with pytest.raises(StoreError, match="no server answers"):
        desk.reads()
    assert [] == desk.told("source_failed")


def test_where_changes_cannot_be_read_there_is_nothing_to_compare(desk: Desk) -> None:
    class Deaf(Org):
        def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
            _ = earlier, cursor
            raise SourceUnavailable("it does not answer")

    desk.org = Deaf()
    desk.reads()
    assert {} == desk.reads(full=True).failed
    assert [] == desk.told("divergence_found")
