"""The workers: each takes the most urgent task of any lane, makes the pass, and sees to what follows from its end.

how a pass ended                         | then
-----------------------------------------|---------------------------------------------------------------------------
another writer has the deployment        | again in two seconds, without a word
the database cannot be used              | again in seconds, alarm `database_down`; nothing is done without it
the deployment did not answer, or refused | again by the ladder; alarm `unreachable`, later `quarantined`
it failed for a mapping or a secret       | the same with alarm `pass_failed`: the server is not to blame
it failed because syncd stops             | no failure: whoever starts next looks
as it should, after failures             | the alarms are cleared, and everything is looked at once
some changes failed or are unknown       | everything is looked at again, in a minute, then five, then with each sweep
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from syncd.alarm_kinds import Kind
from syncd.control import DeploymentResult
from syncd.daemon.ahead import SUPERSEDED, Ahead
from syncd.daemon.cadence import Cadence
from syncd.daemon.census import Census
from syncd.daemon.common import Common
from syncd.daemon.fleet import Fleet, Loaded
from syncd.daemon.jobs import Jobs
from syncd.daemon.lanes import QUARANTINE_AFTER, Lanes
from syncd.daemon.work_item import BUSY_S, GIVES_WAY_S, Task, Urgency
from syncd.errors import EXIT_FAILED, DeploymentBusy, SecretUnreadable, StoreError, SyncdError, TargetUnavailable
from syncd.model import EVERYTHING, Capabilities, Dag, Held, Note, Scope, Status
from syncd.plan.because import summed
from syncd.reconcile import DeploymentReport, Emit, Errand, Report, Target, Within, World, one_pass
from syncd.render.json import report_json

_NOT_DONE = frozenset({Status.FAILED, Status.UNKNOWN, Status.PENDING})
_AGAIN = (timedelta(minutes=1), timedelta(minutes=5))
"""When a deployment is looked at again after a pass some of whose changes failed; after that, with each sweep."""
UNREACHABLE_AFTER: Final = 2
UNREAD_S: Final = 0.2
FIRST_POLLS_S: Final = 10.0


@dataclass(slots=True)
class Record:
    """What is remembered of one deployment between passes."""

    swept_at: datetime | None = None
    error: str = ""
    held: str = ""
    calls: int = 0
    drift: int = 0
    notes: tuple[str, ...] = ()
    looked_again: int = 0


class Passes:
    """Makes passes until the lanes are closed; `work` is what each thread runs."""

    def __init__(
        self,
        fleet: Fleet,
        census: Census,
        lanes: Lanes,
        jobs: Jobs,
        cadence: Cadence,
        common: Common,
    ) -> None:
        self._fleet = fleet
        self._census = census
        self._lanes = lanes
        self._jobs = jobs
        self._alarms = common.alarms
        self._database = common.database
        self._cadence = cadence
        self._emit = common.emit
        self._clock = common.clock
        self._monotonic = common.monotonic
        self._stopping = common.stopping
        self._began_at = common.monotonic()
        self._lock = Lock()
        self._records: dict[str, Record] = {}

    def work(self) -> None:
        """Make passes; nothing that happens in one ends this."""
        while (found := self._lanes.take()) is not None:
            self._outlive(*found)

    def _outlive(self, name: str, task: Task, *, within: Within | None = None) -> None:
        try:
            self._do(name, task, within=within)
        except Exception as error:  # noqa: BLE001 - a worker outlives any pass; logged whole
            self._emit("pass_failed", deployment=name, error=repr(error), exc_info=error)
            self._result(name, task, error=SyncdError(f"unexpected {type(error).__name__}: {error}; see the log"))
            self._lanes.failed(name, again=_whole("retry"))

    def refuse(self, name: str, task: Task) -> None:
        """Tell who waits for a task that nothing will come of it."""
        self._result(name, task, error=SyncdError(f"{name} is not in the configuration any more"))

    def record(self, name: str) -> Record:
        """Give what is remembered of a deployment."""
        with self._lock:
            return replace(self._records.get(name, Record()))

    def forget(self, names: frozenset[str]) -> None:
        """Forget deployments that are not there any more."""
        with self._lock:
            self._records = {name: record for name, record in self._records.items() if name in names}

    # --- one pass -----------------------------------------------------------------------------------------------------

    def _do(self, name: str, task: Task, *, within: Within | None = None) -> None:
        loaded = self._fleet.now
        target = loaded.targets.get(name)
        if target is None:
            self.refuse(name, task)
            self._lanes.ended(name)
        elif task.command == "dags" and not task.scope.dags:
            self._list_dags(name, task, target, loaded.world)
        else:
            self._reconcile(name, task, target, loaded, within=within)

    def _reconcile(self, name: str, task: Task, target: Target, loaded: Loaded, *, within: Within | None) -> None:
        world = loaded.world
        if task.job is not None:
            self._jobs.begun(task.job)
        if task.command in ("sweep", "retry"):
            self._fleet.sessions.look_again(name)
        between = self._between(name, task, loaded)
        directory = self._census.narrowed(task.scope, target.deployment)
        if directory is None or not self._census.is_recalled or (task.job is None and self._awaits_first_polls()):
            self._lanes.postponed(name, task, wait_s=UNREAD_S)
            return
        try:
            if self._is_first(target, task, world, within=within):
                self._lanes.postponed(name, _whole(task.command), wait_s=0.0)  # its roles are to be made first
                return
            errand = Errand(
                task.scope,
                task.command,
                task.approved,
                task.earlier,
                self._who_asked(task),
                urgent=task.may_not_wait,
            )
            there = replace(
                world,
                emit=self._listening(task),
                between=between,
                reread=lambda: self._census.directory or directory,
            )
            make = within or (lambda world, directory, errand: one_pass(world, target, directory, errand))
            report = make(there, directory, errand)
        except DeploymentBusy:
            self._busy(name, task)
        except StoreError as error:
            self._database_is_down(name, task, error)
        else:
            self._conclude(name, task, report)

    def _is_first(self, target: Target, task: Task, world: World, *, within: Within | None) -> bool:
        """Say whether a pass over a few people would be the first on that server; within one a loss need not wait for it."""
        if not task.scope.usernames or task.job is not None or (within and task.urgency is Urgency.LOSS):
            return False
        return _known(target, world) is None

    def _between(self, name: str, task: Task, loaded: Loaded) -> Ahead:
        """Let more urgent passes go ahead of this one, for as long as it is what mapping and configuration say."""
        return Ahead(
            name,
            task,
            self._lanes,
            make=lambda other, within: self._outlive(name, other, within=within),
            is_over=lambda: self._fleet.is_superseded(loaded, name),
        )

    def _busy(self, name: str, task: Task) -> None:
        """Try again in a while; soon where the other writer was asked to give way."""
        self._lanes.postponed(name, task, wait_s=GIVES_WAY_S if task.may_not_wait else BUSY_S)

    def _who_asked(self, task: Task) -> str:
        """Name who waits for the result, for the journal: who approved something is asked for years later."""
        return f"api:{self._jobs.get(task.job).order.by}" if task.job is not None else ""

    def _awaits_first_polls(self) -> bool:
        """Say whether a source was not read since the start, and it is worth waiting for: one that hangs is not."""
        return self._census.is_unread and self._monotonic() - self._began_at < FIRST_POLLS_S

    def _list_dags(self, name: str, task: Task, target: Target, world: World) -> None:
        """Compare the DAGs with those that the last pass listed; what roles hold on the others is looked at."""
        before = self._fleet.sessions.inventory(name)
        try:
            session = target.open(_known(target, world))
            try:
                now = frozenset(session.inventory())
            finally:
                session.close()
        except StoreError as error:
            self._database_is_down(name, task, error)
            return
        except TargetUnavailable as error:
            self._failed(name, task, error)
            return
        self._recovered(name, self._lanes.ended(name))
        if before is not None and before != now:
            scope = Scope.of_dags(_ids(before ^ now))
            self._lanes.put(name, Task(scope, "dags", Urgency.DAGS))

    def _listening(self, task: Task) -> Emit:
        """Measure how long a change took to reach the deployment, from the poll that saw it and from the one before."""

        def emit(event: str, /, **facts: object) -> None:
            self._emit(event, **facts)
            if event == "change_applied" and task.seen_at is not None and facts.get("subject") == "user":
                now = self._monotonic()
                bound = now - (task.bound_at if task.bound_at is not None else task.seen_at)
                for kind in ("granted", "revoked"):
                    if facts.get(kind):
                        self._emit("lag_measured", kind=kind, seconds=now - task.seen_at, bound_s=bound)

        return emit

    # --- what follows -------------------------------------------------------------------------------------------------

    def _conclude(self, name: str, task: Task, report: Report) -> None:
        this = report.deployments[0]
        with self._lock:
            record = self._records.setdefault(name, Record())
            record.calls += this.calls
        match this.error:
            case None:
                self._went_well(name, task, report)
            case DeploymentBusy():
                self._busy(name, task)
            case StoreError() as error:
                self._database_is_down(name, task, error)
            case error:
                self._failed(name, task, error, run=report.run)

    def _went_well(self, name: str, task: Task, report: Report) -> None:
        this = report.deployments[0]
        self._database.back()
        if task.job is not None and any(o.detail == SUPERSEDED for o in this.outcomes):
            self._lanes.postponed(name, task, wait_s=0.0)  # who waits is told what became of the whole
            return
        self._remember(name, task, this)
        self._tell(name, task, this)
        self._result(name, task, report=report)
        failures = self._lanes.ended(name)
        if not task.scope.everything:
            self._recovered(name, failures)
        else:
            self._reached(name)
        if any(o.status in _NOT_DONE for o in this.outcomes) or this.not_converged:
            self._look_again_later(name)
        if this.held and not task.scope.everything:
            # approved is what a plan over everything holds back: make one now, and tell people then
            self._lanes.put(name, _whole("held"))

    def _remember(self, name: str, task: Task, this: DeploymentReport) -> None:
        with self._lock:
            record = self._records.setdefault(name, Record())
            record.error = ""
            if task.scope.everything:
                record.swept_at, record.drift = self._clock(), this.drift
                record.held = this.held.digest if this.held else ""
                record.notes = tuple(note.text for note in _notes(this))
                if not any(o.status in _NOT_DONE for o in this.outcomes):
                    record.looked_again = 0

    def _tell(self, name: str, task: Task, this: DeploymentReport) -> None:
        self._say("not_converged", name, _not_converged(this), whole=task.scope.everything)
        if task.scope.everything:
            seconds, changes = sum(this.seconds.values()), len(this.plan.changes) if this.plan is not None else 0
            self._emit("sweep_ended", deployment=name, seconds=seconds, changes=changes, drift=this.drift)
            self._say("held", name, _held(name, this), whole=True)
            self._say("drift", name, _drift(name, this), whole=True)
            self._say("frozen", name, _frozen(this), whole=True)
            self._say("email_taken", name, _noted(this, "email_taken"), whole=True)
            renamed = _noted(this, "role_renamed") or _noted(this, "account_renamed")
            self._say("renamed", name, renamed, whole=True)
            self._say("server_changed", name, _noted(this, "server_changed"), whole=True)

    def _say(self, kind: Kind, name: str, text: str, *, whole: bool) -> None:
        """Raise an alarm that has a text; only a look at everything can tell that there is none."""
        if text:
            self._alarms.raise_(kind, name, text)
        elif whole:
            self._alarms.clear(kind, name)

    def _failed(self, name: str, task: Task, error: SyncdError, *, run: int = 0) -> None:
        if isinstance(error, TargetUnavailable):
            self._fleet.sessions.drop(name)
        if self._stopping():
            self._result(name, task, error=error, run=run)
            self._lanes.postponed(name, replace(task, job=None))
            return
        with self._lock:
            self._records.setdefault(name, Record()).error = str(error)
        self._result(name, task, error=error, run=run)
        again = _whole("retry") if task.job is not None or task.command == "dags" else task
        failures = self._lanes.failed(name, again=again)
        if failures >= QUARANTINE_AFTER:
            self._emit("deployment_quarantined", deployment=name, failures=failures, error=str(error))
            text = f"{failures} passes in a row failed; it is tried again every quarter of an hour: {error}"
            self._alarms.raise_("quarantined", name, text)
        elif failures >= UNREACHABLE_AFTER:
            kind = failure_of(error)
            self._alarms.raise_(kind, name, str(error))
            self._alarms.clear("unreachable" if kind == "pass_failed" else "pass_failed", name)

    def _recovered(self, name: str, failures: int) -> None:
        """Look at everything after a time when nothing could be done."""
        self._reached(name)
        if failures:
            self._lanes.put(name, _whole("retry"))

    def _reached(self, name: str) -> None:
        """End the alarms of failures, those too that the process before this one raised."""
        with self._lock:
            self._records.setdefault(name, Record()).error = ""
        for kind in ("unreachable", "pass_failed", "quarantined"):
            self._alarms.clear(kind, name)

    def _database_is_down(self, name: str, task: Task, error: StoreError) -> None:
        self._database.lost(error)
        self._lanes.postponed(name, task)

    def _look_again_later(self, name: str) -> None:
        with self._lock:
            record = self._records.setdefault(name, Record())
            record.looked_again += 1
            number = record.looked_again
        if number <= len(_AGAIN):
            self._cadence.later(f"again {name}", _AGAIN[number - 1], lambda: self._lanes.put(name, _whole("retry")))

    def _result(
        self, name: str, task: Task, *, report: Report | None = None, error: SyncdError | None = None, run: int = 0
    ) -> None:
        if task.job is not None:
            found = _of_report(name, report) if report else _of_error(name, error, run)
            self._jobs.add(task.job, found)


def _known(target: Target, world: World) -> Capabilities | None:
    """Give what earlier passes learned about this very server."""
    place = world.journal.place(target.deployment.name, target.address)
    return world.journal.capabilities(place.facts)


def failure_of(error: SyncdError) -> Kind:
    """Say what a pass that failed is an alarm of: a server is unreachable only where it was asked and to blame."""
    is_servers = isinstance(error, TargetUnavailable) and not isinstance(error.__cause__, SecretUnreadable)
    return "unreachable" if is_servers else "pass_failed"


def _whole(command: str) -> Task:
    return Task(EVERYTHING, command, Urgency.WHOLE)


def _ids(dags: frozenset[Dag]) -> frozenset[str]:
    return frozenset(dag.id for dag in dags)


def _held(name: str, this: DeploymentReport) -> str:
    if this.held is None:
        return ""
    return (
        f"{len(this.held.changes)} changes are held ({'; '.join(this.held.why)}){_ended(this.held)}; "
        f"see them with: syncd plan -d {name}; "
        f"let exactly these go with: syncd approve {name} {this.held.digest}"
    )


def _ended(held: Held) -> str:
    said = summed(held.changes)
    return f": {said}" if said else ""


def _not_converged(this: DeploymentReport) -> str:
    names = sorted({change.name for change in this.not_converged})
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"the server accepted and did not keep changes of {', '.join(names[:5])}{more}" if names else ""


def _drift(name: str, this: DeploymentReport) -> str:
    if not this.drift:
        return ""
    return f"{this.drift} things were changed there by somebody else; what was put back: syncd audit -d {name}"


def _frozen(this: DeploymentReport) -> str:
    by_cause: dict[str, list[str]] = {}
    for role, why in sorted(this.frozen.items()):
        by_cause.setdefault(why, []).append(role)
    causes = [f"{', '.join(roles)}: {why}" for why, roles in by_cause.items()]
    more = f"; and {len(causes) - 5} more causes" if len(causes) > 5 else ""
    return f"nobody who left loses these roles for now: {'; '.join(causes[:5])}{more}" if causes else ""


def _notes(this: DeploymentReport) -> tuple[Note, ...]:
    """Give what the plan notes; a plan that changes nothing is false, and may note much."""
    return this.plan.notes if this.plan is not None else ()


def _noted(this: DeploymentReport, code: str) -> str:
    texts = [note.text for note in _notes(this) if note.code == code]
    more = f"; and {len(texts) - 3} more" if len(texts) > 3 else ""
    return "; ".join(texts[:3]) + more


def _of_error(name: str, error: SyncdError | None, run: int) -> DeploymentResult:
    return DeploymentResult(name, error.exit_code if error else EXIT_FAILED, str(error), run=run)


def _of_report(name: str, report: Report) -> DeploymentResult:
    this = report.deployments[0]
    statuses = [o.status for o in this.outcomes]
    return DeploymentResult(
        name,
        report.exit_code(),
        applied=statuses.count(Status.APPLIED),
        failed=sum(1 for s in statuses if s in _NOT_DONE),
        held=this.held.digest if this.held else "",
        not_converged=len(this.not_converged),
        calls=this.calls,
        seconds=round(report.seconds, 3),
        run=report.run,
        plan=report_json(report)["deployments"][0],
    )
