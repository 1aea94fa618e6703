"""From a poll to work: who moved, on which deployments that changes something, and what each of them is to do.

With several replicas one polls a source and the others take what it saved; each works out what that means for its share.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from syncd.daemon.common import Common, Shared
from syncd.daemon.delta import DirectoryDelta
from syncd.daemon.grants import GrantWatch
from syncd.daemon.loaded import Loaded
from syncd.daemon.poll_followup import Doubts, InForce, PollTimes, Work, alarms_of, ends_of, who_waits, work_of
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.directory.read_sources import Intake
from syncd.errors import DeploymentBusy, SyncdError
from syncd.mapping.when import next_change
from syncd.model import EVERYTHING, Deployment, Rules
from syncd.ports import Source
from syncd.reconcile import revisions_had


@dataclass(slots=True)
class _Last:
    """When a source was polled, by the monotonic clock, and since when its groups are in doubt.

    `read_before` is the time of its newest saved read when we asked for the first time: what is read later has another one.
    """

    was_asked: bool = False
    read_before: datetime | None = None
    polled_at: float | None = None
    good_at: datetime | None = None
    doubts: Doubts = field(default_factory=Doubts)


class Polls:
    """Polls sources and queues what follows. One thread polls one source at a time."""

    def __init__(self, shared: Shared, common: Common) -> None:
        self.grants = GrantWatch(shared, common)
        self._fleet = shared.fleet
        self._cache = shared.cache
        self._queue = shared.queue
        self._store = shared.store
        self._assignment = shared.assignment
        self._alarms = common.alarms
        self._database = common.database
        self._emit = common.runtime.emit
        self._clock = common.runtime.clock
        self._monotonic = common.runtime.monotonic
        self._lock = Lock()
        self._last: dict[str, _Last] = {}
        self._polling: dict[str, Lock] = {}
        self._expired_until = self._clock()

    def recall(self) -> None:
        """Begin with the sources that are configured, and what the database knows of them.

        Raises:
            StoreError: that is not known yet; each poll tries again, and no pass goes before.
        """
        loaded = self._fleet.now
        self._cache.configure(source.name for source in loaded.world.sources)
        self._cache.recall(loaded.world.asked, self._intake(loaded))

    def poll(self, name: str, *, now: bool = False) -> None:
        """Poll one source, and queue what follows; with `now`, even if another replica did so a moment ago.

        Raises:
            StoreError: nothing can be kept, so nothing was asked.
        """
        loaded = self._fleet.now
        source = next((s for s in loaded.world.sources if s.name == name), None)
        if source is None:
            return
        with self._of(name):
            self._poll(source, loaded, now=now)

    def expire(self) -> None:
        """Give and take what began and ended since the last time: `from`, `until`, and windows that opened or closed."""
        loaded, since, now = self._fleet.now, self._expired_until, self._clock()
        bases = self._bases(loaded)
        self._expired_until = now  # also back, with a clock that was set back: what it ends then, it ends again
        view = self._cache.view
        if view is None or now <= since:
            return
        for basis in bases:
            ends = ends_of(view, basis, since=since, now=now)
            if ends.rules:
                self._emit("bindings_turned", rules=[str(rule.at) for rule in ends.rules], people=ends.people)
                self._put(ends.work)

    def last_good(self, name: str) -> datetime | None:
        """Say when a source last gave an answer since we run."""
        return self._last[name].good_at if name in self._last else None

    def next_end(self) -> datetime | None:
        """Say when the next rule begins or stops to give something."""
        rules, since = self._fleet.now.world.asked.bindings, self._expired_until
        return min((turn for rule in rules if (turn := next_change(rule, since))), default=None)

    # --- one poll -----------------------------------------------------------------------------------------------------

    def _poll(self, source: Source, loaded: Loaded, *, now: bool) -> None:
        if not self._cache.is_recalled:
            self.recall()
        began, last = self._monotonic(), self._last.setdefault(source.name, _Last())
        bound = last.polled_at if last.polled_at is not None else began
        bases = self._bases(loaded)  # before the poll: should the database fail, nothing of it is lost
        moved = self._moved(source, loaded, now=now)
        last.polled_at = began
        if (reading := self._cache.reading(source.name)) is not None and reading.fresh is not None:
            last.good_at = self._clock()
        # before anything else is asked, which may fail: nobody sees this delta again
        works = self._works(moved, bases, PollTimes(began, bound)) if moved is not None else ()
        if moved is not None:
            self.grants.end(moved.after.directory)
        self._emit("poll_ended", source=source.name, seconds=self._monotonic() - began, changed=moved is not None)
        if moved is not None and moved.who:
            self._emit("people_changed", count=len(moved.who), deployments=sum(work.deployments for work in works))
        self._tell(source.name, last)
        self._database.back()

    def _moved(self, source: Source, loaded: Loaded, *, now: bool) -> DirectoryDelta | None:
        world, intake, last = loaded.world, self._intake(loaded), self._last[source.name]
        if not last.was_asked:
            last.was_asked, last.read_before = True, self._read_at(source.name)
        try:
            if not now and self._was_polled_just_now(source.name, loaded):
                raise DeploymentBusy("another replica polled it")
            with self._store.leases.take(f"source {source.name}"):
                return self._cache.poll(source, world.asked, intake)
        except DeploymentBusy:
            return self._follow(source.name, world.asked, intake, read_before=last.read_before)

    def _follow(
        self, name: str, rules: Rules, intake: Intake, *, read_before: datetime | None
    ) -> DirectoryDelta | None:
        """Take what another replica saved; a read from before we began to ask says nothing of now."""
        reading = self._store.readings.health(name)
        if reading is not None and reading.failed_at:
            return self._cache.follow(name, rules, intake, failure=reading.failure or "it failed")
        if reading is None or reading.read_at is None or reading.read_at == read_before:
            return None
        return self._cache.follow(name, rules, intake, failure="")

    def _read_at(self, name: str) -> datetime | None:
        reading = self._store.readings.health(name)
        return reading.read_at if reading else None

    def _was_polled_just_now(self, name: str, loaded: Loaded) -> bool:
        """Say whether somebody else polled a source in the second half of the interval: one of us is enough."""
        if len(self._assignment.replicas) < 2:
            return False
        reading, mine = self._store.readings.health(name), self._cache.reading(name)
        if reading is None or reading.read_at is None or mine is None or mine.fresh is None:
            return False
        age = self._clock() - reading.read_at
        return mine.fresh.taken_at < reading.read_at and age < loaded.settings.daemon.poll / 2

    def _works(self, moved: DirectoryDelta, bases: Iterable[InForce], seen: PollTimes) -> tuple[Work, ...]:
        works = tuple(work_of(moved, basis, now=self._clock(), seen=seen) for basis in bases)
        for work in works:
            self._put(work)
        return works

    def _put(self, work: Work) -> None:
        for name, item in work.puts:
            self._queue.put(name, item)

    def _tell(self, name: str, last: _Last) -> None:
        """Raise the alarms of a source, and that of accounts that wait to be known as one person."""
        patience = self._fleet.now.settings.daemon.stale_after.total_seconds()
        doubts = Doubts(last.doubts.since, patience)
        last.doubts, says = alarms_of(name, self._store.readings.health(name), doubts, now=self._monotonic())
        for say in (*says, who_waits(self._cache.directory)):
            self._alarms.say(say)

    # --- what is needed for it ----------------------------------------------------------------------------------------

    def _bases(self, loaded: Loaded) -> tuple[InForce, ...]:
        """Give what counts for the deployments of ours: of those that go by older mapping files, what these say.

        Where that cannot be said, a look at everything is queued: it fails, and is told.
        """
        targets = loaded.world.targets
        ours = [t.deployment for t in targets if t.enforce and self._assignment.is_ours(t.deployment.name)]
        if loaded.world.revisions is None:
            return (InForce(loaded.world.rules, ours),)
        had = revisions_had(loaded.world, [each.name for each in ours])
        by_revision: dict[str, list[Deployment]] = {}
        for each in ours:
            by_revision.setdefault(had[each.name], []).append(each)
        found = []
        for revision, those in by_revision.items():
            try:
                found.append(InForce(loaded.rules_at(revision), those))
            except SyncdError:
                for each in those:
                    self._queue.put(each.name, WorkItem(EVERYTHING, "people", Urgency.WHOLE))
        return tuple(found)

    def _intake(self, loaded: Loaded) -> Intake:
        world = loaded.world
        return Intake(
            self._store.readings, self._clock, self._emit, joining=world.joining, full_read_every=world.full_read_every
        )

    def _of(self, name: str) -> Lock:
        with self._lock:
            return self._polling.setdefault(name, Lock())
