"""What of all that happens goes into the log: what changed, what failed, and what is other than the last time.

A daemon polls and sweeps thousands of times a day, and nothing comes of it; what is away fails at each of them in the same way.
Metrics count all of that, and alarms tell it for as long as it lasts; a log with a line for each would hide the one that matters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from threading import Lock
from typing import Final

_NEVER = frozenset({"poll_ended", "lag_measured", "run_started", "deployment_observed", "plan_made"})
"""Only counted: the metrics have them."""
_CHANGE = ("deployment", "subject", "name")
_WHEN_OTHER: Final[Mapping[str, tuple[str, ...]]] = {
    "snapshot_read": ("source",),
    "sweep_ended": ("deployment",),
    "change_held": ("deployment",),
    "source_failed": ("source",),
    "poll_failed": ("source",),
    "deployment_failed": ("deployment",),
    "deployment_quarantined": ("deployment",),
    "not_converged": _CHANGE,
    "change_pending": _CHANGE,
    "run_ended": ("deployment",),
    "job_failed": ("job",),
    "database_failed": (),
}
"""Logged where they say something else than the last time about the same."""
_ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "snapshot_read": ("source_failed", "poll_failed"),
    "deployment_observed": ("deployment_failed", "deployment_quarantined"),
    "change_applied": ("not_converged", "change_pending"),
    "database_back": ("database_failed",),
}
"""What is over when this happens: it is news when it comes again."""
_MOVING = frozenset({"run", "seconds", "stages", "failures", "calls", "exc_info"})
"""Facts that are other ones each time."""
_SECONDS = re.compile(r"\b\d+ s\b")
"""So long is still to be waited, as sentences say; another number each time."""


class LogFilter:
    """Decides; any thread may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: dict[tuple[object, ...], Mapping[str, object]] = {}

    def is_news(self, event: str, facts: Mapping[str, object]) -> bool:
        """Say whether an event belongs into the log."""
        self._end(event, facts)
        if event in _NEVER or (event == "run_ended" and not (facts.get("planned") or facts.get("exit_code"))):
            return False
        if event not in _WHEN_OTHER or (event == "run_ended" and facts.get("planned")):
            return True
        about, said = _about(event, facts), {n: _still(value) for n, value in facts.items() if n not in _MOVING}
        with self._lock:
            before = self._last.get(about)
            self._last[about] = said
        return before != said

    def _end(self, event: str, facts: Mapping[str, object]) -> None:
        for over in _ENDS.get(event, ()):
            with self._lock:
                self._last.pop(_about(over, facts), None)


def _about(event: str, facts: Mapping[str, object]) -> tuple[object, ...]:
    return event, *(facts.get(name) for name in _WHEN_OTHER[event])


def _still(value: object) -> object:
    return _SECONDS.sub("", value) if isinstance(value, str) else value
