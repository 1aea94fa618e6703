"""The desired-state database: what was read, wanted, owned, planned and done, on SQLite or PostgreSQL."""

from syncd.store.migrations import migrate
from syncd.store.stores import Stores

__all__ = ["Stores", "migrate"]
