"""What the code of a DAG takes or gives each time: counted once for each time, told, left alone for a day, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage

from syncd.model import Change, Note, Permission, Role, Scope
from syncd.plan.approval import Apply
from syncd.plan.rollback import undo_of
from syncd.reconcile import DeploymentReport, Rollback, roll_back
from syncd.store import Stores
from syncd.targets.airflow.naming import permission
from syncd.targets.memory import MemoryTarget

EDIT = permission("can_edit", "DAG:fin_daily")
MORE = permission("can_delete", "DAG:fin_daily")
READ = permission("can_read", "DAG:fin_monthly")
EVERYWHERE, SITE = permission("can_edit", "DAGs"), permission("can_read", "Website")


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


@pytest.mark.finding("N-610")
def test_what_administers_is_never_left_and_is_told(stage: Stage) -> None:
    everywhere = permission("can_edit", "Variables")
    for _ in range(4):
        give(stage, everywhere)
        found = applied(stage, minutes=15)
        assert not has(stage, everywhere)
    assert NOW < stage.now
    assert 1 == len(notes(found, "permission_given_back"))


@pytest.mark.finding("N-610")
def test_what_is_on_no_dag_is_not_fought_for_ever(stage: Stage) -> None:
    for _ in range(3):
        give(stage, EVERYWHERE)
        take(stage, SITE)
        found = applied(stage, minutes=15)
    assert (True, False, ()) == (has(stage, EVERYWHERE), has(stage, SITE), found.outcomes)
    assert found.converged
    codes = ("permission_given_back", "permission_taken_back")
    assert [1, 1] == [len(notes(found, code)) for code in codes]
    applied(stage, hours=25)
    assert (False, True) == (has(stage, EVERYWHERE), has(stage, SITE)), "tried again a day later"


@pytest.mark.finding("N-612")
def test_what_a_rollback_took_of_a_role_no_dag_did(stage: Stage) -> None:
    rows = stage.store.queries.audit(run=1, status="applied", role="finance", after=0)
    changes = [row.change for row in rows if row.change.subject == "role"]
    some = Change(Role("finance", changes[0].after.permissions - {EDIT}), changes[0].after)
    roll_back(stage.world(), {"prod": Rollback(undo_of([some], what="rollback of run 1"))}, mode=Apply(frozenset()))
    assert not has(stage, EDIT)
    found = applied(stage, minutes=15)
    assert (True, 0, ()) == (has(stage, EDIT), found.drift, stage.store.memory.losses("prod"))


@pytest.mark.finding("N-611")
def test_what_a_pass_over_a_dag_took_itself_is_no_drift(stage: Stage) -> None:
    """A DAG that lost its tag for an hour, as seen by passes over that DAG alone."""
    stage.prod.dags = (DAGS[0], replace(DAGS[1], tags=frozenset()))
    stage.apply(scope=Scope.of_dags(["fin_monthly"]))
    assert not has(stage, READ)
    stage.prod.dags = DAGS
    found = applied(stage, minutes=15)
    assert (True, 0, ()) == (has(stage, READ), found.drift, stage.store.memory.losses("prod"))
