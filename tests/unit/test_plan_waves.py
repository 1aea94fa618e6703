"""Who gets a change of the mapping when: the table of `plan/waves.py`, one row at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncd.model import (
    Deployment,
    LabelTest,
    RolloutRecord,
    RolloutRow,
    RolloutVerb,
    RolloutWord,
    Wave,
    WaveOrder,
)
from syncd.plan.waves import WaveStanding, WaveState, shown, stand
from syncd.render.rollout import halted_text, rollout_json, rollout_lines, summary, where
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOAK = timedelta(minutes=30)


def wave(env: str) -> Wave:
    return Wave((LabelTest("env", frozenset({env})),))


ORDER = WaveOrder((wave("dev"), wave("staging"), Wave()), SOAK)
FLEET = [
    Deployment(name, {"env": env}, naming=NAMING)
    for name, env in (("d1", "dev"), ("d2", "dev"), ("s1", "staging"), ("p1", "prod"), ("p2", "prod"))
]


def row(
    name: str, revision: str = "new", *, ago: timedelta | None = SOAK, trouble: str = "", soaks: bool = True
) -> RolloutRow:
    reached = NOW - ago if ago is not None else None
    return RolloutRow(name, revision, NOW - timedelta(days=1), reached, trouble, soaks)


OLD = [row(each.name, "old") for each in FLEET]


def standing(*rows: RolloutRow, words: tuple[RolloutWord, ...] = (), same: tuple[str, ...] = ()) -> WaveStanding:
    of = {each.deployment: each for each in (*OLD, *rows)}
    return stand(ORDER, FLEET, RolloutRecord(of, words, NOW), revision="new", same=same)


def word(verb: RolloutVerb, name: str, revision: str = "new") -> RolloutWord:
    return RolloutWord(revision, verb, name, "anna", "desk", "ticket 12", NOW)


def states(found: WaveStanding) -> str:
    return " ".join(found.of[each.name].state.value for each in FLEET)


GOING, HALTED = row("d2", ago=None), row("d2", ago=None, trouble="1 change failed")
SOAKING = row("d2", ago=SOAK - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((), "due due waiting waiting waiting"),
        ((row("d1"),), "done due waiting waiting waiting"),
        ((row("d1"), GOING), "done going waiting waiting waiting"),
        ((row("d1"), HALTED), "done halted waiting waiting waiting"),
        ((row("d1"), SOAKING), "done soaking waiting waiting waiting"),
        ((row("d1"), row("d2")), "done done due waiting waiting"),
        ((row("d1"), row("d2", ago=timedelta(0), soaks=False)), "done done due waiting waiting"),
        ((row("d1"), row("d2"), row("s1", ago=None)), "done done going waiting waiting"),
        ((row("d1"), row("d2"), row("s1")), "done done done due due"),
        ((row("d1"), HALTED, row("s1")), "done halted done waiting waiting"),
        (tuple(row(each.name) for each in FLEET), "done done done done done"),
    ],
)
def test_each_wave_waits_until_the_one_before_has_soaked(rows: tuple[RolloutRow, ...], said: str) -> None:
    assert said == states(standing(*rows))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((word(RolloutVerb.SKIP, "p1"),), "done halted waiting due waiting"),
        ((word(RolloutVerb.SKIP, "p1", "older"),), "done halted waiting waiting waiting"),
        ((word(RolloutVerb.RESUME, "d2"),), "done done due waiting waiting"),
        ((word(RolloutVerb.RESUME, "d2", "older"),), "done halted waiting waiting waiting"),
        ((word(RolloutVerb.RESUME, "p1"), word(RolloutVerb.SKIP, "d2")), "done halted waiting waiting waiting"),
    ],
)
def test_a_person_passes_it_for_one_deployment_and_one_revision(words: tuple[RolloutWord, ...], said: str) -> None:
    found = standing(row("d1"), HALTED, words=words)
    assert said == states(found)
    assert ["p1"] * (said.count("due") if words[0].verb is RolloutVerb.SKIP else 0) == [
        one.deployment for one in found.of.values() if one.by_word and one.state is WaveState.DUE
    ]


def test_for_whom_nothing_differs_it_is_due_at_once_and_nobody_waits_for_it() -> None:
    assert "due due waiting due waiting" == states(standing(same=("d1", "p1")))
    assert "due due due waiting waiting" == states(standing(same=("d1", "d2")))
    assert "due due due due due" == states(standing(same=("d1", "d2", "s1")))


def test_a_deployment_without_a_row_begins_with_what_the_first_of_its_wave_has() -> None:
    early = replace(row("p1", "older"), began_at=NOW - timedelta(days=9))
    of = {each.deployment: each for each in (*OLD[:3], early)}
    found = stand(ORDER, FLEET, RolloutRecord(of, (), NOW), revision="new").of["p2"]
    assert (WaveState.WAITING, "older", None) == (found.state, found.revision, found.since)
    nothing = stand(ORDER, FLEET, RolloutRecord({}, (), NOW), revision="new")
    assert ("due due due due due", "new") == (states(nothing), nothing.of["p2"].revision)


def test_a_deployment_is_in_the_first_wave_that_fits_and_else_in_the_last() -> None:
    order = WaveOrder((Wave((LabelTest("name", frozenset({"d2"})),)), wave("dev"), Wave()), SOAK)
    assert [1, 0, 2, 2, 2] == [order.place(each) for each in FLEET]
    assert ["name=d2", "env=dev", "all others"] == list(map(str, order.waves))


def test_what_is_halted_and_what_waits_for_it_is_said_in_order() -> None:
    found = standing(row("d1", ago=timedelta(0)), HALTED)
    assert (["d2"], ["s1", "p1", "p2"]) == (
        [one.deployment for one in found.halted],
        [one.deployment for one in found.waiting],
    )
    assert (
        "wave env=dev, which is halted (d2: 1 change failed; d1 soaks until 2026-03-01 12:30 UTC)"
        == found.why_waiting(found.of["p1"])
    )
    assert ["d1", "d2"] == [one.deployment for one in found.ahead(found.of["p2"])]
    assert not found.is_over
    assert "mapping revision new is done on 0 of 5 deployments; it is halted" == summary(found)
    assert "is halted: d2: 1 change failed; 3 deployments wait with the mapping of before" in halted_text(found)


def test_nothing_is_halted_where_nobody_waits() -> None:
    found = standing(*(row(each.name) for each in FLEET[:4]), row("p2", ago=None, trouble="1 change failed"))
    assert ((), "") == (found.halted, halted_text(found))
    assert "not well, and nobody waits for it: 1 change failed" == where(found, found.of["p2"])


def test_of_many_that_are_waited_for_a_few_are_named() -> None:
    fleet = [Deployment(f"d{n}", {"env": "dev"}, naming=NAMING) for n in range(5)] + [FLEET[3]]
    rows = {each.name: row(each.name, "old") for each in fleet}
    found = stand(ORDER, fleet, RolloutRecord(rows, (), NOW), revision="new")
    begins = "begins with its next pass"
    assert f"wave env=dev (d0 {begins}; d1 {begins}; d2 {begins}; 2 more)" == found.why_waiting(found.of["p1"])


@pytest.mark.parametrize(
    ("rows", "short", "long"),
    [
        ((GOING,), "d2 was not read back yet", "begun, not read back yet"),
        ((SOAKING,), "d2 soaks until 2026-03-01 12:00 UTC", "soaks until 2026-03-01 12:00 UTC"),
        ((row("d2"),), "d2 is done", "done"),
        ((), "d2 begins with its next pass", "begins with its next pass"),
        ((HALTED,), "d2: 1 change failed", "halts the rollout: 1 change failed"),
    ],
)
def test_how_a_deployment_stands_is_said_in_words(rows: tuple[RolloutRow, ...], short: str, long: str) -> None:
    found = standing(*rows)
    assert (short, long) == (found.of["d2"].short, where(found, found.of["d2"]))


@pytest.mark.finding("N-667")
def test_a_soak_that_ends_after_all_time_has_not_ended() -> None:
    beyond = RolloutRow("d1", "new", NOW, datetime.max.replace(tzinfo=UTC))
    assert WaveState.SOAKING is standing(beyond).of["d1"].state
    forever = WaveOrder(ORDER.waves, timedelta.max)
    found = stand(forever, FLEET, RolloutRecord({"d1": row("d1")}, (), NOW), revision="new")
    assert "soaks until 9999-12-31 23:59 UTC" == where(found, found.of["d1"])


@pytest.mark.finding("N-667")
def test_a_revision_is_shown_without_what_moves_the_cursor() -> None:
    shown_ = str(list(rollout_lines(standing(row("d1", "\x1b[2J")), program="syncd")))
    assert ("\\\\x1b[2J" in shown_, "'\\x1b" in shown_) == (True, False), shown_


def test_a_rollout_as_programs_get_it() -> None:
    found = standing(row("d1"), SOAKING, words=(word(RolloutVerb.SKIP, "p1"),))
    given = rollout_json(found)
    assert (False, False, 1800.0) == (given["over"], given["halted"], given["soak_seconds"])
    of = {one["deployment"]: one for one in given["deployments"]}
    assert ("all others", "due", True) == (of["p1"]["wave"], of["p1"]["state"], of["p1"]["by_word"])
    assert (["d2"], None) == (of["s1"]["waits_for"], of["s1"]["soaks_until"])
    assert "2026-03-01T12:00:00" == of["d2"]["soaks_until"][:19]
    assert (None, "begins with its next pass, as a person said") == (of["p1"]["why"], where(found, found.of["p1"]))


def test_a_rollout_is_over_once_everybody_is_done() -> None:
    found = standing(*(row(each.name) for each in FLEET))
    assert (True, "mapping revision new is on every deployment") == (found.is_over, summary(found))


def test_a_revision_is_shown_by_its_first_digits() -> None:
    assert ("0123456789ab", "none") == (shown("0123456789abcdef"), shown(""))
