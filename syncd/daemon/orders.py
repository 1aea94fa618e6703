"""What people ask for: a fresh look at the sources, then passes ahead of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from typing import Final

from syncd.control import DeploymentResult, Job, NotKnown, NotNow, Order
from syncd.daemon.census import Census
from syncd.daemon.common import Common
from syncd.daemon.fleet import Fleet, Loaded
from syncd.daemon.jobs import Jobs
from syncd.daemon.lanes import Lanes, Task, Urgency
from syncd.daemon.polls import Polls
from syncd.errors import SyncdError
from syncd.mapping.narrow import Who
from syncd.mapping.strict import did_you_mean
from syncd.model import EVERYTHING, Deployment, Scope, key
from syncd.plan.approval import refusal
from syncd.store import Store

PATIENCE_S: Final = 2.0
"""So long at most an order waits for the sources: what they say later is seen by the poll that follows anyway."""


class Orders:
    """Takes orders. Any thread may call."""

    def __init__(
        self,
        fleet: Fleet,
        census: Census,
        lanes: Lanes,
        jobs: Jobs,
        polls: Polls,
        store: Store,
        common: Common,
    ) -> None:
        self._fleet = fleet
        self._census = census
        self._lanes = lanes
        self._jobs = jobs
        self._polls = polls
        self._store = store
        self._emit = common.emit
        self._clock = common.clock
        self._stopping = common.stopping

    def reconcile(self, order: Order) -> Job:
        """Queue what was asked for.

        Raises:
            NotKnown: a name in it.
            NotNow: nobody is known yet, or the daemon is stopping.
        """
        loaded = self._ready()
        targets = [t for t in loaded.world.targets if not order.deployments or t.deployment.name in order.deployments]
        self._check_names(order, loaded)
        job = self._jobs.open(order, tuple(t.deployment.name for t in targets))
        self._emit("order_taken", job=job.id, by=order.by, deployments=len(targets), dry_run=order.dry_run)
        Thread(
            target=self._carry_out, args=(job, [t.deployment for t in targets]), name=f"order {job.id}", daemon=True
        ).start()
        return job

    def approve(self, deployment: str, digest: str, *, by: str) -> Job:
        """Queue a pass that lets the held changes with this digest go.

        Raises:
            NotKnown: nothing with this digest is held there now.
            NotNow: as `reconcile`.
        """
        loaded = self._ready()
        order = Order(deployments=frozenset({deployment}), by=by)
        self._check_names(order, loaded)
        hold = self._store.hold(deployment, digest, scope=EVERYTHING)
        expires = loaded.settings.daemon.hold_expires
        if why := refusal(deployment, digest, hold, now=self._clock(), expires=expires):
            raise NotKnown(why)
        job = self._jobs.open(order, (deployment,))
        self._emit("approval_taken", job=job.id, by=by, deployment=deployment, digest=digest)
        task = Task(EVERYTHING, "approve", Urgency.ORDER, approved=frozenset({digest}), job=job.id)
        self._lanes.put(deployment, task)
        return job

    def _ready(self) -> Loaded:
        if self._stopping():
            raise NotNow("syncd is stopping; ask again when it runs")
        if self._census.directory is None:
            raise NotNow("no source was read yet since syncd was set up; see the alarms, and ask again in a moment")
        return self._fleet.now

    def _check_names(self, order: Order, loaded: Loaded) -> None:
        known = list(loaded.targets)
        for name in sorted(order.deployments - set(known)):
            hint = did_you_mean(name, known) or f"; there are {', '.join(sorted(known)[:10])}"
            raise NotKnown(f'no deployment "{name}"{hint}')
        for group in sorted(order.groups):
            if self._census.members(group) is None:
                raise NotKnown(f'no group "{group}": write SOURCE:NAME or SOURCE:ID, of a group that is read')

    def _carry_out(self, job: Job, deployments: Sequence[Deployment]) -> None:
        with self._lanes.held(deployment.name for deployment in deployments):
            self._poll_all()
            self._put(job, deployments)

    def _put(self, job: Job, deployments: Sequence[Deployment]) -> None:
        for deployment in deployments:
            try:
                scope = self._scope(job.order, deployment)
            except SyncdError as error:
                self._jobs.add(job.id, DeploymentResult(deployment.name, error.exit_code, str(error)))
                continue
            approved = None if job.order.dry_run else frozenset[str]()
            task = Task(scope, "reconcile", Urgency.ORDER, approved=approved, job=job.id)
            self._lanes.put(deployment.name, task)

    def _poll_all(self) -> None:
        """Ask every source what changed, side by side, and wait a little for the answers."""
        names = [source.name for source in self._fleet.now.world.sources]
        asking = [Thread(target=self._poll, args=(name,), name=f"order {name}", daemon=True) for name in names]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(PATIENCE_S / max(1, len(asking)))

    def _poll(self, name: str) -> None:
        try:
            self._polls.poll(name, now=True)
        except SyncdError as error:
            self._emit("poll_failed", source=name, error=str(error))

    def _scope(self, order: Order, deployment: Deployment) -> Scope:
        """Say whom and what an order is about on one deployment."""
        if not order.users and not order.groups and not order.dags:
            return EVERYTHING
        who: set[Who] = set()
        for group in order.groups:
            who |= self._census.members(group) or frozenset()
        who |= self._census.found(order.users, deployment)
        named = {key(user) for user in order.users} | self._census.names(who, deployment)
        return Scope(frozenset(named), order.dags)
