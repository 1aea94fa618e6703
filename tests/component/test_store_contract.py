"""What every implementation of a part of the database does: the real one, and the one in memory that tests work with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import MemoryReadings
from store_samples import NOW, at, snapshot

from syncd.model import Doubt, JoinKey, KnownPersons
from syncd.ports import Readings, SourceHealth
from syncd.store import Stores

DOUBTS = (Doubt("g1", "finance", NOW, "cut off"),)


@pytest.fixture(params=["memory", "database"])
def readings(request: pytest.FixtureRequest, store: Stores) -> Readings:
    return MemoryReadings() if request.param == "memory" else store.readings


def test_nothing_is_known_of_a_source_that_was_never_read(readings: Readings) -> None:
    found = readings.last_snapshot("okta"), readings.last_cursor("okta"), readings.health("okta")
    assert (None, None, None) == found


def test_the_newest_read_is_given_with_its_cursor_and_its_doubts(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="first")
    readings.save_snapshot(snapshot(members=frozenset(), taken_at=at(5)), cursor="next", full=False, doubts=DOUBTS)
    assert snapshot(members=frozenset(), taken_at=at(5)) == readings.last_snapshot("okta")
    assert ("next", NOW) == readings.last_cursor("okta"), "a refresh is no full read"
    assert SourceHealth("okta", NOW, at(5), DOUBTS, None, None) == readings.health("okta")


def test_a_read_without_a_cursor_leaves_none_to_go_on_from(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="first")
    readings.save_snapshot(snapshot(taken_at=at(1)))
    assert readings.last_cursor("okta") is None


def test_a_source_that_was_only_refreshed_has_no_full_read_to_go_on_from(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="first", full=False)
    assert readings.last_cursor("okta") is None


def test_the_first_failure_counts_until_a_read_gives_an_answer(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), doubts=DOUBTS)
    for minute, why in ((1, "silent"), (2, "refused")):
        readings.source_failed("okta", why, now=at(minute))
    assert SourceHealth("okta", NOW, NOW, DOUBTS, at(1), "refused") == readings.health("okta")
    readings.save_snapshot(snapshot(taken_at=at(3)))
    assert SourceHealth("okta", at(3), at(3), (), None, None) == readings.health("okta")


def test_sources_are_apart(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="okta")
    readings.save_snapshot(replace(snapshot(taken_at=at(1)), source="entra"), cursor="entra")
    readings.source_failed("people", "gone", now=NOW)
    assert ("okta", NOW) == readings.last_cursor("okta")
    assert SourceHealth("people", None, None, (), NOW, "gone") == readings.health("people")


def test_a_name_means_the_group_that_was_remembered_last(readings: Readings) -> None:
    readings.remember_groups({("okta", "a"): "1", ("okta", "b"): "2"}, now=NOW)
    readings.remember_groups({("okta", "a"): "3"}, now=at(1))
    assert {("okta", "a"): "3", ("okta", "b"): "2"} == readings.group_names()


def test_persons_are_replaced_and_sources_count_for_the_key_they_were_joined_by_last(readings: Readings) -> None:
    first, second = list(JoinKey)[:2]
    readings.remember_persons(KnownPersons({("okta", "1"): "a"}, frozenset({"okta", "entra"})), first, now=NOW)
    readings.remember_persons(KnownPersons({("okta", "1"): "b"}, frozenset({"okta"})), second, now=at(1))
    assert KnownPersons({("okta", "1"): "b"}, frozenset({"entra"})) == readings.known_persons(first)
    assert KnownPersons({("okta", "1"): "b"}, frozenset({"okta"})) == readings.known_persons(second)
