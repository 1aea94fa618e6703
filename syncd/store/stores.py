"""The desired-state database, cut by who reads it; the parts are those of `ports`, whose methods live where their SQL is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from syncd.errors import StoreError
from syncd.store import migrations
from syncd.store.break_glass import DatabaseBreakGlass
from syncd.store.claims import DatabaseClaims
from syncd.store.engine import Clock, Database
from syncd.store.failures import DatabaseFailures
from syncd.store.grants import DatabaseGrants
from syncd.store.holdings import DatabaseHoldings
from syncd.store.inbox import DatabaseInbox
from syncd.store.installation import DatabaseInstallation
from syncd.store.leases import DatabaseLeases
from syncd.store.ledger import DatabaseLedger
from syncd.store.looks import DatabaseLooks
from syncd.store.memory import DatabaseMemory
from syncd.store.past import DatabasePast
from syncd.store.pauses import DatabasePauses
from syncd.store.places import DatabasePlaces
from syncd.store.presence import DatabasePresence
from syncd.store.queries import DatabaseQueries
from syncd.store.readings import DatabaseReadings
from syncd.store.records import DatabaseRecords
from syncd.store.rollouts import DatabaseRollouts
from syncd.store.witness import Witness


@dataclass(frozen=True, slots=True)
class Stores:
    """One open database; implements `ports.Journal`. Threads may share it; processes open their own."""

    database: Database
    readings: DatabaseReadings
    ledger: DatabaseLedger
    leases: DatabaseLeases
    holdings: DatabaseHoldings
    installation: DatabaseInstallation
    pauses: DatabasePauses
    rollouts: DatabaseRollouts
    places: DatabasePlaces
    memory: DatabaseMemory
    failures: DatabaseFailures
    break_glass: DatabaseBreakGlass
    grants: DatabaseGrants
    looks: DatabaseLooks
    inbox: DatabaseInbox
    claims: DatabaseClaims
    past: DatabasePast
    queries: DatabaseQueries
    presence: DatabasePresence
    records: DatabaseRecords

    @classmethod
    def open(cls, url: str, *, clock: Clock | None = None, witness: Path | None = None) -> Self:
        """Open a database, and create or upgrade its tables. `clock` is for tests. `witness` is the file in which is remembered
        which database it was; None: only this process remembers.

        Raises:
            StoreError: as every method of every part; the message names the database and what to do.
        """
        database = Database(url, clock=clock)
        try:
            migrations.upgrade(database)
        except StoreError:
            database.close()
            raise
        return cls._of(database, Witness(witness))

    @classmethod
    def peek(cls, url: str) -> Self | None:
        """Open a database that is there as this program knows it, and change nothing; None: it is not.

        Raises:
            StoreError: it cannot be used.
        """
        database = Database(url)
        if migrations.is_current(database):
            return cls._of(database, Witness(None))
        database.close()
        return None

    @classmethod
    def _of(cls, database: Database, witness: Witness) -> Self:
        return cls(
            database,
            DatabaseReadings(database),
            DatabaseLedger(database),
            DatabaseLeases(database),
            DatabaseHoldings(database),
            DatabaseInstallation(database, witness),
            DatabasePauses(database),
            DatabaseRollouts(database),
            DatabasePlaces(database),
            DatabaseMemory(database),
            DatabaseFailures(database),
            DatabaseBreakGlass(database),
            DatabaseGrants(database),
            DatabaseLooks(database),
            DatabaseInbox(database),
            DatabaseClaims(database),
            DatabasePast(database),
            DatabaseQueries(database),
            DatabasePresence(database),
            DatabaseRecords(database),
        )

    def close(self) -> None:
        self.database.close()
