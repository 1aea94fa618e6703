"""What the order of a pass needs from the world, as small protocols; adapters implement them and know nothing else.

Planning is given a `TargetReader` and so cannot write. Only apply is given a `TargetWriter`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from syncd.model import (
    Awaited,
    Change,
    Dag,
    DesiredState,
    Dialect,
    Doubt,
    Held,
    JoinKey,
    KnownPersons,
    Learned,
    Loss,
    MadeAccount,
    ObservedState,
    Outcome,
    Owned,
    Plan,
    Scope,
    Snapshot,
    Status,
)
from syncd.plan.approval import Hold
from syncd.plan.contested import Tally
from syncd.plan.taken import Taken


class Source(Protocol):
    """A place where people and groups come from."""

    @property
    def name(self) -> str: ...

    def read(self) -> Snapshot:
        """Read everything.

        A group that could not be read whole is in the result with a certificate that is not complete.

        Raises:
            SourceUnavailable: nothing can be said about the source as a whole.
        """
        ...


@runtime_checkable
class IncrementalSource(Source, Protocol):
    """A source that can say what changed. A cursor is opaque text that the database keeps beside the snapshot."""

    def read_from_here(self) -> tuple[Snapshot, str]:
        """Read everything, and give a cursor that misses no change made during or after the read."""
        ...

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        """Give `earlier` with what changed since the cursor, as a whole snapshot, and the next cursor.

        A group that could not be read whole has a certificate that is not complete, and the next call reads it again.

        Raises:
            CursorLost: only a full read can go on from here.
            SourceUnavailable: nothing new can be said.
        """
        ...


@runtime_checkable
class Ignoring(Protocol):
    """A source that meets members which are no people."""

    @property
    def ignored(self) -> Mapping[str, int]:
        """Count, by kind, what the last read left out."""
        ...


class TargetReader(Protocol):
    """Looks at one deployment. Every method may raise TargetUnavailable or one of its subclasses."""

    def look(self) -> Learned:
        """Find out what the server can do, by reading only; asked once in the life of the reader."""
        ...

    def own_account(self) -> str | None:
        """Name the account that syncd runs as there; None where that is not known."""
        ...

    def dialect(self) -> Dialect:
        """Say how this server spells levels."""
        ...

    def inventory(self) -> tuple[Dag, ...]:
        """List every DAG, sorted by id."""
        ...

    def observe(self, scope: Scope, *, role_names: frozenset[str], once: frozenset[str] = frozenset()) -> ObservedState:
        """Read users and roles; `role_names` are the roles that syncd manages here or gave to somebody, `once` those before.

        With a scope that is not everything, only those people are read and `roles` is empty.
        """
        ...


class Recorder(Protocol):
    """Takes down each writing call before it is made, and its answer after."""

    def before(self, call: str) -> int:
        """Commit that `call` is about to be made; gives the number to close it with."""
        ...

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        """Note what came of it; `refused` only where it is sure that nothing was done and nothing will be."""
        ...


class TargetWriter(Protocol):
    """Changes one deployment."""

    def apply(self, change: Change, record: Recorder) -> Outcome:
        """Make one change and look whether it was made. Never raises for a refusal: the outcome says it.

        `applied` means that the server was read back, or gave an answer that is measured to be reliable. A change that
        was made in part before is finished.
        """
        ...

    def learned(self) -> Learned:
        """Give what is known of the server after the writes of this pass."""
        ...


class TargetSession(TargetReader, TargetWriter, Protocol):
    """One deployment, opened for one pass."""

    @property
    def calls(self) -> int:
        """Requests made so far, each retry counted."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A change whose outcome nobody knows: its intent was recorded, its answer never came."""

    id: int
    change: Change


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the server at an address.

    facts  the name under which it stands: the deployment's, or another one while that is of a server at another address
    was    where the deployment was before and something is ours, as long as nobody said whether that is the same server
    since  when it came from there; where `facts` is another name, when it came to `was`
    """

    facts: str
    was: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is made from, and what of it counts towards limits.

    files     the fingerprint of mappings and configuration
    applying  whether it is made to be carried out; a plan that is not may be of files that are not in force
    covered   changes that a person let pass: they count towards no limit
    holders   what `plan.taken` asks of a role
    """

    files: str = ""
    applying: bool = True
    covered: tuple[Change, ...] = ()
    holders: Mapping[str, int] = field(default_factory=dict)


class Lease(Protocol):
    """The right to write to one deployment. It is renewed in the background for as long as it is held."""

    @property
    def name(self) -> str:
        """What it is the lease of."""
        ...

    @property
    def fence(self) -> int:
        """A number that grows with every taking, and so tells this holder from the next."""
        ...

    def check(self) -> None:
        """Make sure that it is still ours.

        Raises:
            DeploymentBusy: somebody else has it now, or it was let go of; make no further call.
        """
        ...

    def give_way(self, stopping: Callable[[], bool]) -> bool:
        """Where an urgent writer wants it, let them have it and take it again after them; say whether that was so.

        Whether one does was seen with the last call that was announced under it. `stopping` cuts the waiting short.

        Raises:
            DeploymentBusy: it did not come back in time; make no further call.
        """
        ...


class Entry(Recorder, Protocol):
    """One change in the journal, from its intent to its end; for one thread. Nothing is written until it has to be.

    `before` commits the intent together with the first call, and marks what the change brings as owned. An answer that
    `after` was given is committed with the next call, or with the end. So a change of one call costs two commits.
    """

    def before(self, call: str) -> int:
        """Commit the intent, where it is not yet, and that `call` is about to be made.

        Raises:
            DeploymentBusy: the lease that the entry was begun under is no longer ours; make no call.
        """
        ...

    def conclude(self, outcome: Outcome, *, now: datetime) -> None:
        """Commit how the change ended; one that needed no call is begun and ended at once.

        applied: what it took is owned no more. failed, skipped: what its intent marked as owned, and was not before, is
        owned no more, and what was sent of it is awaited. pending: some of it was made, so what was marked stays ours.
        unknown: nothing moves; it stays unsettled.

        Raises:
            DeploymentBusy: somebody else found out by looking how it ended, because our lease was lost.
        """
        ...


class Journal(Protocol):
    """What was meant, done and found, kept in the desired-state database. Each method commits before it returns.

    Threads may share one. Every method may raise StoreError. Times are aware, in UTC.
    """

    # what sources said
    def last_snapshot(self, source: str) -> Snapshot | None:
        """Give the newest saved read of a source."""
        ...

    def save_snapshot(
        self, snapshot: Snapshot, *, cursor: str | None = None, full: bool = True, doubts: Iterable[Doubt] = ()
    ) -> None:
        """Keep a read, with the cursor to go on from and what was not read whole; all of it or nothing.

        A read equal to the newest one (its times aside) only moves that one's time. `full` is false of a refresh.
        """
        ...

    def last_cursor(self, source: str) -> tuple[str, datetime] | None:
        """Give the cursor of the newest read, and when the last full read was; None where there is none to go on from."""
        ...

    def source_failed(self, source: str, why: str, *, now: datetime) -> None:
        """Note that a source could not be read; the next read that is saved clears it."""
        ...

    def group_names(self) -> Mapping[tuple[str, str], str]:
        """Give for (source, name) the id of the group that a mapping first meant by that name."""
        ...

    def remember_groups(self, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:
        """Keep what names mean; a name that is known already means the new group from now on."""
        ...

    def known_persons(self, key: JoinKey) -> KnownPersons:
        """Give who is known to be one person, and of which sources everybody was joined by this key."""
        ...

    def remember_persons(self, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:
        """Keep who is one person, and of which sources everybody was joined; it replaces what was known of them."""
        ...

    # what is known of a deployment
    def place(self, deployment: str, address: str) -> Place:
        """Say under which name stands what is known of its server at this address; empty: of the one of before."""
        ...

    def move(self, deployment: str, address: str, *, now: datetime) -> Place:
        """Let the deployment's name stand for the server at this address; what is known of another one is set aside."""
        ...

    def owned(self, deployment: str, *, usernames: frozenset[str] | None = None) -> Owned:
        """Give what is owned; with `usernames` (as `key` gives them) accounts and grants of just these people.

        Then `people` and `accounts` say how many there are in all.
        """
        ...

    def adopt(self, deployment: str, found: Owned) -> None:
        """Mark things that were there before as owned."""
        ...

    def disown(self, deployment: str, gone: Owned, *, now: datetime) -> None:
        """Own no more what another hand took."""
        ...

    def made_accounts(
        self, deployment: str, *, ids: Collection[str] | None = None, emails: Collection[str] = ()
    ) -> tuple[MadeAccount, ...]:
        """List for whom syncd made accounts there; with `ids` (of people, in any source) just those made for these, and
        those made with these e-mails. Whether such an account is still there, and ours, it does not say."""
        ...

    def remember_accounts(self, deployment: str, made: Iterable[MadeAccount], *, now: datetime) -> None:
        """Keep for whom accounts are made; of a name that is known already, for whom it is from now on."""
        ...

    def capabilities(self, deployment: str) -> Learned | None: ...

    def save_capabilities(self, deployment: str, learned: Learned, *, only_new: bool = False) -> None:
        """Keep what was learned; with `only_new`, just where nothing is known yet."""
        ...

    def last_desired(self, deployment: str) -> DesiredState | None:
        """Give the desired state that a pass over everything last read back, with what it held or kept back in it."""
        ...

    def save_desired(self, run: int, desired: DesiredState, *, reached: bool = True) -> None:
        """Keep what a pass over everything read back; `reached`: nothing was held back."""
        ...

    def losses(self, deployment: str) -> tuple[Loss, ...]:
        """List the permissions that another hand took; see plan/contested.py."""
        ...

    def gains(self, deployment: str) -> tuple[Loss, ...]:
        """List the permissions that another hand gave."""
        ...

    def contest(self, deployment: str, *, losses: Tally, gains: Tally, now: datetime) -> None:
        """Write down what a pass saw of both."""
        ...

    # runs, plans, changes
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

    def taken_since(self, deployment: str, since: datetime) -> Taken:
        """Count what changes took there since then, or are about to, but for what a person let pass."""
        ...

    def begin(self, plan: int, change: Change, *, now: datetime, lease: Lease | None = None) -> Entry:
        """Open the entry of a planned change; nothing is written yet. No call of it is let through once `lease` is lost.

        The entry raises StoreError where the plan has no such change that waits to be made.
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

    def roles_seen(self, deployment: str) -> frozenset[str] | None:
        """Name the roles that were there after the last pass over everything; None where that was not kept."""
        ...

    def sound_roles(self, deployment: str) -> Mapping[str, str]:
        """Give by name what the roles meant that were found there to hold no more than that; see plan/sound.py."""
        ...

    def save_roles_seen(self, deployment: str, names: Collection[str], *, sound: Mapping[str, str]) -> None: ...

    def renamed_roles(self, deployment: str) -> Mapping[str, str]:
        """Give, by the name it has now, each role of ours that seems to have been renamed by hand, with its old name."""
        ...

    def remember_renamed(self, deployment: str, found: Mapping[str, str], *, now: datetime) -> None: ...

    def forget_renamed(self, deployment: str, names: Collection[str]) -> None: ...

    def awaited(self, deployment: str) -> tuple[Awaited, ...]:
        """Give the changes that were sent and not found to be made, oldest first: they may still come."""
        ...

    def came(self, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
        """Close changes that came late after all as applied, and own what they brought."""
        ...

    def forget_awaited(self, changes: Collection[int]) -> None:
        """Expect nothing more of these changes."""
        ...

    def lease(self, name: str, *, urgent: bool = False) -> AbstractContextManager[Lease]:
        """Take a lease, by its name (a deployment's, or that of anything else), for as long as the context lasts.

        With `urgent`, a holder that is met is asked to give way (`Lease.give_way`): try again in a moment.

        A lease whose holder was a process of this host that is gone, or that was not renewed in time, is taken over.

        Raises:
            DeploymentBusy: somebody else holds it; the message says who and since when.
        """
        ...
