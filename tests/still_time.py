"""A clock for tests of what waits."""

from __future__ import annotations


class Time:
    """A clock that only a pause moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
