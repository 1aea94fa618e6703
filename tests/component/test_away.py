"""A server that goes away in the middle of a pass: what is tried then, and what the report says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from airflow_world import World as Server
from airflow_world import world
from stages import DAGS, People, Stage

from syncd.model import Deployment, Outcome, Status
from syncd.plan.limits import Limits
from syncd.reconcile import Report, Target, apply
from syncd.reconcile.make import AWAY_AFTER
from syncd.render.json import report_json
from syncd.sandbox.airflow.app import StandIn
from syncd.sandbox.airflow.faults import CRASH, DOWN, Fault, Meanwhile, on
from syncd.sandbox.airflow.state import DagFile
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.throttle import RateLimit, Throttle

TIGHT = Limits(removals=2, share=1.0, floor=0)
PEOPLE = [f"p{n:02}" for n in range(20)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with world(StandIn("3.3.2", dags=[DagFile(dag.id, tags=tuple(dag.tags)) for dag in DAGS]), tmp_path) as w:
        yield w


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": PEOPLE}), {}, limits=Limits(share=1.0, removals=100))


def passed(stage: Stage, server: Server, *approved: str) -> Report:
    target = Target(Deployment("prod", naming=NAMING), enforce=True, limits=stage.limits, open=server.target)
    return apply(replace(stage.world(), targets=(target,)), approvals=approved)


def left(server: Server) -> int:
    return sum(1 for account in server.server.state.users.values() if not account.roles)


def hold_of(stage: Stage, server: Server) -> str:
    """Let twelve people leave where two may, and give the digest of what is held."""
    passed(stage, server)
    stage.limits, stage.people.members = TIGHT, {"finance": PEOPLE[12:]}
    held = passed(stage, server).deployments[0].held
    assert held is not None
    return held.digest


def tried(report: Report) -> list[Outcome]:
    return [o for o in report.deployments[0].outcomes if o.status is not Status.SKIPPED]


@pytest.mark.finding("P7b")
@pytest.mark.parametrize("fault", [CRASH, DOWN])
def test_a_server_that_is_away_is_not_asked_for_each_of_the_rest(stage: Stage, server: Server, fault: Fault) -> None:
    server.server.faults.add(fault, after=20)
    assert 0 != passed(stage, server).exit_code()
    assert AWAY_AFTER == sum(event in {"change_failed", "change_unknown"} for event in stage.events)
    server.server.faults.clear()
    assert (0, True) == ((again := passed(stage, server)).exit_code(), again.deployments[0].converged)
    assert {"finance", "Viewer"} == server.server.state.users["p19"].roles


@pytest.mark.finding("P7b")
def test_a_server_that_comes_back_is_brought_to_the_end_in_the_same_pass(stage: Stage, server: Server) -> None:
    """Each person takes two calls that fail; it is back once the pass has seen that it is away, and reads back."""
    server.server.faults.add(CRASH, on("POST", "*/users"), times=AWAY_AFTER)
    server.server.faults.add(CRASH, on("GET", "*/users/*"), times=AWAY_AFTER)
    report = passed(stage, server)
    assert "server_was_away" in stage.events
    assert (0, True) == (report.exit_code(), report.deployments[0].converged)
    assert all(server.server.state.users[name].roles == {"finance", "Viewer"} for name in PEOPLE)
    rows = stage.store.queries.audit(user="p00")
    assert {"failed", "applied"} == {row.status for row in rows}, "each try is in the journal"


@pytest.mark.finding("P7b")
@pytest.mark.parametrize("made", [0, 6])
def test_what_a_person_let_pass_goes_on_when_the_server_is_back(stage: Stage, server: Server, made: int) -> None:
    digest = hold_of(stage, server)
    server.server.faults.add(CRASH, on("GET", "*/users/*"), times=AWAY_AFTER, after=made)
    report = passed(stage, server, digest)
    assert "server_was_away" in stage.events
    assert (0, True, digest, None) == (
        report.exit_code(),
        report.deployments[0].converged,
        report.deployments[0].approved,
        report.deployments[0].held,
    )
    assert 12 == left(server)


@pytest.mark.finding("P7b")
def test_what_came_to_be_held_while_the_server_was_away_is_told_as_held(stage: Stage, server: Server) -> None:
    digest = hold_of(stage, server)
    server.server.faults.add(CRASH, on("GET", "*/users/*"), times=AWAY_AFTER)
    ends = Meanwhile(lambda: server.server.state.users["p00"].roles.discard("Viewer"))
    server.server.faults.add(ends, on("GET", "*/users"), times=1, after=1)
    report = passed(stage, server, digest)
    held = report.deployments[0].held
    assert held is not None
    assert held.digest != digest, "that is something else than what was approved"
    assert (4, 0) == (report.exit_code(), left(server))


@pytest.mark.finding("P7b")
@pytest.mark.parametrize("silent", [AWAY_AFTER, None], ids=["for a moment", "to the end of the pass"])
def test_what_got_no_answer_and_is_planned_again_takes_no_more_than_once(
    stage: Stage, server: Server, silent: int | None
) -> None:
    """Ten of thirteen who may leave within the hour; that nobody knows what became of five does not make fifteen of them."""
    passed(stage, server)
    stage.limits, stage.people.members = Limits(share=1.0, removals=13), {"finance": PEOPLE[10:]}
    server.server.faults.add(DOWN, on("PATCH", "*/users/*"), times=silent)
    assert passed(stage, server).deployments[0].held is None
    server.server.faults.clear()
    assert (0, 10) == (passed(stage, server).exit_code(), left(server))


@pytest.mark.finding("P7b")
def test_people_over_whom_the_server_fails_keep_nobody_else_what_they_have(stage: Stage, server: Server) -> None:
    passed(stage, server)
    stage.people.members = {"finance": []}
    for name in PEOPLE[:8]:
        server.server.faults.add(CRASH, on("*", f"*/users/{name}"))
    report = passed(stage, server)
    assert 1 == report.exit_code()
    assert all(not server.server.state.users[name].roles for name in PEOPLE[8:])


@pytest.mark.finding("P7b")
def test_a_circuit_that_is_open_leaves_the_rest_too(stage: Stage, server: Server) -> None:
    server.server.faults.add(CRASH, after=20)
    target = Target(
        Deployment("prod", naming=NAMING),
        enforce=True,
        limits=stage.limits,
        open=lambda known: server.target(known, throttle=Throttle(RateLimit(1000, 1000))),
    )
    assert 0 != apply(replace(stage.world(), targets=(target,))).exit_code()
    assert AWAY_AFTER == sum(event in {"change_failed", "change_unknown"} for event in stage.events)


@pytest.mark.finding("P7b")
def test_changes_that_fail_by_themselves_keep_nobody_else_back(stage: Stage, server: Server) -> None:
    passed(stage, server)
    stage.people.members = {"finance": []}
    for name in PEOPLE[:8]:
        server.server.faults.add(CRASH, on("PATCH", f"*/users/{name}"))
    report = passed(stage, server)
    assert 8 == sum(o.status is Status.FAILED for o in tried(report))
    assert all(not server.server.state.users[name].roles for name in PEOPLE[8:])


@pytest.mark.finding("P7")
def test_a_pass_that_failed_to_make_a_change_did_not_converge(stage: Stage, server: Server) -> None:
    server.server.faults.add(CRASH, on("POST", "*/users"))
    report = report_json(passed(stage, server))["deployments"][0]
    assert (False, []) == (report["converged"], report["not_converged"]), "nothing was accepted and not kept"
    server.server.faults.clear()
    assert report_json(passed(stage, server))["deployments"][0]["converged"]
    assert report_json(passed(stage, server))["deployments"][0]["converged"], "nothing was left to be done"
