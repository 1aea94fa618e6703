"""Undoing a run: what it gave goes, under the same guards; nothing comes back that no mapping line gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from stages import DAGS, NOW, People, Stage, put, roles_of

from syncd.model import Paused, User
from syncd.plan.approval import Apply, PlanOnly
from syncd.plan.limits import Limits
from syncd.plan.rollback import undo_of
from syncd.plan.rulings import HoldRuling
from syncd.reconcile import DeploymentReport, Rollback, roll_back
from syncd.reconcile.approving import give_word, hold_word
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    """Give a deployment on which a first run gave anna access and a second one bob."""
    with closing(Stores.open(database_url, clock=lambda: NOW)) as store:
        it = Stage(store, People({"finance": ["anna"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        it.apply()
        it.people.members = {"finance": ["anna", "bob"]}
        it.apply()
        yield it


def rolled_back(
    stage: Stage, *runs: int, approved: tuple[str, ...] = (), only_plan: bool = False, pause: int = 0
) -> DeploymentReport:
    rows = [row for run in runs for row in stage.store.queries.audit(run=run, status="applied", after=0)]
    undo = undo_of([row.change for row in rows], what=f"rollback of run {runs}")
    mode = PlanOnly() if only_plan else Apply(frozenset(approved))
    return roll_back(stage.world(), {"prod": Rollback(undo, pause)}, mode=mode).deployments[0]


def test_what_a_run_gave_goes_although_a_line_gives_it_and_nothing_else_does(stage: Stage) -> None:
    report = rolled_back(stage, 2)
    assert (True, None) == (report.converged, report.error)
    assert (set(), {"finance", "Viewer"}) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "anna"))
    [outcome] = report.outcomes
    assert {"rollback of run (2,)"} == {why.text for why in outcome.change.because}
    assert "finance" in stage.prod.roles


def test_the_next_pass_gives_it_again_and_a_pause_keeps_it_undone(stage: Stage) -> None:
    paused = stage.store.pauses.pause(Paused("name", "prod"), until=NOW + timedelta(hours=1), reason="x", by="anna")
    assert rolled_back(stage, 2, pause=paused.id).converged
    assert 6 == stage.apply().exit_code()
    assert set() == roles_of(stage.prod, "bob")
    stage.store.pauses.resume(paused.id, by="anna")
    assert 0 == stage.apply().exit_code()
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


def test_another_pause_stops_a_rollback_too(stage: Stage) -> None:
    own = stage.store.pauses.pause(Paused("name", "prod"), until=NOW + timedelta(hours=1), reason="x", by="anna")
    stage.store.pauses.pause(Paused(), until=NOW + timedelta(hours=1), reason="month end", by="eve")
    report = rolled_back(stage, 2, pause=own.id)
    assert ["bob"] == [change.name for change in report.paused]
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


def test_showing_it_changes_nothing_and_no_plan_of_it_is_in_force(stage: Stage) -> None:
    before = stage.store.queries.last_plan("prod")
    report = rolled_back(stage, 2, only_plan=True)
    assert report.plan is not None
    assert ["bob"] == [change.name for change in report.plan.changes]
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")
    assert before == stage.store.queries.last_plan("prod")


def test_a_role_that_a_run_made_and_gave_goes_with_it(stage: Stage) -> None:
    assert rolled_back(stage, 1, 2).converged
    assert (set(), set()) == (roles_of(stage.prod, "anna"), roles_of(stage.prod, "bob"))
    assert "finance" not in stage.prod.roles


def test_what_a_run_took_comes_back_only_where_a_line_gives_it_today(stage: Stage) -> None:
    stage.people.members = {"finance": []}
    stage.apply()
    assert set() == roles_of(stage.prod, "anna") == roles_of(stage.prod, "bob")
    stage.people.members = {"finance": ["bob"]}
    assert rolled_back(stage, 3).converged
    assert (set(), {"finance", "Viewer"}) == (roles_of(stage.prod, "anna"), roles_of(stage.prod, "bob"))


def test_what_another_hand_gave_is_left_alone(stage: Stage) -> None:
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({"finance", "Viewer", "Op"})))
    put(stage.prod, User("eve", "eve@x", "E", "V", frozenset({"Viewer"})))
    rolled_back(stage, 2)
    assert ({"Op"}, {"Viewer"}) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "eve"))


def test_other_changes_that_wait_are_not_made_by_it(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna", "bob", "carol"]}
    assert rolled_back(stage, 2).converged
    assert {"anna", "bob"} == set(stage.prod.users)


def test_a_limit_holds_it_and_its_digest_lets_exactly_it_pass(stage: Stage) -> None:
    stage.limits = Limits(removals=0, share=0, floor=0)
    held = rolled_back(stage, 2).held
    assert held is not None
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")
    assert rolled_back(stage, 2, approved=("000000000000",)).held is not None
    assert None is rolled_back(stage, 2, approved=(held.digest,)).held
    assert set() == roles_of(stage.prod, "bob")


def test_a_second_rollback_finds_nothing_to_do_and_what_was_reached_is_not_what_it_wanted(stage: Stage) -> None:
    rolled_back(stage, 2)
    report = rolled_back(stage, 2, only_plan=True)
    assert report.plan is not None
    assert () == report.plan.changes
    known = stage.store.memory.last_desired("prod")
    assert known is not None
    assert {"anna", "bob"} == {name for name, user in known.users.items() if user.roles}


# --- what people said of what is held outlives a rollback -----------------------------------------------------------------


def said_of(stage: Stage, ruling: HoldRuling) -> None:
    word = hold_word(ruling, by="anna", origin="x", at=stage.now)
    give_word(stage.store.inbox, "h1", word, needs=1, expires=timedelta(hours=24))


def of_holds(stage: Stage) -> list[tuple[str, str]]:
    return [(hold.name, hold.state.value) for hold in stage.store.inbox.listed(over=True)]


@pytest.mark.finding("N-571")
def test_what_somebody_rejected_is_rejected_after_a_rollback_of_its_role(stage: Stage) -> None:
    new = "carol", "dora"
    put(stage.prod, *(User(name, f"{name}@example.com", name.title(), "Test", frozenset({"Viewer"})) for name in new))
    stage.limits = Limits(share=1.0, gains=1, gain_floor=0, gain_share=1.0)
    stage.people.members = {"finance": ["anna", "bob", *new]}
    stage.apply()
    said_of(stage, HoldRuling.REJECT)
    assert rolled_back(stage, 1, 2).converged
    assert [("h1", "rejected")] == of_holds(stage)
    stage.limits = Limits(share=1.0)
    stage.apply()
    assert [{"Viewer"}] * 2 == [roles_of(stage.prod, name) for name in new]


@pytest.mark.finding("N-571")
@pytest.mark.parametrize("approved", [False, True])
def test_what_is_held_stays_held_and_approved_while_another_run_is_undone(stage: Stage, *, approved: bool) -> None:
    stage.people.members = {"finance": ["anna", "bob", "carol"]}
    run = stage.apply().run
    stage.limits = Limits(removals=0, share=0, floor=0)
    stage.people.members = {"finance": ["anna", "carol"]}
    stage.apply()
    if approved:
        said_of(stage, HoldRuling.APPROVE)
    before = stage.store.queries.last_plan("prod")
    stage.limits = Limits(share=1.0)
    assert rolled_back(stage, run).converged
    assert [("h1", "approved" if approved else "waits")] == of_holds(stage)
    assert before == stage.store.queries.last_plan("prod"), "a rollback says nothing of what the files want"
