"""Parts of the database in memory, for tests of what works with them; `test_store_contract.py` holds them to the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.model import Doubt, JoinKey, KnownPersons, Snapshot
from syncd.ports import SourceHealth


class ReadWhole:
    """What a source is that is always read whole, and holds nothing; see `ports.Source`."""

    feed: None = None
    ignored: Mapping[str, int] = {}

    def close(self) -> None:
        """Do nothing."""


@dataclass
class MemoryReadings:
    """Implements `ports.Readings`."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    cursors: dict[str, str | None] = field(default_factory=dict)
    healths: dict[str, SourceHealth] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    persons: dict[tuple[str, str], str] = field(default_factory=dict)
    joined: dict[str, JoinKey] = field(default_factory=dict)

    def last_snapshot(self, source: str) -> Snapshot | None:
        return self.snapshots.get(source)

    def save_snapshot(
        self, snapshot: Snapshot, *, cursor: str | None = None, full: bool = True, doubts: Iterable[Doubt] = ()
    ) -> None:
        name, at = snapshot.source, snapshot.taken_at
        before = self._health(name)
        self.snapshots[name], self.cursors[name] = snapshot, cursor
        self.healths[name] = SourceHealth(name, at if full else before.full_at, at, tuple(doubts), None, None)

    def last_cursor(self, source: str) -> tuple[str, datetime] | None:
        cursor, full_at = self.cursors.get(source), self._health(source).full_at
        return None if cursor is None or full_at is None else (cursor, full_at)

    def source_failed(self, source: str, why: str, *, now: datetime) -> None:
        before = self._health(source)
        self.healths[source] = replace(before, failed_at=before.failed_at or now, failure=why)

    def health(self, source: str) -> SourceHealth | None:
        return self.healths.get(source)

    def group_names(self) -> Mapping[tuple[str, str], str]:
        return dict(self.names)

    def remember_groups(self, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:  # noqa: ARG002
        self.names.update(names)

    def known_persons(self, key: JoinKey) -> KnownPersons:
        return KnownPersons(dict(self.persons), frozenset(s for s, by in self.joined.items() if by is key))

    def remember_persons(self, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:  # noqa: ARG002
        self.persons.update(found.persons)
        self.joined.update(dict.fromkeys(found.sources, key))

    def _health(self, source: str) -> SourceHealth:
        return self.healths.get(source) or SourceHealth(source, None, None, (), None, None)
