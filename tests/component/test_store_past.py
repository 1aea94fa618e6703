"""What sources and lists of DAGs said in the past is what was kept at each moment, whoever kept it and what was forgotten."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_samples import NOW, at
from test_store_snapshots import directory, joined, person

from syncd.model import Dag, Learned, ObservedState, Scope, Sighting, Snapshot
from syncd.store import Stores, codec
from syncd.store.past import WHOLE_AFTER

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def untimed(snapshot: Snapshot) -> str:
    return codec.snapshot_to(snapshot)[0]


def told(store: Stores, since: datetime = LONG_AGO) -> list[tuple[datetime, str]]:
    return [(when, untimed(said)) for when, said in store.past.snapshots("okta", since=since)]


def listed(store: Stores, since: datetime = LONG_AGO) -> list[tuple[datetime, tuple[Dag, ...]]]:
    return list(store.past.dags("prod", since=since))


def look(when: datetime, *dags: Dag) -> Sighting:
    observed = ObservedState("prod", {}, {}, scope=Scope.people(()))
    return Sighting(at=when, learned=Learned("{}"), observed=observed, dags=dags)


def count(store: Stores, where: str = "1 = 1") -> int:
    with store.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM past WHERE {where}").scalar_one())


def test_each_change_of_a_source_is_there_and_a_read_that_says_the_same_is_none(store: Stores) -> None:
    first = directory()
    said = [first, joined(first, 900, 1)]
    said += [replace(said[1], taken_at=at(2)), joined(said[1], 901, 3)]
    for snapshot in said:
        store.readings.save_snapshot(snapshot)
    expected = [(NOW, untimed(first)), (at(1), untimed(said[1])), (at(3), untimed(said[3]))]
    assert expected == told(store)
    assert expected[1:] == told(store, at(1)) == told(store, at(2.5))
    assert expected[2:] == told(store, at(3)) == told(store, at(60))
    assert (1, 2) == (count(store, "whole"), count(store, "NOT whole"))
    assert NOW == store.past.begins()


def test_nothing_is_known_of_what_was_never_kept(store: Stores) -> None:
    assert ([], [], None) == (told(store), listed(store), store.past.begins())


def test_processes_that_take_turns_write_one_history(store: Stores, database_url: str) -> None:
    chance = random.Random(7)
    said, now = [], directory(40)
    with closing(Stores.open(database_url)) as other:
        for n in range(40):
            now = replace(joined(now, 1000 + n, n), taken_at=at(n))
            if chance.random() < 0.2:
                now = replace(now, identities=tuple(person(k, name=f"Ann{n}") for k in range(900)), groups=now.groups)
            mine = chance.choice((store, other))
            if chance.random() < 0.7:
                mine.readings.last_snapshot("okta")
            mine.readings.save_snapshot(now)
            said.append((at(n), untimed(now)))
    assert said == told(store)
    for moment in (3, 17.5, 39):
        assert [s for s in said if s[0] > at(moment)] == [s for s in told(store, at(moment)) if s[0] > at(moment)]
        assert max(s for s in said if s[0] <= at(moment)) == told(store, at(moment))[0]


def test_lists_of_dags_are_kept_as_what_changed(store: Stores) -> None:
    a, b, c = Dag("a", tags=frozenset({"x"})), Dag("b"), Dag("c", owners=frozenset({"ann"}))
    for minute, dags in enumerate([(b, a), (a, b), (a, b, c), (replace(a, tags=frozenset()), c)]):
        store.looks.keep("prod", look(at(minute), *dags))
    assert [
        (at(0), {"a", "b"}),
        (at(2), {"a", "b", "c"}),
        (at(3), {"a", "c"}),
    ] == [(when, {dag.id for dag in dags}) for when, dags in listed(store)]
    assert frozenset() == listed(store)[-1][1][0].tags
    assert {c} == set(listed(store, at(3))[0][1]) - {replace(a, tags=frozenset())}
    assert [] == list(store.past.dags("other", since=LONG_AGO))


def test_what_is_forgotten_is_not_needed_for_what_stays(store: Stores) -> None:
    now, days = directory(30), 100
    for day in range(days):
        now = replace(joined(now, 1000 + day, 0), taken_at=NOW + timedelta(days=day))
        store.readings.save_snapshot(now)
        store.looks.keep("prod", look(NOW + timedelta(days=day), Dag(f"d{day}")))
    before = NOW + timedelta(days=70)
    all_of = told(store, before), listed(store, before)
    assert count(store, "whole") > 2 * (days * timedelta(days=1) // WHOLE_AFTER) > 4

    gone = store.presence.upkeep(before=before)["past"]

    assert gone > days // 2
    assert all_of == (told(store, before), listed(store, before))
    assert 30 == len(all_of[0]) == len(all_of[1])
    assert 0 == store.presence.upkeep(before=before)["past"]
    assert before - 2 * WHOLE_AFTER <= told(store)[0][0] <= before


def test_a_database_of_before_begins_with_the_first_change(store: Stores) -> None:
    store.readings.save_snapshot(directory())
    store.looks.keep("prod", look(NOW, Dag("a")))
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM past")
    store.readings.save_snapshot(joined(directory(), 900, 1))
    store.looks.keep("prod", look(at(1), Dag("a"), Dag("b")))
    assert [(at(1), untimed(joined(directory(), 900, 1)))] == told(store)
    assert [(at(1), (Dag("a"), Dag("b")))] == listed(store)


@pytest.mark.parametrize("back", [1, 60])
def test_a_clock_that_went_back_loses_nothing(store: Stores, back: int) -> None:
    first = directory()
    store.readings.save_snapshot(first)
    store.readings.save_snapshot(second := joined(first, 900, -back))
    assert [(NOW, untimed(first)), (NOW, untimed(second))] == told(store)
