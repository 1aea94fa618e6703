"""Group commit: few transactions, nobody's failure but one's own, and nothing said to be written that is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection
from store_samples import NOW
from waiting import until

from syncd.errors import DeploymentBusy, StoreError
from syncd.model import EVERYTHING
from syncd.store import Stores, commits, migrate
from syncd.store.commits import GroupCommit
from syncd.store.engine import Database

THREADS = 8


class Counted:
    """A database whose transactions are counted, and that can be taken away."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.transactions = 0
        self.broken: str | None = None
        self.group = GroupCommit(self.write)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.transactions += 1
        if self.broken:
            raise StoreError(self.broken)
        with self.database.write() as connection:
            yield connection

    def note(self, name: str) -> str:
        return self.group.run(lambda connection: _note(connection, name))

    def noted(self) -> list[str]:
        with self.database.read() as connection:
            return sorted(connection.exec_driver_sql("SELECT deployment FROM capabilities").scalars())


def _note(connection: Connection, name: str) -> str:
    connection.exec_driver_sql(f"INSERT INTO capabilities VALUES ('{name}', '{{}}', '2026-01-01')")
    if name.startswith("bad"):
        raise DeploymentBusy(name)
    return name.upper()


@pytest.fixture
def counted(database_url: str) -> Iterator[Counted]:
    migrate(database_url)
    counted = Counted(database_url)
    with closing(counted.database):
        yield counted


@contextmanager
def busy(counted: Counted, pool: ThreadPoolExecutor) -> Iterator[None]:
    """Keep the turn until everybody else stands in line."""
    inside, go = Event(), Event()

    def wait(_: Connection) -> None:
        inside.set()
        go.wait(60)

    first = pool.submit(counted.group.run, wait)
    inside.wait(60)
    yield
    until("everybody stands in line", lambda: THREADS <= len(counted.group._line))
    go.set()
    first.result(60)


def all_at_once(counted: Counted, names: list[str]) -> list[Future[str]]:
    with ThreadPoolExecutor(THREADS + 1) as pool, busy(counted, pool):
        return [pool.submit(counted.note, name) for name in names]


def test_what_stands_in_line_becomes_one_transaction(counted: Counted) -> None:
    names = [f"d{n}" for n in range(THREADS)]
    results = all_at_once(counted, names)
    assert [name.upper() for name in names] == [r.result() for r in results]
    assert (2, names) == (counted.transactions, counted.noted())


def test_work_that_fails_fails_alone(counted: Counted) -> None:
    names = [f"bad{n}" if n in {2, 5} else f"d{n}" for n in range(THREADS)]
    results = all_at_once(counted, names)
    for name, result in zip(names, results, strict=True):
        if name.startswith("bad"):
            assert name == str(result.exception())
            assert isinstance(result.exception(), DeploymentBusy)
        else:
            assert name.upper() == result.result()
    assert [name for name in names if name.startswith("d")] == counted.noted()


def test_a_database_that_is_away_is_an_error_for_everybody_and_works_again_afterwards(counted: Counted) -> None:
    with ThreadPoolExecutor(THREADS + 1) as pool:
        with busy(counted, pool):
            results = [pool.submit(counted.note, f"d{n}") for n in range(THREADS)]
            counted.broken = "no server answers there"
        errors = [r.exception(10) for r in results]
    assert {"no server answers there"} == {str(e) for e in errors}
    assert THREADS == len({id(e) for e in errors}), "threads do not share an error"
    assert 2 == counted.transactions, "one try for all"
    counted.broken = None
    assert "D" == counted.note("d")


def test_an_interrupt_leaves_nobody_waiting_and_nobody_believing(counted: Counted) -> None:
    def interrupted(_: Connection) -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(THREADS + 1) as pool:
        with busy(counted, pool):
            pool.submit(counted.group.run, interrupted)
            results = [pool.submit(counted.note, f"d{n}") for n in range(THREADS - 1)]
        ends = [r.exception(10) for r in results]
    done = [name for name, end in zip([f"d{n}" for n in range(THREADS - 1)], ends, strict=True) if end is None]
    assert done == counted.noted()
    assert "LATER" == counted.note("later")


def test_who_is_interrupted_when_the_turn_comes_lets_the_next_have_it(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest, interrupted = commits._Ticket.sleep, list[commits._Ticket]()

    def sleep_badly(ticket: commits._Ticket) -> None:
        rest(ticket)
        if not ticket.done and not interrupted:
            interrupted.append(ticket)
            raise KeyboardInterrupt

    monkeypatch.setattr(commits._Ticket, "sleep", sleep_badly)
    ends = [result.exception(10) for result in all_at_once(counted, [f"d{n}" for n in range(THREADS)])]
    assert 1 == [type(end) for end in ends].count(KeyboardInterrupt) == len(interrupted)
    assert [f"d{n}" for n, end in enumerate(ends) if end is None] == counted.noted()
    assert THREADS - 1 == len(counted.noted())


def test_a_single_thread_gets_its_own_error(counted: Counted) -> None:
    with pytest.raises(DeploymentBusy, match="bad"):
        counted.note("bad")
    assert [] == counted.noted()


def test_what_can_wait_is_done_ahead_of_what_is_asked_for_next(counted: Counted) -> None:
    waiting = counted.group.later(lambda connection: _note(connection, "first"))
    assert (0, []) == (counted.transactions, counted.noted())
    seen = counted.group.run(lambda c: list(c.exec_driver_sql("SELECT deployment FROM capabilities").scalars()))
    assert (1, ["first"]) == (counted.transactions, seen)
    waiting.flush()
    assert 1 == counted.transactions, "it was committed already"


def test_what_can_wait_is_committed_by_a_flush_if_nobody_came(counted: Counted) -> None:
    waiting = counted.group.later(lambda connection: _note(connection, "first"))
    waiting.check()
    waiting.flush()
    assert (1, ["first"]) == (counted.transactions, counted.noted())


def test_what_can_wait_and_fails_is_told_to_whom_it_belongs_before_anything_of_theirs_is_done(counted: Counted) -> None:
    waiting = counted.group.later(lambda connection: _note(connection, "bad"))

    def announce(connection: Connection) -> None:
        waiting.check()
        _note(connection, "next")

    others = all_at_once(counted, [f"d{n}" for n in range(THREADS)])
    assert [f"D{n}" for n in range(THREADS)] == [other.result() for other in others], "nobody else's failure"
    with pytest.raises(DeploymentBusy, match="bad"):
        counted.group.run(announce)
    with pytest.raises(DeploymentBusy, match="bad"):
        waiting.flush()
    assert [f"d{n}" for n in range(THREADS)] == counted.noted()


def test_it_is_told_so_in_the_very_transaction_that_was_to_commit_both(counted: Counted) -> None:
    waiting = counted.group.later(lambda connection: _note(connection, "bad"))

    def announce(connection: Connection) -> None:
        waiting.check()
        _note(connection, "next")

    with pytest.raises(DeploymentBusy, match="bad"):
        counted.group.run(announce)
    assert [] == counted.noted()


def test_what_can_wait_waits_for_a_database_that_is_away(counted: Counted) -> None:
    waiting = counted.group.later(lambda connection: _note(connection, "first"))
    counted.broken = "no server answers there"
    for ask in (waiting.flush, lambda: counted.note("mine")):
        with pytest.raises(StoreError, match="no server answers there"):
            ask()
    waiting.check()
    counted.broken = None
    assert "LATER" == counted.note("later")
    waiting.check()
    assert ["first", "later"] == counted.noted()


def test_what_can_wait_does_not_count_as_done_where_whoever_did_it_was_interrupted(counted: Counted) -> None:
    def interrupted(_: Connection) -> None:
        raise KeyboardInterrupt

    waiting = counted.group.later(lambda connection: _note(connection, "first"))
    with pytest.raises(KeyboardInterrupt):
        counted.group.run(interrupted)
    with pytest.raises(StoreError, match="interrupted"):
        waiting.flush()
    assert "LATER" == counted.note("later")
    assert ["later"] == counted.noted()


WRITERS = """
import os, sys, threading
sys.path.insert(0, sys.argv[2])
from store_samples import NOW, created, planned
from syncd.model import Outcome, Status
from syncd.store import Stores

store = Stores.open(sys.argv[1])

def one(thread):
    people = [created(f"user{thread}x{n}", "Viewer") for n in range(300)]
    plan = planned(store, *people, deployment=f"d{thread}")
    with store.ledger.entries(plan) as entries:
        before = None
        for change in people:
            entry = entries.begin(change, now=NOW)
            step = entry.before("POST")
            os.write(1, f"called {change.name}\\n{before and f'ended {before}'}\\n".encode())
            entry.after(step, "200")
            entry.conclude(Outcome(change, Status.APPLIED), now=NOW)
            before = change.name
    os.write(1, f"ended {before}\\n".encode())

for thread in range(8):
    threading.Thread(target=one, args=(thread,)).start()
"""


@pytest.mark.parametrize("lines", [1, 40, 333])
def test_whatever_is_killed_no_call_leaves_before_its_intent_and_the_end_of_the_one_before_are_on_the_disk(
    tmp_path: Path, lines: int
) -> None:
    url = f"sqlite:///{tmp_path}/syncd.db"
    Stores.open(url).close()
    command = [sys.executable, "-c", WRITERS, url, str(Path(__file__).parents[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.readlines()
    told = {
        verb: {line.split()[1].decode() for line in said if line.startswith(verb)} for verb in (b"called", b"ended")
    }
    with closing(Stores.open(url)) as store:
        ended = {row.change.name for row in store.queries.audit(status="applied", limit=20_000)}
        begun = {row.change.name for row in store.queries.audit(status="intent", limit=20_000)}
        owned = {name for n in range(8) for name in store.holdings.owned(f"d{n}").users}
        assert told[b"ended"] <= ended
        assert told[b"called"] <= ended | begun
        assert ended | begun == owned
        assert store.ledger.start_run("plan", scope=EVERYTHING, now=NOW)
