"""What a pause stops, which of several counts, and what the daemon and its alarm make of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncd.daemon.ends import Ended, Made, Moment, Record
from syncd.daemon.followup import follow_up, whole
from syncd.daemon.schedule import Schedule
from syncd.daemon.words import Say
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.errors import StoreError
from syncd.model import EVERYTHING, Change, Deployment, Pause, Paused, Permission, Plan, Role, Scope, User
from syncd.plan.on_people import Effects, Toll
from syncd.plan.pauses import part, stopping
from syncd.reconcile import DeploymentReport, Report
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROD = Deployment("prod", labels={"env": "prod"}, naming=NAMING)
ALL, REMOVALS = Paused(), Paused(removals_only=True)


def pause(id_: int = 1, of: Paused = ALL, until: datetime | None = NOW + HOUR) -> Pause:
    return Pause(id_, of, "ticket 12", "anna", "host", NOW, until)


def user(*roles: str) -> User:
    return User("bob", "bob@x.example", "Bob", "X", frozenset(roles))


def role(*actions: str) -> Role:
    return Role("fin", frozenset(Permission(action, "Pools") for action in actions))


GIVES = (Change(None, user("a")), Change(user(), user("a")), Change(None, role("x")), Change(role("x"), role("x", "y")))
TAKES = (Change(user("a"), user()), Change(user(), None), Change(role("x"), None), Change(role("x", "y"), role("x")))
BOTH = (Change(user("a"), user("b")), Change(role("x"), role("y")))


def test_without_a_pause_all_goes() -> None:
    assert ((*GIVES, *TAKES, *BOTH), ()) == part((*GIVES, *TAKES, *BOTH), None)


def test_a_pause_of_all_lets_nothing_go() -> None:
    assert ((), (*GIVES, *TAKES, *BOTH)) == part((*GIVES, *TAKES, *BOTH), pause())


@pytest.mark.parametrize("change", GIVES)
def test_a_pause_of_removals_lets_go_what_gives(change: Change) -> None:
    assert ((change,), ()) == part([change], pause(of=REMOVALS))


@pytest.mark.parametrize("change", TAKES)
def test_a_pause_of_removals_stops_what_takes(change: Change) -> None:
    assert ((), (change,)) == part([change], pause(of=REMOVALS))


@pytest.mark.parametrize("change", BOTH)
def test_a_pause_of_removals_parts_what_does_both_so_that_the_two_are_the_whole(change: Change) -> None:
    [gives], [takes] = part([change], pause(of=REMOVALS))
    assert ((), ()) == (gives.revoked, takes.granted)
    assert (change.before, change.after) == (gives.before, takes.after)
    assert gives.after == takes.before
    assert sorted(change.effects) == sorted((*gives.effects, *takes.effects))


@pytest.mark.parametrize(
    ("pauses", "counts"),
    [
        ([], None),
        ([pause(1, Paused("env", "dev")), pause(2, Paused("name", "other"))], None),
        ([pause(1, Paused("env", "prod")), pause(2, Paused("team", "prod"))], 1),
        ([pause(1, Paused("name", "prod"))], 1),
        ([pause(1, ALL), pause(2, REMOVALS, None)], 1),
        ([pause(1, ALL), pause(2, ALL, NOW + 2 * HOUR)], 2),
        ([pause(1, ALL, None), pause(2, ALL, NOW + 2 * HOUR)], 1),
    ],
)
def test_which_of_several_pauses_counts(pauses: list[Pause], counts: int | None) -> None:
    found = [stopping(order, PROD) for order in (pauses, pauses[::-1])]
    assert [counts, counts] == [one.id if one else None for one in found]


@pytest.mark.parametrize(
    ("at", "ended", "stands"),
    [(-1, None, False), (0, None, True), (59, None, True), (60, None, False), (30, 30, False), (29, 30, True)],
)
def test_when_a_pause_stands(at: int, ended: int | None, stands: bool) -> None:
    minutes = [None if n is None else NOW + timedelta(minutes=n) for n in (at, ended)]
    made = Pause(1, ALL, "x", "anna", "host", NOW, NOW + HOUR, minutes[1])
    assert stands is made.is_standing(cast("datetime", minutes[0]))


# --- the daemon ---------------------------------------------------------------------------------------------------------


def paused(*changes: Change, people: int = 1) -> Made:
    plan, effects = Plan("prod", EVERYTHING, changes), Effects(loses=Toll(people))
    this = DeploymentReport("prod", True, plan, pause=pause(), paused=changes, paused_effects=effects)
    return Made(Report(5, (this,), {}))


def test_the_alarm_says_how_many_people_keep_what_no_line_gives() -> None:
    found = follow_up(Ended("prod", whole("sweep"), paused(TAKES[0], GIVES[0]), Record(), moment=Moment(NOW)))
    said = (
        "all changes on the fleet paused until 2026-03-01 13:00 UTC by anna: ticket 12; 2 changes wait; 1 person keeps "
        "access that no line gives any more; see them with: syncd plan -d prod; end it with: syncd resume 1"
    )
    assert [Say("paused", "prod", said)] == [say for say in found.says if say.text]
    assert (2, 1) == (found.record.paused, found.record.paused_people)
    assert None is found.again_in


def test_the_alarm_is_over_with_the_pause() -> None:
    found = follow_up(
        Ended(
            "prod",
            whole("resume"),
            Made(Report(5, (DeploymentReport("prod", True, Plan("prod", EVERYTHING, ())),), {})),
            Record(paused=2, paused_people=1),
            moment=Moment(NOW),
        )
    )
    assert Say("paused", "prod") in found.says
    assert (0, 0) == (found.record.paused, found.record.paused_people)


@pytest.mark.parametrize(("change", "puts"), [(TAKES[0], (whole("paused"),)), (GIVES[0], ())])
def test_a_leaver_who_keeps_access_is_told_of_at_once(change: Change, puts: tuple[WorkItem, ...]) -> None:
    item = WorkItem(Scope.people(["bob"]), "people", Urgency.LOSS)
    assert puts == follow_up(Ended("prod", item, paused(change), Record(), moment=Moment(NOW))).puts


class Office:
    """A schedule of two deployments, with pauses that a test moves."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.events: list[str] = []
        self.queued: list[tuple[str, str]] = []
        self.is_away, self.lost = False, 0
        schedule = object.__new__(Schedule)
        dev = Deployment("dev", labels={"env": "dev"}, naming=NAMING)
        targets = tuple(SimpleNamespace(deployment=d) for d in (PROD, dev))
        now = SimpleNamespace(world=SimpleNamespace(targets=targets), targets={"prod": None, "dev": None})
        parts: dict[str, Any] = {
            "_fleet": SimpleNamespace(now=now),
            "_queue": SimpleNamespace(put=lambda name, item: self.queued.append((name, item.command))),
            "_assignment": SimpleNamespace(is_ours=lambda _: True),
            "_store": SimpleNamespace(pauses=SimpleNamespace(standing=self._standing)),
            "_database": SimpleNamespace(lost=self._lost),
            "_emit": lambda event, /, **_: self.events.append(event),
            "_pauses": (),
        }
        for name, value in parts.items():
            setattr(schedule, name, value)
        self.schedule = schedule

    def _standing(self) -> tuple[Pause, ...]:
        if self.is_away:
            raise StoreError("away")
        return tuple(self.pauses)

    def _lost(self, _error: StoreError) -> None:
        self.lost += 1

    def looks(self, *pauses: Pause) -> list[tuple[str, str]]:
        self.pauses, self.queued = list(pauses), []
        self.schedule.look_at_pauses()
        return self.queued


def test_a_daemon_looks_at_everything_a_pause_was_about_once_it_is_over() -> None:
    office = Office()
    one, other = pause(1, Paused("env", "prod")), pause(2)
    assert [] == office.looks(one, other)
    assert [] == office.looks(one, other)
    assert [("prod", "resume")] == office.looks(other)
    assert [("prod", "resume"), ("dev", "resume")] == office.looks()
    assert [] == office.looks()
    assert ["pause_began", "pause_began", "pause_ended", "pause_ended"] == office.events


def test_while_the_database_is_away_no_pause_is_over() -> None:
    office = Office()
    office.looks(pause())
    office.is_away = True
    assert ([], 1) == (office.looks(), office.lost)
    office.is_away = False
    assert [("prod", "resume"), ("dev", "resume")] == office.looks()
