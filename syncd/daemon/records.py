"""What is remembered of each deployment between passes."""

from __future__ import annotations

from threading import Lock

from syncd.daemon.ends import Record


class Records:
    """Any thread may look; the pass that runs on a deployment keeps what is new of it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: dict[str, Record] = {}

    def of(self, name: str) -> Record:
        with self._lock:
            return self._records.get(name, Record())

    def keep(self, name: str, record: Record) -> None:
        with self._lock:
            self._records[name] = record

    def forget_others(self, names: frozenset[str]) -> None:
        """Forget deployments that are not there any more."""
        with self._lock:
            self._records = {name: record for name, record in self._records.items() if name in names}
