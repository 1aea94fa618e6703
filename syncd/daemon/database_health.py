"""Whether the database can be used, as whoever needed it last found."""

from __future__ import annotations

from collections.abc import Callable

from syncd.daemon.alarms import Alarms
from syncd.errors import StoreError
from syncd.ports import Emit

ABOUT = "database"


class DatabaseHealth:
    """Any thread may call. `error` says what the matter is; empty: nothing."""

    def __init__(self, alarms: Alarms, *, emit: Emit) -> None:
        self.error = ""
        self._alarms = alarms
        self._emit = emit

    def needed(self, do: Callable[[], None]) -> None:
        """Do something that needs the database; while that is away nothing is done, and it is said."""
        try:
            do()
        except StoreError as error:
            self.lost(error)
            return
        self.back()

    def lost(self, error: StoreError) -> None:
        if not self.error:
            self._emit("database_failed", error=str(error))
        self.error = str(error)
        self._alarms.raise_("database_down", ABOUT, self.error)

    def back(self) -> None:
        if self.error:
            self._emit("database_back")
        self.error = ""
        self._alarms.clear("database_down", ABOUT)
