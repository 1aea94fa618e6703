"""What every part of the daemon needs, and what its threads share."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.daemon.alarms import Alarms
from syncd.daemon.assignment import Assignment
from syncd.daemon.database_health import DatabaseHealth
from syncd.daemon.directory_cache import DirectoryCache
from syncd.daemon.loaded import Fleet
from syncd.daemon.runtime import Runtime
from syncd.daemon.work_queue import WorkQueue
from syncd.store import Stores


@dataclass(frozen=True, slots=True)
class Common:
    """Whom to tell, and what time it is."""

    alarms: Alarms
    database: DatabaseHealth
    runtime: Runtime


@dataclass(frozen=True, slots=True)
class Shared:
    """What is known and what waits; any thread may use each of it."""

    fleet: Fleet
    cache: DirectoryCache
    queue: WorkQueue
    assignment: Assignment
    store: Stores
