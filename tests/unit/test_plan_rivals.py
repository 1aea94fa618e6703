"""Who most likely takes what syncd gave, and for how long syncd goes on giving it: the tables in `plan/rivals.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from plan_world import person, there, wanted

from syncd.model import DesiredState, ObservedState
from syncd.plan.contested import FORGET_AFTER, TRY_AGAIN_AFTER
from syncd.plan.rivals import (
    ANOTHER,
    DELETES,
    LOGIN,
    PERSON,
    YIELD_AFTER,
    GrantTally,
    LostGrant,
    TakenGrant,
    likely_culprits,
    taken_grants,
    tallied,
    yield_grants,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = TakenGrant("ann", "fin")
WANTED = wanted(*(person(name, "fin", "see") for name in ("ann", "bob", "cid", "dora")))
OURS = {name: frozenset({"fin", "see"}) for name in WANTED.users}


def lost(times: int = 1, *, ago: timedelta = timedelta(hours=1), back: bool = True) -> LostGrant:
    return LostGrant(ANN, times, NOW - ago, back)


def test_what_was_ours_after_the_last_pass_and_is_wanted_and_gone_was_taken() -> None:
    now = there(person("ann", "see"), person("bob", "fin", "see"))
    before = wanted(person("ann", "fin", "see"), person("bob", "fin", "see"))
    assert {ANN} == taken_grants(WANTED, now, before, ours=OURS)
    assert set() == taken_grants(WANTED, now, before, ours={"ann": frozenset({"see"})}), "we took it ourselves"
    assert set() == taken_grants(WANTED, now, None, ours=OURS), "no pass over everything was made yet"
    assert set() == taken_grants(wanted(), now, before, ours=OURS), "nobody wants it"


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ([], GrantTally(counted=frozenset({ANN}))),
        ([lost(back=True)], GrantTally(counted=frozenset({ANN}))),
        ([lost(back=False)], GrantTally()),
        ([lost(back=False, ago=FORGET_AFTER + timedelta(1))], GrantTally(frozenset({ANN}), forgotten=frozenset({ANN}))),
    ],
)
def test_one_loss_is_counted_once(known: list[LostGrant], found: GrantTally) -> None:
    assert found == tallied(frozenset({ANN}), known, there(person("ann", "see")), now=NOW)
    assert bool(found) is bool(found.counted or found.forgotten)


def test_what_is_there_again_can_be_counted_anew() -> None:
    found = tallied(frozenset(), [lost(back=False)], there(person("ann", "fin")), now=NOW)
    assert GrantTally(put_right=frozenset({ANN})) == found


def test_what_was_put_right_is_not_put_right_again() -> None:
    assert not tallied(frozenset(), [lost(back=True)], there(person("ann", "fin")), now=NOW)


@pytest.mark.parametrize(
    ("found", "now", "gives_way"),
    [
        (lost(YIELD_AFTER), there(person("ann", "see")), True),
        (lost(YIELD_AFTER - 1), there(person("ann", "see")), False),
        (lost(YIELD_AFTER, ago=TRY_AGAIN_AFTER), there(person("ann", "see")), False),
        (lost(YIELD_AFTER), there(person("ann", "fin")), False),
    ],
)
def test_what_was_taken_too_often_is_left_for_a_day_and_told(
    found: LostGrant, now: ObservedState, gives_way: bool
) -> None:
    left = yield_grants(WANTED, now, [found], now=NOW)
    assert gives_way is ("fin" not in left.users["ann"].roles)
    assert gives_way is any(note.code == "grant_taken_back" for note in left.notes)
    assert {"fin", "see"} == left.users["bob"].roles
    assert left is WANTED or gives_way


def test_nothing_is_yielded_of_who_is_wanted_no_more() -> None:
    nobody = wanted(person("bob", "fin"))
    assert nobody is yield_grants(nobody, there(), [lost(YIELD_AFTER)], now=NOW)


@pytest.mark.parametrize(
    ("names", "desired", "now", "who"),
    [
        (["ann"], WANTED, there(person("bob", "fin")), DELETES),
        (["ann"], WANTED, there(person("ann", "Public")), LOGIN.format(left="Public")),
        (["ann"], WANTED, there(person("ann", "see")), PERSON),
        (["ann"], WANTED, there(person("ann")), PERSON),
        (["ann", "bob", "cid"], WANTED, there(person("ann", "see"), person("bob"), person("cid")), ANOTHER),
        (["ann", "bob"], WANTED, there(person("ann", "see"), person("bob")), PERSON),
        (["ann"], wanted(), there(person("ann", "Public")), LOGIN.format(left="Public")),
    ],
)
def test_the_culprit_is_judged_by_what_is_left_behind(
    names: list[str], desired: DesiredState, now: ObservedState, who: str
) -> None:
    (said,) = likely_culprits([TakenGrant(name, "fin") for name in names], desired, now)
    assert said.startswith("fin was taken from ann")
    assert said.endswith(f"most likely {who}")
