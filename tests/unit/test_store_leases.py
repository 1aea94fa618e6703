"""One writer per deployment: among threads, processes and hosts; and what becomes of a writer that is late or dead."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from store_samples import NOW, at

from syncd.errors import DeploymentBusy
from syncd.store import Store
from syncd.store.leases import RENEW, TTL


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Any:
    with closing(Store(database_url, clock=clock)) as opened:
        yield opened


def test_a_second_taker_is_told_who_has_it(store: Store) -> None:
    with store.lease("prod"), pytest.raises(DeploymentBusy) as caught, store.lease("prod"):
        pass
    assert f"process {os.getpid()} on " in str(caught.value)
    assert "since 2026-03-01 12:00:00 UTC" in str(caught.value)


def test_a_lease_is_free_again_after_its_context(store: Store) -> None:
    for _ in range(2):
        with store.lease("prod") as lease:
            lease.check()


def test_a_lease_is_free_again_after_an_error_in_its_context(store: Store) -> None:
    with pytest.raises(KeyError), store.lease("prod"):
        raise KeyError
    with store.lease("prod") as lease:
        lease.check()


def test_deployments_do_not_share_a_lease(store: Store) -> None:
    with store.lease("prod") as prod, store.lease("test") as test:
        prod.check()
        test.check()


def test_a_renewed_lease_lasts(store: Store, clock: Clock) -> None:
    with store.lease("prod") as lease:
        for _ in range(6):
            clock.advance(RENEW)
            lease.check()
        with pytest.raises(DeploymentBusy), store.lease("prod"):
            pass


def test_a_check_renews_only_when_a_third_has_passed(store: Store, clock: Clock) -> None:
    second = timedelta(seconds=1)
    with store.lease("prod") as lease:
        clock.advance(RENEW)
        lease.check()  # renews: it now runs out at RENEW + TTL
        clock.advance(RENEW - second)
        lease.check()  # does not
        clock.advance(TTL - RENEW)
        with pytest.raises(DeploymentBusy), store.lease("prod"):
            pass
        clock.advance(second)
        with store.lease("prod") as later:
            later.check()


def test_a_lease_runs_out_at_its_time_and_not_before(store: Store, clock: Clock) -> None:
    with store.lease("prod"):
        clock.advance(TTL - timedelta(seconds=1))
        with pytest.raises(DeploymentBusy), store.lease("prod"):
            pass
        clock.advance(timedelta(seconds=1))
        with store.lease("prod") as second:
            second.check()


def test_a_holder_that_is_late_notices_it_and_leaves_the_new_one_alone(store: Store, clock: Clock) -> None:
    with store.lease("prod") as late:
        clock.advance(TTL)
        with store.lease("prod") as new:
            with pytest.raises(DeploymentBusy, match="lost to another syncd"):
                late.check()
            new.check()


def test_the_end_of_a_late_holder_does_not_free_the_lease_of_the_new_one(store: Store, clock: Clock) -> None:
    late = store.lease("prod")
    late.__enter__()
    clock.advance(TTL)
    with store.lease("prod") as new:
        late.__exit__(None, None, None)
        new.check()
        with pytest.raises(DeploymentBusy), store.lease("prod"):
            pass


def test_a_late_holder_that_nobody_replaced_goes_on(store: Store, clock: Clock) -> None:
    with store.lease("prod") as lease:
        clock.advance(10 * TTL)
        lease.check()
        with pytest.raises(DeploymentBusy), store.lease("prod"):
            pass


def test_of_many_threads_one_gets_it(store: Store) -> None:
    start, end = Barrier(8), Barrier(8)

    def take() -> bool:
        start.wait()
        try:
            with store.lease("prod"):
                end.wait()
                return True
        except DeploymentBusy:
            end.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(take) for _ in range(8)]
    assert [False] * 7 + [True] == sorted(t.result() for t in taken)


def _try(url: str, start: Any, end: Any, taken: Any) -> None:
    with closing(Store(url)) as store:
        start.wait()
        try:
            with store.lease("prod"):
                taken.put(True)
                end.wait()
        except DeploymentBusy:
            taken.put(False)
            end.wait()


def test_of_several_processes_one_gets_it(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start, end, taken = context.Barrier(3), context.Barrier(3), context.Queue()
    processes = [context.Process(target=_try, args=(database_url, start, end, taken)) for _ in range(3)]
    for process in processes:
        process.start()
    answers = [taken.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert [False, False, True] == sorted(answers)


HOLD = """
import sys
from datetime import datetime, UTC
from syncd.store import Store
with Store(sys.argv[1], clock=lambda: datetime.fromisoformat(sys.argv[2])).lease("prod"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(url: str, clock: Callable[[], datetime]) -> subprocess.Popen[str]:
    """Start a process that has the lease until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, url, clock().isoformat()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "held\n" == process.stdout.readline()
    return process


def test_the_lease_of_a_killed_process_of_this_host_is_taken_at_once(
    database_url: str, store: Store, clock: Clock
) -> None:
    with holding(database_url, clock) as process:
        with pytest.raises(DeploymentBusy, match=f"process {process.pid} "), store.lease("prod"):
            pass
        process.kill()  # not waited for: a process that is dead and not yet collected holds nothing either
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with store.lease("prod") as lease:
            lease.check()


def test_a_stopped_process_keeps_its_lease_until_it_runs_out(database_url: str, store: Store, clock: Clock) -> None:
    with holding(database_url, clock) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(DeploymentBusy), store.lease("prod"):
                pass
            clock.advance(TTL)
            with store.lease("prod") as lease:
                lease.check()
        finally:
            process.send_signal(signal.SIGCONT)


def test_times_of_a_lease_are_those_of_the_clock(store: Store, clock: Clock) -> None:
    clock.advance(timedelta(minutes=5))
    with store.lease("prod"), pytest.raises(DeploymentBusy, match=f"{at(5):%H:%M:%S}"), store.lease("prod"):
        pass
