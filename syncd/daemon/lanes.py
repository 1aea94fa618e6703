"""Work that waits, deployment by deployment: one lane each, one pass at a time in a lane, the urgent first.

What failed waits on its deployment's ladder of intervals, which has a top and no end, and so does new work; but not an
order, nor the loss of somebody else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Final

from syncd.daemon.work_item import BUSY_S, Task, Urgency

LADDER_S: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
"""How long a deployment is left alone after so many failures in a row."""
CLAIM_S: Final = 2.0
"""How long what an order is about waits for that order at most, so that whoever asked sees what was done."""


@dataclass(slots=True)
class Lane:
    """One deployment's waiting work and how its last passes went.

    running     the pass that runs; after it those that it let go ahead, each in the middle of the one before
    failures    in a row; `not_before` is when what failed is tried again
    moved       people for whom something was queued while a pass ran, each with the number of the queueing, of `puts`
    """

    tasks: list[Task] = field(default_factory=list)
    running: tuple[Task, ...] = ()
    began_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    moved: dict[str, int] = field(default_factory=dict)
    puts: int = 0

    def add(self, task: Task) -> None:
        """Queue a task, as one with another where that does the work of both."""
        for place, waiting in enumerate(self.tasks):
            if (both := waiting.with_(task)) is not None:
                self.tasks[place] = both.bounded()
                break
        else:
            self.tasks.append(task.bounded())
        self.tasks.sort(key=lambda t: t.urgency)


class Lanes:
    """Every lane. Any thread may call."""

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
        self._lanes: dict[str, Lane] = {}
        self._claims: list[tuple[str, frozenset[str]]] = []
        self._closed = False
        self._changed = Condition()

    def put(self, name: str, task: Task) -> None:
        """Queue a task, as one with another where that does the work of both."""
        with self._changed:
            lane = self._lanes.setdefault(name, Lane())
            if task.urgency > Urgency.ORDER and lane.not_before > self._monotonic():
                task = replace(task, not_before=max(task.not_before, lane.not_before))
            if task.job is None and self._is_claimed(name, task):
                task = replace(task, not_before=max(task.not_before, self._monotonic() + CLAIM_S))
            if task.job is not None:
                task = _with_waiting(lane, task)
            elif lane.running and task.scope.usernames:
                lane.puts += 1
                lane.moved.update(dict.fromkeys(task.scope.usernames, lane.puts))
            lane.add(task)
            self._changed.notify_all()

    def take(self) -> tuple[str, Task] | None:
        """Wait for work and begin it; None once the lanes are closed."""
        with self._changed:
            while not self._closed:
                found, wait_s = self._next()
                if found is not None:
                    name, task = found
                    lane = self._lanes[name]
                    lane.tasks.remove(task)
                    lane.running, lane.began_at = (task,), self._monotonic()
                    lane.moved.clear()
                    return found
                self._changed.wait(wait_s)
            return None

    def ahead(self, name: str, running: Task) -> Task | None:
        """Begin what a pass that runs lets go ahead of itself; whoever asks makes it, and closes it, before going on."""
        with self._changed:
            lane = self._lanes.get(name)
            if lane is None or self._closed:
                return None
            now = self._monotonic()
            found = next((t for t in lane.tasks if t.not_before <= now and t.goes_ahead_of(running)), None)
            if found is not None:
                lane.tasks.remove(found)
                lane.running = (*lane.running, found)
            return found

    def mark(self, name: str) -> int:
        """Give the number of the last queueing, for `moved`."""
        with self._changed:
            return self._lanes.setdefault(name, Lane()).puts

    def moved(self, name: str, *, since: int) -> frozenset[str]:
        """Name the people for whom something was queued after this number: what was planned for them before is not true."""
        with self._changed:
            lane = self._lanes.get(name)
            if lane is None or lane.puts == since:
                return frozenset()
            return frozenset(who for who, number in lane.moved.items() if number > since)

    def ended(self, name: str) -> int:
        """Close a pass that did its work; gives how many before it did not."""
        with self._changed:
            lane = self._lanes.setdefault(name, Lane())
            before, lane.failures, lane.not_before, lane.running = lane.failures, 0, 0.0, lane.running[:-1]
            if before:  # it works again, so whatever waits is tried at once
                waiting, lane.tasks = lane.tasks, []
                for task in waiting:
                    lane.add(replace(task, not_before=0.0))
            self._changed.notify_all()
            return before

    def failing(self, name: str) -> int:
        """Say how many will have failed in a row, if the pass that runs fails now.

        What fails while the ladder has others wait joins them: the ladder is climbed by time, not by new work.
        """
        with self._changed:
            lane = self._lanes.get(name, Lane())
            return lane.failures + (lane.not_before <= self._monotonic())

    def failed(self, name: str, again: Task, *, failures: int) -> None:
        """Close a pass that failed, as so many in a row, and queue it again for later."""
        with self._changed:
            lane = self._lanes.setdefault(name, Lane())
            if failures > lane.failures:
                lane.failures = failures
                rung = LADDER_S[min(failures, len(LADDER_S)) - 1]
                lane.not_before = self._monotonic() + rung * (0.8 + 0.4 * self._chance())
            lane.running = lane.running[:-1]
            not_before = lane.not_before
        self.put(name, replace(again, not_before=not_before))

    def postponed(self, name: str, again: Task, *, wait_s: float = BUSY_S) -> None:
        """Close a pass that could not begin, because of another writer for example, and queue it again for soon."""
        with self._changed:
            lane = self._lanes.setdefault(name, Lane())
            lane.running = lane.running[:-1]
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

    def _is_claimed(self, name: str, task: Task) -> bool:
        people = task.scope.usernames
        return task.is_narrow and bool(people) and any(name == n and people <= p for n, p in self._claims if people)

    def keep_only(self, names: Iterable[str]) -> tuple[tuple[str, Task], ...]:
        """Forget the lanes of deployments that are not there any more; gives what waited in them."""
        kept = set(names)
        with self._changed:
            gone = [name for name, lane in self._lanes.items() if name not in kept and not lane.running]
            return tuple((name, task) for name in gone for task in self._lanes.pop(name).tasks)

    def cancel(self, name: str, *, keep: Callable[[Task], bool]) -> None:
        """Take waiting work out of a lane, but for what is to be kept."""
        with self._changed:
            if name in self._lanes:
                self._lanes[name].tasks = [task for task in self._lanes[name].tasks if keep(task)]

    def look(self, name: str) -> Lane:
        """Give a lane as it is now."""
        with self._changed:
            return replace(self._lanes.get(name, Lane()))

    def longest_s(self) -> float:
        """Say for how long the oldest running pass has been at work."""
        with self._changed:
            now = self._monotonic()
            return max((now - lane.began_at for lane in self._lanes.values() if lane.running), default=0.0)

    def close(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no pass is running; False where that took too long."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while any(lane.running for lane in self._lanes.values()):
                if (left := deadline - time.monotonic()) <= 0:
                    return False
                self._changed.wait(left)
            return True

    def _next(self) -> tuple[tuple[str, Task] | None, float | None]:
        """Choose what to work on now, or say how long until there may be something."""
        now = self._monotonic()
        bulk = sum(1 for lane in self._lanes.values() if lane.running and lane.running[0].is_bulk)
        ready = [
            (name, task)
            for name, lane in self._lanes.items()
            if not lane.running
            for task in lane.tasks
            if bulk < self._bulk or not task.is_bulk
        ]
        due = [(name, task) for name, task in ready if task.not_before <= now]
        if due:
            return min(due, key=lambda found: (found[1].urgency, found[1].seen_at or now)), None
        return None, min((max(0.01, task.not_before - now) for _, task in ready), default=None)


def _with_waiting(lane: Lane, task: Task) -> Task:
    """Let what somebody waits for do the waiting work on the same people as well, so that they see what is done."""
    for other in [waiting for waiting in lane.tasks if task.does_too(waiting)]:
        lane.tasks.remove(other)
        task = task.doing(other)
    return task
