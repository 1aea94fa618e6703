"""What a running daemon can be asked: small values and one protocol, between the daemon and the web (socket, TCP).

The web knows this module and the database; the daemon knows nothing of the web. Times are aware, in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from syncd.access.granting import GrantWish
from syncd.callers import acting
from syncd.errors import EXIT_DONE, EXIT_INVALID, SyncdError, worst
from syncd.model import GrantWord, TimedGrant
from syncd.plan.rulings import HoldRecord, HoldRuling


class Right(StrEnum):
    """What a caller may do. Reading shows who holds what; reconciling asks for work now; approving lets held changes go."""

    READ = "read"
    RECONCILE = "reconcile"
    APPROVE = "approve"


class NotKnown(SyncdError):
    """Something that was named does not exist: a deployment, a job, a held plan; the message names it and what there is."""


class NotNow(SyncdError):
    """The daemon cannot do that in its present state; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants reconciled now, on these deployments (empty: all). Without people and DAGs: everything there.

    users   account names or e-mail addresses
    groups  `source:name` or `source:id`: their members, and those who just left; with `users`, who is both
    dags    DAG ids: what roles hold on these
    by      who asked for it; of an approval `approver` says for whom that was, and `reason` why it may pass
    """

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    deployments: frozenset[str] = frozenset()
    dags: frozenset[str] = frozenset()
    dry_run: bool = False
    by: str = ""
    approver: str = ""
    reason: str = ""

    @property
    def who(self) -> str:
        """Name who asked, as it stands in the journal."""
        return acting(self.by, said=self.approver, reason=self.reason)


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """How a job ended on one deployment. `plan` is as `plan -o json` shows one deployment; empty where it failed before."""

    deployment: str
    exit_code: int
    error: str = ""
    applied: int = 0
    failed: int = 0
    held: str = ""
    """The digest of what a limit holds."""
    hold: str = ""
    """What the inbox calls it; empty: it is in none."""
    paused: int = 0
    """Changes that wait for the end of a pause."""
    not_converged: int = 0
    calls: int = 0
    seconds: float = 0.0
    run: int = 0
    plan: Mapping[str, object] = field(default_factory=dict)
    unknown_dags: Mapping[str, str] = field(default_factory=dict)
    """DAGs that were asked for and are not there, with what may have been meant: `; did you mean "..."?`, or nothing."""


def unknown_dags(dags: Collection[str], results: Collection[DeploymentResult]) -> tuple[str, ...]:
    """Say of each of these DAGs that it is on none of the deployments; nothing where one of those could not be asked."""
    if not results or any(result.error for result in results):
        return ()
    nowhere = [dag for dag in sorted(dags) if all(dag in result.unknown_dags for result in results)]
    hints = {dag: next(filter(None, (r.unknown_dags[dag] for r in results)), "") for dag in nowhere}
    return tuple(
        f'no deployment that was asked has a DAG "{dag}", nor a role that holds anything on it; nothing was done{hint}'
        for dag, hint in hints.items()
    )


@dataclass(frozen=True, slots=True)
class Job:
    """Work that was asked for. Its results come deployment by deployment; jobs are forgotten an hour after their end."""

    id: int
    state: JobState
    order: Order
    deployments: tuple[str, ...]
    asked_at: datetime
    ended_at: datetime | None = None
    results: tuple[DeploymentResult, ...] = ()
    strangers: tuple[str, ...] = ()
    """Of each person and DAG in the order that nobody knows, a sentence."""

    @property
    def exit_code(self) -> int:
        return worst([*(r.exit_code for r in self.results), EXIT_INVALID if self.strangers else EXIT_DONE])


class DeploymentHealth(StrEnum):
    """How a deployment stands.

    ok           its last pass ended as it should, or none has run yet
    retrying     its last pass failed; it is tried again on a ladder of intervals
    quarantined  it failed several times in a row; tried again at the top of the ladder, for ever
    elsewhere    another replica works on it
    """

    OK = "ok"
    RETRYING = "retrying"
    QUARANTINED = "quarantined"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class SourceState:
    name: str
    read_at: datetime | None
    """The last read that gave an answer."""
    full_at: datetime | None
    failed_at: datetime | None
    """The first failure since."""
    failure: str = ""
    people: int = 0
    groups: int = 0
    uncertified: tuple[str, ...] = ()
    """Groups that were not read whole."""


@dataclass(frozen=True, slots=True)
class DeploymentState:
    name: str
    standing: DeploymentHealth
    enforce: bool
    swept_at: datetime | None = None
    """The last full observation that ended."""
    next_try_at: datetime | None = None
    failures: int = 0
    """In a row."""
    error: str = ""
    held: str = ""
    """The digest of what a limit holds."""
    hold: str = ""
    """What the inbox calls it; empty: it is in none."""
    pause: str = ""
    """What stops changes there: `removals until 2026-03-01 13:00 UTC by anna: ticket 12`; empty: nothing does."""
    rollout: str = ""
    """How it stands in the rollout of a change of the mapping; empty: there are no waves."""
    rollout_waits: bool = False
    """Whether it goes on with the mapping of before, until it is its turn."""
    rollout_halts: bool = False
    """Whether deployments of later waves wait for what is wrong here."""
    paused_changes: int = 0
    """Changes that wait for the end of a pause, as the last look at everything found."""
    paused_people: int = 0
    """People who keep access until then that no mapping line gives them any more."""
    waiting_changes: int = 0
    """Changes that could not be made in full the last time, because the server lacks something."""
    waiting: bool = False
    """Work is queued."""
    running: bool = False
    calls: int = 0
    calls_per_s: float = 0.0
    """What the rate limit allows now."""
    latency_s: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmState:
    """Something that a person should see to. `kind`: see docs/runbook.md."""

    kind: str
    subject: str
    text: str
    since: datetime
    runbook: str = ""
    """Where it is written what to do."""
    id: str = ""
    acknowledged_by: str = ""
    """Who sees to it; it is told no more until it is over."""
    acknowledged_at: datetime | None = None
    silenced_until: datetime | None = None
    """Before then it is not told."""
    silenced_by: str = ""
    quiet_because: str = ""
    """Why it was acknowledged, or silenced."""

    @property
    def is_quiet(self) -> bool:
        return self.acknowledged_at is not None or self.silenced_until is not None


@dataclass(frozen=True, slots=True)
class DaemonState:
    """Everything at one glance."""

    replica: str
    replicas: tuple[str, ...]
    started_at: datetime
    config_at: datetime
    """When the configuration and mappings in use were read."""
    config_error: str
    """What is wrong with the files as they are now; empty: nothing, they are in use."""
    database_error: str
    stopping: bool
    sources: tuple[SourceState, ...]
    deployments: tuple[DeploymentState, ...]
    alarms: tuple[AlarmState, ...]


class GrantControl(Protocol):
    """What can be asked of timed grants. Every method may be called from any thread.

    Raises:
        GrantRefused: it is not allowed, or not possible; nothing was written.
        NotKnown: there is no such grant.
        NotNow: no source was read yet.
    """

    def listed(self, *, every: bool, limit: int, offset: int) -> tuple[TimedGrant, ...]: ...

    def get(self, number: int) -> TimedGrant: ...

    def ask(self, wish: GrantWish, word: GrantWord) -> TimedGrant: ...

    def approve(self, number: int, word: GrantWord) -> TimedGrant: ...

    def revoke(self, number: int, word: GrantWord, why: str) -> TimedGrant: ...


class Control(Protocol):
    """A running daemon. Every method may be called from any thread and returns at once."""

    def alive(self) -> str:
        """Say why the process should be restarted; empty: it need not."""
        ...

    def unready(self) -> tuple[str, ...]:
        """Say why the daemon does not do its work now, one sentence each; empty: it does."""
        ...

    def state(self) -> DaemonState: ...

    @property
    def grants(self) -> GrantControl: ...

    def reconcile(self, order: Order) -> Job:
        """Queue work ahead of everything else.

        Raises:
            NotMeant: a person in the order cannot be addressed on any deployment.
            NotKnown: a name in the order.
            NotNow: no directory was read yet, too many orders wait, or the daemon is stopping.
        """
        ...

    def approve(
        self, deployment: str, digest: str, *, by: str, approver: str = "", reason: str = "", origin: str = ""
    ) -> Job | HoldRecord:
        """Queue a pass over everything on one deployment that lets the held changes with this digest go; `origin` says on which
        road this came. Gives the hold, and queues nothing, where another person has to say so too.

        Raises:
            NotKnown: nothing with this digest is held there now, it was held too long ago, or this person said so before.
            NotNow: as `reconcile`.
        """
        ...

    def rule(
        self, hold: str, ruling: HoldRuling, *, by: str, approver: str = "", reason: str = "", origin: str = ""
    ) -> Job | HoldRecord:
        """Say something of a hold, by its name or digest: approve it as `approve` does, reject it, or reopen it.

        Raises:
            NotKnown: there is no such hold, or nothing comes of it; the message says why.
            NotNow: as `reconcile`.
        """
        ...

    def job(self, id_: int) -> Job:
        """Give a job as it is now.

        Raises:
            NotKnown: there is no such job.
        """
        ...

    def reload(self) -> str:
        """Read configuration and mappings again now; gives what is wrong with them, empty: they are in use."""
        ...

    def metrics(self) -> bytes:
        """Give the metrics in Prometheus' text format."""
        ...
