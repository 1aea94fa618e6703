"""What passes need of the database."""

from __future__ import annotations

from typing import Protocol

from syncd.ports.break_glass import BreakGlass
from syncd.ports.claims import Claims
from syncd.ports.failures import Failures
from syncd.ports.grants import Grants
from syncd.ports.holdings import Holdings
from syncd.ports.inbox import Inbox
from syncd.ports.installation import Installation
from syncd.ports.leases import Leases
from syncd.ports.ledger import Ledger
from syncd.ports.looks import Looks
from syncd.ports.memory import Memory
from syncd.ports.pauses import Pauses
from syncd.ports.places import Places
from syncd.ports.readings import Readings
from syncd.ports.rollouts import Rollouts


class Journal(Protocol):
    """The parts of the database that a pass works with."""

    @property
    def readings(self) -> Readings: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def holdings(self) -> Holdings: ...
    @property
    def installation(self) -> Installation: ...
    @property
    def pauses(self) -> Pauses: ...
    @property
    def rollouts(self) -> Rollouts: ...
    @property
    def places(self) -> Places: ...
    @property
    def memory(self) -> Memory: ...
    @property
    def failures(self) -> Failures: ...
    @property
    def break_glass(self) -> BreakGlass: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def looks(self) -> Looks: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def claims(self) -> Claims: ...
