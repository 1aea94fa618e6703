"""How long a provider wants to be left alone: what `Retry-After` said, kept for every poll, command and process.

A provider that is asked before its time is over goes on refusing, and so does whoever asks in a loop. So what it said is
written down where all processes of one fleet look, and each request looks there before it is sent.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

LONGEST_S: Final = 3600.0
"""The most of a Retry-After that is believed, whoever said it and whatever our clock says now."""
LOOK_EVERY_S: Final = 1.0
"""So often at most is looked what other processes were told."""


class Rests(Protocol):
    """Where it is kept; threads may share one."""

    def rests_until(self, provider: str) -> datetime | None:
        """Say until when a provider is not to be asked; None: nothing was said, or that is unknown here."""
        ...

    def let_rest(self, provider: str, until: datetime) -> None:
        """Keep until when; an earlier time than the one that is kept changes nothing."""
        ...


class OwnRests:
    """Keeps it for this process alone."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def rests_until(self, provider: str) -> datetime | None:
        return self._until.get(provider)

    def let_rest(self, provider: str, until: datetime) -> None:
        self._until[provider] = max(until, self._until.get(provider, until))


class Rest:
    """One provider or deployment, as one source or session asks it; for any number of threads."""

    def __init__(
        self,
        provider: str,
        rests: Rests,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._provider = provider
        self._rests = rests
        self._now = now
        self._monotonic = monotonic
        self._look_every_s = look_every_s
        self._lock = threading.Lock()
        self._until = self._look_at = float("-inf")

    def left_s(self) -> float:
        """Give how long it is still to be left alone; 0: it may be asked."""
        with self._lock:
            if self._monotonic() >= self._look_at:
                self._look_at = self._monotonic() + self._look_every_s
                until = self._rests.rests_until(self._provider)
                self._extend((until - self._now()).total_seconds() if until is not None else 0.0)
            return max(0.0, self._until - self._monotonic())

    def heard(self, seconds: float) -> None:
        """Keep what it said just now."""
        if seconds <= 0:
            return
        seconds = min(seconds, LONGEST_S)
        with self._lock:
            self._extend(seconds)
        self._rests.let_rest(self._provider, self._now() + timedelta(seconds=seconds))

    def why(self, who: str) -> str:
        """Say that it is left alone, and until when."""
        until = self._now() + timedelta(seconds=math.ceil(self.left_s()))
        return f"{who} asked to be left alone until {until:%H:%M:%S} UTC (Retry-After); nothing is asked of it before"

    def _extend(self, seconds: float) -> None:
        self._until = max(self._until, self._monotonic() + min(seconds, LONGEST_S))
