"""What sources, and the lists of DAGs, said in the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from syncd.model import Dag, Snapshot


class Past(Protocol):
    """What was said at a moment, and each time that it changed since. The times within snapshots are not known."""

    def begins(self) -> datetime | None:
        """Say since when anything is known; None: nothing is."""
        ...

    def snapshots(self, source: str, *, since: datetime) -> Iterator[tuple[datetime, Snapshot]]:
        """Give what a source said at that moment, or first after it, and each change since, with its time; oldest first."""
        ...

    def dags(self, deployment: str, *, since: datetime) -> Iterator[tuple[datetime, tuple[Dag, ...]]]:
        """Do the same for the list of DAGs of a deployment."""
        ...
