"""How a change ended is on the disk before anything is done, or read, that could depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_rows import calls_of
from store_samples import NOW, at, created, moved, planned

from syncd.errors import DeploymentBusy, StoreError
from syncd.model import EVERYTHING, Change, Outcome, Status
from syncd.store import Stores
from syncd.store.entries import DatabaseEntries, DatabaseEntry

CHANGES = 6
THREADS = 8
_numbers = count()


@dataclass
class Story:
    """Some passes on one database, and what of their outcomes nobody has committed yet."""

    store: Stores
    left: dict[str, Change] = field(default_factory=dict)
    is_away: bool = False

    def committed(self, work: Callable[[], object]) -> bool:
        """Do what commits, and so brings everything that is left to the disk, if the database is there."""
        if self.is_away:
            with pytest.raises(StoreError, match="no server"):
                work()
            return False
        work()
        self.left.clear()
        return True


@dataclass
class Writer:
    """A pass that makes its changes one after the other."""

    story: Story
    name: str
    changes: list[Change]
    entries: DatabaseEntries
    entry: DatabaseEntry | None = None
    making: Change | None = None
    ended: list[Change] = field(default_factory=list)

    def next(self) -> None:
        if self.making is None and self.changes:
            change = self.changes.pop()
            self.entry = self.entries.begin(change, now=NOW)
            if self.story.committed(lambda: self._call("PATCH")):
                self.making = change

    def call(self) -> None:
        if self.making:
            self.story.committed(lambda: self._call("GET"))

    def _call(self, call: str) -> None:
        assert self.entry
        self.entry.after(self.entry.before(call), "200")

    def end(self) -> None:
        if self.making and self.entry:
            self.entry.conclude(Outcome(self.making, Status.APPLIED), now=at(1))
            self.story.left[self.name] = self.making
            self.ended.append(self.making)
            self.making = None

    def flush(self) -> None:
        if self.name in self.story.left:
            self.story.committed(self.entries.flush)
        else:
            self.entries.flush()

    def look(self) -> None:
        """Find what is open: what is being made, and what ended since the last commit; all else has its end."""
        store, left = self.story.store, self.story.left.get(self.name)
        is_open = {change for change in (self.making, left) if change}
        assert is_open == {found.change for found in store.ledger.unsettled(self.name)}
        known = store.queries.audit(deployment=self.name, status="applied")
        assert {change for change in self.ended if change != left} == {row.change for row in known}
        for row in known:
            assert all(answer == "200" for _, answer in calls_of(store, row.id))


def writer(story: Story) -> Writer:
    name = f"d{next(_numbers)}"
    changes = [moved(f"p{n}", {"Op"}, {"Op", "Viewer"}) for n in range(CHANGES)]
    with story.store.ledger.entries(planned(story.store, *changes, deployment=name)) as entries:
        return Writer(story, name, changes, entries)


@contextmanager
def sometimes_away(store: Stores, is_away: Callable[[], bool], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a database be away while something says so."""
    write = store.database.write

    @contextmanager
    def perhaps() -> Iterator[object]:
        if is_away():
            raise StoreError("no server answers there")
        with write() as connection:
            yield connection

    with monkeypatch.context() as patched:
        patched.setattr(store.database._group, "_write", perhaps)
        yield


MOVES = st.tuples(st.integers(0, 2), st.sampled_from(["next", "call", "end", "end", "flush", "other", "away"]))


@given(moves=st.lists(MOVES, min_size=5, max_size=40))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_committed_brings_every_outcome_before_it(
    store: Stores, monkeypatch: pytest.MonkeyPatch, moves: list[tuple[int, str]]
) -> None:
    """Whoever does what in which order: what ended is open only until anybody commits anything."""
    story = Story(store)
    writers = [writer(story) for _ in range(3)]
    with sometimes_away(store, lambda: story.is_away, monkeypatch):
        for number, move in moves:
            if move == "away":
                story.is_away = not story.is_away
            elif move == "other":
                story.committed(lambda: store.ledger.start_run("plan", scope=EVERYTHING, now=NOW))
            else:
                getattr(writers[number], move)()
            for each in writers:
                each.look()


def people(thread: int, number: int = 40) -> list[Change]:
    return [created(f"user{thread}x{n}", "Viewer") for n in range(number)]


def make(store: Stores, thread: int) -> None:
    """Make the changes of a plan; before each call, find that all before it have ended."""
    name, changes = f"d{thread}", people(thread)
    with store.ledger.entries(planned(store, *changes, deployment=name)) as entries:
        for number, change in enumerate(changes):
            entry = entries.begin(change, now=NOW)
            entry.after(entry.before("POST"), "200")
            ended = store.queries.audit(deployment=name, status="applied", limit=1000)
            assert set(changes[:number]) == {row.change for row in ended}
            entry.conclude(Outcome(change, Status.APPLIED), now=NOW)
    assert () == store.ledger.unsettled(name)


def test_threads_at_once_find_their_own_outcomes_before_each_call_and_at_the_end(store: Stores) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for made in [pool.submit(make, store, thread) for thread in range(THREADS)]:
            made.result(60)


def test_an_outcome_that_another_process_found_first_is_told_before_the_next_call(
    store: Stores, database_url: str
) -> None:
    first, second = changes = people(0, 2)
    told = pytest.raises(DeploymentBusy, match="settled by another process")
    with closing(Stores.open(database_url)) as other, told, store.ledger.entries(planned(store, *changes)) as entries:
        entry = entries.begin(first, now=NOW)
        entry.before("POST")
        entry.conclude(Outcome(first, Status.APPLIED), now=NOW)
        other.ledger.settle(entry.id or 0, Status.FAILED, "", now=at(1))
        with pytest.raises(DeploymentBusy, match="settled by another process"):
            entries.begin(second, now=NOW).before("POST")
        assert [second] == [row.change for row in store.queries.audit(status="planned")]


def test_letting_go_of_a_lease_takes_the_outcome_along(store: Stores) -> None:
    [change] = people(0, 1)
    with store.leases.take("prod") as lease, store.ledger.entries(planned(store, change), lease=lease) as entries:
        entry = entries.begin(change, now=NOW)
        entry.before("POST")
        entry.conclude(Outcome(change, Status.APPLIED), now=NOW)
        store.leases.release_all()
        assert () == store.ledger.unsettled("prod")


def test_a_lease_that_is_renewed_takes_the_outcome_along(store: Stores) -> None:
    [change] = people(0, 1)
    with store.leases.take("prod") as lease, store.ledger.entries(planned(store, change), lease=lease) as entries:
        entry = entries.begin(change, now=NOW)
        entry.before("POST")
        entry.conclude(Outcome(change, Status.APPLIED), now=NOW)
        assert [change] == [left.change for left in store.ledger.unsettled("prod")]
        store.leases.renew()
        assert () == store.ledger.unsettled("prod")


def test_an_error_that_ends_a_pass_leaves_no_outcome_behind(store: Stores) -> None:
    [change] = people(0, 1)
    plan = planned(store, change)

    def fails() -> None:
        with store.ledger.entries(plan) as entries:
            entry = entries.begin(change, now=NOW)
            entry.before("POST")
            entry.conclude(Outcome(change, Status.APPLIED), now=NOW)
            raise DeploymentBusy("another writer has it still")

    with pytest.raises(DeploymentBusy, match="another writer"):
        fails()
    assert () == store.ledger.unsettled("prod")
