"""Where people and groups come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from syncd.model import Snapshot


class Feed(Protocol):
    """A source that can say what changed. A cursor is opaque text that the database keeps beside the snapshot."""

    def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
        """Read everything, and give a cursor that misses no change made during or after the read.

        `earlier` is what was saved last: whom a new answer leaves in doubt stays as they were in it.
        """
        ...

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        """Give `earlier` with what changed since the cursor, as a whole snapshot, and the next cursor.

        A group that could not be read whole has a certificate that is not complete, and the next call reads it again.

        Raises:
            CursorLost: only a full read can go on from here.
            SourceUnavailable: nothing new can be said.
        """
        ...


class Source(Protocol):
    """A place where people and groups come from."""

    @property
    def name(self) -> str: ...

    @property
    def feed(self) -> Feed | None:
        """The same source as one that can say what changed; None: it cannot, and is always read whole."""
        ...

    @property
    def ignored(self) -> Mapping[str, int]:
        """Count, by kind, what the last read met and left out because it is no person."""
        ...

    def read(self) -> Snapshot:
        """Read everything.

        A group that could not be read whole is in the result with a certificate that is not complete.

        Raises:
            SourceUnavailable: nothing can be said about the source as a whole.
        """
        ...

    def close(self) -> None:
        """Give back what it holds; more than once is the same as once."""
        ...
