"""A DAG that is not listed any more: its permissions stay for a while, and what somebody decided is followed at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from memory_journal import MemoryJournal
from stages import DAGS, People, Stage

from syncd.model import Dag, Deployment, Scope, VanishedDag
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

DAILY, MONTHLY = DAGS
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "database"])
def stage(request: pytest.FixtureRequest, store: Stores) -> Stage:
    journal = MemoryJournal() if request.param == "memory" else store
    found = Stage(journal, People({"finance": ["anna"]}), {"prod": MemoryTarget.of("prod", dags=DAGS)})
    found.deployment = Deployment("prod", dag_grace=24 * HOUR, naming=NAMING)
    found.apply()
    assert {"fin_daily", "fin_monthly"} == on_dags(found)
    return found


def on_dags(stage: Stage) -> set[str]:
    return {p.dag for p in stage.prod.roles["finance"].permissions if p.dag}


def after(stage: Stage, hours: int, *dags: Dag, scope: Scope | None = None) -> set[str]:
    stage.now += hours * HOUR
    stage.prod.dags = dags
    report = stage.apply(scope=scope)
    assert [] == [d.error for d in report.deployments if d.error]
    return on_dags(stage)


def notes(stage: Stage) -> set[str]:
    plan = stage.plan().plan
    assert plan is not None
    return {note.code for note in plan.notes}


def test_what_roles_have_on_it_stays_for_a_day(stage: Stage) -> None:
    assert {"fin_daily", "fin_monthly"} == after(stage, 1, DAILY)
    assert {"dag_vanished"} == notes(stage)
    assert {"fin_daily", "fin_monthly"} == after(stage, 23, DAILY)
    assert {"fin_daily"} == after(stage, 1, DAILY)
    assert set() == notes(stage)


def test_it_counts_anew_where_it_was_back(stage: Stage) -> None:
    after(stage, 1, DAILY)
    after(stage, 20, *DAGS)
    after(stage, 1, DAILY)

    assert {"fin_daily", "fin_monthly"} == after(stage, 23, DAILY)
    assert {"fin_daily"} == after(stage, 1, DAILY)


def test_a_changed_tag_is_followed_at_once(stage: Stage) -> None:
    assert {"fin_daily"} == after(stage, 1, DAILY, Dag("fin_monthly", frozenset({"other"})))


def test_a_dag_that_comes_is_given_at_once_while_another_is_missing(stage: Stage) -> None:
    new = Dag("fin_new", frozenset({"finance"}))

    assert {"fin_daily", "fin_monthly", "fin_new"} == after(stage, 1, DAILY, new)


def test_nothing_is_given_for_a_dag_that_is_not_listed(stage: Stage) -> None:
    after(stage, 1, DAILY)
    role = stage.prod.roles["finance"]
    stage.prod.roles["finance"] = replace(
        role, permissions=frozenset(p for p in role.permissions if p.dag != "fin_monthly")
    )

    assert {"fin_daily"} == after(stage, 1, DAILY)


def test_a_pass_over_the_dags_that_changed_keeps_it_too(stage: Stage) -> None:
    moved = Scope(dags=frozenset({"fin_monthly"}))

    assert {"fin_daily", "fin_monthly"} == after(stage, 1, DAILY, scope=moved)
    assert {"fin_daily", "fin_monthly"} == after(stage, 22, DAILY)
    assert {"fin_daily"} == after(stage, 2, DAILY)


def test_where_there_is_no_grace_it_goes_at_once(stage: Stage) -> None:
    stage.deployment = replace(stage.deployment, dag_grace=timedelta(0))

    assert {"fin_daily"} == after(stage, 1, DAILY)


def test_a_plan_counts_as_a_look(stage: Stage) -> None:
    stage.prod.dags = (DAILY,)
    stage.plan()

    since = stage.now
    assert (VanishedDag(MONTHLY, since),) == stage.store.looks.vanished("prod")
    assert {"fin_daily"} == after(stage, 24, DAILY)
