"""Why people lose what they lose, whenever it goes at last; and what is called another hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from test_reconcile import DAGS, NOW, People, Stage, errand, put

from syncd.model import EVERYTHING, DesiredState, Permission, Plan, Role, User
from syncd.plan.guard import Limits
from syncd.reconcile import DeploymentReport, Errand
from syncd.store import Store
from syncd.targets.memory import MemoryTarget

EDIT = Permission("can_edit", "DAG:fin_daily")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Store(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        people = People({"finance": ["anna", "bob", "carol"]})
        yield Stage(
            store, people, {"prod": MemoryTarget("prod", dags=DAGS)}, limits=Limits(removals=1, share=1.0, floor=0)
        )


def applied(stage: Stage) -> DeploymentReport:
    return stage.apply().deployments[0]


def approved(stage: Stage) -> DeploymentReport:
    held = stage.store.held("prod")
    assert held is not None
    return stage.apply(approved=(held.held.digest,)).deployments[0]


@pytest.mark.finding("H-E9")
@pytest.mark.finding("U-B1")
@pytest.mark.finding("U-B10")
def test_an_approved_removal_is_no_drift_and_keeps_its_reason(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": ["anna"]}
    first = applied(stage)
    for _ in range(3):
        stage.now += timedelta(minutes=15)
        held = applied(stage).held
        assert held is not None
        assert first.held is not None
        assert [c.because for c in first.held.changes] == [c.because for c in held.changes]
    passed = approved(stage)
    assert (0, 2) == (passed.drift, len(passed.outcomes))
    assert all("was given by people:finance" in str(o.change.because[0]) for o in passed.outcomes)
    rows = stage.store.audit(deployment="prod", user="bob", status="applied")
    assert "was given by people:finance (mappings/finance.yaml:5)" in str(rows[0].change.because[0])


@pytest.mark.finding("U-B1")
def test_a_pass_that_holds_something_is_not_called_converged(stage: Stage) -> None:
    stage.apply()
    reached = stage.store.last_run("prod")
    stage.people.members = {"finance": ["anna"]}
    stage.now += timedelta(minutes=15)
    stage.apply()
    now = stage.store.last_run("prod")
    assert reached is not None
    assert now is not None
    assert (reached.reached_run, reached.reached_at) == (now.reached_run, now.reached_at)
    passed = approved(stage)
    again = stage.store.last_run("prod")
    assert again is not None
    assert (True, now.run.id + 1) == (passed.converged, again.reached_run)


@pytest.mark.finding("U-B1")
def test_a_state_that_was_not_reached_is_known_and_has_no_time(stage: Stage) -> None:
    run = stage.store.start_run("apply", scope=EVERYTHING, now=NOW)
    stage.store.record_plan(run, Plan("prod", EVERYTHING, ()), held=None, approved=None, now=NOW)
    state = DesiredState("prod", {}, {}, {})
    stage.store.save_desired(run, state, reached=False)
    standing = stage.store.last_run("prod")
    assert standing is not None
    assert (state, None, None) == (stage.store.last_desired("prod"), standing.reached_at, standing.reached_run)
    stage.store.save_desired(run, state)
    standing = stage.store.last_run("prod")
    assert standing is not None
    assert run == standing.reached_run


@pytest.mark.finding("H-E9")
def test_what_was_kept_on_doubt_is_no_drift_when_it_goes(stage: Stage) -> None:
    stage.apply()
    stage.people.members["finance"] = ["anna", "bob"]
    members = stage.people.members
    stage.people.members = {"others": ["zoe"]}  # the group is not there: nobody loses anything by it
    assert 6 == len(applied(stage).plan.kept)  # type: ignore[union-attr]
    stage.people.members = members
    found = applied(stage)
    assert (["carol"], 0) == ([o.change.name for o in found.outcomes], found.drift)
    assert "was given by people:finance" in str(found.outcomes[0].change.because[0])


@pytest.mark.finding("H-E9")
def test_another_hand_is_told_beside_what_is_held(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": ["anna"]}
    stage.apply()
    put(stage.prod, replace(stage.prod.users["anna"], roles=frozenset({"Viewer"})))
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset({"finance"})))
    assert 1 == applied(stage).drift, "bob's Viewer was to go anyway"


@pytest.mark.finding("H-E9")
def test_what_the_mapping_changes_and_what_a_hand_changed_in_one_role_are_told_apart(stage: Stage) -> None:
    stage.apply()
    stage.prod.dags = DAGS[1:]
    assert 0 == errand(stage, Errand(EVERYTHING, "sweep")).drift, "a DAG went"
    role = stage.prod.roles["finance"]
    put(stage.prod, Role("finance", role.permissions | {EDIT}))
    assert 1 == errand(stage, Errand(EVERYTHING, "sweep")).drift
    assert stage.now == NOW
