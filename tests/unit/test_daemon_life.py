"""What becomes of the daemon and its alarms when something goes wrong, on stand-ins of its parts."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from types import SimpleNamespace
from typing import Any, cast

import pytest
from memory_journal import MemoryFailures

from syncd import web
from syncd.cli.daemon import _serve
from syncd.control import AlarmState, Job, JobState, Order
from syncd.daemon import service
from syncd.daemon.common import Common, Shared
from syncd.daemon.ends import Made
from syncd.daemon.followup import QUARANTINE_AFTER, UNREACHABLE_AFTER, failure_of
from syncd.daemon.jobs import Jobs
from syncd.daemon.records import Records
from syncd.daemon.reloads import Reloads
from syncd.daemon.runtime import Runtime
from syncd.daemon.schedule import Schedule
from syncd.daemon.service import Daemon
from syncd.daemon.words import Say
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.daemon.work_queue import WorkQueue
from syncd.daemon.worker import Worker
from syncd.errors import MappingInvalid, Problem, StoreError, SyncdError, TargetUnauthorized, TargetUnavailable
from syncd.http.secrets import SecretUnreadable
from syncd.model import EVERYTHING, Change, Note, Outcome, Plan, Scope, Status, User
from syncd.plan.sound import WAITS
from syncd.ports import Failing
from syncd.reconcile import DeploymentReport, Report

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SWEEP = WorkItem(EVERYTHING, "sweep", Urgency.WHOLE)
SILENT = TargetUnavailable("no answer")
OF_BEFORE = [("config_invalid", "files"), ("config_invalid", "vm-15381-7c877a"), ("held", "prod")]
BROKEN = MappingInvalid([Problem("a.yaml", 1, 1, "a name stands for two groups")])


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Raised:
    """Alarms that are only kept; `earlier` are those that the database kept of the process before."""

    def __init__(self, *earlier: tuple[str, str]) -> None:
        self.on = set(earlier)

    def raise_(self, kind: str, subject: str, _text: str) -> None:
        self.on.add((kind, subject))

    def say(self, this: Say) -> None:
        if this.text:
            self.raise_(this.kind, this.subject, this.text)
        else:
            self.clear(this.kind, this.subject)

    def clear(self, kind: str, subject: str) -> None:
        self.on.discard((kind, subject))


class Stage:
    """A worker of one deployment whose ends a test makes up."""

    def __init__(self, *earlier: tuple[str, str], failures: MemoryFailures | None = None) -> None:
        self.alarms, self.clock, self.stopping = Raised(*earlier), Clock(), False
        self.failures = failures or MemoryFailures()
        self.queue, self.jobs = WorkQueue(2, monotonic=self.clock, chance=lambda: 0.5), Jobs(lambda: NOW)
        database: Any = SimpleNamespace(back=lambda: None, lost=lambda _: None, needed=lambda do: do())
        runtime = Runtime(lambda *_, **__: None, lambda: NOW, self.clock, lambda: self.stopping)
        common = Common(cast("Any", self.alarms), database, runtime)
        nothing: Any = None
        self.targets = {"prod": None}
        now = SimpleNamespace(targets=self.targets)
        fleet: Any = SimpleNamespace(sessions=SimpleNamespace(drop=lambda _: None), now=now)
        store: Any = SimpleNamespace(failures=self.failures)
        shared = Shared(fleet, nothing, self.queue, nothing, store)
        self.worker = Worker(shared, self.jobs, Records(), nothing, common)

    def ends(
        self,
        error: SyncdError | None,
        item: WorkItem = SWEEP,
        *,
        is_now: bool = False,
        found: Plan | None = None,
        outcomes: tuple[Outcome, ...] = (),
    ) -> None:
        """Let a pass run as soon as it may, and end so: with an error, or after this plan with these outcomes.

        With `is_now` it does not wait: it is an order."""
        if is_now or not self.queue.look("prod").waiting:
            self.queue.put("prod", item)
        self.clock.now = self.clock.now if is_now else max(self.clock.now, self.queue.look("prod").not_before)
        taken = self.queue.take()
        assert taken is not None
        plan = None if error else Plan("prod", EVERYTHING, ()) if found is None else found
        report = Report(1, (DeploymentReport("prod", plan=plan, outcomes=outcomes, error=error),), {})
        self.worker.carry_out("prod", taken[1], self.worker._follow_up("prod", taken[1], Made(report)))


@pytest.mark.finding("H-E17")
@pytest.mark.parametrize(
    ("error", "kind"), [(SILENT, "unreachable"), (BROKEN, "pass_failed"), (SyncdError("x"), "pass_failed")]
)
def test_only_a_server_is_unreachable(error: SyncdError, kind: str) -> None:
    stage = Stage()
    for _ in range(UNREACHABLE_AFTER):
        stage.ends(error)
    assert {(kind, "prod")} == stage.alarms.on
    stage.ends(None)
    assert set() == stage.alarms.on


@pytest.mark.finding("H-E17")
def test_a_secret_that_cannot_be_read_is_not_the_servers_fault() -> None:
    error = TargetUnauthorized("a secret cannot be read")
    error.__cause__ = SecretUnreadable("env:X: is empty")
    assert ("pass_failed", "unreachable") == (failure_of(error), failure_of(TargetUnauthorized("401")))


@pytest.mark.finding("U-B1a")
def test_a_deployment_that_was_taken_out_while_a_pass_failed_is_begun_anew_when_it_comes_back() -> None:
    stage = Stage()
    for _ in range(QUARANTINE_AFTER - 1):
        stage.ends(SILENT)
    stage.alarms.on.clear()  # as all alarms about what is not configured any more
    del stage.targets["prod"]
    stage.ends(SILENT)
    queue = stage.queue.look("prod")
    assert (set(), 0, 0.0, []) == (stage.alarms.on, queue.failures, queue.not_before, queue.waiting)


@pytest.mark.finding("U-B7")
def test_since_when_how_often_and_when_again_is_written_down_for_whoever_asks() -> None:
    first = Stage()
    for times in range(1, 4):
        first.ends(SILENT)
        wait_s = first.queue.look("prod").not_before - first.clock.now
        assert wait_s > 0
        assert {"prod": Failing(NOW, times, NOW + timedelta(seconds=wait_s))} == first.failures.failing()
    order = WorkItem(Scope.people(["anna"]), "reconcile", Urgency.ORDER)
    first.ends(SILENT, order, is_now=True)
    assert 3 == first.failures.failing()["prod"].times, "what fails before the next try says nothing new"

    replica = Stage(failures=first.failures)
    replica.ends(SILENT)
    assert (4, 1) == (first.failures.failing()["prod"].times, replica.queue.look("prod").failures)
    replica.ends(None)
    assert {} == first.failures.failing()


@pytest.mark.finding("U-B1b")
def test_a_stop_is_no_failure() -> None:
    stage = Stage()
    for _ in range(QUARANTINE_AFTER - 1):
        stage.ends(SILENT)
    before = set(stage.alarms.on)
    stage.stopping = True
    stage.ends(SILENT)
    assert (before, QUARANTINE_AFTER - 1) == (stage.alarms.on, stage.queue.look("prod").failures)
    assert QUARANTINE_AFTER - 1 == stage.failures.failing()["prod"].times


@pytest.mark.finding("U-B1b")
def test_who_waits_for_a_pass_that_a_stop_ended_is_told() -> None:
    stage = Stage()
    job = stage.jobs.open(Order(), ("prod",)).id
    stage.stopping = True
    stage.ends(SILENT, WorkItem(EVERYTHING, "reconcile", Urgency.ORDER, job=job))
    found: Job = stage.jobs.get(job)
    assert (JobState.DONE, ["no answer"]) == (found.state, [r.error for r in found.results])


@pytest.mark.finding("U-B1a")
@pytest.mark.parametrize("kind", ["unreachable", "quarantined", "pass_failed"])
def test_the_first_good_pass_ends_what_was_raised_before_a_restart(kind: str) -> None:
    stage = Stage((kind, "prod"))
    stage.ends(None)
    assert set() == stage.alarms.on


@pytest.mark.finding("U-B1a")
def test_files_that_are_good_at_a_start_end_every_alarm_about_files_of_before_it() -> None:
    """Once the alarms of before were recalled; of a replica that is no more as well: it was called by a name of its own."""
    ended: list[tuple[str, str]] = []
    told = [AlarmState(kind, subject, "a.yaml:1", NOW) for kind, subject in OF_BEFORE]
    alarms: Any = SimpleNamespace(is_recalled=False, current=lambda: told, clear=lambda *key: ended.append(key))
    fleet: Any = SimpleNamespace(error="")
    runtime = Runtime(lambda *_, **__: None, lambda: NOW, lambda: 0.0, lambda: False)
    reloads = Reloads(fleet, cast("Any", None), alarms, runtime, used=lambda _: None)

    reloads.say_how_files_are()
    assert [] == ended, "nobody knows yet what was told before"
    alarms.is_recalled = True
    for _ in range(2):
        reloads.say_how_files_are()
    assert [key for key in OF_BEFORE if key[0] == "config_invalid"] == ended


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param("name_clash", "username_clash", marks=pytest.mark.finding("N-304")),
        pytest.param("server_changed", "server_changed", marks=pytest.mark.finding("N-301")),
    ],
)
def test_what_a_sweep_finds_and_leaves_alone_is_told_until_a_sweep_finds_it_no_more(kind: str, code: str) -> None:
    stage = Stage()
    plan = Plan(
        "prod", EVERYTHING, (), notes=(Note(code, "look"),), blocked=("strasse",) if kind == "name_clash" else ()
    )
    stage.ends(None, found=plan)
    assert {(kind, "prod")} == stage.alarms.on
    stage.ends(None, WorkItem(Scope.people(["anna"]), "people", Urgency.GAIN))
    assert {(kind, "prod")} == stage.alarms.on
    stage.ends(None)
    assert set() == stage.alarms.on


@pytest.mark.finding("N-302")
def test_after_a_pass_that_gave_less_because_of_a_role_everything_is_looked_at() -> None:
    stage = Stage()
    some = Scope.people(["anna"])
    anna = User("anna", "anna@x", "A", "X", frozenset({"fin"}))
    waits = Outcome(Change(None, anna), Status.PENDING, f"fin: {WAITS}")
    stage.ends(None, WorkItem(some, "people", Urgency.GAIN), outcomes=(waits,))
    assert [EVERYTHING] == [item.scope for item in stage.queue.look("prod").waiting]


# --- the clock and the main thread --------------------------------------------------------------------------------------


@pytest.mark.finding("H-E22")
def test_the_next_end_of_a_binding_is_kept_whatever_happens_to_this_one() -> None:
    set_: list[datetime] = []

    def fail() -> None:
        raise StoreError("away for one question")

    schedule = Schedule.__new__(Schedule)
    schedule._polls = cast("Any", SimpleNamespace(expire=fail, next_end=lambda: NOW + timedelta(hours=1)))
    schedule._scheduler = cast("Any", SimpleNamespace(at=lambda _name, when, _do: set_.append(when)))
    with pytest.raises(StoreError):
        schedule.expire()
    assert [NOW + timedelta(hours=1)] == set_


class Life(Daemon):
    """A daemon whose beginning, ticks and end are made up."""

    def __init__(self, *, begins: Exception | None = None) -> None:
        self.said: list[str] = []
        self._begins = begins
        self._monotonic, self._told_to_stop, self._told_to_reload = Clock(), False, False
        self._ticks = 0

    def start(self) -> None:
        if self._begins is not None:
            raise self._begins

    def tick(self) -> None:
        cast("Clock", self._monotonic).now += 5
        self._ticks += 1
        self._told_to_reload, self._told_to_stop = True, self._ticks > 2
        raise ValueError(f"tick {self._ticks}")

    def stop(self) -> None:
        self.said.append("stopped")

    def emit(self, event: str, /, **facts: object) -> None:
        self.said.append(f"{event} {facts['job']} {facts['error']}")


@pytest.mark.finding("H-E22")
def test_the_main_thread_outlives_any_tick_and_stops_in_order() -> None:
    life = Life()
    life.run()
    assert [f"job_failed tick ValueError('tick {n}')" for n in (1, 2, 3)] + ["stopped"] == life.said


class Reading(Daemon):
    """A daemon whose files take long to read, and whose ticks do nothing else."""

    def __init__(self) -> None:
        nothing: Any = lambda *_, **__: None  # noqa: E731
        self.begun, self.go, self.read = Event(), Event(), 0
        self._monotonic, self._reading, self._stopping = Clock(), Lock(), Event()
        self._reloads = cast("Any", self)
        self._systemd: Any = SimpleNamespace(reloading=nothing, ready=nothing, status=nothing, watchdog=nothing)
        self._told_to_reload = True

    def alive(self) -> str:
        return "busy"

    def _look_at_clock(self) -> None: ...

    def _end_alarms_of_what_is_gone(self) -> None: ...

    def say_how_files_are(self) -> None: ...

    def changed(self) -> bool:
        return False

    @property
    def is_reading(self) -> bool:
        return self._reading.locked()

    def _line(self) -> str:
        return "busy"

    def reload(self) -> str:
        with self._reading:
            self.read += 1
            self.begun.set()
            assert self.go.wait(60)
        return ""


@pytest.mark.finding("A-F17")
def test_the_main_thread_does_not_wait_for_files_that_take_long_to_read() -> None:
    it = Reading()
    it.tick()
    assert it.begun.wait(60)
    it.tick()
    it.ask_to_reload()  # while the files are read: once more afterwards
    it.tick()
    assert (1, True) == (it.read, it._told_to_reload)
    it.begun.clear()
    it.go.set()
    while it._told_to_reload:
        it.tick()
    assert it.begun.wait(60)
    assert 2 == it.read


@pytest.mark.finding("H-E22")
def test_what_cannot_begin_ends_in_order_too() -> None:
    life = Life(begins=ValueError("no threads"))
    with pytest.raises(ValueError, match="no threads"):
        life.run()
    assert ["stopped"] == life.said


@pytest.mark.finding("H-E22")
def test_a_second_signal_at_the_end_of_stopping_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self) -> None: ...

        def start(self) -> None: ...

        def stop(self, _timeout_s: float) -> None: ...

        def emit(self, event: str, /, **facts: object) -> None: ...

    monkeypatch.setattr(service, "Daemon", Nothing)
    monkeypatch.setattr(web, "Server", Nothing)
    monkeypatch.setattr(web, "app", lambda *_, **__: None)
    told = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(one) for one in told]
    settings = SimpleNamespace(http=None, daemon=SimpleNamespace(socket=None))
    files: Any = SimpleNamespace(settings=settings)
    try:
        _serve(files, cast("Any", SimpleNamespace(queries=None, presence=None)), lambda *_, **__: None, verbose=False)
        assert {signal.SIG_IGN} == {signal.getsignal(one) for one in told}, (
            "what Python resets at its end is a function"
        )
    finally:
        for one, handler in zip(told, before, strict=True):
            signal.signal(one, handler)
