"""What was last seen of break-glass accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from syncd.model import KeptSignIns


class BreakGlass(Protocol):
    """How often the break-glass accounts of a deployment signed in, as it said last: it outlives every process."""

    def seen(self, deployment: str) -> Mapping[str, KeptSignIns]:
        """Give what is kept of each, by name."""
        ...

    def keep(self, deployment: str, found: Mapping[str, KeptSignIns]) -> None:
        """Keep what was seen of some, and record each use that was noticed just now."""
        ...
