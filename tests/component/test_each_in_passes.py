"""Lines for each owner of DAGs over several passes: nobody loses by DAGs that are not listed, until they were gone for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stages
from stages import People, Stage, roles_of

from syncd.model import Dag, Deployment, Scope
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

MAPPING = b"""
roles:
  "{owner}-viewer": {dags: [{level: view, owner: "{owner}"}]}
  "{owner}-named": {permissions: [can_read on Pools]}
bindings:
  - group: people:team
    each: owner
    roles: ["{owner}-viewer", "{owner}-named"]
    deployments: all
"""
FINANCE, RISK = Dag("a", owners=frozenset({"fin"})), Dag("b", owners=frozenset({"risk"}))
BOTH = {"fin-viewer", "fin-named", "risk-viewer", "risk-named"}
HOUR = timedelta(hours=1)


@pytest.fixture
def stage(store: Stores, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(stages, "MAPPING", MAPPING)
    people = People({"team": ["anna", "bob"], "other": ["anna", "bob", "cid"]})
    found = Stage(store, people, {"prod": MemoryTarget.of("prod", dags=(FINANCE, RISK))})
    found.deployment = Deployment("prod", dag_grace=24 * HOUR, naming=NAMING)
    found.apply()
    return found


def after(stage: Stage, hours: int, *dags: Dag, scope: Scope | None = None) -> set[str]:
    """Let hours go by, apply, and say what anna holds."""
    stage.now += hours * HOUR
    stage.prod.dags = dags
    report = stage.apply(scope=scope)
    assert [] == [d.error for d in report.deployments if d.error]
    return roles_of(stage.prod, "anna")


def is_done(stage: Stage) -> bool:
    plan = stage.plan().plan
    assert plan is not None
    return not plan.changes


def test_there_are_roles_for_each_owner_and_the_second_plan_is_empty(stage: Stage) -> None:
    assert BOTH == roles_of(stage.prod, "anna") == roles_of(stage.prod, "bob")
    assert is_done(stage)


def test_an_owner_that_is_new_has_roles_with_the_next_pass(stage: Stage) -> None:
    more = Dag("c", owners=frozenset({"ops"}))
    assert {*BOTH, "ops-viewer", "ops-named"} == after(stage, 1, FINANCE, RISK, more)
    assert is_done(stage)


def test_the_roles_of_an_owner_stay_for_a_day_after_the_last_dag_is_gone(stage: Stage) -> None:
    assert BOTH == after(stage, 1, FINANCE)
    assert "b" in {p.dag for p in stage.prod.roles["risk-viewer"].permissions}
    assert BOTH == after(stage, 23, FINANCE)
    assert {"fin-viewer", "fin-named"} == after(stage, 1, FINANCE)
    assert not {"risk-viewer", "risk-named"} & stage.prod.roles.keys()
    assert is_done(stage)


def test_a_server_that_lists_nothing_takes_nothing_for_a_day(stage: Stage) -> None:
    assert BOTH == after(stage, 1)
    assert BOTH == after(stage, 5, FINANCE, RISK)
    assert BOTH == after(stage, 20), "it counts anew"


def test_another_owner_is_a_decision_and_followed_at_once(stage: Stage) -> None:
    assert {"fin-viewer", "fin-named"} == after(stage, 1, FINANCE, Dag("b", owners=frozenset({"fin"})))


def test_a_pass_over_one_person_goes_by_what_was_listed_last(stage: Stage) -> None:
    stage.people.members["team"] = ["anna", "bob", "cid"]
    assert BOTH == after(stage, 1, scope=Scope.people(["anna", "cid"]))
    assert BOTH == roles_of(stage.prod, "cid")
    stage.people.members["team"] = ["anna", "cid"]
    after(stage, 1, scope=Scope.people(["bob"]))
    assert set() == roles_of(stage.prod, "bob")
    stage.prod.dags = (FINANCE, RISK)
    assert is_done(stage)


def test_a_pass_over_one_person_keeps_what_is_in_grace_and_no_more(stage: Stage) -> None:
    assert BOTH == after(stage, 1, FINANCE)
    assert BOTH == after(stage, 1, FINANCE, scope=Scope.people(["anna"]))
    assert {"fin-viewer", "fin-named"} == after(stage, 24, FINANCE, scope=Scope.people(["anna"]))


def test_who_leaves_loses_their_roles_while_dags_cannot_be_listed_and_nobody_else_does(stage: Stage) -> None:
    stage.people.members["team"] = ["bob"]
    stage.prod.unlisted = frozenset({"dags"})
    stage.apply()
    assert (set(), BOTH) == (roles_of(stage.prod, "anna"), roles_of(stage.prod, "bob"))


def test_a_pass_over_one_person_lists_dags_where_nobody_ever_did(
    store: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "MAPPING", MAPPING)
    it = Stage(store, People({"team": ["anna"]}), {"prod": MemoryTarget.of("prod", dags=(FINANCE,))})
    it.prod.unlisted = frozenset({"dags"})
    [failed] = it.apply(scope=Scope.people(["anna"])).deployments
    assert failed.error
    it.prod.unlisted = frozenset()
    [done] = it.apply(scope=Scope.people(["anna"])).deployments
    assert not done.error
    it.apply()
    assert {"fin-viewer", "fin-named"} == roles_of(it.prod, "anna")


def test_nobody_loses_the_roles_of_an_owner_that_another_one_puts_beyond_the_bound(
    store: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_role = b"""
roles: {"{owner}-viewer": {dags: [{level: view, owner: "{owner}"}]}}
bindings: [{group: people:team, each: owner, roles: ["{owner}-viewer"], deployments: all}]
"""
    monkeypatch.setattr(stages, "MAPPING", one_role)
    many = tuple(Dag(f"d{n:03}", owners=frozenset({f"o{n:03}"})) for n in range(500))
    it = Stage(store, People({"team": ["anna"], "other": ["bob"]}), {"prod": MemoryTarget.of("prod", dags=many)})
    it.apply()
    assert "o499-viewer" in roles_of(it.prod, "anna")
    it.people.members["team"] = ["anna", "bob"]
    it.prod.dags = (*many, Dag("a", owners=frozenset({"a"})))
    report = it.apply()
    assert {"a-viewer", "o499-viewer"} <= roles_of(it.prod, "anna")
    assert "o499-viewer" not in roles_of(it.prod, "bob")
    assert {"o499-viewer"} == report.deployments[0].frozen.keys()
    assert "d499" in {p.dag for p in it.prod.roles["o499-viewer"].permissions}
