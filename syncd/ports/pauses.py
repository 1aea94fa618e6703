"""Pauses: where nothing may be changed, or nothing taken, for a time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from syncd.model import Pause, Paused


class Pauses(Protocol):
    """Every pause there was. What is kept is never deleted: who paused what, when, why, and who ended it."""

    def pause(self, of: Paused, *, until: datetime | None, reason: str, by: str, host: str = "") -> Pause:
        """Begin a pause: it holds once this returns, for every process; `host` is from where it was asked (empty: here)."""
        ...

    def resume(self, id_: int, *, by: str, reason: str = "") -> Pause | None:
        """End a pause before its time; None: it stands no more, or never was."""
        ...

    def standing(self) -> tuple[Pause, ...]:
        """Give the pauses that stand now, the oldest first."""
        ...

    def every(self, limit: int = 100) -> tuple[Pause, ...]:
        """Give the newest pauses, those that are over too, the newest first."""
        ...
