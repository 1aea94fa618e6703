"""The desired-state database: what was read, wanted, owned, planned and done, on SQLite or PostgreSQL."""

from syncd.store.alarms import AlarmRow
from syncd.store.journal import Store
from syncd.store.last_good import GoodFiles
from syncd.store.migrations import migrate
from syncd.store.queries import AuditRow, HeldPlan, Holding, Run, Standing, Step
from syncd.store.readings import Reading
from syncd.store.uses import Use

__all__ = [
    "AlarmRow",
    "AuditRow",
    "GoodFiles",
    "HeldPlan",
    "Holding",
    "Reading",
    "Run",
    "Standing",
    "Step",
    "Store",
    "Use",
    "migrate",
]
