"""How fast an org may be asked: its rate limits, of which a share is left to others, and a width that gives way.

Okta keeps a bucket for each kind of request and says with every answer what is left in it. Times are seconds of one
clock that only runs forward; what Okta's own clock says is turned into a span before it comes here.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

LONGEST_WAIT_S: Final = 90.0
"""Windows last 60 s; a server that says more is not believed."""
_LOOK_AGAIN_S: Final = 0.02
_SAME_S: Final = 1.5
"""Okta tells times to the second, so ends of windows that are so close are one."""
_WIDEN_AFTER: Final = 50


@dataclass(frozen=True, slots=True)
class Rate:
    """What one answer said of its bucket; `reset_s` is the time until the window ends."""

    limit: int
    remaining: int
    reset_s: float

    @property
    def is_concurrency(self) -> bool:
        """Whether too many requests ran at once: Okta then says that the limit is 0."""
        return self.limit == 0


@dataclass(slots=True)
class RateBucket:
    """What is known of one bucket. Before the first answer one request may go, to find out."""

    leave_free: float
    in_flight: int = 0
    limit: int | None = None
    remaining: int = 0
    ends: float = 0.0
    asked: bool = False

    def wait_s(self, now: float) -> float:
        """Give how long to wait before the next request may go; 0 for now."""
        if self.limit is None:
            return _LOOK_AGAIN_S if self.in_flight and not self.asked else 0.0
        if now >= self.ends:  # what the new window holds is found out by one request, not assumed
            return _LOOK_AGAIN_S if self.in_flight else 0.0
        left = self.remaining - self.reserve
        if left > self.in_flight:
            return 0.0
        return _LOOK_AGAIN_S if left > 0 else self.ends - now

    @property
    def reserve(self) -> int:
        """How many are left to others; one at least stays for us."""
        limit = self.limit or 0
        return min(math.ceil(limit * self.leave_free), limit - 1)

    def heard(self, rate: Rate | None, now: float) -> None:
        """Take note of an answer. Within a window what is left only falls, in whichever order answers come."""
        self.asked = True
        if rate is None or rate.is_concurrency:
            return
        ends = now + min(rate.reset_s, LONGEST_WAIT_S)
        same = self.limit == rate.limit and abs(ends - self.ends) <= _SAME_S and now < self.ends
        self.limit = rate.limit
        self.remaining = min(self.remaining, rate.remaining) if same else rate.remaining
        self.ends = max(ends, self.ends) if same else ends


@dataclass(slots=True)
class Budget:
    """Every bucket of an org, and how many requests may run at once."""

    leave_free: float
    most: int
    width: int = field(init=False)
    busy: int = 0
    good: int = 0
    buckets: dict[str, RateBucket] = field(init=False)

    def __post_init__(self) -> None:
        self.width = self.most
        self.buckets = defaultdict(lambda: RateBucket(self.leave_free))

    @asynccontextmanager
    async def turn(self, area: str, *, deadline: float) -> AsyncIterator[None]:
        """Wait until a request of this kind may go, and hold its place until its answer is there.

        Raises:
            TimeoutError: it may not go before the deadline.
        """
        bucket, loop = self.buckets[area], asyncio.get_running_loop()
        while wait_s := self._wait_s(bucket, loop.time()):
            if loop.time() + wait_s > deadline:
                raise TimeoutError
            await asyncio.sleep(wait_s)
        self.busy += 1
        bucket.in_flight += 1
        try:
            yield
        finally:
            self.busy -= 1
            bucket.in_flight -= 1

    def _wait_s(self, bucket: RateBucket, now: float) -> float:
        return _LOOK_AGAIN_S if self.busy >= self.width else bucket.wait_s(now)

    def heard(self, area: str, rate: Rate | None, now: float) -> None:
        """Take note of what an answer said."""
        self.buckets[area].heard(rate, now)
        if rate is not None and rate.is_concurrency:
            self.width, self.good = max(1, self.width // 2), 0
            return
        self.good += 1
        if self.good >= _WIDEN_AFTER and self.width < self.most:
            self.width, self.good = self.width + 1, 0
