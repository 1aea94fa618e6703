"""The daemon: a clock that queues work, workers that do it, and a door for people who ask.

thread      | does
------------|------------------------------------------------------------------------------------------------
main        | ticks once a second: files, signals, watchdog, jumps of the clock
scheduler   | polls, sweeps, DAG lists, upkeep, expiries, beats: each only queues work, or talks to the database
workers     | passes, one at a time on each deployment
alarms      | tells people
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, Thread, Timer
from typing import Final

from syncd.alarm_kinds import OF_THE_WHOLE, runbook
from syncd.app import utc_now
from syncd.config import Settings
from syncd.control import DaemonState, Job, Order
from syncd.daemon import grant_desk, open_files, view
from syncd.daemon.alarms import Alarms
from syncd.daemon.assignment import Assignment, new_name
from syncd.daemon.common import Common, Shared
from syncd.daemon.database_health import DatabaseHealth
from syncd.daemon.directory_cache import DirectoryCache
from syncd.daemon.due_alarms import rhythm_of
from syncd.daemon.figures import JournalHead
from syncd.daemon.jobs import Jobs
from syncd.daemon.loaded import Fleet, Loaded, LoadedFiles
from syncd.daemon.log_filter import LogFilter
from syncd.daemon.metrics import Metrics
from syncd.daemon.orders import Orders
from syncd.daemon.poll_followup import PERSONS
from syncd.daemon.polls import Polls
from syncd.daemon.records import Records
from syncd.daemon.reloads import FILES, Reloads
from syncd.daemon.runtime import Runtime
from syncd.daemon.schedule import Schedule
from syncd.daemon.scheduler import Scheduler
from syncd.daemon.systemd import Notify
from syncd.daemon.watch import Watch
from syncd.daemon.work_queue import WorkQueue
from syncd.daemon.worker import Worker
from syncd.errors import StoreError, SyncdError
from syncd.notify import Notifier
from syncd.ports import Emit
from syncd.store import Stores

FINISH_S: Final = 4.5
"""How long changes under way may take when the daemon is told to stop; then no further call is let out."""
ABANDON_S: Final = 1.5
"""How long calls that are out may take after that."""
GIVE_UP_S: Final = 9.5
"""After that the process ends as it is: what is open in the journal is settled by the next pass, and leases end by time."""
TICK_S: Final = 1.0
NAP_S: Final = 0.1
JUMP_S: Final = 5.0
STUCK_S: Final = 2 * 3600.0
"""No pass takes so long: every call has a time-out, and the largest role takes minutes."""
MISSED_BEATS_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Host:
    """What the process that runs the daemon gives it.

    verbose   every event is logged, not only what says something new
    reloaded  hears of settings that came into use while the daemon runs
    give_up   is called where stopping takes too long
    """

    emit: Emit
    systemd: Notify
    verbose: bool = False
    reloaded: Callable[[Settings], None] | None = None
    give_up: Callable[[], None] | None = None


class Daemon:
    """The running service; implements `control.Control`.

    Raises:
        InvalidInput: by making it, where configuration or mappings cannot be used.
    """

    def __init__(
        self,
        files: Settings | LoadedFiles,
        store: Stores,
        host: Host,
        *,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._store, self._systemd = host, store, host.systemd
        self._clock, self._monotonic = clock, monotonic
        self._log_filter, self.metrics_ = LogFilter(), Metrics(clock=clock)
        self._stopping = Event()
        self._told_to_stop = False
        self._started_at, self._ticked_at, self._offset_s = clock(), monotonic(), 0.0
        self._runtime = Runtime(self.emit, clock, monotonic, self._stopping.is_set)
        settings = files.settings if isinstance(files, LoadedFiles) else files
        self._paths = settings.path, settings.mappings
        watch = Watch(lambda: self._paths)
        # They were read before the database was opened, which may have taken long. The watch was made before this look, so no
        # change falls in between.
        self._told_to_reload = isinstance(files, LoadedFiles) and not files.still_stand()
        self.fleet = Fleet(files, store, self._runtime, called=self.metrics_.call)
        self.alarms = Alarms(
            store.presence,
            self._notifier(settings),
            clock=clock,
            rhythm=rhythm_of(settings.notify),
            emit=self.emit,
            labels=self.fleet.labels_of,
        )
        self._reloads = Reloads(self.fleet, watch, self.alarms, self._runtime, used=self._use)
        self._database = DatabaseHealth(self.alarms, emit=self.emit)
        self.cache = DirectoryCache(source.name for source in settings.sources)
        self.queue = WorkQueue(settings.daemon.workers, monotonic=monotonic)
        self.assignment = Assignment(new_name(), store.presence, emit=self.emit)
        self.scheduler = Scheduler(threads=len(settings.sources) + 4, clock=clock, failed=self._job_failed)
        self._shared = Shared(self.fleet, self.cache, self.queue, self.assignment, store)
        self._man(settings.daemon.workers)

    def _man(self, workers: int) -> None:
        """Put those to their places who do the work."""
        common, shared = Common(self.alarms, self._database, self._runtime), self._shared
        self._jobs, self._records = Jobs(self._clock), Records()
        self.polls = Polls(shared, common)
        self.worker = Worker(shared, self._jobs, self._records, self.scheduler, common)
        self._orders, self.grants = Orders(shared, self._jobs, self.polls, common), grant_desk.GrantDesk(shared, common)
        self.approve, self.rule = self._orders.approve, self._orders.rule
        self._schedule = Schedule(shared, self.polls, self.scheduler, common)
        self._workers = [Thread(target=self.worker.work, name=f"worker {n}", daemon=True) for n in range(workers)]

    def _notifier(self, settings: Settings) -> Notifier:
        return Notifier(settings.notify, emit=self.emit, leads=lambda: self.assignment.is_ours("alarms"))

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `ask_to_stop`, then end in order; in order too where something goes wrong on the way."""
        try:
            self.start()
            due = self._monotonic()
            while not self._told_to_stop:
                if self._told_to_reload or self._monotonic() >= due:
                    due = self._monotonic() + TICK_S
                    self._tick_and_live()
                time.sleep(NAP_S)
        finally:
            self.stop()

    def _tick_and_live(self) -> None:
        try:
            self.tick()
        except Exception as error:  # noqa: BLE001 - the main thread outlives any tick; logged whole, and counted
            self._job_failed("tick", error)

    def start(self) -> None:
        """Begin: what the database knows of people first, then polls and a look at every deployment."""
        self._offset_s = self._clock().timestamp() - self._monotonic()
        self._open_files()
        self.alarms.start()
        if self.fleet.error:
            self.alarms.raise_("config_invalid", FILES, self.fleet.error)
            self.emit("config_rejected", error=self.fleet.error)
        self._schedule.beat()
        self._database.needed(self.polls.recall)
        self._forget_what_is_gone(self.fleet.now)  # what the process before this one had
        for worker in self._workers:
            worker.start()
        self.scheduler.start()
        self._schedule.set_all()
        self.emit("daemon_started", replica=self.assignment.name, deployments=len(self.fleet.now.targets))
        self._systemd.ready()

    def _open_files(self) -> None:
        """Take as many open files as there are, keep no more connections than fit, and say how many that is."""
        limit, targets = open_files.take_all(), len(self.fleet.now.targets)
        self.fleet.sessions.most = open_files.connections(limit, workers=len(self._workers))
        fits = targets <= self.fleet.sessions.most
        self.emit("open_files", limit=limit, deployments=targets, connections=self.fleet.sessions.most, enough=fits)

    def ask_to_stop(self) -> None:
        """Let `run` end. A signal handler may call this: it takes no lock."""
        self._told_to_stop = True

    def ask_to_reload(self) -> None:
        """Let the next tick read the files anew. A signal handler may call this: it takes no lock."""
        self._told_to_reload = True

    def stop(self) -> None:
        """End within ten seconds: changes under way are finished, or left for the next pass to settle."""
        self._stopping.set()
        if self._host.give_up is not None:
            in_time = Timer(GIVE_UP_S, self._host.give_up)
            in_time.daemon = True
            in_time.start()
        self._systemd.stopping()
        self.emit("daemon_stopping")
        self.scheduler.stop()
        self.queue.close()
        if not self.queue.wait_idle(FINISH_S):
            self.fleet.halt()
            left = not self.queue.wait_idle(ABANDON_S)
            self.emit("changes_abandoned", still_running=left)
        for give_back in (self._store.leases.release_all, self.assignment.leave):
            try:
                give_back()
            except StoreError as error:
                self.emit("database_failed", error=str(error))
        self.alarms.stop(1.0)
        self.fleet.close()
        self.emit("daemon_stopped")

    def tick(self) -> None:
        """Do what is due every second."""
        self._ticked_at = self._monotonic()
        self._look_at_clock()
        self._reloads.say_how_files_are()
        self._end_alarms_of_what_is_gone()
        if (self._told_to_reload or self._reloads.changed()) and not self._stopping.is_set():
            self._told_to_reload = not self._begin_reload()
        self._systemd.status(self._line())
        if not self.alive():
            self._systemd.watchdog()

    # --- what is asked of it: control.Control ---------------------------------------------------------------------------

    def alive(self) -> str:
        """Say why the process should be restarted; empty: it need not."""
        if self._stopping.is_set():
            return ""
        if not self.scheduler.is_running:
            return "the scheduler has stopped"
        if self.queue.longest_s() > STUCK_S:
            return "a pass does not end"
        if self._monotonic() - self._ticked_at > MISSED_BEATS_S:
            return "the main thread does not tick"
        return ""

    def unready(self) -> tuple[str, ...]:
        """Say why the daemon does not do its work now, one sentence each; empty: it does."""
        if self._stopping.is_set():
            return ("syncd is stopping",)
        reasons = []
        if self._database.error:
            reasons.append(self._database.error)
        if self.fleet.error:
            reasons.append(f"the files as they are now cannot be used, the last good ones are: {self.fleet.error}")
        if self.cache.directory is None:
            reasons.append("no source was read yet")
        return (*reasons, *self._stale())

    def state(self) -> DaemonState:
        """Give everything at one glance."""
        loaded = self.fleet.now
        try:
            sources = view.sources(loaded, self.cache, self._store.readings)
            pauses = self._store.pauses.standing()
            waves = view.rollout(loaded, self._store.rollouts)
        except StoreError as error:
            self._database.lost(error)
            sources, pauses, waves = view.sources(loaded, self.cache, None), (), None
        return DaemonState(
            replica=self.assignment.name,
            replicas=self.assignment.replicas,
            started_at=self._started_at,
            config_at=loaded.at,
            config_error=self.fleet.error,
            database_error=self._database.error,
            stopping=self._stopping.is_set(),
            sources=sources,
            deployments=view.deployments(
                loaded, self._shared, self._records, self._runtime, pauses=pauses, waves=waves
            ),
            alarms=tuple(
                replace(alarm, runbook=runbook(alarm.kind, loaded.settings.notify.runbook_url))
                for alarm in self.alarms.current()
            ),
        )

    def reconcile(self, order: Order) -> Job:
        """Queue work ahead of everything else."""
        return self._orders.reconcile(order)

    def job(self, id_: int) -> Job:
        """Give a job as it is now."""
        return self._jobs.get(id_)

    def reload(self) -> str:
        """Read configuration and mappings anew; gives what is wrong with them, empty: they are in use."""
        return self._reloads.reload()

    def _begin_reload(self) -> bool:
        """Read the files anew, on the side; False where somebody does so now.

        The main thread waits for nobody's files or database: the largest mapping takes minutes to read.
        """
        if self._reloads.is_reading:
            return False
        Thread(target=self._reload_on_the_side, name="reload", daemon=True).start()
        return True

    def _reload_on_the_side(self) -> None:
        self._systemd.reloading()
        try:
            self.reload()
        except Exception as error:  # noqa: BLE001 - the daemon outlives any reload; logged whole, and counted
            self._job_failed("reload", error)
        finally:
            if not self._stopping.is_set():
                self._systemd.ready()

    def _use(self, loaded: Loaded) -> None:
        """Go on with files that came into use."""
        self._paths = loaded.settings.path, loaded.settings.mappings
        self.alarms.use(self._notifier(loaded.settings), rhythm=rhythm_of(loaded.settings.notify))
        if self._host.reloaded is not None:
            self._host.reloaded(loaded.settings)
        self._forget_what_is_gone(loaded)
        self._database.needed(self.polls.recall)
        self._schedule.set_all()
        self._schedule.put_all("mapping")

    def _forget_what_is_gone(self, loaded: Loaded) -> None:
        for name, item in self.queue.keep_only(loaded.targets):
            self.worker.refuse(name, item)
        self._records.forget_others(frozenset(loaded.targets))
        self._database.needed(lambda: self._store.failures.forget_others(loaded.targets))

    def metrics(self) -> bytes:
        """Give the metrics in Prometheus' text format."""
        try:
            head: JournalHead | None = JournalHead(*self._store.queries.journal_head())
        except StoreError as error:
            self._database.lost(error)
            head = None
        return self.metrics_.render(self.state(), journal_head=head)

    # --- what a tick looks at -------------------------------------------------------------------------------------------

    def _look_at_clock(self) -> None:
        offset = self._clock().timestamp() - self._monotonic()
        jump, self._offset_s = offset - self._offset_s, offset
        if abs(jump) > JUMP_S:
            self.emit("clock_jumped", seconds=round(jump, 1))
            self.scheduler.wake()
            self._schedule.expire()

    def _end_alarms_of_what_is_gone(self) -> None:
        """End alarms about deployments and sources that are not configured any more.

        A pass that began before may raise one when it ends, and the database may hold one of the process before.
        """
        raised = self.alarms.current()  # before the look at what is configured, so that one about what is new is left
        loaded = self.fleet.now
        known = {*loaded.targets, *(source.name for source in loaded.world.sources), PERSONS}
        for alarm in raised:
            if alarm.subject not in known and alarm.kind not in OF_THE_WHOLE:
                self.alarms.clear(alarm.kind, alarm.subject)

    def _line(self) -> str:
        unready = self.unready()
        targets = len(self.fleet.now.targets)
        alarms = len(self.alarms.current())
        return unready[0] if unready else f"{targets} deployments, {alarms} alarms"

    def _stale(self) -> tuple[str, ...]:
        """Name the sources that gave no answer for too long."""
        patience = self.fleet.now.settings.daemon.stale_after
        found = []
        for source in self.fleet.now.world.sources:
            reading = self.cache.reading(source.name)
            if reading is None or reading.fresh is None:
                said = f": {reading.failure}" if reading and reading.failure else ""
                since = self.polls.last_good(source.name) or self._started_at
                if self._clock() - since > patience:
                    found.append(f"source {source.name} gave no answer since {since:%Y-%m-%d %H:%M} UTC{said}")
        return tuple(found)

    # --- the log --------------------------------------------------------------------------------------------------------

    def _job_failed(self, name: str, error: Exception) -> None:
        if isinstance(error, SyncdError):
            self.emit("job_failed", job=name, error=str(error))
        else:
            self.emit("job_failed", job=name, error=repr(error), exc_info=error)

    def emit(self, event: str, /, **facts: object) -> None:
        """Count an event, and log it where it says something new."""
        self.metrics_.event(event, facts)
        if self._host.verbose or self._log_filter.is_news(event, facts):
            self._host.emit(event, **facts)
