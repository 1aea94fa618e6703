"""When something is asked again: how often, how long is waited in between, and how long a server wants to be left alone."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.answers import http_date, retry_after_s


@dataclass(frozen=True, slots=True)
class Waiting:
    """By what something waits: a clock that only runs forward, a pause, and chance from 0 to 1. Tests give their own."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Retries:
    """How often something is tried. The wait is by chance between 0 and a bound that doubles ("full jitter")."""

    attempts: int = 4
    first_s: float = 0.5
    cap_s: float = 20.0

    def tries(self, chance: Callable[[], float]) -> Iterator[float | None]:
        """Give for each try how long to wait after it, should it fail; None for the last. `chance` gives 0 to 1."""
        bound_s = self.first_s
        for _ in range(self.attempts - 1):
            yield bound_s * chance()
            bound_s = min(2 * bound_s, self.cap_s)
        yield None


ONCE = Retries(attempts=1)
"""For what may have been done although no answer came."""


def wanted_s(headers: Mapping[str, str]) -> float | None:
    """Read how long a server wants to be left alone (Retry-After), by the clock that it says that by (Date).

    None: it does not say. Names of headers are looked up in lower case.
    """
    text = headers.get("retry-after")
    return None if text is None else retry_after_s(text, now=http_date(headers.get("date")) or datetime.now(UTC))
