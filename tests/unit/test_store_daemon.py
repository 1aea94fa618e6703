"""What a running daemon keeps: which replicas live, which alarms stand, who asked for what; and its upkeep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from store_samples import NOW, at, created, made, plan_of, planned, role

from syncd.model import EVERYTHING, Change, DesiredState, Held, Plan, Scope
from syncd.store import AlarmRow, Store
from syncd.store.changes import KEPT_PLANS
from syncd.store.upkeep import BATCH

TTL = timedelta(seconds=20)


class Clock:
    """A clock that stands still until it is moved."""

    now = NOW

    def __call__(self) -> object:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    with closing(Store(database_url, clock=lambda: clock.now)) as opened:
        yield opened


# --- replicas ---------------------------------------------------------------------------------------------------------


def test_replicas_that_live_are_named_until_they_leave_or_are_silent(store: Store, clock: Clock) -> None:
    assert ("b",) == store.beat("b", ttl=TTL)
    clock.now += TTL / 2
    assert ("a", "b") == store.beat("a", ttl=TTL)
    clock.now += TTL / 2 - timedelta(seconds=1)
    assert ("a", "b") == store.beat("a", ttl=TTL)
    clock.now += timedelta(seconds=1)
    assert ("a",) == store.beat("a", ttl=TTL), "b was silent for its time"
    assert ("a", "b") == store.beat("b", ttl=TTL)
    store.leave("a")
    store.leave("nobody")
    assert ("b",) == store.beat("b", ttl=TTL)


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_of_two_that_look_at_the_same_alarm_one_may_tell_it(store: Store) -> None:
    def tell(minute: int, earlier: int | None) -> bool:
        before = None if earlier is None else at(earlier)
        return store.save_alarm("held", "prod", f"at {minute}", since=NOW, notified_at=at(minute), earlier=before)

    assert [True, False] == [tell(1, None), tell(2, None)]
    assert {("held", "prod"): AlarmRow("at 1", NOW, at(1))} == store.alarms()
    assert [False, True, False] == [tell(3, 2), tell(4, 1), tell(5, 1)]
    assert {("held", "prod"): AlarmRow("at 4", NOW, at(4))} == store.alarms()


def test_an_alarm_is_cleared_once(store: Store) -> None:
    for subject in ("prod", "test"):
        store.save_alarm("held", subject, "words", since=NOW, notified_at=NOW, earlier=None)
    assert [True, False] == [store.clear_alarm("held", "prod"), store.clear_alarm("held", "prod")]
    assert [("held", "test")] == list(store.alarms())


# --- who asked for what -----------------------------------------------------------------------------------------------


def test_uses_come_newest_first_and_in_pages(store: Store) -> None:
    for number in range(4):
        store.record_use("ci", f"GET /{number}", 200 + number, now=at(number), detail="d" * number)
    assert [("GET /2", 202, "dd"), ("GET /1", 201, "d")] == [(u.what, u.answer, u.detail) for u in store.uses(2, 1)]
    assert ("ci", at(3)) == (store.uses()[0].who, store.uses()[0].at)


# --- upkeep -----------------------------------------------------------------------------------------------------------


def quiet(store: Store, minute: float, *, deployment: str = "prod", scope: Scope = EVERYTHING) -> int:
    """Make a run whose plan is empty; gives the number of the run."""
    run = store.start_run("sweep", scope=scope, now=at(minute))
    store.record_plan(run, Plan(deployment, scope, ()), held=None, approved=None, now=at(minute))
    store.end_run(run, exit_code=0, summary={}, now=at(minute))
    return run


def left_over(store: Store) -> set[int]:
    return {run.id for run in store.runs(10_000)}


def test_quiet_runs_go_with_their_plans_when_they_are_old(store: Store) -> None:
    old = [quiet(store, n) for n in range(3)]
    bare = store.start_run("plan", scope=EVERYTHING, now=at(3))
    edge, young = quiet(store, 4), quiet(store, 5)
    assert {"runs": 4, "plans": 3, "uses": 0} == store.upkeep(before=at(4))
    assert {edge, young} == left_over(store)
    assert {"runs": 0, "plans": 0, "uses": 0} == store.upkeep(before=at(4)), f"{old} and {bare} are gone already"


def test_what_says_something_stays(store: Store) -> None:
    made(store, created("anna", "Viewer"))
    held = created("bob")
    planned(store, held, held=Held((held,), ("too many",), "prod"))
    run = store.start_run("apply", scope=EVERYTHING, now=NOW)
    store.record_plan(run, plan_of(), held=None, approved="abc", now=NOW)
    planned(store, created("carol"))
    reached = quiet(store, 0)
    store.save_desired(reached, DesiredState("prod", {}, {}, {}))
    before = left_over(store)
    quiet(store, 1)
    quiet(store, 1, scope=Scope.people(["zoe"]))
    store.upkeep(before=at(1))
    assert before <= left_over(store)
    assert "anna" in store.owned("prod").users
    assert {"applied", "held"} == {row.status for row in store.audit()}


def test_the_newest_plan_of_a_deployment_stays_and_the_newest_over_everything(store: Store) -> None:
    gone, whole = quiet(store, 0), quiet(store, 1)
    also_gone, some = (quiet(store, n, scope=Scope.people(["anna"])) for n in (2, 3))
    other = quiet(store, 0, deployment="test")
    store.upkeep(before=at(60))
    assert {whole, some, other} == left_over(store), f"{gone} and {also_gone} said nothing"
    standing = store.last_run("prod")
    assert standing is not None
    assert some == standing.run.id


def test_a_plan_that_was_never_carried_out_goes_when_its_changes_are_forgotten(store: Store) -> None:
    change = Change(None, role("x"))
    first = planned(store, change)
    store.upkeep(before=at(1))
    assert 1 == len(left_over(store)), "its changes can still be looked at"
    for n in range(25):
        planned(store, change, now=at(n + 2))
    store.upkeep(before=at(1))
    assert first not in left_over(store)


def test_that_something_was_held_is_not_forgotten_with_what_it_was(store: Store) -> None:
    change = created("bob")
    plan = planned(store, change, held=Held((change,), ("too many",), "prod"))
    for n in range(KEPT_PLANS + 1):
        quiet(store, n / 100)
    assert () == store.audit(), "the changes of so old a plan are forgotten"
    run = min(left_over(store))
    store.upkeep(before=at(1))
    assert run in left_over(store), f"plan {plan} says when it was held, and why"


def test_very_many_quiet_runs_and_old_uses_go(store: Store) -> None:
    kept = made(store, created("anna"), now=at(-1))
    for n in range(BATCH + 5):
        store.start_run("plan", scope=EVERYTHING, now=at(n / 1000))
        store.record_use("ci", "GET /", 200, now=at(n / 1000))
    store.record_use("ci", "GET /last", 200, now=at(60))
    assert {"runs": BATCH + 5, "plans": 0, "uses": BATCH + 5} == store.upkeep(before=at(30))
    assert ["GET /last"] == [use.what for use in store.uses()]
    assert kept == store.audit()[0].id
