"""What the daemon has of the world around it: where to say what happens, two clocks, and whether it is to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from syncd.ports import Emit


@dataclass(frozen=True, slots=True)
class Runtime:
    """`clock` tells the time of day, aware and in UTC; `monotonic` seconds that no change of the clock moves."""

    emit: Emit
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    stopping: Callable[[], bool]
