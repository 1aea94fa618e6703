"""The daemon at one glance, put together from its parts."""

from __future__ import annotations

from dataclasses import replace

from syncd.control import DeploymentHealth, DeploymentState, SourceState
from syncd.daemon.common import Shared
from syncd.daemon.directory_cache import DirectoryCache
from syncd.daemon.ends import Record
from syncd.daemon.followup import QUARANTINE_AFTER
from syncd.daemon.loaded import Loaded
from syncd.daemon.records import Records
from syncd.daemon.runtime import Runtime
from syncd.daemon.work_queue import DeploymentQueue, next_try_at
from syncd.model import Pause
from syncd.plan.pauses import stopping
from syncd.plan.waves import WaveStanding, WaveState
from syncd.ports import Readings, Rollouts
from syncd.reconcile import Target
from syncd.render.rollout import where


def sources(loaded: Loaded, cache: DirectoryCache, readings: Readings | None) -> tuple[SourceState, ...]:
    """Say how each source stands; `readings` is None while the database is away."""
    return tuple(_source(s.name, cache, readings) for s in loaded.world.sources)


def _source(name: str, cache: DirectoryCache, readings: Readings | None) -> SourceState:
    kept = readings.health(name) if readings else None
    known = cache.reading(name)
    said = (known.fresh or known.earlier) if known else None
    return SourceState(
        name,
        read_at=kept.read_at if kept else None,
        full_at=kept.full_at if kept else None,
        failed_at=kept.failed_at if kept else None,
        failure=(kept.failure or "") if kept else "",
        people=len(said.identities) if said else 0,
        groups=len(said.groups) if said else 0,
        uncertified=tuple(doubt.called for doubt in kept.doubts) if kept else (),
    )


def rollout(loaded: Loaded, rollouts: Rollouts) -> WaveStanding | None:
    """Say how a change of the mapping stands; None: there are no waves."""
    revisions = loaded.world.revisions
    return revisions.standing(rollouts.record()) if revisions is not None else None


def deployments(
    loaded: Loaded,
    shared: Shared,
    records: Records,
    runtime: Runtime,
    *,
    pauses: tuple[Pause, ...] = (),
    waves: WaveStanding | None = None,
) -> tuple[DeploymentState, ...]:
    """Say how each deployment stands."""
    return tuple(
        _in_rollout(_deployment(target, shared, records.of(target.deployment.name), runtime, pauses=pauses), waves)
        for target in loaded.world.targets
    )


def _in_rollout(state: DeploymentState, standing: WaveStanding | None) -> DeploymentState:
    one = standing.of.get(state.name) if standing is not None else None
    if standing is None or one is None:
        return state
    waits, halts = one.state is WaveState.WAITING, one in standing.halted
    return replace(state, rollout=where(standing, one), rollout_waits=waits, rollout_halts=halts)


def _deployment(
    target: Target, shared: Shared, record: Record, runtime: Runtime, *, pauses: tuple[Pause, ...]
) -> DeploymentState:
    name, pause = target.deployment.name, stopping(pauses, target.deployment) if target.enforce else None
    queue, throttle = shared.queue.look(name), shared.fleet.throttle(name)
    return DeploymentState(
        name,
        _standing(queue, is_ours=shared.assignment.is_ours(name)),
        target.enforce,
        swept_at=record.swept_at,
        next_try_at=next_try_at(queue, runtime.clock(), runtime.monotonic()),
        failures=queue.failures,
        error=record.error,
        held=record.held,
        hold=record.hold,
        pause=str(pause) if pause else "",
        paused_changes=record.paused if pause else 0,
        paused_people=record.paused_people if pause else 0,
        waiting_changes=record.waiting,
        waiting=bool(queue.waiting),
        running=bool(queue.running),
        calls=record.calls,
        calls_per_s=round(throttle.rate, 3) if throttle else 0.0,
        latency_s=round(throttle.latency_s, 4) if throttle and throttle.latency_s is not None else 0.0,
        notes=record.notes,
    )


def _standing(queue: DeploymentQueue, *, is_ours: bool) -> DeploymentHealth:
    if not is_ours:
        return DeploymentHealth.ELSEWHERE
    if not queue.failures:
        return DeploymentHealth.OK
    return DeploymentHealth.QUARANTINED if queue.failures >= QUARANTINE_AFTER else DeploymentHealth.RETRYING
