"""A deployment whose DAGs or roles cannot be listed: who leaves loses all the same, the rest waits, and the error is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from airflow_world import World as Server
from airflow_world import world
from stages import DAGS, People, Stage, made_for, put, roles_of

from syncd.mapping.parse import parse
from syncd.model import EVERYTHING, Deployment, User
from syncd.plan.limits import Limits
from syncd.reconcile import PassRequest, Target, World, apply, plan
from syncd.sandbox.airflow.app import StandIn
from syncd.sandbox.airflow.faults import CRASH, on
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

pytestmark = pytest.mark.finding("C-48")

MOVES = b"""
roles:
  finance: {dags: [{level: view, tag: finance}]}
  ops: {dags: [{level: view, tag: finance}]}
  new: {dags: [{level: view, tag: finance}]}
bindings:
  - {group: people:finance, roles: [finance, Viewer], deployments: all}
  - {group: people:ops, roles: [ops], deployments: all}
"""
NEW = b"  - {group: people:new, roles: [new], deployments: all}\n"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        people = People({"finance": ["anna", "bob", "carl"], "ops": ["olga"], "new": []})
        yield Stage(store, people, {"prod": MemoryTarget("prod", dags=DAGS)})


def mapped(stage: Stage, text: bytes = MOVES) -> World:
    return replace(
        stage.world(), rules=parse({"mappings/finance.yaml": text}, sources=frozenset({"people"}), namings=[NAMING])
    )


@pytest.mark.parametrize("unlisted", ["dags", "roles"])
def test_a_leaver_loses_and_a_mover_is_moved_and_everything_else_waits(stage: Stage, unlisted: str) -> None:
    apply(mapped(stage))
    put(stage.prod, User("eve", "eve@x", "E", "V", frozenset({"finance"})))
    stage.prod.unlisted = frozenset({unlisted})
    stage.people.members = {"finance": ["anna", "joe"], "ops": ["olga", "carl"], "new": ["anna", "bob"]}
    stage.prod.applied.clear()
    seen = plan(mapped(stage, MOVES + NEW)).deployments[0]
    assert seen.plan is not None
    assert (["bob", "carl"], True) == (sorted(c.name for c in seen.plan.changes), seen.error is not None)
    report = apply(mapped(stage, MOVES + NEW))
    assert (5, f"{unlisted} cannot be read: 500") == (report.exit_code(), str(report.deployments[0].error))
    assert (set(), {"ops"}) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "carl"))
    assert ({"finance", "Viewer"}, {"finance"}) == (roles_of(stage.prod, "anna"), roles_of(stage.prod, "eve"))
    assert ["bob", "carl"] == sorted(stage.prod.applied), "no role and no account is made"
    stage.prod.unlisted = frozenset()
    assert 0 == apply(mapped(stage, MOVES + NEW)).exit_code()
    assert ({"new"}, {"new", "finance", "Viewer"}) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "anna"))


def test_a_sweep_of_the_daemon_takes_from_leavers_too(stage: Stage) -> None:
    stage.apply()
    stage.prod.unlisted = frozenset({"dags"})
    stage.people.members = {"finance": ["anna", "carl"]}
    found = made_for(stage, PassRequest(EVERYTHING, "sweep"))
    assert ("dags cannot be read: 500", set()) == (str(found.error), roles_of(stage.prod, "bob"))


def test_limits_hold_then_as_well(stage: Stage) -> None:
    stage.apply()
    stage.prod.unlisted = frozenset({"dags"})
    stage.limits = Limits(removals=0, share=0, floor=0)
    stage.people.members = {"finance": ["anna", "carl"]}
    report = stage.apply()
    assert (5, True) == (report.exit_code(), report.deployments[0].held is not None)
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


def test_a_deployment_that_nobody_leaves_is_not_looked_at_twice(stage: Stage) -> None:
    stage.apply()
    stage.prod.unlisted = frozenset({"dags"})
    before = stage.prod.calls
    report = stage.apply()
    assert (5, None) == (report.exit_code(), report.deployments[0].plan)
    assert 2 == stage.prod.calls - before, "a look, and a list of DAGs that failed"


@pytest.mark.parametrize("preset", ["2.11.2", "3.3.2"])
def test_a_real_reader_takes_from_leavers_while_its_list_of_dags_crashes(
    stage: Stage, tmp_path: Path, preset: str
) -> None:
    with world(StandIn(preset, dags=()), tmp_path) as server:
        assert 0 == apply(against(stage, server)).exit_code()
        stage.people.members = {"finance": ["anna", "carl"]}
        server.server.faults.add(CRASH, on("GET", "*/dags"))
        report = apply(against(stage, server))
        assert 5 == report.exit_code()
        assert set() == server.server.state.users["bob"].roles
        assert "finance" in server.server.state.users["anna"].roles


def against(stage: Stage, server: Server) -> World:
    target = Target(Deployment("prod", naming=NAMING), enforce=True, limits=Limits(), open=server.target)
    return replace(stage.world(), targets=(target,))
