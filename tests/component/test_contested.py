"""What the code of a DAG takes or gives each time: counted once for each time, told, left alone for a day, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage

from syncd.model import Note, Permission, Role
from syncd.reconcile import DeploymentReport
from syncd.store import Stores
from syncd.targets.airflow.naming import permission
from syncd.targets.memory import MemoryTarget

EDIT = permission("can_edit", "DAG:fin_daily")
MORE = permission("can_delete", "DAG:fin_daily")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        stage = Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        stage.apply()
        yield stage


def has(stage: Stage, permission: Permission) -> bool:
    return permission in stage.prod.roles["finance"].permissions


def take(stage: Stage, permission: Permission = EDIT) -> None:
    stage.prod.roles["finance"] = Role("finance", stage.prod.roles["finance"].permissions - {permission})


def give(stage: Stage, permission: Permission = MORE) -> None:
    stage.prod.roles["finance"] = Role("finance", stage.prod.roles["finance"].permissions | {permission})


def applied(stage: Stage, **later: int) -> DeploymentReport:
    stage.now += timedelta(**later)
    report = stage.apply()
    return report.deployments[0]


def notes(found: DeploymentReport, code: str) -> list[Note]:
    assert found.plan is not None
    return [note for note in found.plan.notes if note.code == code]


@pytest.mark.finding("H-E10")
def test_one_loss_is_one_loss(stage: Stage) -> None:
    take(stage)
    stage.prod.fails = frozenset({"finance"})
    for _ in range(3):
        applied(stage, minutes=1)
    stage.prod.fails = frozenset()
    found = applied(stage, minutes=1)
    assert (True, []) == (has(stage, EDIT), notes(found, "dag_takes_back"))
    assert [1] == [loss.times for loss in stage.store.memory.losses("prod")]


@pytest.mark.finding("H-E10")
def test_a_loss_of_long_ago_is_forgotten(stage: Stage) -> None:
    take(stage)
    applied(stage, minutes=1)
    assert has(stage, EDIT)
    take(stage)
    applied(stage, days=200)
    assert has(stage, EDIT), "taken by hand on day 1 and on day 201"
    applied(stage, days=31)
    assert () == stage.store.memory.losses("prod")


@pytest.mark.finding("H-E10")
def test_who_goes_on_taking_is_yielded_to_day_after_day(stage: Stage) -> None:
    take(stage)
    applied(stage, hours=1)
    for _ in range(4):
        take(stage)
        found = applied(stage, hours=1)
        assert (False, 1, ()) == (has(stage, EDIT), len(notes(found, "dag_takes_back")), found.outcomes)
        assert applied(stage, hours=25).outcomes, "tried again a day later"
        assert has(stage, EDIT)
    assert [5] == [loss.times for loss in stage.store.memory.losses("prod")]


@pytest.mark.finding("R-F3")
def test_what_code_gives_back_is_told_and_not_fought_for_ever(stage: Stage) -> None:
    writes = []
    for _ in range(6):
        give(stage)
        found = applied(stage, minutes=15)
        writes.append(len(found.outcomes))
    assert [1, 0, 0, 0, 0, 0] == writes, "taken once; when it is there again syncd gives way"
    assert (True, True) == (has(stage, MORE), found.converged)
    [told] = notes(found, "dag_gives_back")
    assert "DAG fin_daily gives can_delete back to role finance" in told.text
    assert 0 == stage.apply().exit_code()
    applied(stage, hours=25)
    assert not has(stage, MORE), "tried again a day later"
    give(stage)
    found = applied(stage, minutes=15)
    assert ((), 1) == (found.outcomes, len(notes(found, "dag_gives_back")))


@pytest.mark.finding("R-F3")
def test_what_was_given_once_and_could_not_be_taken_is_one_gain(stage: Stage) -> None:
    give(stage)
    stage.prod.fails = frozenset({"finance"})
    for _ in range(3):
        applied(stage, minutes=1)
    assert [1] == [gain.times for gain in stage.store.memory.gains("prod")]
    stage.prod.fails = frozenset()
    applied(stage, minutes=1)
    assert not has(stage, MORE)


@pytest.mark.finding("R-F3")
def test_what_the_mapping_took_out_is_no_gain(stage: Stage) -> None:
    stage.prod.dags = DAGS[1:]
    applied(stage, minutes=1)
    assert (False, ()) == (has(stage, EDIT), stage.store.memory.gains("prod"))


@pytest.mark.finding("R-F3")
def test_what_is_on_no_dag_is_never_left(stage: Stage) -> None:
    everywhere = permission("can_edit", "Variables")
    for _ in range(4):
        give(stage, everywhere)
        applied(stage, minutes=15)
        assert not has(stage, everywhere)
    assert NOW < stage.now
