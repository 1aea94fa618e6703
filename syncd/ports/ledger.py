"""What is meant, done and found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from syncd.model import Awaited, Change, Deployment, Held, Outcome, Owned, Plan, Scope, Status
from syncd.plan.approval import Hold
from syncd.plan.given import Gained
from syncd.plan.measured import Measure
from syncd.plan.on_people import Effects
from syncd.plan.taken import Taken
from syncd.ports.leases import Lease
from syncd.ports.target import Recorder


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A change whose outcome nobody knows: its intent was recorded, its answer never came."""

    id: int
    change: Change


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is made from, and what of it counts towards limits.

    files     the fingerprint of mappings and configuration
    applying  whether it is made to be carried out; a plan that is not may be of files that are not in force
    covered   changes that a person let pass: they count towards no limit
    measure   what the changes are counted by
    rejected  changes that were left out of it, because somebody rejected them
    waiting   changes that wait for the end of a pause
    revision  the commit of git that the mapping files are of, with a `+` where they differ from it; empty: they are of none
    passing   what passing what is held would do to people; None: that is not known
    undoing   whether it undoes a run: then it says nothing of what the files want, so it is in force nowhere
    reads     by source: when that was read which it rests on
    """

    files: str = ""
    applying: bool = True
    covered: tuple[Change, ...] = ()
    measure: Measure = field(default_factory=Measure)
    rejected: tuple[Change, ...] = ()
    waiting: tuple[Change, ...] = ()
    revision: str = ""
    undoing: bool = False
    passing: Effects | None = None
    reads: Mapping[str, datetime] = field(default_factory=dict)


class Entry(Recorder, Protocol):
    """One change in the journal, from its intent to its end; for one thread. Nothing is written until it has to be.

    `before` commits the intent together with the first call, and marks what the change brings as owned. An answer that
    `after` was given is committed with the next call, or with the end; the end with whatever is committed next. So a
    change of one call costs one commit.
    """

    def before(self, call: str, *, makes: str = "") -> int:
        """Commit the intent, where it is not yet, and that `call` is about to be made, and the second role that it makes.

        Raises:
            DeploymentBusy: the lease that the entry was begun under is no longer ours; make no call.
            PausedNow: a pause stops it; nothing was announced, make no call.
            StoreError, DeploymentBusy: the end of the change before could not be written; make no call.
        """
        ...

    def conclude(self, outcome: Outcome, *, now: datetime) -> None:
        """Take down how the change ended, for the next commit; one that needed no call is begun and ended at once.

        applied: what it took is owned no more. failed, skipped: what its intent marked as owned, and was not before, is
        owned no more, and what was sent of it is awaited. pending: some of it was made, so what was marked stays ours.
        unknown: nothing moves; it stays unsettled.

        What writing it raises is raised by the next `before`, or by `Entries.flush`: DeploymentBusy where somebody else
        found out by looking how it ended, because our lease was lost.
        """
        ...


class Entries(Protocol):
    """The entries of the changes of one plan, one after the other; for one thread."""

    def begin(self, change: Change, *, now: datetime) -> Entry:
        """Open the entry of a planned change; nothing is written yet. No call of it is let through once the lease is lost.

        The entry raises StoreError where the plan has no such change that waits to be made.
        """
        ...

    def flush(self) -> None:
        """Commit now how the last change ended, for whoever reads it next.

        Raises:
            StoreError, DeploymentBusy: as `Entry.conclude` says.
        """
        ...


class Ledger(Protocol):
    """Runs, their plans, and each change of these from its intent to its end."""

    def start_run(self, command: str, *, scope: Scope, now: datetime, by: str = "") -> int:
        """Note that a run begins; `by` is who asked for it, where that is not the OS user."""
        ...

    def end_run(self, run: int, *, exit_code: int, summary: Mapping[str, object], now: datetime) -> None: ...

    def record_plan(
        self,
        run: int,
        plan: Plan,
        *,
        held: Held | None,
        approved: str | None,
        now: datetime,
        basis: Basis = Basis(),
    ) -> int:
        """Keep a plan before anything of it is done. Held changes are kept with status `held`."""
        ...

    def is_in_force(self, files: str) -> bool:
        """Say whether the last plan that was made to be carried out was of these files; True where there was none."""
        ...

    def hold(self, deployment: str, digest: str, *, scope: Scope) -> Hold | None:
        """Give what is kept back there, for an approval: by the newest plan in force over everything.

        With a narrower scope it is the newest plan of people or DAGs with this digest, unless it was let pass since.
        """
        ...

    def taken_since(self, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Taken:
        """Count what changes took there since then, or are about to, but for what a person let pass, and for these changes."""
        ...

    def given_since(self, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Gained:
        """Count what changes gave there since then, or are about to, but for what a person let pass, and for these changes."""
        ...

    def done_since_reached(self, deployment: str) -> tuple[Change, ...]:
        """Give what was done there, or may have been, after the last plan of the run that `Memory.save_desired` was told of as
        reached; oldest first."""
        ...

    def entries(
        self, plan: int, *, lease: Lease | None = None, on: Deployment | None = None, but: int = 0
    ) -> AbstractContextManager[Entries]:
        """Open the entries of a plan that is carried out under `lease`; leaving the context flushes them.

        `on` is the deployment whose pauses count, all `but` one; None: no pause does.
        """
        ...

    def unsettled(self, deployment: str) -> tuple[Unsettled, ...]:
        """Give the changes without a known outcome, oldest first."""
        ...

    def settle(self, change: int, status: Status, detail: str, *, now: datetime, final: bool = False) -> None:
        """Close an unsettled change by what a later look found; moves ownership as `Entry.conclude` does.

        `final` says that its calls can bring nothing any more.
        """
        ...

    def awaited(self, deployment: str) -> tuple[Awaited, ...]:
        """Give the changes that were sent and not found to be made, oldest first: they may still come."""
        ...

    def came(self, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
        """Close changes that came late after all as applied, and own what they brought."""
        ...

    def forget_awaited(self, changes: Collection[int]) -> None:
        """Expect nothing more of these changes."""
        ...
