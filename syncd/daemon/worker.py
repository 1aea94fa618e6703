"""The workers: each takes the most urgent item of any queue, makes the pass, and carries out what follows from its end.

What follows is decided in `followup`, which has the table.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Final

from syncd.daemon.ahead import Ahead
from syncd.daemon.common import Common, Shared
from syncd.daemon.ends import (
    Broke,
    Closed,
    End,
    Ended,
    FollowUp,
    Gone,
    Listed,
    Made,
    Moment,
    Postponed,
    Retried,
    RolesFirst,
    TooEarly,
)
from syncd.daemon.followup import follow_up, refused, whole
from syncd.daemon.jobs import Jobs
from syncd.daemon.loaded import Loaded
from syncd.daemon.records import Records
from syncd.daemon.scheduler import Scheduler
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.daemon.work_queue import next_try_at
from syncd.errors import StoreError, SyncdError
from syncd.model import Dag, Learned
from syncd.ports import Emit
from syncd.reconcile import PassRequest, Target, Within, World, one_pass

FIRST_POLLS_S: Final = 10.0
"""How long passes wait for sources that were not read since the start."""
FIRST_FILL_S: Final = 3600.0
"""How long the first pass on a deployment does: what it gives is no gain beside others, and the rest of it would be one."""


class Worker:
    """Makes passes until the queue is closed; `work` is what each thread runs."""

    def __init__(self, shared: Shared, jobs: Jobs, records: Records, scheduler: Scheduler, common: Common) -> None:
        self._fleet = shared.fleet
        self._cache = shared.cache
        self._queue = shared.queue
        self._failures = shared.store.failures
        self._jobs = jobs
        self._records = records
        self._scheduler = scheduler
        self._alarms = common.alarms
        self._database = common.database
        self._emit = common.runtime.emit
        self._clock = common.runtime.clock
        self._monotonic = common.runtime.monotonic
        self._stopping = common.runtime.stopping
        self._began_at = self._monotonic()

    def work(self) -> None:
        """Make passes; nothing that happens in one ends this."""
        while (found := self._queue.take()) is not None:
            self._outlive(*found)

    def _outlive(self, name: str, item: WorkItem, *, within: Within | None = None) -> None:
        try:
            found = self.make(name, item, within=within)
        except Exception as error:  # noqa: BLE001 - a worker outlives any pass; logged whole
            found = self._follow_up(name, item, self._defect(name, error))
        try:
            self.carry_out(name, item, found)
        except Exception as error:  # noqa: BLE001 - and whatever follows from one
            self._defect(name, error)

    def _defect(self, name: str, error: Exception) -> Broke:
        self._emit("pass_failed", deployment=name, error=repr(error), exc_info=error)
        return Broke(SyncdError(f"unexpected {type(error).__name__}: {error}; see the log"), is_defect=True)

    def refuse(self, name: str, item: WorkItem) -> None:
        """Tell who waits for an item that nothing will come of it."""
        if item.job is not None:
            self._jobs.add(item.job, refused(name))

    # --- one pass -----------------------------------------------------------------------------------------------------

    def make(self, name: str, item: WorkItem, *, within: Within | None = None) -> FollowUp:
        """Make a pass, and say what follows from how it ended."""
        try:
            end = self._made(name, item, within=within)
        except SyncdError as error:
            end = Broke(error)
        return self._follow_up(name, item, end)

    def _made(self, name: str, item: WorkItem, *, within: Within | None) -> End:
        loaded = self._fleet.now
        target = loaded.targets.get(name)
        if target is None:
            return Gone()
        if item.command == "dags" and not item.scope.dags:
            return self._list_dags(name, target, loaded.world)
        return self._reconcile(name, item, target, loaded, within=within)

    def _reconcile(self, name: str, item: WorkItem, target: Target, loaded: Loaded, *, within: Within | None) -> End:
        if item.job is not None:
            self._jobs.begun(item.job)
        if item.command in ("sweep", "retry"):
            self._fleet.sessions.look_again(name)
        between = self._between(name, item, loaded)
        waits = item.job is None and self._awaits_first_polls(target, loaded.world)  # before a look at what they gave
        directory = self._cache.narrowed(item.scope, target.deployment, loaded.world.asked)
        if directory is None or not self._cache.is_recalled or waits:
            return TooEarly()
        if self._is_first(target, item, loaded.world, within=within):
            return RolesFirst()
        there = replace(
            loaded.world,
            emit=self._listening(item),
            between=between,
            reread=lambda: self._cache.directory or directory,
        )
        make = within or (lambda world, directory, request: one_pass(world, target, directory, request))
        return Made(make(there, directory, self._request(item)))

    def _request(self, item: WorkItem) -> PassRequest:
        return PassRequest(
            item.scope, item.command, item.mode, item.earlier, self._who_asked(item), urgent=item.may_not_wait
        )

    def _is_first(self, target: Target, item: WorkItem, world: World, *, within: Within | None) -> bool:
        """Say whether a pass over a few people would be the first on that server; within one a loss need not wait for it."""
        if not item.scope.usernames or item.job is not None or (within and item.urgency is Urgency.LOSS):
            return False
        if _known(target, world) is None:
            return True
        return target.enforce and item.urgency is not Urgency.LOSS and _is_unfilled(target, world)

    def _between(self, name: str, item: WorkItem, loaded: Loaded) -> Ahead:
        """Let more urgent passes go ahead of this one, for as long as it is what mapping and configuration say."""
        return Ahead(
            name,
            item,
            self._queue,
            make=lambda other, within: self._outlive(name, other, within=within),
            is_over=lambda: self._fleet.is_superseded(loaded, name),
        )

    def _who_asked(self, item: WorkItem) -> str:
        """Name who waits for the result, for the journal: who approved something is asked for years later."""
        return f"api:{self._jobs.get(item.job).order.who}" if item.job is not None else ""

    def _awaits_first_polls(self, target: Target, world: World) -> bool:
        """Say whether a source was not read since the start, nor failed, and it is worth waiting for: one that hangs is not."""
        if not self._cache.is_unread:
            return False
        waited_s = self._monotonic() - self._began_at
        return waited_s < FIRST_POLLS_S or (waited_s < FIRST_FILL_S and _is_unfilled(target, world))

    def _list_dags(self, name: str, target: Target, world: World) -> Listed:
        """Compare the DAGs with those that the last pass listed."""
        before = self._fleet.sessions.inventory(name)
        with closing(target.open(_known(target, world))) as session:
            now = frozenset(session.inventory())
        return Listed(_ids(before ^ now) if before is not None else frozenset())

    def _listening(self, item: WorkItem) -> Emit:
        """Measure how long a change took to reach the deployment, from the poll that saw it and from the one before."""

        def emit(event: str, /, **facts: object) -> None:
            self._emit(event, **facts)
            if event == "change_applied" and item.seen_at is not None and facts.get("subject") == "user":
                now = self._monotonic()
                bound = now - (item.bound_at if item.bound_at is not None else item.seen_at)
                for kind in ("granted", "revoked"):
                    if facts.get(kind):
                        self._emit("lag_measured", kind=kind, seconds=now - item.seen_at, bound_s=bound)

        return emit

    # --- what follows -------------------------------------------------------------------------------------------------

    def _follow_up(self, name: str, item: WorkItem, end: End) -> FollowUp:
        return follow_up(Ended(name, item, end, self._records.of(name), moment=self._moment(name)))

    def _moment(self, name: str) -> Moment:
        failures, failing = self._queue.look(name).failures, self._queue.failing(name)
        is_configured = name in self._fleet.now.targets
        return Moment(self._clock(), failures, failing, is_stopping=self._stopping(), is_configured=is_configured)

    def carry_out(self, name: str, item: WorkItem, found: FollowUp) -> None:
        """Do what follows from a pass. Whatever happens on the way, the item is closed once."""
        try:
            self._tell(name, item, found)
        finally:
            self._close(name, found)

    def _tell(self, name: str, item: WorkItem, found: FollowUp) -> None:
        self._found_database(found.database)
        self._count(name, found.failed)
        if found.drops_session:
            self._fleet.sessions.drop(name)
        self._records.keep(name, found.record)
        for event in found.events:
            self._emit(event.name, **event.facts)
        for say in found.says:
            self._alarms.say(say)
        if item.job is not None and found.answer is not None:
            self._jobs.add(item.job, found.answer)

    def _found_database(self, found: StoreError | bool | None) -> None:
        if isinstance(found, StoreError):
            self._database.lost(found)
        elif found:
            self._database.back()

    def _count(self, name: str, failed: bool | None) -> None:
        """Write down that a deployment fails, or does not; before its queue goes on, so that what comes next is written later."""
        if failed:
            self._database.needed(lambda: self._failures.failed(name, now=self._clock()))
        elif failed is not None:
            self._database.needed(lambda: self._failures.worked(name))

    def _close(self, name: str, found: FollowUp) -> None:
        match found.close:
            case Closed():
                self._queue.ended(name)
            case Postponed(again, wait_s):
                self._queue.postponed(name, again, wait_s=wait_s)
            case Retried(again, failures):
                self._queue.failed(name, again=again, failures=failures)
        for item in found.puts:
            self._queue.put(name, item)
        if found.again_in is not None:
            self._scheduler.later(f"again {name}", found.again_in, lambda: self._queue.put(name, whole("retry")))
        if found.failed and (at := next_try_at(self._queue.look(name), self._clock(), self._monotonic())):
            self._database.needed(lambda: self._failures.tries_again(name, at=at))


def _is_unfilled(target: Target, world: World) -> bool:
    """Say whether no pass over everything was made on this very server yet."""
    place = world.journal.places.place(target.deployment.name, target.address)
    return world.journal.memory.roles_seen(place.facts) is None


def _known(target: Target, world: World) -> Learned | None:
    """Give what earlier passes learned about this very server."""
    place = world.journal.places.place(target.deployment.name, target.address)
    return world.journal.memory.learned(place.facts)


def _ids(dags: frozenset[Dag]) -> frozenset[str]:
    return frozenset(dag.id for dag in dags)
