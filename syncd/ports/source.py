"""Where people and groups come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from syncd.model import Snapshot


class Source(Protocol):
    """A place where people and groups come from."""

    @property
    def name(self) -> str: ...

    def read(self) -> Snapshot:
        """Read everything.

        A group that could not be read whole is in the result with a certificate that is not complete.

        Raises:
            SourceUnavailable: nothing can be said about the source as a whole.
        """
        ...


@runtime_checkable
class IncrementalSource(Source, Protocol):
    """A source that can say what changed. A cursor is opaque text that the database keeps beside the snapshot."""

    def read_from_here(self) -> tuple[Snapshot, str]:
        """Read everything, and give a cursor that misses no change made during or after the read."""
        ...

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        """Give `earlier` with what changed since the cursor, as a whole snapshot, and the next cursor.

        A group that could not be read whole has a certificate that is not complete, and the next call reads it again.

        Raises:
            CursorLost: only a full read can go on from here.
            SourceUnavailable: nothing new can be said.
        """
        ...


@runtime_checkable
class Ignoring(Protocol):
    """A source that meets members which are no people."""

    @property
    def ignored(self) -> Mapping[str, int]:
        """Count, by kind, what the last read left out."""
        ...
