"""Modes of deployments and roles through whole passes: what is given, what stays, and what comes once the mode is another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import stages
from stages import DAGS, NOW, People, Stage, roles_of

from syncd.model import Deployment
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        people = People({"finance": ["anna", "bob"]})
        it = Stage(store, people, {"prod": MemoryTarget("prod", dags=DAGS)})
        it.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
        it.apply()
        yield it


def test_a_deployment_that_only_adds_converges_and_takes_once_it_does_more(stage: Stage) -> None:
    whole = stage.deployment
    stage.deployment = replace(whole, add_only=True)
    stage.people.members = {"finance": ["anna", "dora"]}

    report = stage.apply()

    assert ({"finance", "Viewer"}, {"finance", "Viewer"}) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "dora"))
    assert 0 == report.exit_code()
    [this] = report.deployments
    assert this.converged
    assert this.held is None
    assert this.plan is not None
    assert ["add_only"] == [note.code for note in this.plan.notes if note.code == "add_only"]
    assert () == stage.plan().plan.changes  # type: ignore[union-attr]
    stage.deployment = whole
    stage.apply()
    assert "bob" not in stage.prod.users


@pytest.mark.parametrize(("mode", "gets"), [("observe", {"Viewer"}), ("add-only", {"finance", "Viewer"})])
def test_a_role_has_a_mode_of_its_own(stage: Stage, mode: str, gets: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MAPPING", stages.MAPPING.replace(b"{dags", f"{{mode: {mode}, dags".encode()))
    stage.people.members = {"finance": ["anna", "dora"]}

    report = stage.apply().deployments[0]

    assert ({"finance"}, gets) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "dora"))
    assert report.converged
    assert () == stage.apply().deployments[0].outcomes


def test_what_is_only_observed_does_not_become_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MAPPING", stages.MAPPING.replace(b"{dags", b"{mode: observe, dags"))
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        made = MemoryTarget("prod", dags=DAGS)
        Stage(store, People({"finance": ["anna"]}), {"prod": made}).apply()
        assert {"Viewer"} == roles_of(made, "anna")
        made.users["anna"] = replace(made.users["anna"], roles=frozenset({"finance", "Viewer"}))
        Stage(store, People({"finance": ["anna"]}), {"prod": made}).apply()

        assert {"anna": frozenset({"Viewer"})} == store.holdings.owned("prod").grants


def test_a_permission_that_stays_is_not_taken_for_one_that_a_dag_gives_back(stage: Stage) -> None:
    stage.deployment = replace(stage.deployment, add_only=True)
    stage.prod.dags = (DAGS[0],)  # of the other DAG the role keeps what it has

    for _ in range(3):
        report = stage.apply().deployments[0]

    assert report.plan is not None
    assert [] == [note.code for note in report.plan.notes if note.code.startswith("dag_")]
    assert () == stage.store.memory.gains("prod")
