"""Tell a person at a terminal what a pass is doing, once it has taken longer than a moment."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from syncd.ports import Emit
from syncd.render.lines import counted, safe

if TYPE_CHECKING:
    from rich.status import Status

MOMENT_S = 1.0


@contextmanager
def showing(emit: Emit, *, quiet: bool = False) -> Iterator[Emit]:
    """Give an `emit` that also moves the progress line on standard error, if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield emit
        return
    status = _status()
    seen: Counter[str] = Counter()

    def noted(event: str, /, **facts: object) -> None:
        seen[event] += 1
        status.update(_words(seen, facts.get("deployment")))
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


def _words(seen: Counter[str], deployment: object) -> str:
    done = sum(seen[event] for event in ("change_applied", "change_failed", "change_unknown", "change_pending"))
    words = [counted(seen["snapshot_read"], "source read", "sources read")]
    words += [counted(seen["plan_made"], "plan", "plans")] if seen["plan_made"] else []
    words += [counted(done, "change", "changes")] if done else []
    words += [safe(str(deployment))] if deployment else []
    return ", ".join(words)
