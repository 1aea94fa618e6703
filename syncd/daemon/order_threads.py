"""Threads for whoever waits for an order: sources are asked together, in a bounded number of threads, for a bounded time.

Orders that come while a source is being asked share the next answer: there is at most one thread for each source, however
many orders there are and however long the source hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread

from syncd.control import NotNow


class SourcePolls:
    """Any thread may call. `ask` asks one source, and raises nothing."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._next: dict[str, Event] = {}
        self._running: set[str] = set()

    def asked(self, names: Iterable[str], *, within_s: float) -> None:
        """Have sources asked from now on, and wait for what they say, so long in all."""
        until = time.monotonic() + within_s
        for answered in [self._join(name) for name in names]:
            answered.wait(max(0.0, until - time.monotonic()))

    def _join(self, name: str) -> Event:
        with self._lock:
            answered = self._next.setdefault(name, Event())
            if name not in self._running:
                self._running.add(name)
                Thread(target=self._run, args=(name,), name=f"order {name}", daemon=True).start()
            return answered

    def _run(self, name: str) -> None:
        while (answered := self._take(name)) is not None:
            try:
                self._ask(name)
            finally:
                answered.set()

    def _take(self, name: str) -> Event | None:
        with self._lock:
            found = self._next.pop(name, None)
            if found is None:
                self._running.discard(name)
            return found


class OrderPool:
    """A few threads that do what they are given, one thing after the other; what is too much is refused."""

    def __init__(self, number: int, *, most: int) -> None:
        self._number = number
        self._most = most
        self._lock = Lock()
        self._waiting: list[Callable[[], None]] = []
        self._working = 0

    def give(self, work: Callable[[], None]) -> None:
        """Have something done, which raises nothing.

        Raises:
            NotNow: too much waits already.
        """
        with self._lock:
            if len(self._waiting) >= self._most:
                raise NotNow(f"{self._most} orders wait already; ask again in a moment")
            self._waiting.append(work)
            if self._working < self._number:
                self._working += 1
                Thread(target=self._run, name="order", daemon=True).start()

    def _run(self) -> None:
        while (work := self._take()) is not None:
            try:
                work()
            except BaseException:
                self._gone()
                raise

    def _take(self) -> Callable[[], None] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.pop(0)
            self._working -= 1
            return None

    def _gone(self) -> None:
        with self._lock:
            self._working -= 1
