"""How sources were read, and what names mean, as the database keeps it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_samples import NOW, at, snapshot

from syncd.model import Doubt
from syncd.store import Stores

DOUBTS = (Doubt("g1", "finance", NOW, "page 2 was cut"), Doubt("g2", "new\x00", None, ""))


def test_a_cursor_is_kept_beside_the_read_that_it_goes_on_from(store: Stores) -> None:
    assert store.readings.last_cursor("okta") is None
    store.readings.save_snapshot(snapshot(), cursor='{"since": "é"}')
    assert ('{"since": "é"}', NOW) == store.readings.last_cursor("okta")
    store.readings.save_snapshot(snapshot(taken_at=at(5)), cursor="second", full=False)
    assert ("second", NOW) == store.readings.last_cursor("okta"), "a refresh is no full read"
    store.readings.save_snapshot(snapshot(taken_at=at(9)), cursor="third")
    assert ("third", at(9)) == store.readings.last_cursor("okta")
    store.readings.save_snapshot(snapshot(taken_at=at(10)))
    assert store.readings.last_cursor("okta") is None, "a read without a cursor leaves none to go on from"


def test_doubts_are_those_of_the_last_read(store: Stores) -> None:
    assert store.readings.health("okta") is None
    store.readings.save_snapshot(snapshot(), doubts=DOUBTS)
    reading = store.readings.health("okta")
    assert reading is not None
    assert DOUBTS == reading.doubts
    store.readings.save_snapshot(snapshot(taken_at=at(1)))
    reading = store.readings.health("okta")
    assert reading is not None
    assert ((), at(1)) == (reading.doubts, reading.read_at)


def test_a_failure_is_kept_with_its_beginning_until_a_read_succeeds(store: Stores) -> None:
    store.readings.source_failed("okta", "first", now=at(1))
    store.readings.source_failed("okta", "second", now=at(2))
    reading = store.readings.health("okta")
    assert reading is not None
    assert (at(1), "second", None) == (reading.failed_at, reading.failure, reading.read_at)
    store.readings.save_snapshot(snapshot(taken_at=at(3)), cursor="c")
    store.readings.source_failed("okta", "third", now=at(4))
    reading = store.readings.health("okta")
    assert reading is not None
    assert (at(4), at(3)) == (reading.failed_at, reading.read_at)
    assert ("c", at(3)) == store.readings.last_cursor("okta"), "a failure loses no cursor"


def test_names_mean_what_was_remembered_last(store: Stores) -> None:
    assert {} == store.readings.group_names()
    store.readings.remember_groups({}, now=NOW)
    store.readings.remember_groups({("okta", "finance"): "g1", ("entra", "finance"): "e1"}, now=NOW)
    store.readings.remember_groups({("okta", "finance"): "g2"}, now=at(1))
    assert {("okta", "finance"): "g2", ("entra", "finance"): "e1"} == store.readings.group_names()


def test_an_employee_number_is_kept(store: Stores) -> None:
    plain = snapshot()
    numbered = replace(plain, identities=tuple(replace(i, employee_number="007") for i in plain.identities))
    store.readings.save_snapshot(numbered)
    assert numbered == store.readings.last_snapshot("okta")


@pytest.mark.finding("C-50")
def test_who_wants_rest_is_known_to_other_processes_and_later_words_count(store: Stores) -> None:
    assert store.readings.rests_until("okta a") is None
    store.readings.let_rest("okta a", at(5))
    store.readings.let_rest("okta a", at(3))
    assert at(5) == store.readings.rests_until("okta a")
    assert store.readings.rests_until("okta b") is None
    store.readings.let_rest("okta a", at(7))
    assert at(7) == store.readings.rests_until("okta a")
