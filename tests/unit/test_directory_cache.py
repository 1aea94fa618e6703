"""What the daemon knows of people: from the first moment, while the database fails, and while others look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes import MemoryReadings
from mapping_world import NOW, group, person, snapshot

from syncd.daemon.common import Common, Shared
from syncd.daemon.delta import DirectoryDelta
from syncd.daemon.directory_cache import UNREAD, DirectoryCache
from syncd.daemon.polls import Polls
from syncd.daemon.runtime import Runtime
from syncd.daemon.words import Say
from syncd.directory.read_sources import Intake, gather
from syncd.errors import SourceUnavailable, StoreError
from syncd.mapping.parse import parse
from syncd.model import Joining, JoinKey, KnownPersons, Rules, Snapshot
from syncd.store import Stores

MAPPING = "bindings:\n" + "".join(
    f"  - {{group: {source}:team, roles: [{role}], deployments: all}}\n"
    for source, role in (("okta", "Op"), ("people", "User"))
)
RULES: Rules = parse({"m.yaml": MAPPING.encode()})
JOINING = Joining(precedence=("okta", "people"))


@dataclass
class Memory(MemoryReadings):
    """What is kept of sources, where a question fails, or calls, when a test says so."""

    on_names: list[Callable[[], None]] = field(default_factory=list)
    """What happens at the next questions for names, one each."""
    on_last: list[Callable[[], None]] = field(default_factory=list)

    def last_snapshot(self, source: str) -> Snapshot | None:
        if self.on_last:
            self.on_last.pop(0)()
        return super().last_snapshot(source)

    def group_names(self) -> Mapping[tuple[str, str], str]:
        if self.on_names:
            self.on_names.pop(0)()
        return super().group_names()


@dataclass
class Plain:
    """A source with one group, `team`."""

    name: str
    members: set[str]
    ids: str = "1"
    down: bool = False

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable("it does not answer")
        people = [person(m, source=self.name, login=f"{m}@{self.name}") for m in sorted(self.members)]
        team = group("team", *self.members, source=self.name, identifier=f"{self.name}-{self.ids}")
        return snapshot(people, team, source=self.name)


def away() -> None:
    raise StoreError("away for one question")


@dataclass
class Desk:
    """A cache with two sources, which nobody read yet."""

    memory: Memory = field(default_factory=Memory)
    okta: Plain = field(default_factory=lambda: Plain("okta", {"ann", "bob"}))
    people: Plain = field(default_factory=lambda: Plain("people", {"cid"}))
    cache: DirectoryCache = field(default_factory=lambda: DirectoryCache(["okta", "people"]))

    @property
    def intake(self) -> Intake:
        return Intake(self.memory, lambda: NOW, lambda *_, **__: None, joining=JOINING)

    def recall(self) -> None:
        self.cache.recall(RULES, self.intake)

    def poll(self, source: Plain) -> DirectoryDelta | None:
        return self.cache.poll(source, RULES, self.intake)

    def polls(self, source: Plain) -> None:
        self.poll(source)

    def unread(self) -> tuple[bool, bool]:
        """Say whether a source is unread, and whether what was saved is known."""
        return self.cache.is_unread, self.cache.is_recalled

    def known(self) -> set[str]:
        found = self.cache.directory
        return {id_ for _, id_ in found.identities} if found else set()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.finding("H-E1")
def test_a_database_that_fails_once_loses_no_change(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.okta.members.discard("ann")
    for fails in (1, 2):  # the question whether names mean something else, and the one for joining
        desk.memory.on_names = [lambda: None] * (fails - 1) + [away]
        with pytest.raises(StoreError):
            desk.poll(desk.okta)
        assert {"ann", "bob"} == desk.known()
    moved = desk.poll(desk.okta)
    assert moved is not None
    assert ("okta", "ann") in moved.who
    assert {"bob"} == desk.known()


@pytest.mark.finding("H-E7")
def test_nobody_waits_while_another_thread_waits_for_the_database(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    waits, go, looked = Event(), Event(), Event()
    desk.okta.members.add("dee")

    def wait() -> None:
        waits.set()
        assert go.wait(20)

    def look() -> None:
        assert {"ann", "bob"} == desk.known()
        assert desk.cache.is_unread
        assert desk.cache.reading("okta")
        assert desk.cache.lens
        looked.set()

    desk.memory.on_names = [lambda: None, wait]
    threads = [Thread(target=desk.poll, args=(desk.okta,), daemon=True), Thread(target=look, daemon=True)]
    threads[0].start()
    assert waits.wait(20)
    threads[1].start()
    assert looked.wait(20), "it waits for the one that waits for the database"
    go.set()
    threads[0].join(20)
    assert {"ann", "bob", "dee"} == desk.known()


@pytest.mark.finding("H-E7")
def test_what_another_source_said_while_one_was_joined_is_not_lost(desk: Desk) -> None:
    desk.recall()
    desk.memory.on_names = [lambda: None, lambda: desk.polls(desk.people)]
    moved = desk.poll(desk.okta)
    assert moved is not None
    assert {("okta", "ann"), ("okta", "bob")} <= moved.who
    assert {"ann", "bob", "cid"} == desk.known()
    assert not desk.cache.is_unread


@pytest.mark.finding("X-F0")
def test_each_source_is_unread_from_the_first_moment_whatever_the_database_does(desk: Desk) -> None:
    assert desk.cache.is_unread
    desk.memory.on_last = [away]
    with pytest.raises(StoreError):
        desk.recall()
    assert (True, False) == desk.unread()
    desk.poll(desk.people)
    assert desk.cache.directory is not None
    assert {"okta": UNREAD} == desk.cache.directory.failed
    assert frozenset({"people"}) == desk.cache.directory.read
    desk.recall()
    assert (True, True) == desk.unread()


@pytest.mark.finding("X-F0")
def test_a_source_without_a_reading_is_joined_as_one_that_was_not_read(desk: Desk) -> None:
    desk.poll(desk.people)
    reading = desk.cache.reading("people")
    assert reading is not None
    found = gather([reading], RULES.bindings, desk.intake)
    assert {"okta": "it was not read yet"} == found.failed


@pytest.mark.finding("X-F0")
def test_a_source_that_comes_into_the_configuration_is_unread_and_one_that_goes_is_forgotten(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.poll(desk.people)
    assert (False, True) == desk.unread()
    desk.cache.configure(["okta", "entra"])
    assert (True, False) == desk.unread()
    assert desk.poll(desk.people) is None, "it is not configured any more"
    desk.recall()
    assert {"ann", "bob"} == desk.known()


@pytest.mark.finding("X-F1")
def test_what_was_saved_is_not_taken_for_what_is_so_now(desk: Desk) -> None:
    desk.memory.snapshots["okta"] = desk.okta.read()
    desk.recall()
    found = desk.cache.directory
    assert found is not None
    assert found.failed["okta"] == UNREAD
    assert [False] == [m.certified for m in found.groups.values()]


@pytest.mark.finding("X-F2")
def test_that_a_name_means_another_group_is_noticed_by_the_next_poll(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.okta.ids, desk.okta.members = "2", {"dee"}
    desk.poll(desk.okta)
    assert desk.poll(desk.okta) is None
    desk.memory.names["okta", "team"] = "okta-2"
    moved = desk.poll(desk.okta)
    assert moved is not None
    assert ("okta", "dee") in moved.who
    assert ("okta", "okta-2") in moved.cleared, "who was in the old group is looked at too"
    assert desk.poll(desk.okta) is None


@pytest.mark.finding("X-F2")
def test_that_accounts_are_one_person_is_noticed_by_the_next_poll(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.poll(desk.people)
    desk.people.members.add("ann")  # whose e-mail ann of okta has
    desk.poll(desk.people)
    directory = desk.cache.directory
    assert directory is not None
    [waiting] = directory.waiting
    assert desk.poll(desk.people) is None
    desk.memory.remember_persons(KnownPersons({(i.source, i.id): "ann" for i in waiting}), JoinKey.EMAIL, now=NOW)
    moved = desk.poll(desk.people)
    assert moved is not None
    assert {("okta", "ann"), ("people", "ann")} <= moved.who


# --- with another replica ---------------------------------------------------------------------------------------------


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Stores, Stores]]:
    url = f"sqlite:///{tmp_path}/syncd.db"
    with closing(Stores.open(url)) as ours, closing(Stores.open(url)) as theirs:
        yield ours, theirs


def polls(store: Stores, cache: DirectoryCache, *sources: Plain) -> Polls:
    """Make the polls of a replica that polls these sources and works on no deployment."""
    nothing: Any = lambda *_, **__: None  # noqa: E731
    daemon = SimpleNamespace(poll=timedelta(seconds=15), stale_after=timedelta(hours=1))
    world = SimpleNamespace(
        sources=sources, rules=RULES, targets=(), joining=JOINING, full_read_every=timedelta(hours=6)
    )
    fleet = SimpleNamespace(now=SimpleNamespace(world=world, settings=SimpleNamespace(daemon=daemon)))
    runtime = Runtime(nothing, lambda: NOW, lambda: 0.0, lambda: False)
    alarms: Any = SimpleNamespace(say=nothing)
    database: Any = SimpleNamespace(back=nothing)
    assignment = SimpleNamespace(replicas=("a", "b"), is_ours=lambda _: True)
    shared = Shared(cast("Any", fleet), cache, cast("Any", None), cast("Any", assignment), store)
    return Polls(shared, Common(alarms, database, runtime))


@pytest.mark.finding("X-F1")
@pytest.mark.parametrize("was_saved", [False, True])
def test_what_another_replica_still_reads_was_not_read(
    stores: tuple[Stores, Stores], desk: Desk, *, was_saved: bool
) -> None:
    """Nothing was saved, or days ago: either way it is not what is so now, until the other one saved what it reads."""
    ours, theirs = stores
    it = polls(ours, desk.cache, desk.okta, desk.people)
    if was_saved:
        theirs.readings.save_snapshot(replace(desk.okta.read(), taken_at=NOW - timedelta(days=3)))
    it.recall()
    with theirs.leases.take("source okta"):
        it.poll("okta", now=True)
        it.poll("people", now=True)
        assert (True, True) == desk.unread()
        assert desk.cache.directory is not None
        assert {"okta": UNREAD} == desk.cache.directory.failed
        theirs.readings.save_snapshot(replace(desk.okta.read(), taken_at=NOW))
        it.poll("okta", now=True)
    assert (False, True) == desk.unread()
    assert {} == desk.cache.directory.failed
    assert {"ann", "bob", "cid"} == desk.known()


@pytest.mark.finding("X-F0")
def test_a_poll_recalls_what_the_start_could_not(stores: tuple[Stores, Stores], desk: Desk) -> None:
    ours, theirs = stores
    theirs.readings.save_snapshot(desk.okta.read())
    it = polls(ours, desk.cache, desk.okta, desk.people)
    assert (True, False) == desk.unread()
    it.poll("people", now=True)
    assert (True, True) == desk.unread()
    assert {"ann", "bob", "cid"} == desk.known(), "okta is held over from what was saved"


@pytest.mark.finding("C-11")
def test_an_alarm_asks_about_accounts_that_come_to_share_a_key_until_somebody_answers(
    stores: tuple[Stores, Stores], desk: Desk
) -> None:
    it, raised = polls(stores[0], desk.cache, desk.okta, desk.people), dict[tuple[str, str], str]()

    def say(this: Say) -> None:
        raised[this.kind, this.subject] = this.text
        if not this.text:
            del raised[this.kind, this.subject]

    alarms: Any = SimpleNamespace(say=say)
    it._alarms = alarms
    for name in ("okta", "people"):
        it.poll(name, now=True)
    assert {} == raised
    desk.people.members.add("ann")  # whose e-mail ann of okta has
    it.poll("people", now=True)
    assert ["syncd accept-person okta:ann people:ann"] == [t.rpartition(": ")[2] for t in raised.values()]
    stores[0].readings.remember_persons(
        KnownPersons({("okta", "ann"): "a", ("people", "ann"): "a"}), JOINING.key, now=NOW
    )
    it.poll("people", now=True)
    assert {} == raised
