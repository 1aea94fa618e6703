"""What every part of the daemon needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from syncd.daemon.alarms import Alarms
from syncd.daemon.reach import Reach
from syncd.reconcile import Emit


@dataclass(frozen=True, slots=True)
class Common:
    """`clock` tells the time of day, aware and in UTC; `monotonic` seconds that no change of the clock moves."""

    alarms: Alarms
    database: Reach
    emit: Emit
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    stopping: Callable[[], bool]
