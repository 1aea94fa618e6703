"""How fast one server is asked: a bucket of tokens whose rate follows what the server shows, and a circuit that opens.

what the server shows                                   | then
--------------------------------------------------------|----------------------------------------------------------
reads take as long as they usually do                   | the rate goes back up to the limit, 1 % of it for each call
reads take four times as long as they usually do        | the rate is halved, at most once in a second
429, 502, 503, 504, or no answer                        | the same
429 or 503 with Retry-After                             | nobody asks before that, whatever the call
five calls in a row with a 5xx or no answer             | the circuit opens: nothing is asked for 5 s
the one call that is then let through fails as well     | twice as long as before, up to 5 minutes

Only reads tell how quick a server is: the time of a write grows with what it writes (measured: 18 ms for a permission).
One `Throttle` belongs to one deployment and lives as long as the process; every session with that deployment shares it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WANTS_REST: Final = frozenset({429, 503})
"""With these a server may say how long it is to be left alone."""
LEFT_ALONE: Final = "the server wants to be left alone (Retry-After)"
PUSHED_BACK: Final = frozenset({None, 429, 502, 503, 504})
FAILURES: Final = 5
FIRST_BREAK_S: Final = 5.0
LONGEST_S: Final = 300.0
"""The longest break, and the most of a Retry-After that is believed: a server is asked again some time."""
LONGEST_WAIT_S: Final = 20.0
"""A longer wait than this is not waited for: the thread has other deployments to see to."""
SLOW: Final = 4.0
QUICK_S: Final = 0.05
"""Differences below this are noise."""
WEIGHT: Final = 0.2
DRIFT: Final = 1.01
"""How fast what is usual follows a server that has become slower for good: about 140 reads for four times slower."""
SLOWEST: Final = 1 / 20
RECOVERY: Final = 1 / 100
_ENOUGH: Final = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a deployment is asked at most: so many calls in a second on average, so many at once after a rest."""

    calls_per_s: float = 10.0
    burst: int = 20

    def __post_init__(self) -> None:
        if self.calls_per_s <= 0 or self.burst < 1:
            raise ValueError("calls_per_s must be more than 0, and burst at least 1")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was made. `what` is its path without the names in it, as `/users/{}`; no answer has no status."""

    method: str
    what: str
    status: int | None
    seconds: float


class CircuitOpen(Exception):
    """Nothing may be asked now, and it is not worth waiting; `seconds` until it may, `cause`: what the server did last."""

    def __init__(self, seconds: float, why: str, *, cause: str = "") -> None:
        super().__init__(f"{why}; it may be asked again in {max(1, round(seconds))} s")
        self.seconds = seconds
        self.cause = cause


class Throttle:
    """Lets calls to one server through. May be used by several threads at once.

    `pause` may be cut short by giving True, as `Event.wait` does when the process is to end: then nothing more is asked.
    `observe` is told of each call, in the thread that made it.
    """

    def __init__(
        self,
        rate_limit: RateLimit = RateLimit(),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
        observe: Callable[[Call], None] | None = None,
    ) -> None:
        self.rate_limit = rate_limit
        self._monotonic = monotonic
        self._pause = pause
        self._observe = observe
        self._lock = threading.Lock()
        self._rate = rate_limit.calls_per_s
        self._tokens = float(rate_limit.burst)
        self._filled_at = monotonic()
        self._lowered_at = float("-inf")
        self._not_before = float("-inf")
        self._failures = 0
        self._cause = ""
        self._break_s = FIRST_BREAK_S
        self._open_until = float("-inf")
        self._usual: dict[str, float] = {}
        self._slowness = 1.0
        self._latency_s = 0.0
        self._calls = 0
        self._stopped = False

    # --- what it is like now ------------------------------------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Calls in a second that are let through now."""
        return self._rate

    @property
    def latency_s(self) -> float:
        """How long an answer takes lately; 0 before the first."""
        return self._latency_s

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open: the server gave no good answer several times in a row, and none since."""
        return self._failures >= FAILURES

    @property
    def calls(self) -> int:
        """Requests made so far."""
        return self._calls

    # --- before and after each call -----------------------------------------------------------------------------------

    def enter(self) -> None:
        """Wait until a call may be made.

        Raises:
            CircuitOpen: the circuit is open, the server wants more rest than is worth waiting for, or the wait was cut short.
        """
        while (wait_s := self._take()) > 0:
            if self._pause(wait_s) is True:
                raise CircuitOpen(wait_s, "the wait was cut short because the process ends")

    def halt(self) -> None:
        """Let no further call through, ever: the process is about to end."""
        self._stopped = True

    def let_rest(self, seconds: float) -> None:
        """Ask nothing for so long: somebody else was told so."""
        with self._lock:
            self._not_before = max(self._not_before, self._monotonic() + min(seconds, LONGEST_S))

    def left(
        self,
        method: str,
        what: str,
        status: int | None,
        seconds: float,
        *,
        retry_after_s: float | None = None,
        said: str = "",
    ) -> None:
        """Say how a call went that was let through; `status` is None where no answer came, `said` is that in a sentence."""
        with self._lock:
            now = self._monotonic()
            self._calls += 1
            self._cause = said or self._cause
            self._count_failure(now, failed=status is None or status >= 500)
            if status is not None:
                self._latency_s += (seconds - self._latency_s) * (WEIGHT if self._latency_s else 1.0)
            if status in WANTS_REST and retry_after_s is not None:
                self._not_before = max(self._not_before, now + min(retry_after_s, LONGEST_S))
            if self._is_slow(method, what, status, seconds) or status in PUSHED_BACK:
                self._lower(now)
            else:
                self._rate = min(self.rate_limit.calls_per_s, self._rate + RECOVERY * self.rate_limit.calls_per_s)
        if self._observe is not None:
            self._observe(Call(method, what, status, seconds))

    # --- under the lock -----------------------------------------------------------------------------------------------

    def _take(self) -> float:
        """Take a token and give 0, or say how long to wait for one."""
        with self._lock:
            now = self._monotonic()
            if self._stopped:
                raise CircuitOpen(60.0, "syncd is stopping")
            if self.is_open and now < self._open_until:
                why = f"the server gave no good answer {self._failures} times in a row"
                raise CircuitOpen(self._open_until - now, why, cause=self._cause)
            if (rest_s := self._not_before - now) > 0:
                if rest_s > LONGEST_WAIT_S:
                    raise CircuitOpen(rest_s, LEFT_ALONE)
                return rest_s
            self._fill(now)
            if self._tokens < _ENOUGH:
                return (1 - self._tokens) / self._rate
            self._tokens -= 1
            if self.is_open:
                self._open_until = now + self._break_s  # this one goes to see; nobody else does until it is back
            return 0.0

    def _fill(self, now: float) -> None:
        room = max(1.0, self.rate_limit.burst * self._rate / self.rate_limit.calls_per_s)
        self._tokens = min(room, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    def _count_failure(self, now: float, *, failed: bool) -> None:
        if not failed:
            self._failures, self._break_s = 0, FIRST_BREAK_S
            return
        self._failures += 1
        if self.is_open:
            self._open_until = now + self._break_s
            self._break_s = min(2 * self._break_s, LONGEST_S)

    def _is_slow(self, method: str, what: str, status: int | None, seconds: float) -> bool:
        if method != "GET" or status != 200:
            return False
        usual = self._usual[what] = min(seconds, self._usual.get(what, seconds) * DRIFT)
        self._slowness += WEIGHT * (max(seconds, QUICK_S) / max(usual, QUICK_S) - self._slowness)
        return self._slowness >= SLOW

    def _lower(self, now: float) -> None:
        if now - self._lowered_at < 1.0:
            return
        self._fill(now)
        self._lowered_at = now
        self._rate = max(self._rate / 2, SLOWEST * self.rate_limit.calls_per_s)
