"""What comes again and again: polls, sweeps, lists of DAGs, beats, upkeep; and the beginnings and ends of bindings.

A round only queues work, or talks to the database: none of it waits for a deployment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from syncd import app
from syncd.daemon import words
from syncd.daemon.assignment import BEAT
from syncd.daemon.common import Common, Shared
from syncd.daemon.grants import LOOK_EVERY
from syncd.daemon.polls import Polls
from syncd.daemon.scheduler import Scheduler
from syncd.daemon.words import Say
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.errors import StoreError
from syncd.model import EVERYTHING, Pause, Scope
from syncd.plan.waves import WaveState
from syncd.render.rollout import halted_text

CHECKPOINT: Final = timedelta(minutes=1)
"""So often it is looked whether the journal is to be signed."""
LOOK_AT_ROLLOUT: Final = timedelta(seconds=5)
"""How often it is looked whether it is a deployment's turn to get a change of the mapping, and what halts that."""
LOOK_AT_PAUSES: Final = timedelta(seconds=2)
"""How often it is looked whether a pause is over: so late at most is done what waited for that."""
JITTER: Final = 0.1
"""The part of its interval by which a sweep is early or late, so that a fleet is not swept in step."""


_BY_THEMSELVES: Final = frozenset({"upkeep", "grants", "beat", "expiry", "checkpoint", "pauses", "rollout"})
"""Jobs that are about no source and no deployment."""
_TO_THE_SECOND: Final = ("poll", "beat", "grants", "pauses")
"""What comes in step in every replica, and does not hurt anybody by that."""


class Schedule:
    """Sets the clock, and is called by it."""

    def __init__(self, shared: Shared, polls: Polls, scheduler: Scheduler, common: Common) -> None:
        self._grants = polls.grants
        self._fleet = shared.fleet
        self._queue = shared.queue
        self._assignment = shared.assignment
        self._store = shared.store
        self._polls = polls
        self._scheduler = scheduler
        self._alarms = common.alarms
        self._database = common.database
        self._emit = common.runtime.emit
        self._clock = common.runtime.clock
        self._pauses: tuple[Pause, ...] = ()
        """Those that stood at the last look; a start looks at everything, whatever stood before it."""

    def set_all(self) -> None:
        """Set every job that comes again and again, and take away those of what is gone."""
        loaded, daemon, before = self._fleet.now, self._fleet.now.settings.daemon, self._scheduler.names()
        for source in loaded.world.sources:
            self._every(f"poll {source.name}", daemon.poll, self._poller(source.name), before)
        for name in loaded.targets:
            self._every(f"sweep {name}", self._sweep_interval(name), self._sweeper(name), before)
            self._every(f"dags {name}", daemon.dags, self._lister(name), before, first=daemon.dags)
        self._every("upkeep", daemon.upkeep, self._upkeep, before, first=daemon.upkeep)
        self._every("checkpoint", CHECKPOINT, self._checkpoint, before, first=CHECKPOINT)
        self._every("beat", BEAT, self.beat, before, first=BEAT)
        self._every("grants", LOOK_EVERY, self._look_at_grants, before)
        self._every("pauses", LOOK_AT_PAUSES, self.look_at_pauses, before)
        self._every("rollout", LOOK_AT_ROLLOUT, self._look_at_rollout, before, first=LOOK_AT_ROLLOUT)
        wanted = {f"poll {s.name}" for s in loaded.world.sources} | _BY_THEMSELVES
        wanted |= {f"{job} {name}" for name in loaded.targets for job in ("sweep", "dags", "again")}
        for name in self._scheduler.names() - wanted:
            self._scheduler.drop(name)
        self._schedule_expiry()

    def _every(
        self,
        name: str,
        interval: timedelta,
        do: Callable[[], None],
        before: frozenset[str],
        *,
        first: timedelta = timedelta(0),
    ) -> None:
        """Set a job; one that is there keeps its turn unless its interval is another one now."""
        if name not in before or self._scheduler.interval(name) != interval:
            self._scheduler.every(
                name, interval, do, first=first, jitter=0 if name.startswith(_TO_THE_SECOND) else JITTER
            )

    def _sweep_interval(self, name: str) -> timedelta:
        """Look less often at a server that looking is known to hurt."""
        loaded, daemon = self._fleet.now, self._fleet.now.settings.daemon
        try:
            known = self._store.memory.learned(name)
        except StoreError:
            return daemon.sweep
        settings = loaded.settings_of(name)
        is_hurt = known is not None and settings is not None and app.kind_of(settings).slow_down(known)
        return daemon.slow_sweep if is_hurt else daemon.sweep

    def _poller(self, name: str) -> Callable[[], None]:
        return lambda: self._database.needed(lambda: self._polls.poll(name))

    def _look_at_grants(self) -> None:
        self._database.needed(self._grants.look)

    def _sweeper(self, name: str) -> Callable[[], None]:
        return lambda: self._put(name, WorkItem(EVERYTHING, "sweep", Urgency.WHOLE))

    def _lister(self, name: str) -> Callable[[], None]:
        return lambda: self._put(name, WorkItem(Scope.of_dags(()), "dags", Urgency.DAGS))

    def _put(self, name: str, item: WorkItem) -> None:
        if self._assignment.is_ours(name) and name in self._fleet.now.targets:
            self._queue.put(name, item)

    def put_all(self, command: str) -> None:
        """Queue a look at everything on each deployment of ours."""
        for name in self._fleet.now.targets:
            self._put(name, WorkItem(EVERYTHING, command, Urgency.WHOLE))

    def _schedule_expiry(self) -> None:
        if (when := self._polls.next_end()) is not None:
            self._scheduler.at("expiry", when, self.expire)
        else:
            self._scheduler.drop("expiry")

    def expire(self) -> None:
        """Do what follows of what began or ended since the last time, and wait for the next."""
        try:
            self._polls.expire()
        finally:
            self._schedule_expiry()

    def beat(self) -> None:
        """Say that we live, and take over from replicas that are gone."""
        try:
            changed = self._assignment.beat()
        except StoreError as error:
            self._database.lost(error)
            return
        self._database.back()
        if changed:
            for name in self._fleet.now.targets:
                if not self._assignment.is_ours(name):
                    self._queue.cancel(name, keep=lambda item: item.job is not None)
            self.put_all("takeover")

    def look_at_pauses(self) -> None:
        """Look at everything where a pause is over, and say which began and ended."""
        try:
            now = self._store.pauses.standing()
        except StoreError as error:
            self._database.lost(error)
            return
        before, self._pauses = self._pauses, now
        kept = {pause.id for pause in before} & {pause.id for pause in now}
        for pause in now:
            if pause.id not in kept:
                self._emit("pause_began", pause=pause.id, why=str(pause))
        for pause in before:
            if pause.id not in kept:
                self._emit("pause_ended", pause=pause.id)
                self._resume(pause)

    def _resume(self, pause: Pause) -> None:
        for target in self._fleet.now.world.targets:
            if pause.of.concerns(target.deployment):
                self._put(target.deployment.name, WorkItem(EVERYTHING, "resume", Urgency.WHOLE))

    def _look_at_rollout(self) -> None:
        self._database.needed(self.look_at_rollout)

    def look_at_rollout(self) -> None:
        """Look at everything where it is a deployment's turn to get a change of the mapping, and say what halts that.

        Raises:
            StoreError: nobody can say; the alarm stays as it is.
        """
        revisions, text = self._fleet.now.world.revisions, ""
        if revisions is not None:
            standing = revisions.standing(self._store.rollouts.record())
            text = halted_text(standing)
            for one in standing.of.values():
                if one.state is WaveState.DUE:
                    self._put(one.deployment, WorkItem(EVERYTHING, "rollout", Urgency.WHOLE))
        self._alarms.say(Say("rollout_halted", "rollout", text))

    def _upkeep(self) -> None:
        keep = self._fleet.now.settings.daemon.keep
        self._database.needed(
            lambda: self._emit("upkeep_ended", **dict(self._store.presence.upkeep(before=self._clock() - keep)))
        )
        self._database.needed(self._look_at_holds)
        for name in self._fleet.now.targets:  # a server may have been upgraded since
            if self._scheduler.interval(f"sweep {name}") != self._sweep_interval(name):
                interval = self._sweep_interval(name)
                self._scheduler.every(f"sweep {name}", interval, self._sweeper(name), first=interval, jitter=JITTER)

    def _checkpoint(self) -> None:
        """Sign the journal where that is due; one replica does, for all."""
        if self._assignment.is_ours("checkpoints"):
            self._database.needed(self._sign)

    def _sign(self) -> None:
        settings, now = self._fleet.now.settings, self._clock()
        failed = app.checkpointed(settings, self._store, self._emit, now=now, anyway=False)
        if failed:
            self._alarms.raise_("checkpoint_failed", "journal", failed)
        else:
            self._alarms.clear("checkpoint_failed", "journal")

    def _look_at_holds(self) -> None:
        """Tell somebody of what was held for so long that it was forgotten, or that cannot be approved any more."""
        patience = self._fleet.now.settings.daemon.hold_expires
        for name in self._fleet.now.targets:
            held = self._store.queries.held(name) if self._assignment.is_ours(name) else None
            if held is not None and self._clock() - held.since > patience:
                self._alarms.raise_("expiry", name, words.held_for_long(name, held))
            else:
                self._alarms.clear("expiry", name)
