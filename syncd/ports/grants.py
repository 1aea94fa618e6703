"""What people are given for a time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from syncd.model import GrantRequest, GrantWord, TimedGrant


class Grants(Protocol):
    """Timed grants, from the asking to the end. Nothing of one is ever written over: what was said stays said."""

    def ask(self, request: GrantRequest) -> TimedGrant:
        """Write down what is asked for; where it needs nobody else's word, it is given by that."""
        ...

    def give(self, id_: int, word: GrantWord) -> TimedGrant | None:
        """Let one pass that waits: it lasts from now. None: it does not wait any more, and nothing was written."""
        ...

    def end(self, id_: int, word: GrantWord, why: str) -> TimedGrant | None:
        """End one that is not over, for good. None: it is over already, and nothing was written."""
        ...

    def get(self, id_: int) -> TimedGrant | None:
        """Give one by its number; None: there is none."""
        ...

    def open(self, deployment: str | None = None) -> tuple[TimedGrant, ...]:
        """Give all of which no end was written down yet, by number; some may be over by the clock."""
        ...

    def active(self, deployment: str | None = None, *, now: datetime) -> tuple[TimedGrant, ...]:
        """Give those that give something at a moment, by number."""
        ...

    def newest(self, limit: int, *, offset: int = 0) -> tuple[TimedGrant, ...]:
        """List all there ever were, newest first."""
        ...
