"""One pass over one deployment, in its order: look, settle, remember, make, read back, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from functools import partial
from time import monotonic, perf_counter, sleep

from syncd.errors import (
    DeploymentBusy,
    SyncdError,
)
from syncd.model import (
    Change,
    Dag,
    Dialect,
    Directory,
    Held,
    Outcome,
    Scope,
    Status,
)
from syncd.plan.approval import Apply, Mode, PlanOnly, needs_more, refusal
from syncd.plan.guard import Guarded, still_passing
from syncd.plan.pauses import part, sentence, stopping
from syncd.plan.reached import is_drift, remembered
from syncd.plan.sound import sound
from syncd.ports import (
    DatabaseDoubt,
    Lease,
    TargetReader,
    TargetSession,
)
from syncd.reconcile.areas import note_managed
from syncd.reconcile.contested import acts_since, contest, put_right
from syncd.reconcile.directory import rereading
from syncd.reconcile.look import first_look, see, standing
from syncd.reconcile.make import answered, is_of, make_all, moved_people, record
from syncd.reconcile.noted import keep_look
from syncd.reconcile.report import DeploymentReport, Report
from syncd.reconcile.request import PassRequest
from syncd.reconcile.rollout import choose_revision, note_end, note_failure
from syncd.reconcile.run import end_run
from syncd.reconcile.settle import adopt, disown, remember_accounts, remember_renames, settle
from syncd.reconcile.state import Comparison, Pass
from syncd.reconcile.strangers import strange_dags
from syncd.reconcile.world import Target, World

BUSY_S = 0.2


def why_refused(world: World, target: Target, digest: str, *, scope: Scope) -> str:
    """Say why a digest lets nothing pass there; empty where it does: by the inbox, or as what is held of this scope. What is
    paused keeps its approval for later."""
    deployment = target.deployment.name
    if target.enforce and (pause := stopping(world.journal.pauses.standing(), target.deployment)):
        return f"{deployment} is {sentence(pause)}; approve it again once that is over"
    needs, since = target.limits.approvers, world.clock() - world.hold_expires
    if digest in world.journal.inbox.approved(deployment, since=since, needs=needs):
        return ""
    hold = world.journal.ledger.hold(deployment, digest, scope=scope)
    why = refusal(deployment, digest, hold, now=world.clock(), expires=world.hold_expires)
    return why or (needs_more(deployment, digest) if needs > 1 else "")


def one_pass(world: World, target: Target, directory: Directory, request: PassRequest) -> Report:
    """Plan or apply on one deployment, as a run of its own, with what is known of people already.

    Raises:
        DeploymentBusy: another writer has the deployment; nothing was begun.
    """
    if not (isinstance(request.mode, Apply) and target.enforce):
        return _one_pass(world, target, directory, request, lease=None)
    with world.journal.leases.take(target.deployment.name, urgent=request.urgent) as lease:
        return _one_pass(world, target, directory, request, lease=lease)


def _one_pass(
    world: World,
    target: Target,
    directory: Directory,
    request: PassRequest,
    *,
    lease: Lease | None,
    session: TargetSession | None = None,
) -> Report:
    started, world = perf_counter(), rereading(world)
    run = world.journal.ledger.start_run(request.command, scope=request.scope, now=world.clock(), by=request.by)
    world.emit("run_started", run=run, command=request.command, scope=str(request.scope))
    this = Pass(world, run, target, directory, request.scope, keep_states=False)
    this.lease, this.session = lease, session
    if request.scope.usernames and not request.scope.dags:  # of roles it says nothing, which a look at them needs
        this.earlier = request.earlier
    reports = (guarded_pass(this, request.mode),)
    return end_run(world, run, reports, directory, request.mode, command=request.command, started=started)


def guarded_pass(this: Pass, mode: Mode) -> DeploymentReport:
    """Run a pass so that its failure stays its own."""
    try:
        return _run_pass(this, mode)
    except SyncdError as error:
        this.emit("deployment_failed", error=str(error))
        return _failed(this, error)
    except Exception as error:  # noqa: BLE001 - the loop over deployments outlives any failure of one; logged whole
        this.emit("deployment_failed", error=repr(error), exc_info=error)
        wrapped = SyncdError(f"{this.name}: unexpected {type(error).__name__}: {error}; this is a defect, see the log")
        return _failed(this, wrapped)


def _failed(this: Pass, error: SyncdError) -> DeploymentReport:
    note_failure(this, error)
    add_only = this.target.deployment.add_only
    return DeploymentReport(this.name, this.target.enforce, error=error, seconds=this.seconds, add_only=add_only)


def _run_pass(this: Pass, mode: Mode) -> DeploymentReport:
    this.place = this.journal.places.place(this.name, this.target.address)
    this.doubt = _doubt(this, mode)
    with _session(this) as session:
        before = session.calls
        if isinstance(mode, Apply) and this.target.enforce:
            with ExitStack() as stack:
                this.lease = lease = this.lease or _take_lease(this, stack)
                choose_revision(this, mode)
                report = _apply(this, session, lease=lease, approvals=mode.approvals)
                note_end(this, report)
        else:
            report = _only_plan(this, session, applying=isinstance(mode, Apply))
        return replace(report, calls=session.calls - before - this.calls_of_others, seconds=this.seconds)


def _doubt(this: Pass, mode: Mode) -> DatabaseDoubt | None:
    """Ask whether the database is the one that was worked with last; a pass that writes takes note of the answer."""
    identity = this.journal.installation
    found = identity.notice() if isinstance(mode, Apply) and this.target.enforce else identity.doubt()
    if found is not None:
        this.emit("database_doubted", why=found.why, since=found.since.isoformat())
    return found


def _session(this: Pass) -> AbstractContextManager[TargetSession]:
    if this.session is not None:
        return nullcontext(this.session)
    return closing(this.target.open(this.journal.memory.learned(this.facts)))


def _take_lease(this: Pass, stack: ExitStack) -> Lease:
    """Take the lease; where another writer has it, try again for as long as the world has patience."""
    deadline = monotonic() + this.world.wait_s
    while True:
        try:
            return stack.enter_context(this.journal.leases.take(this.name))
        except DeploymentBusy:
            if monotonic() >= deadline:
                raise
            sleep(BUSY_S)


def _only_plan(this: Pass, reader: TargetReader, *, applying: bool) -> DeploymentReport:
    choose_revision(this, PlanOnly())
    inventory, seen = first_look(this, reader)
    # without a lease: what a pass that writes has learned meanwhile stays
    learned = reader.look()
    this.journal.memory.save_learned(this.facts, learned, only_new=True)
    keep_look(this, seen, learned, own_account=reader.own_account(), inventory=inventory)
    record(this, seen, applying=applying)
    why = "this deployment is only observed (mode = observe)"
    outcomes = tuple(Outcome(change, Status.SKIPPED, why) for change in seen.plan.changes) if applying else ()
    return _report(this, seen, outcomes=outcomes, unknown_dags=strange_dags(this, inventory, seen))


def _report(
    this: Pass,
    seen: Comparison,
    *,
    outcomes: tuple[Outcome, ...],
    unknown_dags: Mapping[str, str],
    after: Comparison | None = None,
) -> DeploymentReport:
    last = after or seen
    return DeploymentReport(
        this.name,
        this.target.enforce,
        plan=seen.plan,
        held=seen.guarded.held,
        hold=_hold(this, seen.guarded.held),
        approved=seen.guarded.approved,
        effects=seen.effects,
        held_effects=seen.held_effects,
        outcomes=outcomes,
        remaining=after.plan if after else None,
        leftovers=tuple(last.observed.leftovers),
        drift=_drift(this, seen),
        frozen=last.desired.frozen,
        unknown_dags=unknown_dags,
        desired=last.desired if this.keep_states else None,
        observed=last.observed if this.keep_states else None,
        error=this.unread,
        add_only=this.target.deployment.add_only,
        uses=seen.guarded.uses() if this.lease is None else (),
        pause=last.pause,
        paused=last.paused,
        paused_effects=last.paused_effects,
        undoes=this.undo.what if this.undo else "",
        culprits=this.culprits,
    )


def _hold(this: Pass, held: Held | None) -> str:
    """Name what the inbox has of it, where the plan is one that is in force."""
    return this.journal.inbox.named(held) if held is not None and this.undo is None else ""


def _drift(this: Pass, seen: Comparison) -> int:
    if this.earlier is None or not this.scope.everything:
        return 0
    earlier, own = this.earlier, this.own
    return sum(1 for change in seen.guarded.go if is_drift(change, seen.desired, earlier, own))


def _apply(this: Pass, session: TargetSession, *, lease: Lease, approvals: frozenset[str]) -> DeploymentReport:
    _at_this_server(this)
    passing = _passing(this, approvals)
    inventory, seen = first_look(this, session, approvals=passing, count=this.undo is None)
    spelt = session.dialect()
    first, within = seen, partial(_within, this, session, lease)
    settle(this, seen)
    if this.undo is None:  # else what is wanted for now says nothing of what is ours
        remember_renames(this, seen)
        adopt(this, seen)
        disown(this, seen)
    remember_accounts(this, seen)
    made = make_all(this, seen, session, lease=lease, within=within)
    after = _read_back(this, session, inventory=inventory) if made else seen
    if len(sure := answered(made)) < len(made):
        # It could be read, so it is there again; or it fails over a few people, by whom nobody else is to be kept back.
        this.emit("server_was_away", left=len(made) - len(sure))
        seen = _still_approved(after, seen.guarded)
        settle(this, seen)
        made = sure + make_all(this, seen, session, lease=lease, within=within, to_the_end=True)
        after = _read_back(this, session, inventory=inventory)
    if session.dialect() != spelt:
        # While it was written to, the server showed that it spells levels in another way: say it that way, once.
        seen = after
        made += make_all(this, seen, session, lease=lease, within=within)
        after = _read_back(this, session, inventory=inventory)
    if made and this.scope.everything and this.undo is None:
        contest(this, after.desired, after.observed, ours=after.owned.roles, own=acts_since(this))
        put_right(this, after.observed)
    learned = session.learned()
    this.journal.memory.save_learned(this.name, learned)
    keep_look(this, after, learned, own_account=session.own_account(), inventory=inventory)
    outcomes = made + _paused(this, seen) + _held(this, seen.guarded.held)
    report = _report(this, seen, outcomes=outcomes, unknown_dags=strange_dags(this, inventory, first), after=after)
    report = replace(
        report, plan=first.plan, effects=first.effects, approved=first.guarded.approved, drift=_drift(this, first)
    )
    if report.remaining is not None and (moved := moved_people(this)):
        rest = tuple(c for c in report.remaining.changes if not is_of(c, moved, after))
        report = replace(report, remaining=replace(report.remaining, changes=rest))
    for change in report.not_converged:
        this.emit("not_converged", subject=change.subject, name=change.name, effects=list(change.effects))
    if this.undo:
        return report
    if this.scope.everything:
        _remember_roles(this, after, made, dialect=session.dialect(), dags=len(inventory))
    if this.scope.everything and report.converged and not moved_people(this):
        staying = _staying(this, seen.guarded.held, after.rejected)
        state = remembered(after.desired, this.earlier, held=staying, kept=after.plan.kept)
        this.journal.memory.save_desired(this.run, state, reached=staying is None)
    return report


def _passing(this: Pass, approvals: frozenset[str]) -> frozenset[str]:
    """Give the digests of what may pass: those of this very request that are still of something, and those of the inbox.

    While a pause stands it is none: an approval would be used up by a pass that makes nothing of it.
    """
    if standing(this) is not None:
        return frozenset()
    if this.undo:  # what is held of it is of this pass alone, so no other plan has it
        return approvals if this.target.limits.approvers == 1 else frozenset()
    asked = frozenset(d for d in approvals if not why_refused(this.world, this.target, d, scope=this.scope))
    since, needs = this.world.clock() - this.world.hold_expires, this.target.limits.approvers
    if this.doubt is not None:  # an older copy has approvals that were used up, and who said so knew of no doubt
        since = max(since, this.doubt.since)
    return asked | this.journal.inbox.approved(this.name, since=since, needs=needs)


def _staying(this: Pass, held: Held | None, rejected: tuple[Change, ...]) -> Held | None:
    """Give all that stays against what is wanted, for a limit or because somebody rejected its end."""
    if not rejected:
        return held
    return Held((*(held.changes if held else ()), *rejected), held.why if held else (), this.name)


def _is_unfinished_fill(this: Pass, made: Sequence[Outcome]) -> bool:
    """Say whether much of what a first pass over everything would give is left to the next: for that it is the first, too."""
    left = sum(1 for o in made if o.status is Status.SKIPPED and o.change.subject == "user" and o.change.granted)
    return left > this.target.limits.gain_floor and this.journal.memory.roles_seen(this.name) is None


def _remember_roles(this: Pass, after: Comparison, made: Sequence[Outcome], *, dialect: Dialect, dags: int) -> None:
    note_managed(this, after, dialect, dags=dags)
    if _is_unfinished_fill(this, made):
        return
    roles, held = frozenset(after.observed.roles), sound(this.rules.roles, after.observed, after.plan)
    if (roles, held) != (this.journal.memory.roles_seen(this.name), this.journal.memory.sound_roles(this.name)):
        this.journal.memory.save_roles_seen(this.name, roles, sound=held)


def _at_this_server(this: Pass) -> None:
    """Own nothing by what was ours at another server, where the deployment is pointed at this one since."""
    before, address = this.journal.places.place(this.name, this.target.address), this.target.address
    if not address or (before.since and before.facts == this.name):
        this.place = before
        return
    this.place = this.journal.places.move(this.name, address, now=this.world.clock())
    if before.facts != this.name:
        this.emit("server_changed", address=address, was=before.was)


def _still_approved(now: Comparison, before: Guarded) -> Comparison:
    """Let pass what is left of what a person let pass when this pass began."""
    guarded = still_passing(now.plan, now.guarded, before=before)
    if guarded is now.guarded:
        return now
    go, paused = part(guarded.go, now.pause)
    return replace(now, guarded=replace(guarded, go=go), paused=paused, held_effects=None)


def _read_back(this: Pass, reader: TargetReader, *, inventory: tuple[Dag, ...]) -> Comparison:
    with this.timed("read_back"):
        return see(this, reader, inventory=inventory)


def _within(
    this: Pass, session: TargetSession, lease: Lease, world: World, directory: Directory, request: PassRequest
) -> Report:
    """Make another pass here and now, in the middle of this one."""
    before, this.went_first = session.calls, True
    try:
        return _one_pass(world, this.target, directory, request, lease=lease, session=session)
    finally:
        this.calls_of_others += session.calls - before


def _paused(this: Pass, seen: Comparison) -> tuple[Outcome, ...]:
    if seen.pause is None or not seen.paused:
        return ()
    why = sentence(seen.pause)
    this.emit("changes_paused", pause=seen.pause.id, changes=len(seen.paused), why=why)
    return tuple(Outcome(change, Status.SKIPPED, why) for change in seen.paused)


def _held(this: Pass, held: Held | None) -> tuple[Outcome, ...]:
    if held is None:
        return ()
    why = "; ".join(held.why)
    this.emit("change_held", digest=held.digest, changes=len(held.changes), why=why)
    return tuple(Outcome(change, Status.HELD, why) for change in held.changes)
