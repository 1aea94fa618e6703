"""Alarms: told once, told again while they last, told when they are over; across restarts, replicas and outages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from waiting import until

from syncd.alarm_kinds import AlarmKind, alarm_id
from syncd.control import AlarmState
from syncd.daemon.alarms import MOST, Alarms
from syncd.daemon.due_alarms import SETTLE, WINDOW, Rhythm
from syncd.errors import StoreError
from syncd.notify import Message
from syncd.ports import Acknowledged, AlarmKey, AlarmRow, Silence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPEAT = timedelta(hours=24)
SECOND = timedelta(seconds=1)
LABELS = {"prod": {"env": "prod"}, "test": {"env": "test"}}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, time: timedelta) -> None:
        self.now += time


@dataclass
class Kept:
    """A database that can be away, and that lets a test step in between a look and a write."""

    rows: dict[tuple[str, str], AlarmRow] = field(default_factory=dict)
    said: list[Silence] = field(default_factory=list)
    is_away: bool = False
    before_writing: Callable[[], None] = lambda: None

    def alarms(self) -> Mapping[tuple[str, str], AlarmRow]:
        self._come()
        return dict(self.rows)

    def save_alarms(self, changed: Mapping[AlarmKey, tuple[AlarmRow, AlarmRow | None]]) -> frozenset[AlarmKey]:
        self._step_in()
        return frozenset(key for key, (row, kept) in changed.items() if self._save(key, row, kept))

    def _save(self, key: AlarmKey, row: AlarmRow, kept: AlarmRow | None) -> bool:
        there = self.rows.get(key)
        if (there is None) != (kept is None) or (there and kept and there.notified_at != kept.notified_at):
            return False
        self.rows[key] = row
        return True

    def silences(self) -> tuple[Silence, ...]:
        return tuple(self.said)

    def clear_alarms(self, keys: Collection[AlarmKey]) -> frozenset[AlarmKey]:
        self._step_in()
        return frozenset(key for key in keys if self.rows.pop(key, None) is not None)

    def _come(self) -> None:
        if self.is_away:
            raise StoreError("the database is away")

    def _step_in(self) -> None:
        self._come()
        act, self.before_writing = self.before_writing, lambda: None
        act()


@dataclass
class Box:
    """Where messages arrive."""

    messages: list[Message] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """How many came at a time."""
    standing: Sequence[AlarmKey] = ()
    stands: set[AlarmKey] = field(default_factory=set)
    """What was said to stand, the last time."""

    def send(self, messages: Sequence[Message], *, standing: Sequence[AlarmKey] = ()) -> None:
        self.messages.extend(messages)
        self.sizes.append(len(messages))
        self.standing = standing

    def stand(self, messages: Sequence[Message], *, now: datetime) -> None:
        self.stands = {(m.kind, m.subject) for m in messages if m.at == now}

    @property
    def short(self) -> list[tuple[str, str, bool]]:
        return [(m.subject, m.text, m.firing) for m in self.messages]


@dataclass
class World:
    """One database and one mailbox, which any number of replicas share."""

    clock: Clock = field(default_factory=Clock)
    kept: Kept = field(default_factory=Kept)
    box: Box = field(default_factory=Box)
    events: list[str] = field(default_factory=list)
    gather: timedelta = timedelta()

    def replica(self) -> Alarms:
        def emit(event: str, /, **facts: object) -> None:
            self.events.append(event)

        return Alarms(
            self.kept,
            self.box,
            clock=self.clock,
            rhythm=Rhythm(REPEAT, self.gather),
            emit=emit,
            labels=lambda name: LABELS.get(name, {}),
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alarms(world: World) -> Alarms:
    return world.replica()


# --- one replica ------------------------------------------------------------------------------------------------------


def test_an_alarm_is_told_once_however_often_it_is_raised(world: World, alarms: Alarms) -> None:
    for _ in range(3):
        alarms.raise_("held", "prod", "2 changes")
        alarms.deliver()
        world.clock.advance(SECOND)
    assert [Message("held", "prod", "2 changes", True, NOW, NOW)] == world.box.messages


def test_kinds_and_subjects_tell_alarms_apart(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "a")
    alarms.raise_("held", "test", "b")
    alarms.raise_("drift", "prod", "c")
    alarms.deliver()
    assert [("prod", "a", True), ("test", "b", True), ("prod", "c", True)] == world.box.short


def test_the_newest_text_is_shown_and_sends_nothing(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.clock.advance(SECOND)
    alarms.raise_("held", "prod", "3 changes")
    alarms.deliver()
    assert [("prod", "2 changes", True)] == world.box.short
    assert (AlarmState("held", "prod", "3 changes", NOW, id=alarm_id("held", "prod", NOW)),) == alarms.current()


def test_what_lasts_is_told_again_with_the_newest_text(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    alarms.raise_("held", "prod", "3 changes")
    world.clock.advance(REPEAT - SECOND)
    alarms.deliver()
    assert 1 == len(world.box.messages)
    world.clock.advance(SECOND)
    alarms.deliver()
    alarms.deliver()
    assert [("prod", "2 changes", True), ("prod", "3 changes", True)] == world.box.short
    assert NOW == world.box.messages[1].since
    assert AlarmRow("3 changes", NOW, NOW + REPEAT) == world.kept.rows["held", "prod"]


def test_the_end_is_told_once_when_it_has_lasted(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.clock.advance(SECOND)
    alarms.clear("held", "prod")
    world.clock.advance(SETTLE - SECOND)
    alarms.clear("held", "prod")
    alarms.deliver()
    assert 1 == len(world.box.messages)
    world.clock.advance(SECOND)
    for _ in range(2):
        alarms.deliver()
    assert Message("held", "prod", "2 changes", False, NOW + SECOND, NOW, is_again=True) == world.box.messages[1]
    assert 2 == len(world.box.messages)
    assert {} == world.kept.rows


def test_what_is_cleared_is_shown_no_more_at_once(alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.clear("held", "prod")
    assert () == alarms.current()


def test_an_alarm_that_comes_and_goes_is_the_same_alarm(world: World, alarms: Alarms) -> None:
    for _ in range(10):
        alarms.raise_("unreachable", "prod", "no answer")
        alarms.deliver()
        alarms.clear("unreachable", "prod")
        world.clock.advance(SETTLE - SECOND)
        alarms.deliver()
    assert [("prod", "no answer", True)] == world.box.short


def test_an_alarm_that_comes_back_later_is_another_one(world: World, alarms: Alarms) -> None:
    for _ in range(2):
        alarms.raise_("unreachable", "prod", "no answer")
        alarms.deliver()
        alarms.clear("unreachable", "prod")
        world.clock.advance(SETTLE)
        alarms.deliver()
    assert [True, False, True, False] == [m.firing for m in world.box.messages]
    assert [NOW, NOW, NOW + SETTLE, NOW + SETTLE] == [m.since for m in world.box.messages]


def test_what_was_over_before_it_could_be_told_is_not_told(world: World, alarms: Alarms) -> None:
    alarms.raise_("unreachable", "prod", "no answer")
    alarms.clear("unreachable", "prod")
    alarms.deliver()
    world.clock.advance(SETTLE)
    alarms.deliver()
    assert [] == world.box.messages


def test_clearing_what_was_never_raised_does_nothing(world: World, alarms: Alarms) -> None:
    alarms.clear("held", "prod")
    alarms.deliver()
    assert ([], []) == (world.box.messages, world.events)


def test_another_notifier_takes_over(world: World, alarms: Alarms) -> None:
    other = Box()
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    alarms.use(other, rhythm=Rhythm(timedelta(hours=1)))
    world.clock.advance(timedelta(hours=1))
    alarms.deliver()
    assert (1, 1) == (len(world.box.messages), len(other.messages))


def test_there_is_a_most(world: World, alarms: Alarms) -> None:
    for number in range(MOST + 3):
        alarms.raise_("held", f"deployment-{number}", "x")
    assert MOST == len(alarms.current())
    assert 3 == world.events.count("alarm_dropped")


def test_raising_and_ending_are_events_once(world: World, alarms: Alarms) -> None:
    for _ in range(2):
        alarms.raise_("held", "prod", "x")
    for _ in range(2):
        alarms.clear("held", "prod")
    assert ["alarm_raised", "alarm_cleared"] == world.events


# --- a restart --------------------------------------------------------------------------------------------------------


def test_a_restart_tells_nothing_twice(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.clock.advance(SECOND)
    again = world.replica()
    again.raise_("held", "prod", "3 changes")
    again.deliver()
    assert 1 == len(world.box.messages)
    assert (AlarmState("held", "prod", "3 changes", NOW, id=alarm_id("held", "prod", NOW)),) == again.current()


def test_a_restart_shows_what_was_raised_and_tells_its_end(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    again = world.replica()
    again.deliver()
    assert alarms.current() == again.current()
    again.clear("held", "prod")
    world.clock.advance(SETTLE)
    again.deliver()
    assert [True, False] == [m.firing for m in world.box.messages]


def test_a_restart_goes_on_counting_to_the_repeat(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    again = world.replica()
    world.clock.advance(REPEAT)
    again.deliver()
    assert 2 == len(world.box.messages)


# --- replicas ---------------------------------------------------------------------------------------------------------


def test_of_two_replicas_one_tells(world: World, alarms: Alarms) -> None:
    other = world.replica()
    for replica in (alarms, other):
        replica.raise_("held", "prod", "2 changes")
    for replica in (alarms, other, alarms, other):
        replica.deliver()
    assert 1 == len(world.box.messages)


def test_of_two_replicas_at_the_same_moment_one_tells(world: World, alarms: Alarms) -> None:
    other = world.replica()
    for replica in (alarms, other):
        replica.raise_("held", "prod", "2 changes")
    world.kept.before_writing = other.deliver
    alarms.deliver()
    alarms.deliver()
    assert 1 == len(world.box.messages)


def test_of_two_replicas_one_repeats(world: World, alarms: Alarms) -> None:
    other = world.replica()
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    other.deliver()
    world.clock.advance(REPEAT)
    world.kept.before_writing = other.deliver
    alarms.deliver()
    alarms.deliver()
    assert 2 == len(world.box.messages)


def test_of_two_replicas_one_tells_the_end(world: World, alarms: Alarms) -> None:
    other = world.replica()
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    other.deliver()
    for replica in (alarms, other):
        replica.clear("held", "prod")
        replica.deliver()
    world.clock.advance(SETTLE)
    world.kept.before_writing = other.deliver
    alarms.deliver()
    assert [True, False] == [m.firing for m in world.box.messages]


def test_a_replica_that_took_over_ends_the_alarm_of_the_one_before(world: World, alarms: Alarms) -> None:
    other = world.replica()
    alarms.raise_("unreachable", "prod", "no answer")
    alarms.deliver()
    other.deliver()
    other.clear("unreachable", "prod")
    world.clock.advance(SETTLE)
    other.deliver()
    alarms.deliver()
    assert () == alarms.current()
    assert [True, False] == [m.firing for m in world.box.messages]


def test_what_is_raised_while_its_end_is_told_is_another_alarm(world: World, alarms: Alarms) -> None:
    alarms.raise_("unreachable", "prod", "no answer")
    alarms.deliver()
    alarms.clear("unreachable", "prod")
    alarms.deliver()
    world.clock.advance(SETTLE)
    world.kept.before_writing = lambda: alarms.raise_("unreachable", "prod", "again")
    alarms.deliver()
    alarms.deliver()
    assert [("prod", "no answer", True), ("prod", "no answer", False), ("prod", "again", True)] == world.box.short


# --- the database is away ---------------------------------------------------------------------------------------------


def test_without_the_database_alarms_are_told_once_and_kept_later(world: World, alarms: Alarms) -> None:
    alarms.deliver()
    world.kept.is_away = True
    alarms.raise_("source_failed", "okta", "no answer")
    for _ in range(2):
        alarms.deliver()
        world.clock.advance(SECOND)
    assert [("okta", "no answer", True)] == world.box.short
    world.kept.is_away = False
    alarms.deliver()
    assert {("source_failed", "okta"): AlarmRow("no answer", NOW, NOW)} == world.kept.rows
    assert 1 == len(world.box.messages)


def test_a_repeat_without_the_database_is_kept_later(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.kept.is_away = True
    world.clock.advance(REPEAT)
    alarms.deliver()
    world.kept.is_away = False
    alarms.deliver()
    assert NOW + REPEAT == world.kept.rows["held", "prod"].notified_at
    assert 2 == len(world.box.messages)


def test_before_the_database_was_read_only_that_it_is_away_is_told(world: World, alarms: Alarms) -> None:
    world.kept.rows["held", "prod"] = AlarmRow("2 changes", NOW - SECOND, NOW - SECOND)
    world.kept.is_away = True
    alarms.raise_("held", "prod", "2 changes")
    alarms.raise_("database_down", "a", "no answer")
    alarms.deliver()
    assert [("a", "no answer", True)] == world.box.short
    world.kept.is_away = False
    alarms.deliver()
    assert 1 == len(world.box.messages)


def test_that_the_database_is_back_is_told(world: World, alarms: Alarms) -> None:
    world.kept.is_away = True
    alarms.raise_("database_down", "a", "no answer")
    alarms.deliver()
    world.kept.is_away = False
    alarms.clear("database_down", "a")
    world.clock.advance(SETTLE)
    alarms.deliver()
    assert [True, False] == [m.firing for m in world.box.messages]
    assert {} == world.kept.rows


def test_an_end_waits_for_the_database(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.kept.is_away = True
    alarms.clear("held", "prod")
    world.clock.advance(SETTLE)
    alarms.deliver()
    assert 1 == len(world.box.messages)
    world.kept.is_away = False
    alarms.deliver()
    assert [True, False] == [m.firing for m in world.box.messages]


# --- the thread -------------------------------------------------------------------------------------------------------


class SlowBox(Box):
    """A webhook that hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.was_reached, self.let_go = Event(), Event()

    def send(self, messages: Sequence[Message], *, standing: Sequence[AlarmKey] = ()) -> None:
        self.was_reached.set()
        assert self.let_go.wait(60)
        super().send(messages, standing=standing)


def test_nothing_waits_for_a_slow_webhook(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.daemon.alarms.TICK_S", 600.0)
    slow = world.box = SlowBox()
    alarms = world.replica()
    alarms.start()
    alarms.raise_("held", "prod", "2 changes")
    assert slow.was_reached.wait(60), "raising wakes the thread"
    alarms.raise_("held", "test", "2 changes")
    alarms.clear("held", "prod")
    assert ("test",) == tuple(alarm.subject for alarm in alarms.current())
    slow.let_go.set()
    assert alarms.stop(60)
    assert ["prod", "test"] == [m.subject for m in slow.messages]


def test_stopping_ends_in_time_and_what_was_not_sent_is_told_after_a_restart(world: World) -> None:
    slow = world.box = SlowBox()
    alarms = world.replica()
    alarms.raise_("held", "prod", "2 changes")
    alarms.raise_("held", "test", "2 changes")
    alarms.start()
    assert slow.was_reached.wait(60)
    assert not alarms.stop(0.05)
    slow.let_go.set()
    assert alarms.stop(60)
    assert ["prod"] == [m.subject for m in slow.messages]
    again = world.replica()
    again.raise_("held", "test", "2 changes")
    again.deliver()
    assert ["prod", "test"] == [m.subject for m in slow.messages]


def test_stopping_what_was_not_started_is_no_error(alarms: Alarms) -> None:
    assert alarms.stop(1)


def test_the_thread_outlives_a_notifier_that_breaks(world: World) -> None:
    class Broken(Box):
        def send(self, messages: Sequence[Message], *, standing: Sequence[AlarmKey] = ()) -> None:
            super().send(messages, standing=standing)
            if len(self.messages) == 1:
                raise OSError("broken")
            second.set()

    second = Event()
    world.box = Broken()
    alarms = world.replica()
    alarms.start()
    alarms.raise_("held", "prod", "x")
    alarms.raise_("held", "test", "x")
    _wait_for(world, "alarms_failed")
    alarms.raise_("drift", "prod", "x")
    assert second.wait(60)
    assert alarms.stop(60)


def _wait_for(world: World, event: str) -> None:
    until(f"{event} is told", lambda: event in world.events, told=lambda: world.events)


def test_many_threads_raise_and_clear(world: World, alarms: Alarms) -> None:
    def churn(thread: int) -> None:
        for number in range(200):
            alarms.raise_("held", f"deployment-{number % 20}", str(thread))
            alarms.clear("held", f"deployment-{number % 20}")

    threads = [Thread(target=churn, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        alarms.deliver()
    for number in range(20):
        alarms.raise_("held", f"deployment-{number}", "last")
    alarms.deliver()
    world.clock.advance(WINDOW)  # some may have been told before all others came
    alarms.deliver()
    expected = sorted(f"deployment-{number}" for number in range(20))
    assert expected == sorted(message.subject for message in world.box.messages)


@pytest.mark.finding("N-410")
def test_the_newest_text_is_kept_and_sends_nothing(world: World, alarms: Alarms) -> None:
    """What is held changes, and so does the digest that lets it pass: commands read it from the database."""
    for text in ("approve a", "approve b", "approve b"):
        alarms.raise_("held", "prod", text)
        alarms.deliver()
    assert "approve b" == world.kept.rows["held", "prod"].text
    world.kept.is_away = True
    alarms.raise_("held", "prod", "approve c")
    alarms.deliver()
    world.kept.is_away = False
    alarms.deliver()
    assert AlarmRow("approve c", NOW, NOW) == world.kept.rows["held", "prod"]
    assert [("prod", "approve a", True)] == world.box.short


@pytest.mark.finding("N-410")
def test_of_two_replicas_the_one_that_saw_it_last_has_the_text(world: World, alarms: Alarms) -> None:
    other = world.replica()
    alarms.raise_("held", "prod", "first")
    alarms.deliver()
    other.deliver()
    other.raise_("held", "prod", "second")
    for each in (other, alarms, other, alarms):
        each.deliver()
        assert "second" == world.kept.rows["held", "prod"].text
    assert ["second", "second"] == [state.text for each in (alarms, other) for state in each.current()]

    restarted = world.replica()
    restarted.raise_("held", "prod", "third")
    for each in (restarted, alarms, other, restarted):
        each.deliver()
    assert "third" == world.kept.rows["held", "prod"].text
    assert [("prod", "first", True)] == world.box.short


# --- many at once -----------------------------------------------------------------------------------------------------

GATHER = timedelta(seconds=30)


def outage(alarms: Alarms, count: int, *, first: int = 0) -> None:
    for number in range(first, first + count):
        alarms.raise_("unreachable", f"airflow-{number:03}", "no answer")


def heal(alarms: Alarms, count: int, *, first: int = 0) -> None:
    for number in range(first, first + count):
        alarms.clear("unreachable", f"airflow-{number:03}")


def go_on(world: World, time: timedelta, *replicas: Alarms) -> None:
    """Let time go by, and each replica look as often as it does."""
    for _ in range(int(time / timedelta(seconds=10))):
        world.clock.advance(timedelta(seconds=10))
        for replica in replicas:
            replica.deliver()


@pytest.fixture
def gathering(world: World) -> Alarms:
    world.gather = GATHER
    return world.replica()


def test_a_fleet_outage_is_one_message_though_it_comes_bit_by_bit(world: World, gathering: Alarms) -> None:
    for first in (0, 40, 80):
        outage(gathering, 40, first=first)
        gathering.deliver()
        assert [] == world.box.sizes
        world.clock.advance(timedelta(seconds=10))
    gathering.deliver()
    assert [120] == world.box.sizes
    go_on(world, timedelta(hours=1), gathering)
    assert [120] == world.box.sizes


def test_a_few_are_told_singly(world: World, gathering: Alarms) -> None:
    outage(gathering, 3)
    go_on(world, GATHER, gathering)
    assert [1, 1, 1] == world.box.sizes
    assert not any(row.is_bundled for row in world.kept.rows.values())


def test_what_follows_an_outage_waits_and_comes_together_within_the_window(world: World, gathering: Alarms) -> None:
    outage(gathering, 10)
    go_on(world, GATHER, gathering)
    for number in range(10, 22):
        outage(gathering, 1, first=number)
        go_on(world, timedelta(seconds=20), gathering)
    assert [10] == world.box.sizes
    go_on(world, WINDOW - timedelta(seconds=240), gathering)
    assert [10, 12] == world.box.sizes
    assert max(m.at - m.since for m in world.box.messages) <= WINDOW, "nobody waits longer than that"


def test_of_an_outage_that_two_replicas_see_one_tells_all(world: World, gathering: Alarms) -> None:
    other = world.replica()
    outage(gathering, 5)
    outage(other, 5, first=5)
    go_on(world, GATHER, gathering, other)
    assert [10] == world.box.sizes


def test_of_two_replicas_that_tell_many_at_the_same_moment_one_does(world: World, gathering: Alarms) -> None:
    other = world.replica()
    outage(gathering, 10)
    for replica in (gathering, other):
        replica.deliver()
    world.clock.advance(GATHER)
    world.kept.before_writing = other.deliver
    gathering.deliver()
    gathering.deliver()
    assert [10] == world.box.sizes


def test_what_waits_for_others_outlives_a_restart(world: World, gathering: Alarms) -> None:
    outage(gathering, 10)
    gathering.deliver()
    again = world.replica()
    go_on(world, GATHER, again, gathering)
    assert [10] == world.box.sizes


def test_what_ends_before_it_was_told_is_told_by_no_replica(world: World, gathering: Alarms) -> None:
    other = world.replica()
    outage(gathering, 1)
    gathering.deliver()
    heal(gathering, 1)
    gathering.deliver()
    go_on(world, timedelta(hours=1), other, gathering)
    assert [] == world.box.sizes
    assert {} == world.kept.rows


def test_the_ends_of_an_outage_are_one_message_that_says_what_is_left(world: World, gathering: Alarms) -> None:
    outage(gathering, 10)
    go_on(world, GATHER, gathering)
    for number in range(8):
        heal(gathering, 1, first=number)
        go_on(world, timedelta(seconds=30), gathering)
    go_on(world, SETTLE - timedelta(seconds=30), gathering)
    assert [10, 8] == world.box.sizes
    assert [("unreachable", "airflow-008"), ("unreachable", "airflow-009")] == list(world.box.standing)


def test_ends_that_go_on_and_on_wait_no_longer_than_the_window(world: World, gathering: Alarms) -> None:
    outage(gathering, 60)
    go_on(world, GATHER, gathering)
    world.clock.advance(WINDOW)
    for number in range(60):
        heal(gathering, 1, first=number)
        go_on(world, timedelta(seconds=60), gathering)
    go_on(world, SETTLE + WINDOW, gathering)
    over = [m for m in world.box.messages if not m.firing]
    assert 60 == len(over)
    assert len(world.box.sizes) <= 1 + 60 // 5


@pytest.mark.finding("N-480")
def test_the_few_that_are_left_of_an_outage_are_told_singly(world: World, gathering: Alarms) -> None:
    """Among a hundred names nobody sees the two that stay down when all others are well again."""
    outage(gathering, 10)
    go_on(world, GATHER, gathering)
    heal(gathering, 8)
    go_on(world, SETTLE + WINDOW, gathering)
    assert [10, 8, 1, 1] == world.box.sizes
    left = world.box.messages[-2:]
    assert [("airflow-008", True, False), ("airflow-009", True, False)] == [
        (m.subject, m.firing, m.is_again) for m in left
    ]
    go_on(world, timedelta(hours=2), gathering)
    assert [10, 8, 1, 1] == world.box.sizes
    heal(gathering, 2, first=8)
    go_on(world, SETTLE, gathering)
    assert [10, 8, 1, 1, 1, 1] == world.box.sizes


def test_an_outage_that_lasts_is_repeated_as_one_message(world: World, gathering: Alarms) -> None:
    outage(gathering, 10)
    go_on(world, GATHER + REPEAT + GATHER, gathering)
    assert [10, 10] == world.box.sizes


def test_an_alarm_in_the_middle_of_an_outage_is_told_with_what_came_then(world: World, gathering: Alarms) -> None:
    outage(gathering, 10)
    go_on(world, GATHER, gathering)
    gathering.raise_("held", "prod", "2 changes")
    go_on(world, WINDOW, gathering)
    assert ([10, 1], "prod") == (world.box.sizes, world.box.messages[-1].subject)


# --- what people say of alarms ----------------------------------------------------------------------------------------


def acknowledged(world: World, key: AlarmKey) -> None:
    world.kept.rows[key] = replace(world.kept.rows[key], acknowledged=Acknowledged(world.clock.now, "anna", "on it"))


def test_an_alarm_that_somebody_sees_to_is_told_no_more_but_its_end_is(world: World, alarms: Alarms) -> None:
    other = world.replica()
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    acknowledged(world, ("held", "prod"))
    for _ in range(3):
        world.clock.advance(REPEAT)
        alarms.raise_("held", "prod", f"{world.clock.now}")
        alarms.deliver()
        other.deliver()
    assert 1 == len(world.box.messages)
    [state] = other.current()
    assert ("anna", "on it", True) == (state.acknowledged_by, state.quiet_because, state.is_quiet)
    alarms.clear("held", "prod")
    go_on(world, SETTLE, alarms)
    assert [True, False] == [m.firing for m in world.box.messages]


def test_an_alarm_that_comes_back_is_not_acknowledged(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    acknowledged(world, ("held", "prod"))
    alarms.deliver()
    alarms.clear("held", "prod")
    go_on(world, SETTLE, alarms)
    alarms.raise_("held", "prod", "again")
    alarms.deliver()
    assert [True, False, True] == [m.firing for m in world.box.messages]
    assert not alarms.current()[0].is_quiet


SILENCES = {
    "kind": (Silence(NOW + REPEAT, "anna", "x", kind="held"), {("held", "prod"), ("held", "test"), ("held", "okta")}),
    "deployment": (Silence(NOW + REPEAT, "anna", "x", deployment="prod"), {("held", "prod"), ("drift", "prod")}),
    "label": (Silence(NOW + REPEAT, "anna", "x", label=("env", "test")), {("held", "test")}),
    "kind and deployment": (Silence(NOW + REPEAT, "anna", "x", kind="drift", deployment="prod"), {("drift", "prod")}),
    "one": (Silence(NOW + REPEAT, "anna", "x", alarm=alarm_id("held", "prod", NOW)), {("held", "prod")}),
    "nobody": (Silence(NOW + REPEAT, "anna", "x", kind="held", label=("env", "dev")), set()),
}


@pytest.mark.parametrize("name", SILENCES)
def test_a_silence_keeps_alarms_from_channels_and_from_nothing_else(world: World, alarms: Alarms, name: str) -> None:
    silence, expected = SILENCES[name]
    world.kept.said = [silence]
    raised: tuple[tuple[AlarmKind, str], ...] = (
        ("held", "prod"),
        ("held", "test"),
        ("held", "okta"),
        ("drift", "prod"),
    )
    for kind, subject in raised:
        alarms.raise_(kind, subject, "x")
    alarms.deliver()
    assert set(raised) - expected == {(m.kind, m.subject) for m in world.box.messages}
    assert set(raised) == {(a.kind, a.subject) for a in alarms.current()}
    assert expected == {(a.kind, a.subject) for a in alarms.current() if a.silenced_until == NOW + REPEAT}


def test_when_a_silence_ends_what_still_stands_is_told(world: World, alarms: Alarms) -> None:
    world.kept.said = [Silence(NOW + timedelta(hours=4), "anna", "an upgrade", kind="unreachable")]
    alarms.raise_("unreachable", "prod", "no answer")
    alarms.raise_("unreachable", "test", "no answer")
    alarms.deliver()
    alarms.clear("unreachable", "test")
    go_on(world, timedelta(hours=4) - timedelta(seconds=10), alarms)
    assert [] == world.box.messages
    go_on(world, timedelta(seconds=10), alarms)
    assert [("prod", "no answer", True)] == world.box.short
    go_on(world, timedelta(hours=1), alarms)
    assert 1 == len(world.box.messages)


def test_a_silence_is_seen_by_a_replica_that_runs_and_its_end_too(world: World, alarms: Alarms) -> None:
    alarms.deliver()
    world.kept.said = [Silence(NOW + REPEAT, "anna", "x", kind="held")]
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    assert [] == world.box.messages
    world.kept.said = []
    alarms.deliver()
    assert 1 == len(world.box.messages)


def test_without_the_database_what_was_said_before_counts(world: World, alarms: Alarms) -> None:
    world.kept.said = [Silence(NOW + REPEAT, "anna", "x", kind="held")]
    alarms.deliver()
    world.kept.is_away = True
    alarms.raise_("held", "prod", "2 changes")
    alarms.raise_("drift", "prod", "x")
    alarms.deliver()
    assert ["drift"] == [m.kind for m in world.box.messages]


def test_the_end_of_what_was_told_before_a_silence_is_told(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.kept.said = [Silence(NOW + REPEAT, "anna", "x", kind="held")]
    alarms.clear("held", "prod")
    go_on(world, SETTLE, alarms)
    assert [True, False] == [m.firing for m in world.box.messages]


def test_what_stands_is_said_until_it_is_over_and_not_if_it_was_silenced_before(world: World, alarms: Alarms) -> None:
    alarms.raise_("held", "prod", "2 changes")
    alarms.deliver()
    world.kept.said = [Silence(NOW + REPEAT, "anna", "x", deployment="prod")]
    alarms.raise_("drift", "prod", "x")
    alarms.raise_("drift", "test", "x")
    alarms.deliver()
    assert {("held", "prod"), ("drift", "test")} == world.box.stands, "none is said to be over that is not"
    alarms.clear("drift", "test")
    go_on(world, SETTLE - timedelta(seconds=10), alarms)
    assert ("drift", "test") in world.box.stands
    go_on(world, timedelta(seconds=10), alarms)
    assert {("held", "prod")} == world.box.stands
