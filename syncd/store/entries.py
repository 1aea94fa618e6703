"""One change in the journal from its intent to its end, in as few commits as the promises allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from syncd.errors import SyncdError
from syncd.model import Change, Deployment, Outcome
from syncd.ports import Lease
from syncd.store import changes, evidence, leases, pauses
from syncd.store.changes import Begun
from syncd.store.commits import Deferred
from syncd.store.engine import Database


class DatabaseEntries:
    """The changes of one plan, one after the other; implements `ports.Entries`.

    At most one outcome is left to be committed, that of the change before: the next one's announcement brings it to the
    disk, if nobody else's work did.
    """

    def __init__(
        self, database: Database, plan: int, *, lease: Lease | None, on: Deployment | None = None, but: int = 0
    ) -> None:
        self.database = database
        self.plan = plan
        self._lease = lease
        self._on, self._but = on, but
        self.left: Deferred | None = None

    def begin(self, change: Change, *, now: datetime) -> DatabaseEntry:
        return DatabaseEntry(self, change, now=now)

    def flush(self) -> None:
        if self.left:
            self.left.flush()

    def confirm(self, connection: Connection, now: datetime) -> None:
        """Make sure that what is about to be written may be."""
        if self.left:
            self.left.check()
        if self._lease is not None:
            leases.confirm(connection, self._lease, now=now)

    def let(self, connection: Connection, change: Change, now: datetime) -> None:
        """Make sure that no pause stops a change."""
        if self._on is not None:
            pauses.let(connection, self._on, change, now=now, but=self._but)


@contextmanager
def flushed(entries: DatabaseEntries) -> Iterator[DatabaseEntries]:
    """Leave nothing uncommitted behind, whatever happens."""
    try:
        yield entries
    except BaseException:
        with suppress(SyncdError):  # what ends the pass matters more; an outcome that is not on the disk stays open
            entries.flush()
        raise
    entries.flush()


class DatabaseEntry:
    """The entry of one change; implements `ports.Entry`.

    commit            | what it brings to the disk
    first `before`    | the intent, what the change brings as owned, and the call
    another `before`  | the answers since, and the call; second roles that are gone since are ours no more
    whatever follows  | the same, and the outcome with its ownership
    `conclude`        | all of it, if there was no call

    A kill between two of them leaves the intent open, and at worst the last answer out.
    """

    def __init__(self, entries: DatabaseEntries, change: Change, *, now: datetime) -> None:
        self._entries = entries
        self._database = entries.database
        self._change = change
        self._fingerprint = changes.fingerprint(change)
        self._begun_at = now
        self._begun: Begun | None = None
        self._answers: list[changes.StepOutcome] = []
        self._makes = ""
        self._gone: list[str] = []

    @property
    def id(self) -> int | None:
        """The number of the change; None until it is begun."""
        return self._begun.id if self._begun else None

    def before(self, call: str, *, makes: str = "") -> int:
        self._begun, step = self._database.commit(lambda connection: self._announce(connection, call, makes))
        self._answers, self._gone = [], []
        self._makes = makes
        return step

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        self._answers.append(changes.StepOutcome(step, answer, refused, self._makes))

    def gone(self, name: str) -> None:
        self._gone.append(name)

    def conclude(self, outcome: Outcome, *, now: datetime) -> None:
        if self._begun:
            self._entries.left = self._database.commit_later(partial(self._end, self._begun, outcome=outcome, now=now))
        else:
            self._begun = self._database.commit(partial(self._begin_and_end, outcome=outcome, now=now))

    def _announce(self, connection: Connection, call: str, makes: str) -> tuple[Begun, int]:
        now = self._database.now(connection)
        self._entries.confirm(connection, now)
        self._entries.let(connection, self._change, now)
        begun = self._begun or self._begin(connection)
        self._record_what_came(connection, begun, now)
        changes.claim(connection, begun, makes, now=now)
        step = changes.record_call(connection, begun.id, call, now=now)
        if self._begun:
            evidence.called(connection, begun.id, step, call, answers=self._told(), now=now)
        else:
            self._intend(connection, begun, (step, call))
        return begun, step

    def _begin(self, connection: Connection) -> Begun:
        plan = self._entries.plan
        return changes.begin(connection, plan, self._change, fingerprint=self._fingerprint, now=self._begun_at)

    def _begin_and_end(self, connection: Connection, *, outcome: Outcome, now: datetime) -> Begun:
        self._entries.confirm(connection, self._database.now(connection))
        begun = self._begin(connection)
        self._intend(connection, begun)
        self._end(begun, connection, outcome=outcome, now=now)
        return begun

    def _intend(self, connection: Connection, begun: Begun, call: tuple[int, str] | None = None) -> None:
        evidence.intended(
            connection,
            self._change,
            id_=begun.id,
            plan=self._entries.plan,
            deployment=begun.deployment,
            fingerprint=self._fingerprint,
            call=call,
            now=self._begun_at,
        )

    def _told(self) -> list[tuple[int, str, bool]]:
        return [(step, answer, refused) for step, answer, refused, _ in self._answers]

    def _end(self, begun: Begun, connection: Connection, *, outcome: Outcome, now: datetime) -> None:
        self._record_what_came(connection, begun, now)
        how, change, answers = outcome.detail, self._change, self._answers
        changes.close(connection, begun.id, outcome.status, detail=how, now=now, change=change, answers=answers)

    def _record_what_came(self, connection: Connection, begun: Begun, now: datetime) -> None:
        changes.record_answers(connection, begun, self._answers, now=now)
        changes.give_up(connection, begun, self._gone, now=now)
