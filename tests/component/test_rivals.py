"""Grants that another hand takes each time: given again for some rounds, then left, told with who most likely does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, roles_of

from syncd.model import Scope
from syncd.plan.approval import Apply
from syncd.plan.contested import FORGET_AFTER, TRY_AGAIN_AFTER
from syncd.plan.rivals import YIELD_AFTER
from syncd.plan.rollback import undo_of
from syncd.reconcile import DeploymentReport, Rollback, roll_back
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget

BOTH = {"finance", "Viewer"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        people = People({"finance": ["anna", "bob", "carol", "dora", "eve", "fred"]})
        it = Stage(store, people, {"prod": MemoryTarget("prod", dags=DAGS)}, now=NOW)
        it.apply()
        yield it


def left_with(stage: Stage, name: str, *roles: str) -> None:
    stage.prod.users[name] = replace(stage.prod.users[name], roles=frozenset(roles))


def applied(stage: Stage, minutes: float = 15) -> DeploymentReport:
    stage.now += timedelta(minutes=minutes)
    return stage.apply().deployments[0]


def taken_each_time(stage: Stage, rounds: int = YIELD_AFTER, *names: str) -> DeploymentReport:
    """Let a rival leave people with less before each pass."""
    for _ in range(rounds):
        for name in names or ("anna",):
            left_with(stage, name, "Viewer")
        report = applied(stage)
    return report


def told(report: DeploymentReport) -> list[str]:
    assert report.plan is not None
    return [note.text for note in report.plan.notes if note.code == "grant_taken_back"]


def test_it_is_given_again_for_some_rounds_and_then_left(stage: Stage) -> None:
    assert [] == told(taken_each_time(stage, YIELD_AFTER - 1))
    assert BOTH == roles_of(stage.prod, "anna")

    report = taken_each_time(stage, 1)

    assert {"Viewer"} == roles_of(stage.prod, "anna")
    assert BOTH == roles_of(stage.prod, "bob")
    [said] = told(report)
    assert said.startswith("finance was taken from anna: most likely somebody takes them in the user interface")
    assert said.endswith("each time syncd gives it. syncd tries again after 24 hours")
    assert report.converged
    assert 0 == report.drift


def test_what_stays_gone_is_one_loss(stage: Stage) -> None:
    left_with(stage, "anna", "Viewer")
    stage.prod.fails = frozenset({"anna"})
    for _ in range(YIELD_AFTER + 1):
        applied(stage)
    stage.prod.fails = frozenset()

    applied(stage)

    assert BOTH == roles_of(stage.prod, "anna")


def test_it_is_tried_again_a_day_later_and_left_again_at_once(stage: Stage) -> None:
    taken_each_time(stage)
    applied(stage, minutes=TRY_AGAIN_AFTER / timedelta(minutes=1) + 1)
    assert BOTH == roles_of(stage.prod, "anna")

    report = taken_each_time(stage, 1)

    assert 1 == len(told(report))
    assert {"Viewer"} == roles_of(stage.prod, "anna")


def test_after_a_month_of_peace_it_begins_anew(stage: Stage) -> None:
    taken_each_time(stage)
    applied(stage, minutes=TRY_AGAIN_AFTER / timedelta(minutes=1) + 1)
    applied(stage, minutes=FORGET_AFTER / timedelta(minutes=1) + 1)

    taken_each_time(stage, 1)

    assert BOTH == roles_of(stage.prod, "anna")


def test_a_pass_over_a_few_people_gives_way_too(stage: Stage) -> None:
    from syncd.model import Scope

    taken_each_time(stage)
    stage.now += timedelta(minutes=1)

    stage.apply(scope=Scope.people(["anna"]))

    assert {"Viewer"} == roles_of(stage.prod, "anna")


def test_somebody_who_leaves_loses_what_is_left_although_there_is_a_rival(stage: Stage) -> None:
    taken_each_time(stage)
    stage.people.members = {"finance": ["bob", "carol", "dora", "eve", "fred"]}

    applied(stage)

    assert set() == roles_of(stage.prod, "anna")


@pytest.mark.parametrize(
    ("names", "left", "said"),
    [
        (("anna", "bob"), ("Public",), "a login takes them, which gives people their roles anew"),
        (
            ("anna", "bob", "carol", "dora"),
            ("Viewer",),
            "another tool or a second syncd with another mapping takes them",
        ),
        (("anna",), ("Viewer",), "somebody takes them in the user interface"),
        (("anna",), None, "another tool or a second syncd deletes the accounts"),
    ],
)
def test_who_most_likely_did_it_is_told_the_first_time(
    stage: Stage, names: tuple[str, ...], left: tuple[str, ...] | None, said: str
) -> None:
    for name in names:
        if left is None:
            del stage.prod.users[name]
        else:
            left_with(stage, name, *left)

    report = applied(stage)

    assert any(f"finance was taken from {', '.join(names)}: most likely {said}" in text for text in report.culprits)
    assert report.drift


def test_it_is_known_over_a_restart(stage: Stage) -> None:
    taken_each_time(stage, YIELD_AFTER - 1)
    assert [YIELD_AFTER - 1] == [one.times for one in stage.store.memory.lost_grants("prod")]
    assert all(one.back for one in stage.store.memory.lost_grants("prod"))


@pytest.mark.finding("N-574")
def test_who_leaves_and_comes_back_was_robbed_by_nobody(stage: Stage) -> None:
    """Passes over one person take what they lose, as the daemon does; the passes over everything see them back."""
    everybody = list(stage.people.members["finance"])
    for _ in range(YIELD_AFTER + 1):
        stage.people.members = {"finance": everybody[1:]}
        stage.apply(scope=Scope.people(["anna"]))
        assert set() == roles_of(stage.prod, "anna")
        stage.people.members = {"finance": everybody}
        report = applied(stage)
        assert ((), []) == (report.culprits, told(report))
        assert 0 == report.drift, "N-611: nor did anybody else take it"
    assert BOTH == roles_of(stage.prod, "anna")


@pytest.mark.finding("N-574")
def test_what_a_rollback_took_nobody_else_did(stage: Stage) -> None:
    rows = stage.store.queries.audit(run=1, status="applied", user="anna", after=0)
    undo = undo_of([row.change for row in rows], what="rollback of run 1")
    roll_back(stage.world(), {"prod": Rollback(undo)}, mode=Apply(frozenset()))
    assert set() == roles_of(stage.prod, "anna")
    assert () == applied(stage).culprits
    assert BOTH == roles_of(stage.prod, "anna")
