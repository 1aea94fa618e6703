"""The order of one pass: read, compile, observe, diff, guard, record, apply, read back. The file to read first.

Everything that decides is a pure function called from here; everything that touches the world comes in through a port.
The command line and the daemon call the same two functions, `plan` and `apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from time import monotonic, perf_counter, sleep
from typing import Protocol

from syncd.errors import (
    EXIT_CHANGES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_HELD,
    EXIT_NO_ANSWER,
    ApprovalRefused,
    DeploymentBusy,
    StoreError,
    SyncdError,
    TargetUnavailable,
)
from syncd.intake import FULL_READ_EVERY, Intake, read_sources
from syncd.mapping.compile import compile_desired
from syncd.mapping.endings import Endings
from syncd.mapping.groups import UNCERTIFIED
from syncd.model import (
    BY_EMAIL,
    EVERYTHING,
    Adopt,
    Awaited,
    Capabilities,
    Change,
    Dag,
    Deployment,
    DesiredState,
    Directory,
    Held,
    Joining,
    Kind,
    MadeAccount,
    Note,
    ObservedState,
    Outcome,
    Owned,
    Plan,
    Rules,
    Scope,
    Status,
    key,
)
from syncd.plan.accounts import known_accounts
from syncd.plan.approval import EXPIRES, refusal
from syncd.plan.contested import give_way, given_back, taken_back
from syncd.plan.diff import align, diff
from syncd.plan.effect import after as carried_out
from syncd.plan.gone import taken_by_others
from syncd.plan.guard import WINDOW, Guarded, Limits, guard
from syncd.plan.named import signs, warned
from syncd.plan.on_people import Effects, effects_on_people
from syncd.plan.partly import who_loses, without_new
from syncd.plan.reached import is_drift, remembered
from syncd.plan.renamed import (
    Renames,
    account_notes,
    held_by_us,
    left_by,
    renamed_accounts,
    renamed_roles,
    server_note,
    still_wanted,
)
from syncd.plan.settle import Settled, came_late, settled, will_not_come, with_more, without_others
from syncd.ports import (
    Basis,
    Entry,
    Journal,
    Lease,
    Place,
    Source,
    TargetReader,
    TargetSession,
    TargetWriter,
    Unsettled,
)

SETTLED = "found by looking"
REFUSALS = 5
"""So many reasons at most are given why an approval lets nothing pass."""
STOPPING = "not begun, because syncd is stopping; the next pass decides anew"
MOVED = "not begun: what is wanted of this person changed meanwhile; the next pass decides anew"
ELSEWHERE = "another writer works at another address of it now; the next pass decides anew"
BUSY_S = 0.2
_ABOUT_DAGS = frozenset({"selector_matches_nothing", "dag_pending"})
"""Notes that mean nothing in a pass over a few people, which does not ask for the DAGs."""


class Emit(Protocol):
    """Takes note of something that happened: a fixed event in the past tense, and its facts."""

    def __call__(self, event: str, /, **facts: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """One deployment and how to reach it. `open` is given what earlier passes learned about the server.

    `address` tells its server from another one that it may be pointed at; empty: it is always the same.
    """

    deployment: Deployment
    enforce: bool
    limits: Limits
    open: Callable[[Capabilities | None], TargetSession]
    address: str = ""


class Within(Protocol):
    """Makes another pass on the same deployment in the middle of one: through its session, under its lease."""

    def __call__(self, world: World, directory: Directory, errand: Errand, /) -> Report: ...


class Between(Protocol):
    """What a pass does between two changes, so that a long one is in nobody's way."""

    def let_ahead(self, within: Within, /) -> str:
        """Let more urgent passes go first; say why this one goes no further, empty: it does."""
        ...

    def moved(self) -> frozenset[str]:
        """Name the people (as `key` gives their account names) of whom something else is wanted since the pass began."""
        ...


class Alone:
    """Nobody else has work here."""

    def let_ahead(self, _within: Within, /) -> str:
        return ""

    def moved(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """Everything a pass works with."""

    sources: tuple[Source, ...]
    rules: Rules
    targets: tuple[Target, ...]
    journal: Journal
    clock: Callable[[], datetime]
    emit: Emit
    workers: int = 4
    joining: Joining = BY_EMAIL
    full_read_every: timedelta = FULL_READ_EVERY
    full: bool = False
    """Whether sources are read whole although it would be enough to read what changed."""
    patience_s: float = 0.0
    """How long to wait for another writer of a deployment: a pass of a daemon takes seconds."""
    stopping: Callable[[], bool] = bool
    """Asked before each change; once it says True, no further change is begun."""
    hold_expires: timedelta = EXPIRES
    files: str = ""
    """The fingerprint of the mappings and the configuration that this world is made of."""
    between: Between = field(default_factory=Alone)
    """Asked before each change, too."""
    reread: Callable[[], Directory] | None = None
    """Gives the directory as it is now, for a pass that let another writer go first; None: it is read, one pass at a time."""


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """What a pass did on one deployment.

    `remaining` is the plan after reading back, None where nothing was to be applied. `desired` and `observed` are only
    kept where the caller asked for them: a fleet's states do not fit in memory together.
    """

    deployment: str
    enforce: bool = False
    plan: Plan | None = None
    held: Held | None = None
    approved: str | None = None
    effects: Effects | None = None
    """What the plan does to people, and what passing what is held would do to them."""
    held_effects: Effects | None = None
    outcomes: tuple[Outcome, ...] = ()
    remaining: Plan | None = None
    leftovers: tuple[str, ...] = ()
    drift: int = 0
    """Changes of what nobody wanted otherwise than the last pass over everything did: somebody else had a hand in it."""
    frozen: Mapping[str, str] = field(default_factory=dict)
    """Roles that nobody loses now, and why."""
    desired: DesiredState | None = None
    observed: ObservedState | None = None
    capabilities: Capabilities | None = None
    error: SyncdError | None = None
    calls: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def read_in_part(self) -> bool:
        """Say whether a group that gives something there was not read whole: who is in it may lack something."""
        return self.plan is not None and any(note.code == UNCERTIFIED for note in self.plan.notes)

    @property
    def not_converged(self) -> tuple[Change, ...]:
        """Changes that the server accepted and did not keep: still planned, though none of their outcomes says why."""
        explained = {(o.change.subject, key(o.change.name)) for o in self.outcomes if o.status is not Status.APPLIED}
        explained |= {(c.subject, key(c.name)) for c in (self.held.changes if self.held else ())}
        remaining = self.remaining.changes if self.remaining else ()
        return tuple(c for c in remaining if (c.subject, key(c.name)) not in explained)

    @property
    def blocked(self) -> tuple[str, ...]:
        """Names of what should change and cannot be told from something else by its name."""
        last = self.plan if self.remaining is None else self.remaining
        return last.blocked if last is not None else ()

    @property
    def converged(self) -> bool | None:
        return None if self.remaining is None else not self.not_converged


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did."""

    run: int
    deployments: tuple[DeploymentReport, ...]
    sources_failed: Mapping[str, str]
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0

    def exit_code(self, *, check: bool = False) -> int:
        """Give the worst that happened; with `check`, pending changes count."""
        failed = {Status.FAILED, Status.UNKNOWN}
        errors = [d.error for d in self.deployments if d.error]
        if any(o.status in failed for d in self.deployments for o in d.outcomes):
            return EXIT_FAILED
        if any(d.not_converged or d.blocked for d in self.deployments) or any(
            e.exit_code == EXIT_FAILED for e in errors
        ):
            return EXIT_FAILED
        if errors or self.sources_failed or any(d.read_in_part for d in self.deployments):
            return max((e.exit_code for e in errors), default=EXIT_NO_ANSWER)
        if any(d.held for d in self.deployments):
            return EXIT_HELD
        if check and any(d.plan for d in self.deployments):
            return EXIT_CHANGES
        return EXIT_DONE


def plan(world: World, *, scope: Scope = EVERYTHING, command: str = "plan", keep_states: bool = False) -> Report:
    """Say what `apply` would do now. Writes to no deployment."""
    return _run(world, scope, command=command, approved=None, keep_states=keep_states)


def apply(world: World, *, scope: Scope = EVERYTHING, approved: Collection[str] = (), command: str = "apply") -> Report:
    """Make every enforced deployment as the mapping says, and prove it by reading back.

    `approved` holds the digests of held changes that a person lets pass.

    Raises:
        ApprovalRefused: one of them lets nothing pass on any deployment; nothing was begun.
    """
    refused = {digest: _refusals(world, scope, digest) for digest in sorted(set(approved))}
    if never := [text for found in refused.values() if all(found) for text in found]:
        raise ApprovalRefused("; ".join(never[:REFUSALS]))
    return _run(world, scope, command=command, approved=frozenset(approved), keep_states=False)


def _refusals(world: World, scope: Scope, digest: str) -> tuple[str, ...]:
    """Say for each deployment why an approval lets nothing pass there; empty where it does."""
    return tuple(_refusal(world, target.deployment.name, digest, scope=scope) for target in world.targets)


def _refusal(world: World, deployment: str, digest: str, *, scope: Scope) -> str:
    hold = world.journal.hold(deployment, digest, scope=scope)
    return refusal(deployment, digest, hold, now=world.clock(), expires=world.hold_expires)


@dataclass(frozen=True, slots=True)
class Errand:
    """What one pass over one deployment is for.

    approved  None: only plan. Else the digests of held changes that a person lets pass
    earlier   the desired state before the event that led to this pass, for the reasons of what is taken
    by        who asked for it, where that is not the OS user
    urgent    another writer is to let it go first, between two of its changes
    """

    scope: Scope
    command: str
    approved: frozenset[str] | None = frozenset()
    earlier: DesiredState | None = None
    by: str = ""
    urgent: bool = False


def one_pass(world: World, target: Target, directory: Directory, errand: Errand) -> Report:
    """Plan or apply on one deployment, as a run of its own, with what is known of people already.

    Raises:
        DeploymentBusy: another writer has the deployment; nothing was begun.
    """
    if errand.approved is None or not target.enforce:
        return _one_pass(world, target, directory, errand, lease=None)
    with world.journal.lease(target.deployment.name, urgent=errand.urgent) as lease:
        return _one_pass(world, target, directory, errand, lease=lease)


def _one_pass(
    world: World,
    target: Target,
    directory: Directory,
    errand: Errand,
    *,
    lease: Lease | None,
    session: TargetSession | None = None,
) -> Report:
    started, world = perf_counter(), _rereading(world)
    run = world.journal.start_run(errand.command, scope=errand.scope, now=world.clock(), by=errand.by)
    world.emit("run_started", run=run, command=errand.command, scope=str(errand.scope))
    this = _Pass(world, run, target, directory, errand.scope, keep_states=False)
    this.lease, this.session = lease, session
    if errand.scope.usernames and not errand.scope.dags:  # of roles it says nothing, which a look at them needs
        this.earlier = errand.earlier
    reports = (_guarded_pass(this, errand.approved),)
    return _ended(world, run, reports, directory, errand.approved, command=errand.command, started=started)


def _run(world: World, scope: Scope, *, command: str, approved: frozenset[str] | None, keep_states: bool) -> Report:
    started = perf_counter()
    run = world.journal.start_run(command, scope=scope, now=world.clock())
    world.emit("run_started", run=run, command=command, scope=str(scope))
    directory = read_directory(world, applying=approved is not None)
    world = _rereading(world)
    with ThreadPoolExecutor(max(1, world.workers), thread_name_prefix="deployment") as pool:
        passes = [
            pool.submit(_guarded_pass, _Pass(world, run, target, directory, scope, keep_states), approved)
            for target in world.targets
        ]
        reports = tuple(done.result() for done in passes)
    return _ended(world, run, reports, directory, approved, command=command, started=started)


def _ended(
    world: World,
    run: int,
    reports: tuple[DeploymentReport, ...],
    directory: Directory,
    approved: frozenset[str] | None,
    *,
    command: str,
    started: float,
) -> Report:
    notes = tuple(_unused(approved or frozenset(), reports))
    report = Report(run, reports, directory.failed, notes, perf_counter() - started)
    summary = _summary(report)
    world.journal.end_run(run, exit_code=report.exit_code(), summary=summary, now=world.clock())
    facts = {"exit_code": report.exit_code(), "seconds": round(report.seconds, 3), "stages": _stages(reports)}
    world.emit("run_ended", run=run, command=command, **facts, **summary)
    return report


def _rereading(world: World) -> World:
    """Let passes that go on side by side read the sources one after the other: a source is for one thread."""
    if world.reread is not None:
        return world
    alone = Lock()

    def reread() -> Directory:
        with alone:
            return read_directory(world, applying=True)

    return replace(world, reread=reread)


def _stages(reports: tuple[DeploymentReport, ...]) -> dict[str, float]:
    """Sum up how long each stage took, in seconds of work."""
    names = sorted({stage for report in reports for stage in report.seconds})
    return {stage: round(sum(r.seconds.get(stage, 0.0) for r in reports), 3) for stage in names}


def _summary(report: Report) -> dict[str, object]:
    outcomes = [o.status.value for d in report.deployments for o in d.outcomes]
    return {
        "deployments": len(report.deployments),
        "failed_deployments": sum(1 for d in report.deployments if d.error),
        "planned": sum(len(d.plan.changes) for d in report.deployments if d.plan),
        "outcomes": {status: outcomes.count(status) for status in sorted(set(outcomes))},
        "calls": sum(d.calls for d in report.deployments),
    }


def _unused(approved: frozenset[str], reports: tuple[DeploymentReport, ...]) -> list[Note]:
    """Say which approvals let nothing pass: what they approved is not what would be done now."""
    return [
        Note("approval_unused", f"{digest} approves nothing: no held changes have this digest now; plan again")
        for digest in sorted(approved - {d.approved for d in reports})
    ]


# --- sources ----------------------------------------------------------------------------------------------------------


def read_directory(world: World, *, applying: bool = False) -> Directory:
    """Read every source, as `intake` says, and join them.

    What was read of files that are not in force is not kept, and what a group name means only by who applies: else a plan
    of a proposed change would decide what those in force work with.
    """
    intake = Intake(
        world.journal,
        world.clock,
        world.emit,
        workers=world.workers,
        joining=world.joining,
        full_read_every=world.full_read_every,
        full=world.full,
        keeps=applying or world.journal.is_in_force(world.files),
        pins=applying,
    )
    return read_sources(world.sources, world.rules.bindings, intake)


# --- one deployment ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Renames:
    """What of ours seems to have another name there now. `held` is what people hold by it and had from us."""

    roles: Renames = field(default_factory=dict)
    accounts: Renames = field(default_factory=dict)
    held: Owned = field(default_factory=Owned)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at a deployment, and what follows from it."""

    desired: DesiredState
    observed: ObservedState
    owned: Owned
    plan: Plan
    guarded: Guarded
    made: tuple[MadeAccount, ...] = ()
    known_as: Mapping[str, str] = field(default_factory=dict)
    """For people whose account has another name than the directory says: that name, by the account's."""
    awaited: tuple[Awaited, ...] = ()
    late: Mapping[int, Owned] = field(default_factory=dict)
    """What came late of what was awaited; `owned` has it already."""
    ends: Mapping[Unsettled, Settled] = field(default_factory=dict)
    renames: _Renames = field(default_factory=lambda: _Renames())
    effects: Effects | None = None
    held_effects: Effects | None = None


@dataclass(slots=True)
class _Pass:
    """One pass over one deployment."""

    world: World
    run: int
    target: Target
    directory: Directory
    scope: Scope
    keep_states: bool
    place: Place = field(default_factory=lambda: Place(""))
    """Where the journal has what is known of the server; see `_at_this_server`."""
    lease: Lease | None = None
    """The right to write there, where whoever began the pass took it."""
    earlier: DesiredState | None = None
    """What a pass over everything last read back as reached, or what was wanted before the event that led to this pass."""
    session: TargetSession | None = None
    """That of the pass in the middle of which this one is made; it stays open."""
    unread: TargetUnavailable | None = None
    """Why DAGs or roles could not be listed: then only those are looked at who lose something."""
    moved: frozenset[str] = frozenset()
    """People of whom something else is wanted now, as was found after another writer went first."""
    calls_of_others: int = 0
    """Made by passes that went ahead through the same session."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.target.deployment.name

    @property
    def facts(self) -> str:
        """The name under which the journal has what is known of the server: the deployment's, in a pass that writes."""
        return self.place.facts or self.name

    @property
    def journal(self) -> Journal:
        return self.world.journal

    def emit(self, event: str, /, **facts: object) -> None:
        self.world.emit(event, run=self.run, deployment=self.name, **facts)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - started


def _guarded_pass(this: _Pass, approved: frozenset[str] | None) -> DeploymentReport:
    """Run a pass so that its failure stays its own."""
    try:
        return _run_pass(this, approved)
    except SyncdError as error:
        this.emit("deployment_failed", error=str(error))
        return DeploymentReport(this.name, this.target.enforce, error=error, seconds=this.seconds)
    except Exception as error:  # noqa: BLE001 - the loop over deployments outlives any failure of one; logged whole
        this.emit("deployment_failed", error=repr(error), exc_info=error)
        wrapped = SyncdError(f"{this.name}: unexpected {type(error).__name__}: {error}; this is a defect, see the log")
        return DeploymentReport(this.name, this.target.enforce, error=wrapped, seconds=this.seconds)


def _run_pass(this: _Pass, approved: frozenset[str] | None) -> DeploymentReport:
    this.place = this.journal.place(this.name, this.target.address)
    with _session(this) as session:
        before = session.calls
        if approved is not None and this.target.enforce:
            with ExitStack() as stack:
                report = _apply(this, session, lease=this.lease or _take_lease(this, stack), approved=approved)
        else:
            report = _only_plan(this, session, applying=approved is not None)
        return replace(report, calls=session.calls - before - this.calls_of_others, seconds=this.seconds)


def _session(this: _Pass) -> AbstractContextManager[TargetSession]:
    if this.session is not None:
        return nullcontext(this.session)
    return closing(this.target.open(this.journal.capabilities(this.facts)))


def _take_lease(this: _Pass, stack: ExitStack) -> Lease:
    """Take the lease; where another writer has it, try again for as long as the world has patience."""
    deadline = monotonic() + this.world.patience_s
    while True:
        try:
            return stack.enter_context(this.journal.lease(this.name))
        except DeploymentBusy:
            if monotonic() >= deadline:
                raise
            sleep(BUSY_S)


def _only_plan(this: _Pass, reader: TargetReader, *, applying: bool) -> DeploymentReport:
    capabilities, _, seen = _first_look(this, reader, approved=frozenset())
    # without a lease: what a pass that writes has learned meanwhile stays
    this.journal.save_capabilities(this.facts, capabilities, only_new=True)
    _record(this, seen, applying=applying)
    why = "this deployment is only observed (mode = observe)"
    outcomes = tuple(Outcome(change, Status.SKIPPED, why) for change in seen.plan.changes) if applying else ()
    return _report(this, seen, outcomes=outcomes, capabilities=capabilities)


def _report(
    this: _Pass,
    seen: _Seen,
    *,
    outcomes: tuple[Outcome, ...],
    capabilities: Capabilities,
    after: _Seen | None = None,
) -> DeploymentReport:
    last = after or seen
    return DeploymentReport(
        this.name,
        this.target.enforce,
        plan=seen.plan,
        held=seen.guarded.held,
        approved=seen.guarded.approved,
        effects=seen.effects,
        held_effects=seen.held_effects,
        outcomes=outcomes,
        remaining=after.plan if after else None,
        leftovers=last.observed.leftovers,
        drift=_drift(this, seen),
        frozen=last.desired.frozen,
        desired=last.desired if this.keep_states else None,
        observed=last.observed if this.keep_states else None,
        capabilities=capabilities,
        error=this.unread,
    )


def _drift(this: _Pass, seen: _Seen) -> int:
    if this.earlier is None or not this.scope.everything:
        return 0
    return sum(1 for change in seen.guarded.go if is_drift(change, seen.desired, this.earlier))


def _first_look(
    this: _Pass, reader: TargetReader, *, approved: frozenset[str], count: bool = False
) -> tuple[Capabilities, tuple[Dag, ...], _Seen]:
    """Look, list the DAGs and compare; where DAGs or roles cannot be listed, look at those alone who lose something."""
    if this.earlier is None:
        this.earlier = this.journal.last_desired(this.facts)
    with this.timed("look"):
        capabilities = reader.look()
    try:
        with this.timed("look"):
            inventory = _inventory(this, reader) if this.scope.everything or this.scope.dags else ()
        return capabilities, inventory, _see(this, reader, inventory=inventory, approved=approved, count=count)
    except TargetUnavailable as error:
        leaving = _who_loses(this, reader) if this.scope.everything else frozenset()
        if not leaving:
            raise
        this.emit("deployment_read_in_part", error=str(error), leaving=len(leaving))
        this.unread, this.scope = error, Scope(leaving)
        return capabilities, (), _see(this, reader, inventory=(), approved=approved)


def _who_loses(this: _Pass, reader: TargetReader) -> frozenset[str]:
    return who_loses(_compiled(this, reader, inventory=()), this.journal.owned(this.facts))


def _inventory(this: _Pass, reader: TargetReader) -> tuple[Dag, ...]:
    """List the DAGs; one of which roles hold permissions is only gone when two reads say so.

    A row that goes while another comes can hide a third from a read in pages, and here absence takes permissions away.
    """
    found = {dag.id: dag for dag in reader.inventory()}
    if this.earlier is not None and not _dags_of(this.earlier) <= found.keys():
        found = {dag.id: dag for dag in reader.inventory()} | found
    return tuple(found[dag] for dag in sorted(found))


def _dags_of(desired: DesiredState) -> set[str]:
    resources = {p.resource for role in desired.roles.values() for p in role.permissions}
    return {resource.partition(":")[2] for resource in resources if resource.startswith("DAG:")}


def _see(
    this: _Pass, reader: TargetReader, *, inventory: tuple[Dag, ...], approved: frozenset[str], count: bool = False
) -> _Seen:
    """Compile, observe, compare and guard. `count` takes note of permissions that were taken back since the last pass."""
    deployment, now = this.target.deployment, this.world.clock()
    with this.timed("compile"):
        desired = _compiled(this, reader, inventory=inventory)
    if not this.scope.everything:
        desired = replace(desired, notes=tuple(n for n in desired.notes if n.code not in _ABOUT_DAGS))
    scope = _resolve(this.scope, desired)
    # people whose account is found by e-mail may be owned under another name
    made = _made_accounts(this, desired, scope)
    near = None if scope.usernames is None else scope.usernames | {account.name for account in made}
    owned = this.journal.owned(this.facts, usernames=None if deployment.match_email else near)
    with this.timed("observe"):
        # people whose account is found by e-mail can only be found by looking at everybody
        asked = EVERYTHING if deployment.match_email and not scope.dags else replace(scope, usernames=near)
        awaited = this.journal.awaited(this.facts)
        observed = reader.observe(asked, role_names=_managed(desired, owned, awaited), once=owned.once)
    late = came_late(awaited, observed, owned)
    ends = {left: end for left in this.journal.unsettled(this.facts) if (end := settled(left.change, observed))}
    renames, found = _renames(this, desired, observed, owned, made=made)
    owned = with_more(owned, {0: found})
    owned = without_others(with_more(owned, late), [(left.change, end) for left, end in ends.items()])
    this.emit("deployment_observed", users=len(observed.users), roles=len(observed.roles))
    with this.timed("diff"):
        by_email = deployment.match_email
        theirs = known_accounts(desired, observed, made=made, ours=owned.users, scope=scope, match_email=by_email)
        aligned = align(theirs, observed, match_email=by_email)
        known_as = _known_as(desired, aligned)
        scope, desired = _renamed(scope, desired, aligned), still_wanted(aligned, owned, renames.roles)
        desired = replace(desired, notes=(*desired.notes, *account_notes(renames.accounts), *_server_notes(this)))
        if this.scope.everything or this.scope.dags:
            desired = _yield_to_code(this, desired, observed, ours=owned.roles, count=count)
        plan = diff(
            desired,
            observed,
            owned=owned,
            deployment=deployment,
            scope=scope,
            service_user=reader.look().service_user,
            earlier=this.earlier,
            made={account.name: account.who for account in made},
            ended=_endings(this, now).of,
        )
        plan = without_new(plan, owned) if this.unread else warned(plan, generation=reader.look().generation)
        contested = this.journal.losses(this.facts) + this.journal.gains(this.facts)
        named = signs(plan, contested) if scope.everything else frozenset()
        # Whoever writes has the lease, so between this question and the apply nobody else takes anything there, but those
        # whom this pass lets go ahead, and they count what it took.
        lately = this.journal.taken_since(this.name, now - WINDOW)
        guarded = guard(plan, observed, this.target.limits, owned=owned, approved=approved, lately=lately, named=named)
        in_list = frozenset(dag.id for dag in inventory) if this.scope.everything or this.scope.dags else None
        of = partial(effects_on_people, owned=owned, dialect=reader.dialect(), dags=in_list)
        effects = of(observed, plan.changes)
        held_effects = of(carried_out(observed, guarded.go), guarded.held.changes) if guarded.held else None
    held = guarded.held.digest if guarded.held else None
    this.emit("plan_made", digest=plan.digest, changes=len(plan.changes), held=held)
    return _Seen(
        desired, observed, owned, plan, guarded, made, known_as, awaited, late, ends, renames, effects, held_effects
    )


def _managed(desired: DesiredState, owned: Owned, awaited: Iterable[Awaited]) -> frozenset[str]:
    """Name the roles that are known by the mapping's name, whatever number they bear on the server.

    What we gave of a role that is not ours is ours to take, so such a role is one as long as somebody holds it by us.
    """
    given = frozenset().union(*owned.grants.values())
    return owned.roles | given | desired.roles.keys() | {a.change.name for a in awaited if a.change.subject == "role"}


def _renames(
    this: _Pass, desired: DesiredState, observed: ObservedState, owned: Owned, *, made: tuple[MadeAccount, ...]
) -> tuple[_Renames, Owned]:
    """Find what was renamed by hand; only a look at everything can, and what one found is remembered of roles."""
    known = {new: old for new, old in this.journal.renamed_roles(this.facts).items() if new not in desired.roles}
    if not observed.scope.everything or not this.scope.everything:
        return _Renames(known), Owned()
    seen, emails = this.journal.roles_seen(this.facts), {account.name: account.email for account in made}
    users = {**(this.earlier.users if this.earlier else {}), **desired.users}
    roles = {**known, **renamed_roles(desired, observed, owned, earlier=this.earlier, seen=seen)}
    roles = {new: old for new, old in roles.items() if new in observed.roles}
    accounts = renamed_accounts(
        desired, observed, owned, email_of=lambda name: emails.get(name) or (users[name].email if name in users else "")
    )
    new_roles = {new: old for new, old in roles.items() if new not in known}
    held = with_more(held_by_us(observed, owned, new_roles), {0: left_by(accounts, desired, owned)})
    return _Renames(roles, accounts, held), held


def _remember_renames(this: _Pass, seen: _Seen) -> None:
    """Keep what was found to be renamed, and what people hold by it; forget what is renamed no more."""
    known = this.journal.renamed_roles(this.facts)
    if seen.renames.held.grants:  # first: what people hold by a new name is only looked for until that is remembered
        this.journal.adopt(this.name, seen.renames.held)
    if found := {new: old for new, old in seen.renames.roles.items() if new not in known}:
        this.journal.remember_renamed(this.name, found, now=this.world.clock())
        this.emit("roles_renamed", names=found)
    if this.scope.everything and (gone := known.keys() - seen.renames.roles.keys()):
        this.journal.forget_renamed(this.name, gone)


def _compiled(this: _Pass, reader: TargetReader, *, inventory: tuple[Dag, ...]) -> DesiredState:
    return compile_desired(
        this.world.rules,
        this.directory,
        this.target.deployment,
        inventory=inventory,
        dialect=reader.dialect(),
        now=this.world.clock(),
    )


def _made_accounts(this: _Pass, desired: DesiredState, scope: Scope) -> tuple[MadeAccount, ...]:
    """List for whom accounts were made here: all of them, or as far as it concerns the people of the scope."""
    if scope.usernames is None:
        return this.journal.made_accounts(this.facts)
    people = [name for name in scope.usernames if name in desired.users]
    if not people:
        return ()
    ids = {id_ for name in people for _, id_ in desired.whose.get(name, ())[:1]}
    return this.journal.made_accounts(this.facts, ids=ids, emails=[desired.users[name].email for name in people])


def _remember_accounts(this: _Pass, seen: _Seen) -> None:
    """Note for whom accounts are about to be made, and for whom those are that were made and go by the same name."""
    whose, known = seen.desired.whose, {a.name: a for a in seen.made}
    new = [key(c.name) for c in seen.guarded.go if c.subject == "user" and c.kind is Kind.CREATE]
    ours = [name for name in seen.owned.users & seen.desired.users.keys() if seen.plan.scope.covers(name)]
    there = {**seen.desired.users, **seen.observed.users}
    made = [MadeAccount(name, whose[name][0], key(there[name].email)) for name in {*new, *ours} & whose.keys()]
    changed = [account for account in made if known.get(account.name) != account]
    this.journal.remember_accounts(this.name, changed, now=this.world.clock())


def _resolve(scope: Scope, desired: DesiredState) -> Scope:
    """Turn what people are called (account name or e-mail) into account names."""
    if scope.usernames is None:
        return scope
    found = {name for name, user in desired.users.items() if key(user.email) in scope.usernames}
    return replace(scope, usernames=scope.usernames | found)


def _renamed(scope: Scope, desired: DesiredState, aligned: DesiredState) -> Scope:
    """Add the names that people of the scope have on the server, where those are other ones."""
    if scope.usernames is None or desired is aligned:
        return scope
    emails = {key(desired.users[name].email) for name in scope.usernames & desired.users.keys()}
    also = {name for name, user in aligned.users.items() if key(user.email) in emails}
    return replace(scope, usernames=scope.usernames | also)


def _known_as(desired: DesiredState, aligned: DesiredState) -> dict[str, str]:
    """Give what the directory calls the people whose account was found under another name."""
    if desired is aligned:
        return {}
    left = {user.email.casefold(): name for name, user in desired.users.items() if name not in aligned.users}
    found = {name: left.get(user.email.casefold()) for name, user in aligned.users.items() if name not in desired.users}
    return {name: was for name, was in found.items() if was is not None}


def _server_notes(this: _Pass) -> Iterator[Note]:
    if this.place.was and this.scope.everything:
        yield server_note(this.name, this.target.address, was=this.place.was)


def _endings(this: _Pass, now: datetime) -> Endings:
    whose = this.earlier.whose if this.earlier else {}
    return Endings(this.world.rules, this.directory, this.target.deployment, whose, now)


def _yield_to_code(
    this: _Pass, desired: DesiredState, observed: ObservedState, *, ours: frozenset[str], count: bool
) -> DesiredState:
    journal, now = this.journal, this.world.clock()
    if count and this.scope.everything:
        _contest(this, desired, observed, ours=ours)
    return give_way(desired, observed, losses=journal.losses(this.facts), gains=journal.gains(this.facts), now=now)


def _contest(this: _Pass, desired: DesiredState, observed: ObservedState, *, ours: frozenset[str]) -> None:
    """Take note of what another hand took or gave since the last pass, and of what was put right."""
    journal, now, earlier = this.journal, this.world.clock(), this.earlier
    losses = taken_back(desired, observed, earlier=earlier, losses=journal.losses(this.facts), now=now)
    gains = given_back(desired, observed, earlier=earlier, ours=ours, gains=journal.gains(this.facts), now=now)
    journal.contest(this.name, losses=losses, gains=gains, now=now)


# --- apply ------------------------------------------------------------------------------------------------------------


def _apply(this: _Pass, session: TargetSession, *, lease: Lease, approved: frozenset[str]) -> DeploymentReport:
    _at_this_server(this)
    passing = frozenset(d for d in approved if not _refusal(this.world, this.name, d, scope=this.scope))
    capabilities, inventory, seen = _first_look(this, session, approved=passing, count=True)
    first = seen
    _settle(this, seen)
    _remember_renames(this, seen)
    _adopt(this, seen)
    _disown(this, seen)
    _remember_accounts(this, seen)
    made = _make_all(this, seen, session, lease=lease)
    after = _read_back(this, session, inventory=inventory) if made else seen
    if session.learned().dag_run_resources != capabilities.dag_run_resources:
        # While it was written to, the server showed that it spells levels in another way: say it that way, once.
        seen = after
        made += _make_all(this, seen, session, lease=lease)
        after = _read_back(this, session, inventory=inventory)
    if made and this.scope.everything:
        _contest(this, after.desired, after.observed, ours=after.owned.roles)
    this.journal.save_capabilities(this.name, session.learned())
    outcomes = made + _held(this, seen.guarded.held)
    report = _report(this, seen, outcomes=outcomes, capabilities=session.learned(), after=after)
    report = replace(report, plan=first.plan, approved=first.guarded.approved)
    if report.remaining is not None and (moved := _moved(this)):
        rest = tuple(c for c in report.remaining.changes if not _is_of(c, moved, after))
        report = replace(report, remaining=replace(report.remaining, changes=rest))
    for change in report.not_converged:
        this.emit("not_converged", subject=change.subject, name=change.name, effects=list(change.effects))
    if this.scope.everything and this.journal.roles_seen(this.name) != (roles := frozenset(after.observed.roles)):
        this.journal.save_roles_seen(this.name, roles)
    reached = report.converged and {o.status for o in outcomes} <= {Status.APPLIED, Status.HELD}
    if this.scope.everything and reached and not _moved(this):
        held = seen.guarded.held
        state = remembered(after.desired, this.earlier, held=held, kept=after.plan.kept)
        this.journal.save_desired(this.run, state, reached=held is None)
    return report


def _at_this_server(this: _Pass) -> None:
    """Own nothing by what was ours at another server, where the deployment is pointed at this one since."""
    before, address = this.journal.place(this.name, this.target.address), this.target.address
    if not address or (before.since and before.facts == this.name):
        this.place = before
        return
    this.place = this.journal.move(this.name, address, now=this.world.clock())
    if before.facts != this.name:
        this.emit("server_changed", address=address, was=before.was)


def _read_back(this: _Pass, reader: TargetReader, *, inventory: tuple[Dag, ...]) -> _Seen:
    with this.timed("read_back"):
        return _see(this, reader, inventory=inventory, approved=frozenset())


def _make_all(this: _Pass, seen: _Seen, writer: TargetSession, *, lease: Lease) -> tuple[Outcome, ...]:
    """Record the plan, then make each change that may go. One that fails does not stop the others."""
    guarded, plan = seen.guarded, _record(this, seen, applying=True)
    with this.timed("apply"):
        return tuple(
            Outcome(change, Status.SKIPPED, why)
            if (why := _why_not(this, seen, change, session=writer, lease=lease))
            else _make(this, plan, change, seen=seen, writer=writer, lease=lease)
            for change in guarded.go
        )


def _record(this: _Pass, seen: _Seen, *, applying: bool) -> int:
    guarded, now = seen.guarded, this.world.clock()
    basis = Basis(this.world.files, applying, guarded.covered, guarded.holders)
    return this.journal.record_plan(
        this.run, seen.plan, held=guarded.held, approved=guarded.approved, now=now, basis=basis
    )


def _why_not(this: _Pass, seen: _Seen, change: Change, *, session: TargetSession, lease: Lease) -> str:
    """Let others go first, then say why a change is not begun now; empty: begin it."""
    if why := this.world.between.let_ahead(partial(_within, this, session, lease)):
        return why
    if lease.give_way(this.world.stopping):
        if this.journal.place(this.name, this.target.address).facts != this.name:
            raise DeploymentBusy(f"{this.name}: {ELSEWHERE}")
        this.moved |= _moved_since(this, session)
    return _untrue(this, seen, change)


def _untrue(this: _Pass, seen: _Seen, change: Change) -> str:
    """Say why a change that was planned is not to be made any more; empty: it is."""
    if this.world.stopping():
        return STOPPING
    return MOVED if _is_of(change, _moved(this), seen) else ""


class _NotTrue(Exception):
    """What was planned is not true any more, and nothing was done."""


@dataclass(slots=True)
class _LastWord:
    """The entry of a change that asks once more before its first call: it may have waited long for its turn."""

    entry: Entry
    why_not: Callable[[], str]
    begun: bool = False

    def before(self, call: str) -> int:
        if not self.begun and (why := self.why_not()):
            raise _NotTrue(why)
        self.begun = True
        return self.entry.before(call)

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        self.entry.after(step, answer, refused=refused)


def _within(
    this: _Pass, session: TargetSession, lease: Lease, world: World, directory: Directory, errand: Errand
) -> Report:
    """Make another pass here and now, in the middle of this one."""
    before = session.calls
    try:
        return _one_pass(world, this.target, directory, errand, lease=lease, session=session)
    finally:
        this.calls_of_others += session.calls - before


def _moved(this: _Pass) -> frozenset[str]:
    return this.moved | this.world.between.moved()


def _is_of(change: Change, people: frozenset[str], seen: _Seen) -> bool:
    name = key(change.name)
    return change.subject == "user" and (name in people or seen.known_as.get(name, name) in people)


def _moved_since(this: _Pass, reader: TargetReader) -> frozenset[str]:
    """Read anew what is known of people; name those of whom something else is wanted than when this pass began."""
    assert this.world.reread is not None, "whoever begins a pass says how"
    now = this.world.reread()
    was, is_ = (
        compile_desired(
            this.world.rules,
            directory,
            this.target.deployment,
            inventory=(),
            dialect=reader.dialect(),
            now=this.world.clock(),
        )
        for directory in (this.directory, now)
    )
    names = was.users.keys() | is_.users.keys()
    return frozenset(name for name in names if _roles_of(was, name) != _roles_of(is_, name))


def _roles_of(state: DesiredState, name: str) -> frozenset[str]:
    return state.users[name].roles if name in state.users else frozenset()


def _held(this: _Pass, held: Held | None) -> tuple[Outcome, ...]:
    if held is None:
        return ()
    why = "; ".join(held.why)
    this.emit("change_held", digest=held.digest, changes=len(held.changes), why=why)
    return tuple(Outcome(change, Status.HELD, why) for change in held.changes)


def _make(this: _Pass, plan: int, change: Change, *, seen: _Seen, writer: TargetWriter, lease: Lease) -> Outcome:
    entry = this.journal.begin(plan, change, lease=lease, now=this.world.clock())
    try:
        outcome = writer.apply(change, _LastWord(entry, partial(_untrue, this, seen, change)))
    except _NotTrue as why:
        return Outcome(change, Status.SKIPPED, str(why))
    except (StoreError, DeploymentBusy):
        raise  # nothing more may be done here; the intent stays open, and the next pass looks what became of it
    except Exception as error:  # noqa: BLE001 - one failed change does not stop the others; logged whole
        this.emit("change_unknown", subject=change.subject, name=change.name, exc_info=error)
        outcome = Outcome(change, Status.UNKNOWN, f"unexpected {type(error).__name__}: {error}; see the log")
    entry.conclude(outcome, now=this.world.clock())
    if outcome.beside:
        this.emit("grants_vanished", name=change.name, roles=list(outcome.beside))
    this.emit(
        f"change_{outcome.status}",
        subject=change.subject,
        name=change.name,
        kind=change.kind.value,
        granted=len(change.granted),
        revoked=len(change.revoked),
        detail=outcome.detail,
    )
    return outcome


# --- what earlier passes left open, and what was there before -----------------------------------------------------------


def _settle(this: _Pass, seen: _Seen) -> None:
    """Close what nobody knows the end of by what is on the server now, and take note of what came late."""
    now = this.world.clock()
    for late in seen.late:
        this.emit("change_came_late", change=late)
    if seen.late:
        this.journal.came(this.name, seen.late, now=now)
    rest = [late for late in seen.awaited if late.change_id not in seen.late]
    if over := will_not_come(rest, seen.observed, now=now):
        this.journal.forget_awaited(over)
    for left, end in seen.ends.items():
        change = left.change
        this.journal.settle(left.id, end.status, f"{SETTLED}: {end.detail}", now=now, final=end.final)
        facts = {"status": end.status.value, "detail": end.detail}
        this.emit("change_settled", subject=change.subject, name=change.name, **facts)


def _adopt(this: _Pass, seen: _Seen) -> None:
    """Mark as ours what was there before and is as the mapping says, where the deployment lets us."""
    policy = this.target.deployment.adopt
    if policy is Adopt.NEVER:
        return
    found = _adoptable(seen, declared=policy is Adopt.DECLARED)
    if found.roles or found.grants:
        this.journal.adopt(this.name, found)


def _disown(this: _Pass, seen: _Seen) -> None:
    """Own no more what another hand took and no line gives; only a look at everything says so."""
    if not this.scope.everything or not seen.observed.scope.everything:
        return
    still = [left.change for left in this.journal.unsettled(this.facts)]
    still += [late.change for late in this.journal.awaited(this.facts)]
    renamed = {*seen.renames.roles.values(), *seen.renames.accounts.values()}
    gone = taken_by_others(
        seen.desired, seen.observed, seen.owned, earlier=this.earlier, renamed=renamed, unsettled=still
    )
    if gone == Owned():
        return
    this.journal.disown(this.name, gone, now=this.world.clock())
    this.emit(
        "disowned",
        users=sorted(gone.users),
        roles=sorted(gone.roles),
        grants={name: sorted(roles) for name, roles in gone.grants.items()},
    )


def _adoptable(seen: _Seen, *, declared: bool) -> Owned:
    desired, observed, owned = seen.desired, seen.observed, seen.owned
    roles = frozenset(
        name
        for name, role in desired.roles.items()
        if name not in owned.roles and name in observed.roles and (declared or observed.roles[name] == role)
    )
    grants = {}
    for name, want in desired.users.items():
        have = observed.users.get(name)
        found = (have.roles & want.roles) - owned.grants.get(name, frozenset()) if have else frozenset()
        if found and seen.plan.scope.covers(name):
            grants[name] = frozenset(found)
    return Owned(roles=roles, grants=grants)
