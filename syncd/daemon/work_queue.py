"""Work that waits, deployment by deployment: one queue each, one pass at a time in a queue, the urgent first.

What failed waits on its deployment's ladder of intervals, which has a top and no end, and so does new work; but not an
order, nor the loss of somebody else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Condition
from typing import Final

from syncd.daemon.work_item import BUSY_S, Urgency, WorkItem

LADDER_S: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
"""How long a deployment is left alone after so many failures in a row."""
CLAIM_S: Final = 2.0
"""How long what an order is about waits for that order at most, so that whoever asked sees what was done."""


@dataclass(slots=True)
class DeploymentQueue:
    """One deployment's waiting work and how its last passes went.

    running     the pass that runs; after it those that it let go ahead, each in the middle of the one before
    failures    in a row; `not_before` is when what failed is tried again
    moved       people for whom something was queued while a pass ran, each with the number of the queueing, of `puts`
    """

    waiting: list[WorkItem] = field(default_factory=list)
    running: tuple[WorkItem, ...] = ()
    began_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    moved: dict[str, int] = field(default_factory=dict)
    puts: int = 0

    def add(self, item: WorkItem) -> None:
        """Queue an item, as one with another where that does the work of both."""
        for place, waiting in enumerate(self.waiting):
            if (both := waiting.with_(item)) is not None:
                self.waiting[place] = both.bounded()
                break
        else:
            self.waiting.append(item.bounded())
        self.waiting.sort(key=lambda t: t.urgency)


def next_try_at(queue: DeploymentQueue, now: datetime, monotonic: float) -> datetime | None:
    """Say when what failed is tried again, by the clock on the wall; None where nothing is waited for."""
    wait_s = queue.not_before - monotonic
    return now + timedelta(seconds=wait_s) if queue.failures and wait_s > 0 else None


class WorkQueue:
    """Every queue. Any thread may call."""

    def __init__(
        self,
        workers: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._bulk = max(1, workers - max(1, workers // 4)) if workers > 1 else 1
        self._monotonic = monotonic
        self._chance = chance
        self._queues: dict[str, DeploymentQueue] = {}
        self._claims: list[tuple[str, frozenset[str]]] = []
        self._closed = False
        self._changed = Condition()

    def put(self, name: str, item: WorkItem) -> None:
        """Queue an item, as one with another where that does the work of both."""
        with self._changed:
            queue = self._queues.setdefault(name, DeploymentQueue())
            if item.urgency > Urgency.ORDER and queue.not_before > self._monotonic():
                item = replace(item, not_before=max(item.not_before, queue.not_before))
            if item.job is None and self._is_claimed(name, item):
                item = replace(item, not_before=max(item.not_before, self._monotonic() + CLAIM_S))
            if item.job is not None:
                item = _with_waiting(queue, item)
            elif queue.running and item.scope.usernames:
                queue.puts += 1
                queue.moved.update(dict.fromkeys(item.scope.usernames, queue.puts))
            queue.add(item)
            self._changed.notify_all()

    def take(self) -> tuple[str, WorkItem] | None:
        """Wait for work and begin it; None once the queue is closed."""
        with self._changed:
            while not self._closed:
                found, wait_s = self._next()
                if found is not None:
                    name, item = found
                    queue = self._queues[name]
                    queue.waiting.remove(item)
                    queue.running, queue.began_at = (item,), self._monotonic()
                    queue.moved.clear()
                    return found
                self._changed.wait(wait_s)
            return None

    def ahead(self, name: str, running: WorkItem, *, few: bool) -> WorkItem | None:
        """Begin what a pass that runs lets go ahead of itself, with `few` only what is about a few people; whoever asks makes it,
        and closes it, before going on."""
        with self._changed:
            queue = self._queues.get(name)
            if queue is None or self._closed:
                return None
            now = self._monotonic()
            may_go = (t for t in queue.waiting if t.not_before <= now and t.goes_ahead_of(running))
            found = next((t for t in may_go if t.is_narrow or not few), None)
            if found is not None:
                queue.waiting.remove(found)
                queue.running = (*queue.running, found)
            return found

    def mark(self, name: str) -> int:
        """Give the number of the last queueing, for `moved`."""
        with self._changed:
            return self._queues.setdefault(name, DeploymentQueue()).puts

    def moved(self, name: str, *, since: int) -> frozenset[str]:
        """Name the people for whom something was queued after this number: what was planned for them before is not true."""
        with self._changed:
            queue = self._queues.get(name)
            if queue is None or queue.puts == since:
                return frozenset()
            return frozenset(who for who, number in queue.moved.items() if number > since)

    def ended(self, name: str) -> int:
        """Close a pass that did its work; gives how many before it did not."""
        with self._changed:
            queue = self._queues.setdefault(name, DeploymentQueue())
            before, queue.failures, queue.not_before, queue.running = queue.failures, 0, 0.0, queue.running[:-1]
            if before:  # it works again, so whatever waits is tried at once
                waiting, queue.waiting = queue.waiting, []
                for item in waiting:
                    queue.add(replace(item, not_before=0.0))
            self._changed.notify_all()
            return before

    def failing(self, name: str) -> int:
        """Say how many will have failed in a row, if the pass that runs fails now.

        What fails while the ladder has others wait joins them: the ladder is climbed by time, not by new work.
        """
        with self._changed:
            queue = self._queues.get(name, DeploymentQueue())
            return queue.failures + (queue.not_before <= self._monotonic())

    def failed(self, name: str, again: WorkItem, *, failures: int) -> None:
        """Close a pass that failed, as so many in a row, and queue it again for later."""
        with self._changed:
            queue = self._queues.setdefault(name, DeploymentQueue())
            if failures > queue.failures:
                queue.failures = failures
                rung = LADDER_S[min(failures, len(LADDER_S)) - 1]
                queue.not_before = self._monotonic() + rung * (0.8 + 0.4 * self._chance())
            queue.running = queue.running[:-1]
            not_before = queue.not_before
        self.put(name, replace(again, not_before=not_before))

    def postponed(self, name: str, again: WorkItem, *, wait_s: float = BUSY_S) -> None:
        """Close a pass that could not begin, because of another writer for example, and queue it again for soon."""
        with self._changed:
            queue = self._queues.setdefault(name, DeploymentQueue())
            queue.running = queue.running[:-1]
            not_before = self._monotonic() + wait_s
        self.put(name, replace(again, not_before=not_before))

    @contextmanager
    def claimed(self, names: Iterable[str], people: frozenset[str]) -> Iterator[None]:
        """For a moment, let work on just these people wait for an order about them, which then does it and shows it.

        Nobody else waits, and nobody waits longer than CLAIM_S, however many orders there are.
        """
        kept = tuple(names) if people else ()
        with self._changed:
            self._claims += [(name, people) for name in kept]
        try:
            yield
        finally:
            with self._changed:
                for name in kept:
                    self._claims.remove((name, people))

    def _is_claimed(self, name: str, item: WorkItem) -> bool:
        people = item.scope.usernames
        return item.is_narrow and bool(people) and any(name == n and people <= p for n, p in self._claims if people)

    def keep_only(self, names: Iterable[str]) -> tuple[tuple[str, WorkItem], ...]:
        """Forget the queues of deployments that are not there any more; gives what waited in them."""
        kept = set(names)
        with self._changed:
            gone = [name for name, queue in self._queues.items() if name not in kept and not queue.running]
            return tuple((name, item) for name in gone for item in self._queues.pop(name).waiting)

    def cancel(self, name: str, *, keep: Callable[[WorkItem], bool]) -> None:
        """Take waiting work out of a queue, but for what is to be kept."""
        with self._changed:
            if name in self._queues:
                self._queues[name].waiting = [item for item in self._queues[name].waiting if keep(item)]

    def look(self, name: str) -> DeploymentQueue:
        """Give a queue as it is now."""
        with self._changed:
            return replace(self._queues.get(name, DeploymentQueue()))

    def longest_s(self) -> float:
        """Say for how long the oldest running pass has been at work."""
        with self._changed:
            now = self._monotonic()
            return max((now - queue.began_at for queue in self._queues.values() if queue.running), default=0.0)

    def close(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no pass is running; False where that took too long."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while any(queue.running for queue in self._queues.values()):
                if (left := deadline - time.monotonic()) <= 0:
                    return False
                self._changed.wait(left)
            return True

    def _next(self) -> tuple[tuple[str, WorkItem] | None, float | None]:
        """Choose what to work on now, or say how long until there may be something."""
        now = self._monotonic()
        bulk = sum(1 for queue in self._queues.values() if queue.running and queue.running[0].is_bulk)
        ready = [
            (name, item)
            for name, queue in self._queues.items()
            if not queue.running
            for item in queue.waiting
            if bulk < self._bulk or not item.is_bulk
        ]
        due = [(name, item) for name, item in ready if item.not_before <= now]
        if due:
            return min(due, key=lambda found: (found[1].urgency, found[1].seen_at or now)), None
        return None, min((max(0.01, item.not_before - now) for _, item in ready), default=None)


def _with_waiting(queue: DeploymentQueue, item: WorkItem) -> WorkItem:
    """Let what somebody waits for do the waiting work on the same people as well, so that they see what is done."""
    for other in [waiting for waiting in queue.waiting if item.does_too(waiting)]:
        queue.waiting.remove(other)
        item = item.doing(other)
    return item
