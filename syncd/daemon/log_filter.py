"""What of all that happens goes into the log: what changed, what failed, and what is other than the last time.

A daemon polls and sweeps thousands of times a day, and nothing comes of it. Metrics count all of that; a log with a line for
each would hide the one that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

_NEVER = frozenset({"poll_ended", "lag_measured", "run_started", "deployment_observed", "plan_made"})
"""Only counted: the metrics have them."""
_WHEN_OTHER = {
    "snapshot_read": "source",
    "plan_made": "deployment",
    "sweep_ended": "deployment",
    "change_held": "deployment",
}
"""Logged where they say something else than the last time of the same source or deployment."""
_MOVING = frozenset({"run", "seconds"})
"""Facts that are other ones each time."""


class LogFilter:
    """Decides; any thread may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: dict[tuple[str, object], Mapping[str, object]] = {}

    def is_news(self, event: str, facts: Mapping[str, object]) -> bool:
        """Say whether an event belongs into the log."""
        if event in _NEVER:
            return False
        if event == "run_ended":
            return bool(facts.get("planned") or facts.get("exit_code"))
        if event not in _WHEN_OTHER:
            return True
        about = event, facts.get(_WHEN_OTHER[event])
        said = {name: value for name, value in facts.items() if name not in _MOVING}
        with self._lock:
            before = self._last.get(about)
            self._last[about] = said
        return before != said
