"""The desired-state database: what was read, wanted, owned, planned and done, on SQLite or PostgreSQL."""

from typing import TYPE_CHECKING

from syncd.lazy import exports

if TYPE_CHECKING:
    from syncd.store.migrations import migrate
    from syncd.store.stores import Stores
else:
    __getattr__ = exports(__name__, {"Stores": "stores", "migrate": "migrations"})

__all__ = ["Stores", "migrate"]
