"""One change in the journal from its intent to its end, in as few commits as the promises allow."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from syncd.model import Change, Outcome
from syncd.ports import Lease
from syncd.store import changes, leases
from syncd.store.changes import Begun
from syncd.store.engine import Database


class DatabaseEntry:
    """The entry of one change; implements `ports.Entry`.

    commit            | what it brings to the disk
    first `before`    | the intent, what the change brings as owned, and the call
    another `before`  | the answers since, and the call
    `conclude`        | the answers since, and the outcome with its ownership; the intent, if there was no call

    A kill between two of them leaves the intent open, and at worst the last answer out.
    """

    def __init__(self, database: Database, plan: int, change: Change, *, lease: Lease | None, now: datetime) -> None:
        self._database = database
        self._plan = plan
        self._change = change
        self._fingerprint = changes.fingerprint(change)
        self._lease = lease
        self._begun_at = now
        self._begun: Begun | None = None
        self._answers: list[changes.StepOutcome] = []

    @property
    def id(self) -> int | None:
        """The number of the change; None until it is begun."""
        return self._begun.id if self._begun else None

    def before(self, call: str) -> int:
        self._begun, step = self._database.commit(lambda connection: self._announce(connection, call))
        self._answers = []
        return step

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        self._answers.append(changes.StepOutcome(step, answer, refused))

    def conclude(self, outcome: Outcome, *, now: datetime) -> None:
        self._begun = self._database.commit(lambda connection: self._end(connection, outcome, now))
        self._answers = []

    def _announce(self, connection: Connection, call: str) -> tuple[Begun, int]:
        now = self._database.now(connection)
        self._confirm(connection, now)
        begun = self._begun or self._begin(connection)
        changes.record_answers(connection, self._answers, now=now)
        return begun, changes.record_call(connection, begun.id, call, now=now)

    def _end(self, connection: Connection, outcome: Outcome, now: datetime) -> Begun:
        if self._begun is None:
            self._confirm(connection, self._database.now(connection))
        begun = self._begun or self._begin(connection)
        if self._answers:
            changes.record_answers(connection, self._answers, now=self._database.now(connection))
        changes.close(connection, begun.id, outcome.status, detail=outcome.detail, now=now, change=self._change)
        return begun

    def _confirm(self, connection: Connection, now: datetime) -> None:
        if self._lease is not None:
            leases.confirm(connection, self._lease, now=now)

    def _begin(self, connection: Connection) -> Begun:
        return changes.begin(connection, self._plan, self._change, fingerprint=self._fingerprint, now=self._begun_at)
