"""What people asked for, and what came of it: kept until an hour after its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from syncd.control import DeploymentResult, Job, JobState, NotKnown, Order, unknown_dags

KEPT = timedelta(hours=1)
MOST = 1000
"""Jobs that are kept at all; the oldest ended one goes first."""
LARGEST = 4 * 2**20
"""Characters of one result, as JSON; a larger one is cut."""
MOST_IN_ALL = 32 * 2**20
"""Characters of all results; beyond, those of the oldest jobs are cut."""
SAMPLE = 100
"""So many entries of each list of a plan are left where it is cut."""


def cut(result: DeploymentResult) -> DeploymentResult:
    """Leave the beginning of each list of a plan, with how much was left out, and where all of it is."""
    left_out: dict[str, int] = {}
    plan = {name: _cut(value, name, left_out) for name, value in result.plan.items()}
    if not left_out:
        return result
    where = f"GET /api/v1/changes?run={result.run} (after a dry run with &status=planned)"
    return replace(result, plan={**plan, "left_out": {**left_out, "see": where}})


def _cut(value: object, name: str, left_out: dict[str, int]) -> object:
    match value:
        case list() if len(value) > SAMPLE:
            left_out[name] = len(value) - SAMPLE
            return value[:SAMPLE]
        case dict():
            return {key: _cut(inner, f"{name}.{key}", left_out) for key, inner in value.items()}
        case _:
            return value


def _size(result: DeploymentResult) -> int:
    return len(json.dumps(result.plan, default=str))


@dataclass(slots=True)
class Jobs:
    """Every job there is. Any thread may call."""

    clock: Callable[[], datetime]
    _lock: Lock = field(default_factory=Lock)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _jobs: dict[int, Job] = field(default_factory=dict)
    _sizes: dict[int, int] = field(default_factory=dict)
    """Of the results of each job, in characters of JSON."""

    def open(self, order: Order, deployments: tuple[str, ...]) -> Job:
        """Note what was asked for."""
        with self._lock:
            self._forget()
            now = self.clock()
            ended = None if deployments else now
            state = JobState.WAITING if deployments else JobState.DONE
            job = Job(next(self._numbers), state, order, deployments, now, ended)
            self._jobs[job.id] = job
            return job

    def drop(self, id_: int) -> None:
        """Forget a job that was not taken on."""
        with self._lock:
            self._jobs.pop(id_, None)
            self._sizes.pop(id_, None)

    def begun(self, id_: int) -> None:
        with self._lock:
            if id_ in self._jobs:
                self._jobs[id_] = replace(self._jobs[id_], state=JobState.RUNNING)

    def note(self, id_: int, strangers: tuple[str, ...]) -> None:
        """Note which names of the order nobody has."""
        with self._lock:
            if id_ in self._jobs:
                self._jobs[id_] = replace(self._jobs[id_], strangers=strangers)

    def add(self, id_: int, result: DeploymentResult) -> None:
        """Note how a job ended on one deployment."""
        size = _size(result)
        if size > LARGEST:
            result = cut(result)
            size = _size(result)
        with self._lock:
            job = self._jobs.get(id_)
            if job is None or any(r.deployment == result.deployment for r in job.results):
                return
            results = tuple(sorted((*job.results, result), key=lambda r: r.deployment))
            done = {r.deployment for r in results} >= set(job.deployments)
            nobody_knows = unknown_dags(job.order.dags, results) if done else ()
            self._jobs[id_] = replace(
                job,
                strangers=job.strangers + nobody_knows,
                results=results,
                state=JobState.DONE if done else JobState.RUNNING,
                ended_at=self.clock() if done else None,
            )
            self._sizes[id_] = self._sizes.get(id_, 0) + size
            self._make_room(id_)

    def get(self, id_: int) -> Job:
        with self._lock:
            job = self._jobs.get(id_)
        if job is None:
            raise NotKnown(f"there is no job {id_}: jobs are kept for an hour after their end, and not over a restart")
        return job

    def _make_room(self, newest: int) -> None:
        """Cut what the oldest jobs keep until all fits; the newest is read just now."""
        for id_ in sorted(self._sizes.keys() - {newest}):
            if sum(self._sizes.values()) <= MOST_IN_ALL:
                return
            job = self._jobs[id_]
            self._jobs[id_] = replace(job, results=tuple(cut(result) for result in job.results))
            self._sizes[id_] = sum(_size(result) for result in self._jobs[id_].results)

    def _forget(self) -> None:
        old = self.clock() - KEPT
        ended = [job for job in self._jobs.values() if job.ended_at is not None]
        gone = [job.id for job in ended if job.ended_at is not None and job.ended_at < old]
        gone += [job.id for job in sorted(ended, key=lambda j: j.id)[: max(0, len(self._jobs) - MOST)]]
        for id_ in gone:
            self._jobs.pop(id_, None)
            self._sizes.pop(id_, None)
