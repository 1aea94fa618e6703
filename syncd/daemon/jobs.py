"""What people asked for, and what came of it: kept until an hour after its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from syncd.control import DeploymentResult, Job, JobState, NotKnown, Order

KEPT = timedelta(hours=1)
MOST = 1000
"""Jobs that are kept at all; the oldest ended one goes first."""


@dataclass(slots=True)
class Jobs:
    """Every job there is. Any thread may call."""

    clock: Callable[[], datetime]
    _lock: Lock = field(default_factory=Lock)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _jobs: dict[int, Job] = field(default_factory=dict)

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

    def begun(self, id_: int) -> None:
        with self._lock:
            if id_ in self._jobs:
                self._jobs[id_] = replace(self._jobs[id_], state=JobState.RUNNING)

    def add(self, id_: int, result: DeploymentResult) -> None:
        """Note how a job ended on one deployment."""
        with self._lock:
            job = self._jobs.get(id_)
            if job is None or any(r.deployment == result.deployment for r in job.results):
                return
            results = tuple(sorted((*job.results, result), key=lambda r: r.deployment))
            done = {r.deployment for r in results} >= set(job.deployments)
            self._jobs[id_] = replace(
                job,
                results=results,
                state=JobState.DONE if done else JobState.RUNNING,
                ended_at=self.clock() if done else None,
            )

    def get(self, id_: int) -> Job:
        with self._lock:
            job = self._jobs.get(id_)
        if job is None:
            raise NotKnown(f"there is no job {id_}: jobs are kept for an hour after their end, and not over a restart")
        return job

    def _forget(self) -> None:
        old = self.clock() - KEPT
        ended = [job for job in self._jobs.values() if job.ended_at is not None]
        gone = [job.id for job in ended if job.ended_at is not None and job.ended_at < old]
        gone += [job.id for job in sorted(ended, key=lambda j: j.id)[: max(0, len(self._jobs) - MOST)]]
        for id_ in gone:
            self._jobs.pop(id_, None)
