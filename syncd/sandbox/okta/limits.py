"""Rate limits as Okta keeps them: a bucket for each kind of request, windows that begin with the first request in them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int = 1_000_000
    window_s: float = 60.0


@dataclass(slots=True)
class Window:
    """One bucket. `lowest` is the least that a request of ours ever left in a window."""

    limit: Limit
    ends: int = 0
    used: int = 0
    lowest: int | None = None

    def take(self, now: float) -> bool:
        """Count one request; False where the window is used up."""
        self._turn(now)
        if self.used >= self.limit.requests:
            return False
        self.used += 1
        self.lowest = self.remaining if self.lowest is None else min(self.lowest, self.remaining)
        return True

    def take_for_others(self, now: float, number: int) -> None:
        """Use up requests as another client of the same org would."""
        self._turn(now)
        self.used = min(self.limit.requests, self.used + number)

    @property
    def remaining(self) -> int:
        return self.limit.requests - self.used

    def headers(self) -> list[tuple[str, str]]:
        return rate_headers(self.limit.requests, self.remaining, self.ends)

    def _turn(self, now: float) -> None:
        if now >= self.ends:
            self.ends, self.used = math.ceil(now + self.limit.window_s), 0


def rate_headers(limit: int, remaining: int, reset: int) -> list[tuple[str, str]]:
    return [
        ("X-Rate-Limit-Limit", str(limit)),
        ("X-Rate-Limit-Remaining", str(remaining)),
        ("X-Rate-Limit-Reset", str(reset)),
    ]
