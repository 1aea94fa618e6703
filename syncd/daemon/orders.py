"""What people ask for: a fresh look at the sources, then passes ahead of everything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from syncd.control import DeploymentResult, Job, NotKnown, NotNow, Order
from syncd.daemon.common import Common, Shared
from syncd.daemon.jobs import Jobs
from syncd.daemon.loaded import Loaded
from syncd.daemon.order_threads import OrderPool, SourcePolls
from syncd.daemon.polls import Polls
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.directory.narrow import PersonKey
from syncd.errors import EXIT_FAILED, ApprovalRefused, SyncdError
from syncd.model import EVERYTHING, Deployment, Scope, key
from syncd.orders import check, scope_of
from syncd.plan.approval import Apply, PlanOnly, needs_more, refusal
from syncd.plan.pauses import sentence, stopping
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord, what_became
from syncd.reconcile import strangers
from syncd.reconcile.approving import approve_held, give_word, hold_word, is_in
from syncd.targets import unreachable
from syncd.text.strict import did_you_mean

PATIENCE_S: Final = 2.0
"""So long at most an order waits for the sources: what they say later is seen by the poll that follows anyway."""
ORDER_THREADS: Final = 4
"""So many orders ask the sources at a time; they share the answers."""
MOST_WAITING: Final = 64
"""Orders that wait for their turn; whoever comes then is told to ask again."""


@contextmanager
def _told() -> Iterator[None]:
    """Tell who asked over HTTP why nothing comes of it."""
    try:
        yield
    except ApprovalRefused as error:
        raise NotKnown(str(error)) from error


class Orders:
    """Takes orders. Any thread may call."""

    def __init__(self, shared: Shared, jobs: Jobs, polls: Polls, common: Common) -> None:
        self._fleet = shared.fleet
        self._cache = shared.cache
        self._queue = shared.queue
        self._store = shared.store
        self._jobs = jobs
        self._polls = polls
        self._emit = common.runtime.emit
        self._clock = common.runtime.clock
        self._stopping = common.runtime.stopping
        self._sources = SourcePolls(self._poll)
        self._pool = OrderPool(ORDER_THREADS, most=MOST_WAITING)

    def reconcile(self, order: Order) -> Job:
        """Queue what was asked for.

        Raises:
            NotMeant: a person in it cannot be addressed; no deployment is asked.
            NotKnown: a name in it.
            NotNow: nobody is known yet, too many orders wait, or the daemon is stopping.
        """
        check(order.users, unreachable=unreachable)
        loaded = self._ready()
        targets = [t for t in loaded.world.targets if not order.deployments or t.deployment.name in order.deployments]
        self._check_names(order, loaded)
        job = self._jobs.open(order, tuple(t.deployment.name for t in targets))
        self._emit("order_taken", job=job.id, by=order.by, deployments=len(targets), dry_run=order.dry_run)
        try:
            self._pool.give(lambda: self._carry_out(job, [t.deployment for t in targets]))
        except NotNow:
            self._jobs.drop(job.id)
            raise
        return job

    def approve(
        self, deployment: str, digest: str, *, by: str, approver: str = "", reason: str = "", origin: str = ""
    ) -> Job | HoldRecord:
        """Queue a pass that lets the held changes with this digest go; the hold where another person has to say so too.

        Raises:
            NotKnown: nothing with this digest is held there now, or nothing comes of it by this person.
            NotNow: as `reconcile`.
        """
        loaded = self._ready()
        order = Order(deployments=frozenset({deployment}), by=by, approver=approver, reason=reason)
        self._check_names(order, loaded)
        standing = self._store.pauses.standing()
        if pause := stopping(standing, loaded.targets[deployment].deployment):
            raise NotNow(f"{deployment} is {sentence(pause)}; approve it again once that is over")
        hold = self._approved(loaded, order, digest, origin=origin)
        if hold is not None and hold.state is HoldState.WAITS:
            return hold
        job = self._jobs.open(order, (deployment,))
        self._emit("approval_taken", job=job.id, by=order.who, deployment=deployment, digest=digest)
        scope = hold.scope if hold is not None else EVERYTHING
        item = WorkItem(scope, "approve", Urgency.ORDER, mode=Apply(frozenset({digest})), job=job.id)
        self._queue.put(deployment, item)
        return job

    def _approved(self, loaded: Loaded, order: Order, digest: str, *, origin: str) -> HoldRecord | None:
        """Write down who lets what has this digest pass; None: it is not in the inbox, and held all the same."""
        [deployment] = order.deployments
        needs = {name: target.limits.approvers for name, target in loaded.targets.items()}
        expires = loaded.settings.daemon.hold_expires
        if is_in(self._store.inbox, digest, deployments=(deployment,)):
            word = self._word(HoldRuling.APPROVE, order, origin=origin)
            with _told():
                return approve_held(self._store.inbox, digest, word, needs=needs, expires=expires)
        hold = self._store.ledger.hold(deployment, digest, scope=EVERYTHING)
        if why := refusal(deployment, digest, hold, now=self._clock(), expires=expires):
            raise NotKnown(why)
        if needs[deployment] > 1:
            raise NotKnown(needs_more(deployment, digest))
        return None

    def rule(
        self, hold: str, ruling: HoldRuling, *, by: str, approver: str = "", reason: str = "", origin: str = ""
    ) -> Job | HoldRecord:
        """Say something of a hold; what is not approved any more, or rejected, is planned anew at once.

        Raises:
            NotKnown: there is no such hold, or nothing comes of it; the message says why.
            NotNow: as `reconcile`.
        """
        loaded = self._ready()
        found = self._store.inbox.find(hold)
        if found is None:
            raise NotKnown(f'there is no hold "{hold}"')
        if found.state.is_over:
            raise NotKnown(f"{found.name} is over: {what_became(found)}")
        if ruling is HoldRuling.APPROVE:
            return self.approve(found.deployment, found.digest, by=by, approver=approver, reason=reason, origin=origin)
        order = Order(deployments=frozenset({found.deployment}), by=by, approver=approver, reason=reason)
        with _told():
            word = self._word(ruling, order, origin=origin)
            said = give_word(self._store.inbox, found.name, word, needs=1, expires=loaded.settings.daemon.hold_expires)
        self._emit("hold_ruled", hold=said.name, deployment=said.deployment, ruling=ruling.value, by=order.who)
        if said.deployment in loaded.targets:
            self._queue.put(said.deployment, WorkItem(EVERYTHING, "held", Urgency.WHOLE))
        return said

    def _word(self, ruling: HoldRuling, order: Order, *, origin: str) -> HoldWord:
        return hold_word(
            ruling, by=order.by, approver=order.approver, reason=order.reason, origin=origin, at=self._clock()
        )

    def _ready(self) -> Loaded:
        if self._stopping():
            raise NotNow("syncd is stopping; ask again when it runs")
        if self._cache.directory is None:
            raise NotNow("no source was read yet since syncd was set up; see the alarms, and ask again in a moment")
        return self._fleet.now

    def _check_names(self, order: Order, loaded: Loaded) -> None:
        known = list(loaded.targets)
        for name in sorted(order.deployments - set(known)):
            hint = did_you_mean(name, known) or f"; there are {', '.join(sorted(known)[:10])}"
            raise NotKnown(f'no deployment "{name}"{hint}')
        for group in sorted(order.groups):
            if self._cache.members(group) is None:
                raise NotKnown(f'no group "{group}": write SOURCE:NAME or SOURCE:ID, of a group that is read')

    def _carry_out(self, job: Job, deployments: Sequence[Deployment]) -> None:
        """Ask the sources, then queue the passes. Only what is about the very people of the order waits meanwhile."""
        people = frozenset[str]() if job.order.dry_run else self._claims(job.order, deployments)
        try:
            with self._queue.claimed([deployment.name for deployment in deployments], people):
                self._sources.asked(self._concerned(job.order), within_s=PATIENCE_S)
                self._jobs.note(job.id, self._strangers(job.order, deployments))
                self._put(job, deployments)
        except Exception as error:  # noqa: BLE001 - whoever takes orders outlives any of them; logged whole
            self._emit("order_failed", job=job.id, error=repr(error), exc_info=error)
            for deployment in deployments:
                said = f"unexpected {type(error).__name__}: {error}; see the log"
                self._jobs.add(job.id, DeploymentResult(deployment.name, EXIT_FAILED, said))

    def _strangers(self, order: Order, deployments: Sequence[Deployment]) -> tuple[str, ...]:
        """Say which names nobody has. Whom the directory has is known without asking the database."""
        words = {user for user in order.users if not any(self._cache.found([user], d) for d in deployments)}
        try:
            return strangers(self._fleet.now.world, words)
        except SyncdError as error:  # the order is carried out all the same
            self._emit("database_failed", error=str(error))
            return ()

    def _claims(self, order: Order, deployments: Sequence[Deployment]) -> frozenset[str]:
        """Name the accounts that an order is about, as far as that is known before the sources are asked."""
        if order.dags or not (order.users or order.groups):
            return frozenset()
        found = [self._scope(order, deployment).usernames or frozenset() for deployment in deployments]
        return frozenset().union(*found)

    def _concerned(self, order: Order) -> list[str]:
        """Name the sources that may have something to say: none of DAGs, those of the groups, or all."""
        names = [source.name for source in self._fleet.now.world.sources]
        if order.dags and not (order.users or order.groups):
            return []
        if order.groups and not order.users:
            return [name for name in names if any(group.startswith(f"{name}:") for group in order.groups)]
        return names

    def _put(self, job: Job, deployments: Sequence[Deployment]) -> None:
        for deployment in deployments:
            try:
                scope = self._scope(job.order, deployment)
            except SyncdError as error:
                self._jobs.add(job.id, DeploymentResult(deployment.name, error.exit_code, str(error)))
                continue
            mode = PlanOnly() if job.order.dry_run else Apply()
            item = WorkItem(scope, "reconcile", Urgency.ORDER, mode=mode, job=job.id)
            self._queue.put(deployment.name, item)

    def _poll(self, name: str) -> None:
        try:
            self._polls.poll(name, now=True)
        except SyncdError as error:
            self._emit("poll_failed", source=name, error=str(error))

    def _scope(self, order: Order, deployment: Deployment) -> Scope:
        return scope_of(
            order,
            users=lambda: (
                frozenset(key(user) for user in order.users)
                | self._cache.names(self._cache.found(order.users, deployment), deployment)
            ),
            members=lambda: self._cache.names(self._members(order.groups), deployment),
        )

    def _members(self, groups: frozenset[str]) -> frozenset[PersonKey]:
        nobody: frozenset[PersonKey] = frozenset()
        return nobody.union(*(self._cache.members(group) or nobody for group in groups))
