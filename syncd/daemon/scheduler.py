"""When things are done: APScheduler, made safe against work that takes too long and clocks that jump.

A run that was missed is made up for once, however many were missed; a run that is still going on is not begun again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

Do = Callable[[], None]

logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what a job runs into, the job itself says


class Scheduler:
    """The clock of the daemon. `failed` hears of what a job did not catch itself."""

    def __init__(
        self, *, threads: int, clock: Callable[[], datetime], failed: Callable[[str, Exception], None]
    ) -> None:
        self._clock = clock
        self._failed = failed
        self._jobs = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(threads)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        self._jobs.start()

    def stop(self) -> None:
        """Begin nothing more; what is going on is not waited for."""
        if self._jobs.running:
            self._jobs.remove_all_jobs()  # else its thread may begin one while it is shut down, and fail over that
            self._jobs.shutdown(wait=False)

    @property
    def is_running(self) -> bool:
        return bool(self._jobs.running)

    def every(
        self, name: str, interval: timedelta, do: Do, *, first: timedelta = timedelta(0), jitter: float = 0
    ) -> None:
        """Do something again and again; `jitter` is the part of the interval by which each run may be early or late."""
        seconds = interval.total_seconds()
        trigger = IntervalTrigger(seconds=seconds, jitter=seconds * jitter or None, timezone=UTC)
        self._add(name, do, trigger, next_run_time=self._clock() + first)

    def at(self, name: str, when: datetime, do: Do) -> None:
        """Do something once at a time, at once where that is over."""
        self._add(name, do, DateTrigger(when, timezone=UTC))

    def later(self, name: str, delay: timedelta, do: Do) -> None:
        """Do something once after a while; a second call under the same name moves it."""
        self.at(name, self._clock() + delay, do)

    def drop(self, name: str) -> None:
        """Do something no more."""
        try:
            self._jobs.remove_job(name)
        except JobLookupError:
            return

    def names(self) -> frozenset[str]:
        return frozenset(job.id for job in self._jobs.get_jobs())

    def interval(self, name: str) -> timedelta | None:
        """Say how often something is done; None where it is not, or only once."""
        job = self._jobs.get_job(name)
        return job.trigger.interval if job is not None and isinstance(job.trigger, IntervalTrigger) else None

    def wake(self) -> None:
        """After a jump of the clock, do everything that comes again and again soon: its times are on the old clock."""
        for job in self._jobs.get_jobs():
            if isinstance(job.trigger, IntervalTrigger):
                job.modify(next_run_time=self._clock())

    def _add(self, name: str, do: Do, trigger: object, **more: object) -> None:
        self._jobs.add_job(self._guarded(name, do), trigger, id=name, replace_existing=True, **more)

    def _guarded(self, name: str, do: Do) -> Do:
        def run() -> None:
            try:
                do()
            except Exception as error:  # noqa: BLE001 - the clock outlives what it starts; told to the daemon whole
                self._failed(name, error)

        return run
