"""One writer per deployment: among threads, processes and hosts; and what becomes of a writer that is late or dead."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from journal_rows import calls_of
from sqlalchemy import select
from store_samples import NOW, at, created, opened, planned
from waiting import until

from syncd.errors import DeploymentBusy
from syncd.model import Outcome, Status
from syncd.store import Stores, leases, migrate, schema
from syncd.store.engine import Database
from syncd.store.leases import RENEW, TTL, WANTED, DatabaseLeases


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
    with closing(Stores.open(database_url, clock=clock)) as opened:
        yield opened


def test_a_second_taker_is_told_who_has_it(store: Stores) -> None:
    with store.leases.take("prod"), pytest.raises(DeploymentBusy) as caught, store.leases.take("prod"):
        pass
    assert f"process {os.getpid()} on " in str(caught.value)
    assert "since 2026-03-01 12:00:00 UTC" in str(caught.value)


def test_a_lease_is_free_again_after_its_context(store: Stores) -> None:
    for _ in range(2):
        with store.leases.take("prod") as lease:
            lease.check()


def test_a_lease_is_free_again_after_an_error_in_its_context(store: Stores) -> None:
    with pytest.raises(KeyError), store.leases.take("prod"):
        raise KeyError
    with store.leases.take("prod") as lease:
        lease.check()


def test_deployments_do_not_share_a_lease(store: Stores) -> None:
    with store.leases.take("prod") as prod, store.leases.take("test") as test:
        prod.check()
        test.check()


def test_a_renewed_lease_lasts(store: Stores, clock: Clock) -> None:
    with store.leases.take("prod") as lease:
        for _ in range(6):
            clock.advance(RENEW)
            store.leases.renew()
        lease.check()
        with pytest.raises(DeploymentBusy), store.leases.take("prod"):
            pass


def test_a_lease_is_renewed_in_the_background_while_its_holder_waits(database_url: str, clock: Clock) -> None:
    migrate(database_url)
    with closing(Database(database_url, clock=clock)) as database:
        leases = DatabaseLeases(database, every=timedelta(milliseconds=1))
        with leases.take("prod") as first:
            clock.advance(TTL)
            until("it is renewed", lambda: ends(database) == {NOW + 2 * TTL})
            with leases.take("source okta") as second:
                clock.advance(TTL)
                until("it is renewed", lambda: ends(database) == {NOW + 3 * TTL})
                first.check()
                second.check()
            clock.advance(TTL)
            until("it is taken anew", lambda: NOW + 4 * TTL in ends(database))
        until("nobody renews any more", lambda: "leases" not in {thread.name for thread in threading.enumerate()})


def ends(database: Database) -> set[datetime]:
    with database.read() as connection:
        return set(connection.execute(select(schema.leases.c.expires_at)).scalars())


def test_what_is_written_under_a_lease_renews_it_where_that_is_late(store: Stores, clock: Clock) -> None:
    people = [created(name) for name in ("anna", "bob")]
    plan = planned(store, *people)
    with store.leases.take("prod") as lease:
        entries = [opened(store, plan, change, lease=lease) for change in people]
        clock.advance(TTL / 2 - timedelta(seconds=1))
        entries[0].before("POST")  # early enough
        assert {NOW + TTL} == ends(store.database)
        clock.advance(timedelta(seconds=1))
        entries[1].before("POST")
        assert {clock() + TTL} == ends(store.database)


def test_nothing_is_begun_or_called_under_a_lease_that_was_lost(store: Stores, clock: Clock) -> None:
    people = [created(name) for name in ("anna", "bob")]
    plan = planned(store, *people)
    with store.leases.take("prod") as late:
        begun, not_begun = (opened(store, plan, change, lease=late) for change in people)
        begun.before("POST")
        clock.advance(TTL)
        with store.leases.take("prod"):
            for entry in (begun, not_begun):
                with pytest.raises(DeploymentBusy, match="lost to another syncd"):
                    entry.before("PATCH")
            with pytest.raises(DeploymentBusy):
                not_begun.conclude(Outcome(people[1], Status.APPLIED), now=NOW)
            begun.conclude(Outcome(people[0], Status.APPLIED), now=NOW)  # what was done is written down all the same
    assert {("anna", "applied")} == {(row.change.name, row.status) for row in store.queries.audit()}
    assert ["POST"] == [call for call, _ in calls_of(store, store.queries.audit()[0].id)]


def test_letting_go_of_all_leases_stops_who_works_under_them(store: Stores) -> None:
    store.leases.release_all()
    with store.leases.take("prod") as prod, store.leases.take("source okta") as okta:
        store.leases.release_all()
        for lease in (prod, okta):
            with pytest.raises(DeploymentBusy, match="let go of because this one stops"):
                lease.check()
        with store.leases.take("prod") as next_:
            next_.check()


def test_a_lease_runs_out_at_its_time_and_not_before(store: Stores, clock: Clock) -> None:
    with store.leases.take("prod"):
        clock.advance(TTL - timedelta(seconds=1))
        with pytest.raises(DeploymentBusy), store.leases.take("prod"):
            pass
        clock.advance(timedelta(seconds=1))
        with store.leases.take("prod") as second:
            second.check()


def test_a_holder_that_is_late_notices_it_and_leaves_the_new_one_alone(store: Stores, clock: Clock) -> None:
    with store.leases.take("prod") as late:
        clock.advance(TTL)
        with store.leases.take("prod") as new:
            with pytest.raises(DeploymentBusy, match="lost to another syncd"):
                late.check()
            new.check()


def test_the_end_of_a_late_holder_does_not_free_the_lease_of_the_new_one(store: Stores, clock: Clock) -> None:
    late = store.leases.take("prod")
    late.__enter__()
    clock.advance(TTL)
    with store.leases.take("prod") as new:
        late.__exit__(None, None, None)
        new.check()
        with pytest.raises(DeploymentBusy), store.leases.take("prod"):
            pass


def test_a_late_holder_that_nobody_replaced_goes_on(store: Stores, clock: Clock) -> None:
    with store.leases.take("prod") as lease:
        clock.advance(10 * TTL)
        lease.check()
        store.leases.renew()
        with pytest.raises(DeploymentBusy), store.leases.take("prod"):
            pass


def test_of_many_threads_one_gets_it(store: Stores) -> None:
    start, end = Barrier(8), Barrier(8)

    def take() -> bool:
        start.wait()
        try:
            with store.leases.take("prod"):
                end.wait()
                return True
        except DeploymentBusy:
            end.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(take) for _ in range(8)]
    assert [False] * 7 + [True] == sorted(t.result() for t in taken)


def _try(url: str, start: Any, end: Any, taken: Any) -> None:
    with closing(Stores.open(url)) as store:
        start.wait()
        try:
            with store.leases.take("prod"):
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
from syncd.store import Stores
with Stores.open(sys.argv[1], clock=lambda: datetime.fromisoformat(sys.argv[2])).leases.take("prod"):
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
    database_url: str, store: Stores, clock: Clock
) -> None:
    with holding(database_url, clock) as process:
        with pytest.raises(DeploymentBusy, match=f"process {process.pid} "), store.leases.take("prod"):
            pass
        process.kill()  # not waited for: a process that is dead and not yet collected holds nothing either
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with store.leases.take("prod") as lease:
            lease.check()


def test_a_stopped_process_keeps_its_lease_until_it_runs_out(database_url: str, store: Stores, clock: Clock) -> None:
    with holding(database_url, clock) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(DeploymentBusy), store.leases.take("prod"):
                pass
            clock.advance(TTL)
            with store.leases.take("prod") as lease:
                lease.check()
        finally:
            process.send_signal(signal.SIGCONT)


def test_times_of_a_lease_are_those_of_the_clock(store: Stores, clock: Clock) -> None:
    clock.advance(timedelta(minutes=5))
    with store.leases.take("prod"), pytest.raises(DeploymentBusy, match=f"{at(5):%H:%M:%S}"), store.leases.take("prod"):
        pass


# --- giving way -------------------------------------------------------------------------------------------------------


def never() -> bool:
    return False


def seen(store: Stores, lease: Any) -> None:
    """Announce a call, which looks at the lease."""
    person = created(f"p{next(_numbers)}")
    opened(store, planned(store, person), person, lease=lease).before("POST")


_numbers = itertools.count()


@pytest.mark.finding("X-F9")
def test_a_holder_gives_way_to_an_urgent_writer_and_goes_on_after_it(store: Stores) -> None:
    had: list[int] = []

    def other() -> None:
        def takes_it() -> bool:
            with suppress(DeploymentBusy), store.leases.take("prod", urgent=True) as theirs:
                had.append(theirs.fence)
            return bool(had)

        until("the other gives way", takes_it)

    with store.leases.take("prod") as lease:
        seen(store, lease)
        assert not lease.give_way(never), "nobody asked"
        with pytest.raises(DeploymentBusy), store.leases.take("prod", urgent=True):
            pass
        assert not lease.give_way(never), "it is seen with the next call"
        seen(store, lease)
        thread = threading.Thread(target=other)
        thread.start()
        assert lease.give_way(never)
        thread.join(60)
        assert [2] == had
        assert 3 == lease.fence
        seen(store, lease)
        assert not lease.give_way(never)


@pytest.mark.finding("X-F9")
def test_a_writer_that_may_wait_is_waited_for_by_nobody(store: Stores, clock: Clock) -> None:
    with store.leases.take("prod") as lease:
        with pytest.raises(DeploymentBusy), store.leases.take("prod"):
            pass
        seen(store, lease)
        assert not lease.give_way(never)
        with pytest.raises(DeploymentBusy), store.leases.take("prod", urgent=True):
            pass
        clock.advance(WANTED)
        seen(store, lease)
        assert not lease.give_way(never), "whoever asked has gone"


@pytest.mark.finding("X-F9")
def test_a_lease_that_was_given_away_for_nothing_comes_back(store: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "NOBODY_CAME_S", 0.2)
    with store.leases.take("prod") as lease:
        with pytest.raises(DeploymentBusy), store.leases.take("prod", urgent=True):
            pass
        seen(store, lease)
        assert lease.give_way(never)
        assert 2 == lease.fence


@pytest.mark.finding("X-F9")
def test_who_is_told_to_stop_waits_for_nobody(store: Stores) -> None:
    with store.leases.take("prod") as lease:
        with pytest.raises(DeploymentBusy), store.leases.take("prod", urgent=True):
            pass
        seen(store, lease)
        with pytest.raises(DeploymentBusy):
            lease.give_way(lambda: True)
