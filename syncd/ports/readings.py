"""What is kept of sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncd.model import Doubt, JoinKey, KnownPersons, Snapshot


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source stands. `failed_at` is the first failure since `read_at`; None where the last read gave an answer."""

    source: str
    full_at: datetime | None
    read_at: datetime | None
    doubts: tuple[Doubt, ...]
    failed_at: datetime | None
    failure: str | None


class Readings(Protocol):
    """What sources said, what names of groups mean, and who is one person."""

    def last_snapshot(self, source: str) -> Snapshot | None:
        """Give the newest saved read of a source."""
        ...

    def save_snapshot(
        self, snapshot: Snapshot, *, cursor: str | None = None, full: bool = True, doubts: Iterable[Doubt] = ()
    ) -> None:
        """Keep a read, with the cursor to go on from and what was not read whole; all of it or nothing.

        A read equal to the newest one (its times aside) only moves that one's time. `full` is false of a refresh.
        """
        ...

    def last_cursor(self, source: str) -> tuple[str, datetime] | None:
        """Give the cursor of the newest read, and when the last full read was; None where there is none to go on from."""
        ...

    def source_failed(self, source: str, why: str, *, now: datetime) -> None:
        """Note that a source could not be read; the next read that is saved clears it."""
        ...

    def health(self, source: str) -> SourceHealth | None:
        """Tell how a source was last read; None where it never was."""
        ...

    def group_names(self) -> Mapping[tuple[str, str], str]:
        """Give for (source, name) the id of the group that a mapping first meant by that name."""
        ...

    def remember_groups(self, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:
        """Keep what names mean; a name that is known already means the new group from now on."""
        ...

    def known_persons(self, key: JoinKey) -> KnownPersons:
        """Give who is known to be one person, and of which sources everybody was joined by this key."""
        ...

    def remember_persons(self, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:
        """Keep who is one person, and of which sources everybody was joined; it replaces what was known of them."""
        ...
