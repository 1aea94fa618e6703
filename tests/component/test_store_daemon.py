"""What a running daemon keeps: which replicas live, which alarms stand, who asked for what; and its upkeep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from journal_rows import all_runs
from store_samples import NOW, at, created, made, plan_of, planned, role

from syncd.model import EVERYTHING, Change, DesiredState, Held, Plan, Scope
from syncd.ports import Acknowledged, AlarmRow, Silence
from syncd.store import Stores
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
def store(database_url: str, clock: Clock) -> Iterator[Stores]:
    with closing(Stores.open(database_url, clock=lambda: clock.now)) as opened:
        yield opened


# --- replicas ---------------------------------------------------------------------------------------------------------


def test_replicas_that_live_are_named_until_they_leave_or_are_silent(store: Stores, clock: Clock) -> None:
    assert ("b",) == store.presence.beat("b", ttl=TTL)
    clock.now += TTL / 2
    assert ("a", "b") == store.presence.beat("a", ttl=TTL)
    clock.now += TTL / 2 - timedelta(seconds=1)
    assert ("a", "b") == store.presence.beat("a", ttl=TTL)
    clock.now += timedelta(seconds=1)
    assert ("a",) == store.presence.beat("a", ttl=TTL), "b was silent for its time"
    assert ("a", "b") == store.presence.beat("b", ttl=TTL)
    store.presence.leave("a")
    store.presence.leave("nobody")
    assert ("b",) == store.presence.beat("b", ttl=TTL)


def test_who_looks_hears_which_replicas_live_and_lives_not_by_that(store: Stores, clock: Clock) -> None:
    assert () == store.presence.living()
    store.presence.beat("b", ttl=TTL)
    store.presence.beat("a", ttl=TTL)
    assert ("a", "b") == store.presence.living()
    store.presence.leave("a")
    assert ("b",) == store.presence.living()
    clock.now += TTL
    assert () == store.presence.living()


# --- alarms -----------------------------------------------------------------------------------------------------------


PROD, TEST = ("held", "prod"), ("held", "test")


def test_of_two_that_look_at_the_same_alarm_one_may_tell_it(store: Stores) -> None:
    def tell(minute: int, earlier: AlarmRow | None) -> bool:
        row = AlarmRow(f"at {minute}", NOW, at(minute), cleared_at=at(minute), is_bundled=True)
        return PROD in store.presence.save_alarms({PROD: (row, earlier)})

    waits = AlarmRow("waits", NOW)
    assert {PROD, TEST} == store.presence.save_alarms({PROD: (waits, None), TEST: (waits, None)})
    assert [False, True, False] == [tell(1, None), tell(2, waits), tell(3, waits)]
    told = AlarmRow("at 2", NOW, at(2), at(2), is_bundled=True)
    assert {PROD: told, TEST: waits} == store.presence.alarms()
    assert [False, True] == [tell(4, AlarmRow("", NOW, at(1))), tell(5, told)]


def test_an_alarm_is_cleared_once(store: Stores) -> None:
    store.presence.save_alarms({key: (AlarmRow("words", NOW), None) for key in (PROD, TEST)})
    assert [{PROD}, set()] == [store.presence.clear_alarms([PROD]), store.presence.clear_alarms([PROD])]
    assert [TEST] == list(store.presence.alarms())


# --- what people say of alarms ----------------------------------------------------------------------------------------


def of_chain(store: Stores, kind: str) -> list[dict[str, object]]:
    found = [json.loads(line) for _, line in store.records.lines()]
    return [facts for facts in found if facts["kind"] == kind]


def test_who_sees_to_an_alarm_is_kept_with_it_and_in_the_journal(store: Stores) -> None:
    store.presence.save_alarms({PROD: (AlarmRow("words", NOW), None)})
    said = Acknowledged(at(1), "anna (via syncd)", "ticket 12")
    assert not store.presence.acknowledge(PROD, at(5), said), "of another one that was before it"
    assert store.presence.acknowledge(PROD, NOW, said)
    row = store.presence.alarms()[PROD]
    assert said == row.acknowledged
    newer = AlarmRow("newer words", NOW, at(2))
    assert {PROD} == store.presence.save_alarms({PROD: (newer, row)})
    assert replace(newer, acknowledged=said) == store.presence.alarms()[PROD], "a new text leaves it as it is"
    [facts] = of_chain(store, "alarm_acknowledged")
    expected = {"alarm_kind": "held", "subject": "prod", "by": "anna (via syncd)", "reason": "ticket 12"}
    assert expected.items() <= facts.items()
    assert facts["host"]


def test_what_is_over_cannot_be_acknowledged(store: Stores) -> None:
    store.presence.save_alarms({PROD: (AlarmRow("words", NOW, cleared_at=at(1)), None)})
    assert not store.presence.acknowledge(PROD, NOW, Acknowledged(at(2), "anna", "x"))
    assert not store.presence.acknowledge(TEST, NOW, Acknowledged(at(2), "anna", "x"))
    assert [] == of_chain(store, "alarm_acknowledged")


def test_a_silence_lasts_until_its_end_and_is_in_the_journal(store: Stores, clock: Clock) -> None:
    one = Silence(at(10), "anna", "an upgrade", kind="held", deployment="prod")
    two = Silence(at(20), "bob", "x", label=("env", "prod"))
    ids = [store.presence.silence(each, now=NOW) for each in (one, two)]
    assert (replace(one, id=ids[0]), replace(two, id=ids[1])) == store.presence.silences()
    clock.now = at(10)
    assert [ids[1]] == [each.id for each in store.presence.silences()]
    ended = [store.presence.unsilence(id_, by="cleo", now=at(10)) for id_ in (*ids, ids[1])]
    assert [False, True, False] == ended
    assert () == store.presence.silences()
    silenced, ended_ = of_chain(store, "alarms_silenced"), of_chain(store, "silence_ended")
    assert [("anna", "held", "prod", ""), ("bob", "", "", "prod")] == [
        (f["by"], f["alarm_kind"], f["deployment"], f["value"]) for f in silenced
    ]
    assert [("cleo", ids[1])] == [(f["by"], f["silence"]) for f in ended_]
    assert [] == store.records.verify().flaws


def test_silences_that_ended_long_ago_are_forgotten(store: Stores) -> None:
    store.presence.silence(Silence(at(10), "anna", "x", kind="held"), now=NOW)
    store.presence.upkeep(before=at(5))
    assert 1 == len(store.presence.silences())
    store.presence.upkeep(before=at(11))
    assert () == store.presence.silences()


# --- who asked for what -----------------------------------------------------------------------------------------------


def test_uses_come_newest_first_and_in_pages(store: Stores) -> None:
    for number in range(4):
        store.presence.record_use("ci", f"GET /{number}", 200 + number, now=at(number), detail="d" * number)
    assert [("GET /2", 202, "dd"), ("GET /1", 201, "d")] == [
        (u.what, u.answer, u.detail) for u in store.presence.uses(2, offset=1)
    ]
    assert ("ci", at(3)) == (store.presence.uses(10)[0].who, store.presence.uses(10)[0].at)


# --- upkeep -----------------------------------------------------------------------------------------------------------


def quiet(store: Stores, minute: float, *, deployment: str = "prod", scope: Scope = EVERYTHING) -> int:
    """Make a run whose plan is empty; gives the number of the run."""
    run = store.ledger.start_run("sweep", scope=scope, now=at(minute))
    store.ledger.record_plan(run, Plan(deployment, scope, ()), held=None, approved=None, now=at(minute))
    store.ledger.end_run(run, exit_code=0, summary={}, now=at(minute))
    return run


def left_over(store: Stores) -> set[int]:
    return {run.id for run in all_runs(store)}


def test_quiet_runs_go_with_their_plans_when_they_are_old(store: Stores) -> None:
    old = [quiet(store, n) for n in range(3)]
    bare = store.ledger.start_run("plan", scope=EVERYTHING, now=at(3))
    edge, young = quiet(store, 4), quiet(store, 5)
    assert {"runs": 4, "plans": 3, "uses": 0, "past": 0} == store.presence.upkeep(before=at(4))
    assert {edge, young} == left_over(store)
    assert {"runs": 0, "plans": 0, "uses": 0, "past": 0} == store.presence.upkeep(before=at(4)), (
        f"{old} and {bare} are gone already"
    )


def test_what_says_something_stays(store: Stores) -> None:
    made(store, created("anna", "Viewer"))
    held = created("bob")
    planned(store, held, held=Held((held,), ("too many",), "prod"))
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    store.ledger.record_plan(run, plan_of(), held=None, approved="abc", now=NOW)
    planned(store, created("carol"))
    reached = quiet(store, 0)
    store.memory.save_desired(reached, DesiredState("prod", {}, {}, {}))
    before = left_over(store)
    quiet(store, 1)
    quiet(store, 1, scope=Scope.people(["zoe"]))
    store.presence.upkeep(before=at(1))
    assert before <= left_over(store)
    assert "anna" in store.holdings.owned("prod").users
    assert {"applied", "held"} == {row.status for row in store.queries.audit()}


def test_the_newest_plan_of_a_deployment_stays_and_the_newest_over_everything(store: Stores) -> None:
    gone, whole = quiet(store, 0), quiet(store, 1)
    also_gone, some = (quiet(store, n, scope=Scope.people(["anna"])) for n in (2, 3))
    other = quiet(store, 0, deployment="test")
    store.presence.upkeep(before=at(60))
    assert {whole, some, other} == left_over(store), f"{gone} and {also_gone} said nothing"
    standing = store.queries.last_plan("prod")
    assert standing is not None
    assert some == standing.run.id


def test_a_plan_that_was_never_carried_out_goes_when_its_changes_are_forgotten(store: Stores) -> None:
    change = Change(None, role("x"))
    first = planned(store, change)
    store.presence.upkeep(before=at(1))
    assert 1 == len(left_over(store)), "its changes can still be looked at"
    for n in range(25):
        planned(store, change, now=at(n + 2))
    store.presence.upkeep(before=at(1))
    assert first not in left_over(store)


def test_that_something_was_held_is_not_forgotten_with_what_it_was(store: Stores) -> None:
    change = created("bob")
    plan = planned(store, change, held=Held((change,), ("too many",), "prod"))
    for n in range(KEPT_PLANS + 1):
        quiet(store, n / 100)
    assert () == store.queries.audit(), "the changes of so old a plan are forgotten"
    run = min(left_over(store))
    store.presence.upkeep(before=at(1))
    assert run in left_over(store), f"plan {plan} says when it was held, and why"


def test_very_many_quiet_runs_and_old_uses_go(store: Stores) -> None:
    kept = made(store, created("anna"), now=at(-1))
    for n in range(BATCH + 5):
        store.ledger.start_run("plan", scope=EVERYTHING, now=at(n / 1000))
        store.presence.record_use("ci", "GET /", 200, now=at(n / 1000))
    store.presence.record_use("ci", "GET /last", 200, now=at(60))
    assert {"runs": BATCH + 5, "plans": 0, "uses": BATCH + 5, "past": 0} == store.presence.upkeep(before=at(30))
    assert ["GET /last"] == [use.what for use in store.presence.uses(10)]
    assert kept == store.queries.audit()[0].id
