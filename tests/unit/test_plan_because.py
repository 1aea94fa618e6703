"""Why somebody is given a role, and what gave the one that they lose and how that ended: in words, and as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_world import person, role, wanted, why

from syncd.model import Change, DesiredState, Reason, What, Why
from syncd.plan.because import Ended, explain, summed, why_of

ANN = person("Ann", "fin")
NOW, BEFORE = wanted(ANN), wanted(person("Ann", "ops"))
JOINS, LEAVES = Change(person("Ann"), ANN), Change(person("Ann", "ops"), person("Ann"))
MOVES = Change(person("Ann", "ops"), ANN)
GIVEN = Why("okta:fin (m.yaml:3)", "fin", What.GIVEN, why("fin"))
NO_LINE = Why("no mapping line gives it", "ops", What.NOT_GIVEN)


def ends(name: str, role: str, reason: Reason) -> What:
    return What.LEFT_GROUP if (name, role, reason.group) == ("ann", "ops", "ops") else What.OTHER


def told(
    change: Change, desired: DesiredState = NOW, earlier: DesiredState | None = BEFORE, ended: Ended | None = None
) -> list[tuple[str, str, What, tuple[Reason, ...]]]:
    [found] = explain([change], desired=desired, earlier=earlier, ended=ended)
    assert found == change
    return [values(one) for one in found.because]


def values(one: Why) -> tuple[str, str, What, tuple[Reason, ...]]:
    return one.text, one.role, one.what, one.reasons


WAS_GIVEN = Why("was given by okta:ops (m.yaml:3)", "ops", What.NOT_GIVEN, why("ops"))
LEFT = Why("was given by okta:ops (m.yaml:3): left the group", "ops", What.LEFT_GROUP, why("ops"))
UNKNOWN = Why("no reason known", "fin", What.GIVEN)


@pytest.mark.parametrize(
    ("change", "earlier", "ended", "whys"),
    [
        pytest.param(JOINS, BEFORE, None, [GIVEN], id="given"),
        pytest.param(LEAVES, BEFORE, None, [WAS_GIVEN], id="taken"),
        pytest.param(LEAVES, BEFORE, ends, [LEFT], id="taken, and how that ended is known"),
        pytest.param(LEAVES, None, ends, [NO_LINE], id="taken, and nothing is known of before"),
        pytest.param(LEAVES, wanted(), ends, [NO_LINE], id="taken, and it was wanted by nobody before"),
        pytest.param(LEAVES, wanted(person("Ann", "fin")), ends, [NO_LINE], id="taken, and another was given before"),
        pytest.param(MOVES, BEFORE, ends, [GIVEN, LEFT], id="moved"),
    ],
)
def test_each_role_that_is_given_or_taken_has_its_reason(
    change: Change, earlier: DesiredState | None, ended: Ended | None, whys: list[Why]
) -> None:
    assert list(map(values, whys)) == told(change, earlier=earlier, ended=ended)


def test_what_is_given_without_a_reason_says_so() -> None:
    assert [values(UNKNOWN)] == told(JOINS, desired=replace(NOW, because={}))
    assert [values(UNKNOWN)] == told(JOINS, desired=replace(NOW, because={"ann": {"ops": why("ops")}}))


def test_of_two_lines_that_gave_a_role_each_has_its_own_end() -> None:
    both = replace(BEFORE, because={"ann": {"ops": (*why("ops"), *why("all"))}})
    other = Why("was given by okta:all (m.yaml:3)", "ops", What.OTHER, why("all"))
    assert [values(LEFT), values(other)] == told(LEAVES, earlier=both, ended=ends)
    assert "okta:ops (m.yaml:3), okta:all (m.yaml:3)" == why_of("ops", What.GIVEN, both.because["ann"]["ops"]).text


def test_what_has_its_reasons_keeps_them_and_of_a_role_none_is_asked() -> None:
    known = replace(LEAVES, because=(Why("told before"),))
    of_role = Change(role("fin", "a", "b"), role("fin", "a"))
    found = list(explain([known, of_role], desired=NOW, earlier=BEFORE))
    assert [(Why("told before"),), ()] == [change.because for change in found]


def test_what_ended_is_summed_up_by_people() -> None:
    """Who lost two roles by one end is one person; what is no end of a reason is not counted."""
    left, off = Why("", "a", What.LEFT_GROUP), Why("", "a", What.DEACTIVATED)
    changes = [
        replace(LEAVES, because=(left, replace(left, role="b"))),
        replace(LEAVES, because=(left, off)),
        replace(JOINS, because=(GIVEN, NO_LINE)),
    ]
    assert "2 left the group, 1 deactivated" == summed(changes)
    assert "" == summed(changes[2:])
