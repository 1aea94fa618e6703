"""A plan says which reads it rests on, and what a source said is chained where it is something else than before."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from stages import NOW, People, Stage
from store_samples import at, snapshot

from syncd.store import Stores, codec
from syncd.store.codec.text import time_to
from syncd.store.schema import snapshots
from syncd.targets.memory import MemoryTarget


def records(store: Stores, kind: str) -> list[dict[str, Any]]:
    return [facts for _, line in store.records.lines() if (facts := json.loads(line))["kind"] == kind]


@pytest.mark.finding("N-626")
def test_what_a_source_said_is_chained_where_it_is_something_else(store: Stores) -> None:
    first = snapshot()
    store.readings.save_snapshot(first)
    store.readings.save_snapshot(replace(first, taken_at=at(1)))
    assert [(1, True, "okta")] == [(r["saved"], r["whole"], r["source"]) for r in records(store, "read")]
    people = (*first.identities, replace(first.identities[0], id="new", login="new", email="new@example.com"))
    store.readings.save_snapshot(replace(first, identities=people, taken_at=at(2)))

    [one, two] = records(store, "read")

    assert codec.digest(codec.snapshot_to(first)[0]) == one["digest"]
    assert (3, len(people), time_to(at(2))) == (two["saved"], two["people"], two["at"])
    with store.database.read() as connection:
        assert one["digest"] in connection.execute(select(snapshots.c.digest)).scalars()


@pytest.mark.finding("N-626")
def test_a_plan_says_when_that_was_read_which_it_rests_on(store: Stores) -> None:
    stage = Stage(store, People({"finance": ["anna"]}), {"prod": MemoryTarget("prod")})
    stage.apply()

    [plan], [read] = records(store, "plan"), records(store, "read")

    assert {"people": time_to(NOW)} == plan["reads"]
    assert ("people", time_to(NOW), 0) == (read["source"], read["at"], read["incomplete"])
    assert read["seq"] < plan["seq"], "what a decision rests on is written down before it"
    assert () == tuple(store.records.verify().flaws)
