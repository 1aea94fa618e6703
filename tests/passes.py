"""What a pass decides, whatever keeps its journal: collected where a fixture `stage` says which journal that is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import DAGS, Stage, made_for, planned, put, roles_of

from syncd.errors import TargetUnavailable
from syncd.model import (
    EVERYTHING,
    Adopt,
    Deployment,
    DesiredState,
    Reason,
    Role,
    Scope,
    Status,
    User,
)
from syncd.reconcile import PassRequest, plan
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget


def test_a_first_pass_gives_everything_and_a_second_does_nothing(stage: Stage) -> None:
    first = stage.apply()
    assert (0, True) == (first.exit_code(), first.deployments[0].converged)
    assert {"finance", "Viewer"} == roles_of(stage.prod, "anna")
    assert permission("can_edit", "DAG:fin_daily") in stage.prod.roles["finance"].permissions
    assert permission("can_edit", "DAG:fin_monthly") not in stage.prod.roles["finance"].permissions
    made = list(stage.prod.applied)
    second = stage.apply()
    assert ((), 0) == (second.deployments[0].outcomes, second.exit_code())
    assert made == stage.prod.applied


def test_planning_writes_nothing_and_says_that_changes_are_pending(stage: Stage) -> None:
    report = plan(stage.world())
    assert (0, 2) == (report.exit_code(), report.exit_code(check=True))
    assert ({}, {}) == (stage.prod.users, stage.prod.roles)
    assert ["finance", "anna", "bob"] == [c.name for c in planned(report).changes]


def test_an_observed_deployment_is_never_changed(stage: Stage) -> None:
    stage.enforce = False
    report = stage.apply()
    assert {Status.SKIPPED} == set(stage.statuses(report).values())
    assert {} == stage.prod.users


def test_a_leaver_loses_what_was_given_and_keeps_what_was_not(stage: Stage) -> None:
    stage.apply()
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({"finance", "Viewer", "Op"})))
    stage.people.members = {"finance": ["anna"]}
    assert 0 == stage.apply().exit_code()
    assert {"Op"} == roles_of(stage.prod, "bob")


def test_a_leaver_keeps_the_account_unless_the_deployment_says_otherwise(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": ["anna"]}
    stage.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
    put(stage.prod, User("eve", "eve@x", "E", "V", frozenset()))
    report = stage.apply()
    assert {"anna", "eve"} == set(stage.prod.users)
    assert [
        ("revoke", "user", "bob", "Viewer"),
        ("revoke", "user", "bob", "finance"),
        ("delete", "user", "bob", ""),
    ] == [e for o in report.deployments[0].outcomes for e in o.change.effects]


@pytest.mark.parametrize("doubt", ["incomplete", "down"])
def test_nothing_is_taken_on_doubt(stage: Stage, doubt: str) -> None:
    stage.apply()
    stage.people.members = {"finance": ["carol"]}
    stage.people.complete = doubt != "incomplete"
    stage.people.down = "cannot be reached" if doubt == "down" else None
    report = stage.apply()
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob") == roles_of(stage.prod, "anna")
    assert 5 == report.exit_code()
    assert (doubt == "incomplete") == ("carol" in stage.prod.users), "a doubtful read may still give"


def test_a_source_that_was_never_read_takes_nothing(stage: Stage) -> None:
    stage.people.down = "cannot be reached"
    put(stage.prod, User("bob", "bob@example.com", "B", "T", frozenset({"Viewer"})))
    report = stage.apply()
    assert 5 == report.exit_code()
    assert {"Viewer"} == roles_of(stage.prod, "bob")


def test_a_failed_change_does_not_stop_the_others(stage: Stage) -> None:
    stage.prod.fails = frozenset({"anna"})
    report = stage.apply()
    assert {"finance": Status.APPLIED, "anna": Status.FAILED, "bob": Status.APPLIED} == stage.statuses(report)
    assert 1 == report.exit_code()
    assert () == report.deployments[0].not_converged, "the outcome already says why"
    stage.prod.fails = frozenset()
    assert {"anna": Status.APPLIED} == stage.statuses(stage.apply())


def test_a_failed_deployment_does_not_stop_the_next(stage: Stage) -> None:
    stage.targets = {"dev": MemoryTarget("dev", raises=TargetUnavailable("dev: no answer")), **stage.targets}
    report = stage.apply()
    assert [False, True] == [d.error is None for d in report.deployments]
    assert (5, {"anna", "bob"}) == (report.exit_code(), set(stage.prod.users))


def test_a_defect_in_one_deployment_does_not_stop_the_next(stage: Stage) -> None:
    stage.targets = {"dev": MemoryTarget("dev", dags=(None,)), **stage.targets}  # type: ignore[arg-type]
    report = stage.apply()
    assert "this is a defect" in str(report.deployments[0].error)
    assert (1, {"anna", "bob"}) == (report.exit_code(), set(stage.prod.users))


def test_what_the_server_accepts_and_does_not_keep_is_reported(stage: Stage) -> None:
    stage.prod.vanishes = frozenset({"anna"})
    report = stage.apply()
    assert ["anna"] == [c.name for c in report.deployments[0].not_converged]
    assert (1, False) == (report.exit_code(), report.deployments[0].converged)
    assert "not_converged" in stage.events


def test_damage_by_hand_is_healed(stage: Stage) -> None:
    stage.apply()
    good = stage.prod.roles["finance"]
    put(stage.prod, Role("finance", good.permissions | {permission("can_delete", "DAG:fin_daily")}))
    put(stage.prod, replace(stage.prod.users["anna"], roles=frozenset()))
    assert 0 == stage.apply().exit_code()
    assert (good, {"finance", "Viewer"}) == (stage.prod.roles["finance"], roles_of(stage.prod, "anna"))
    del stage.prod.roles["finance"]
    assert 0 == stage.apply().exit_code()
    assert good == stage.prod.roles["finance"]


@pytest.mark.parametrize(
    ("adopt", "left"), [(Adopt.NEVER, {"Viewer"}), (Adopt.MATCHING, set()), (Adopt.DECLARED, set())]
)
def test_what_was_there_before_is_ours_as_the_deployment_says(stage: Stage, adopt: Adopt, left: set[str]) -> None:
    stage.deployment = Deployment("prod", adopt=adopt, naming=NAMING)
    put(stage.prod, User("anna", "anna@example.com", "A", "T", frozenset({"Viewer"})))
    stage.apply()
    stage.people.members = {"finance": ["bob"]}
    stage.apply()
    assert left == roles_of(stage.prod, "anna")


@pytest.mark.parametrize(("adopt", "kept"), [(Adopt.MATCHING, True), (Adopt.DECLARED, False)])
def test_a_role_that_was_there_before_keeps_its_own_unless_declared_ours(
    stage: Stage, adopt: Adopt, kept: bool
) -> None:
    stage.deployment = Deployment("prod", adopt=adopt, naming=NAMING)
    own = permission("can_read", "Pools")
    put(stage.prod, Role("finance", frozenset({own})))
    report = stage.apply()
    assert kept == (own in stage.prod.roles["finance"].permissions)
    notes = {n.code for n in planned(report).notes}
    assert kept == ("role_not_ours" in notes)


def test_a_scope_touches_nobody_else(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": []}
    report = stage.apply(scope=Scope.people(["BOB@example.com", "bob"]))
    assert ["bob"] == [o.change.name for o in report.deployments[0].outcomes]
    assert {"finance", "Viewer"} == roles_of(stage.prod, "anna")
    assert set() == roles_of(stage.prod, "bob")


def test_an_account_found_by_email_is_used_where_the_deployment_says_so(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna"]}
    put(stage.prod, User("a.schmidt", "Anna@Example.com", "A", "S", frozenset()))
    stage.deployment = Deployment("prod", match_email=True, naming=NAMING)
    stage.apply()
    assert {"a.schmidt": {"finance", "Viewer"}} == {n: roles_of(stage.prod, n) for n in stage.prod.users}
    stage.prod.users["a.schmidt"] = replace(stage.prod.users["a.schmidt"], roles=frozenset())
    report = stage.apply(scope=Scope.people(["anna"]))
    assert ["a.schmidt"] == [o.change.name for o in report.deployments[0].outcomes], "found by either name"
    stage.people.members = {"finance": []}
    stage.apply()
    assert set() == roles_of(stage.prod, "a.schmidt")


def test_a_dag_that_one_read_missed_takes_nothing(stage: Stage) -> None:
    stage.apply()
    stage.prod.hides_once = frozenset({"fin_daily"})
    assert () == stage.apply().deployments[0].outcomes
    stage.prod.dags = DAGS[1:]
    assert {"finance": Status.APPLIED} == stage.statuses(stage.apply())
    assert permission("can_read", "DAG:fin_daily") not in stage.prod.roles["finance"].permissions


def test_a_narrow_state_of_before_is_not_taken_for_what_roles_held(stage: Stage) -> None:
    """Else one read that misses a DAG would take permissions away; see `test_a_dag_that_one_read_missed_takes_nothing`."""
    stage.apply()
    narrow = DesiredState("prod", {}, {"finance": Role("finance", frozenset())}, {})
    stage.prod.hides_once = frozenset({"fin_daily"})
    found = made_for(stage, PassRequest(EVERYTHING, "people", earlier=narrow))
    assert () == found.outcomes


def test_the_reasons_of_a_loss_are_those_of_before(stage: Stage) -> None:
    stage.apply()
    reason = Reason("people", "finance", "finance", "mappings/finance.yaml:5")
    anna = stage.prod.users["anna"]
    before = DesiredState("prod", {"anna": anna}, {}, {"anna": {"Viewer": (reason,)}})
    stage.people.members["finance"] = ["bob"]
    found = made_for(stage, PassRequest(Scope.people(["anna"]), "people", earlier=before))
    [outcome] = found.outcomes
    assert "Viewer: was given by people:finance (mappings/finance.yaml:5)" in map(str, outcome.change.because)


def test_what_somebody_else_changed_is_drift_and_what_the_mapping_changed_is_not(stage: Stage) -> None:
    stage.apply()
    stage.people.members["finance"] = ["anna", "bob", "carol"]
    put(stage.prod, replace(stage.prod.users["anna"], roles=frozenset({"Viewer"})))
    found = made_for(stage, PassRequest(EVERYTHING, "sweep"))
    assert (2, 1) == (len(found.outcomes), found.drift)
