"""Tell a person at a terminal what a pass is doing, once it has taken longer than a moment: how much of how much, and how long
the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import TYPE_CHECKING

from syncd.render.lines import counted, number, safe

if TYPE_CHECKING:
    from rich.status import Status

    from syncd.ports import Emit

MOMENT_S = 1.0
LEAST = 3
"""After so many it is told how long the rest will take: one alone says little."""
_ENDED = frozenset({"change_applied", "change_failed", "change_unknown", "change_pending"})


@dataclass(slots=True)
class Progress:
    """What was done of what is to be done, by the events of a pass. `enforced`: by deployment, whether changes are made there."""

    sources: int
    enforced: Mapping[str, bool]
    clock: Callable[[], float] = time.monotonic
    read: set[str] = field(default_factory=set)
    planned: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    done: int = 0
    began: float = 0.0
    at: str = ""

    def note(self, event: str, facts: Mapping[str, object]) -> None:
        """Take an event in."""
        deployment = str(facts.get("deployment") or "")
        self.at = deployment or self.at
        if event in ("snapshot_read", "source_failed"):
            self.read.add(str(facts.get("source")))
            self.began = self.clock()
        elif event == "plan_made" and deployment not in self.planned:  # the second one reads back
            self.planned[deployment] = _count(facts) if self.enforced.get(deployment) else 0
        elif event == "change_held":
            self.held.setdefault(deployment, _count(facts))
        elif event == "deployment_failed":
            self.failed.add(deployment)
        elif event in _ENDED:
            self.began = self.began if self.done else self.clock()
            self.done += 1

    @property
    def words(self) -> str:
        """Say how far it is."""
        total, looked = len(self.enforced), len(self.planned.keys() | self.failed)
        said = [f"{len(self.read)} of {counted(self.sources, 'source', 'sources')} read"]
        if looked:
            said = [f"{number(looked)} of {counted(total, 'deployment', 'deployments')} looked at"]
        if self.done:
            meant = max(self.done, sum(self.planned.values()) - sum(self.held.values()))
            said += [f"{number(self.done)} of {counted(meant, 'change', 'changes')} ({100 * self.done // meant} %)"]
            said += self._left(self.done - 1, meant - self.done) if looked >= total else []
        else:
            said += self._left(looked, total - looked)
        return ", ".join([*said, *([safe(self.at)] if self.at else [])])

    def _left(self, done: int, rest: int) -> list[str]:
        """Say how long the rest takes, if it goes on as it went."""
        if done < LEAST or not rest:
            return []
        seconds = (self.clock() - self.began) / done * rest
        return [f"about {seconds / 60:,.0f} min left" if seconds >= 90 else f"about {max(1, round(seconds))} s left"]


def _count(facts: Mapping[str, object]) -> int:
    found = facts.get("changes")
    return found if isinstance(found, int) else 0


@contextmanager
def showing(emit: Emit, progress: Progress, *, quiet: bool = False) -> Iterator[Emit]:
    """Give an `emit` that also moves the progress line on standard error, if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield emit
        return
    status, lock = _status(), Lock()

    def noted(event: str, /, **facts: object) -> None:
        with lock:
            progress.note(event, facts)
            words = progress.words
        status.update(words)
        emit(event, **facts)

    timer = Timer(MOMENT_S, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield noted
    finally:
        timer.cancel()
        timer.join()
        status.stop()


def _status() -> Status:
    from rich.console import Console
    from rich.status import Status

    return Status("reading sources", console=Console(stderr=True, markup=False, highlight=False))
