"""The order of a pass, on a deployment of dicts and a real journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Timer
from typing import NoReturn

import pytest
from journal_rows import all_runs
from passes import *  # noqa: F403 - the same tests on another journal
from stages import DAGS, NOW, People, Stage, made_for, planned, put, roles_of

from syncd.errors import ApprovalRefused, DeploymentBusy, StoreError, SyncdError, TargetUnavailable
from syncd.mapping.parse import parse
from syncd.model import (
    EVERYTHING,
    Adopt,
    Change,
    Deployment,
    Outcome,
    Role,
    Status,
    User,
)
from syncd.plan.approval import PlanOnly
from syncd.plan.limits import Limits
from syncd.ports import Failing, Recorder
from syncd.reconcile import PassRequest, World, apply, plan
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})


def test_no_answer_is_settled_by_the_next_look(stage: Stage) -> None:
    stage.prod.silent = frozenset({"anna"})
    assert 1 == stage.apply().exit_code()
    assert ["anna"] == [u.change.name for u in stage.store.ledger.unsettled("prod")]
    stage.prod.silent = frozenset()
    report = stage.apply()
    assert ((), 0) == (report.deployments[0].outcomes, report.exit_code())
    assert () == stage.store.ledger.unsettled("prod")
    rows = stage.store.queries.audit(user="anna")
    assert ["applied"] == [row.status for row in rows]


def test_a_mass_removal_is_held_while_the_rest_goes_on_and_passes_with_its_digest(stage: Stage) -> None:
    stage.limits = Limits(removals=0, share=0, floor=0)
    stage.apply()
    stage.people.members = {"finance": ["carol"]}
    report = stage.apply()
    held = report.deployments[0].held
    assert held is not None
    assert 4 == report.exit_code()
    assert {"anna", "bob", "carol"} == set(stage.prod.users)
    assert {"finance", "Viewer"} == roles_of(stage.prod, "anna")
    with pytest.raises(ApprovalRefused, match=f"held there now has the digest {held.digest}"):
        stage.apply(approved=("000000000000",))
    passed = stage.apply(approved=(held.digest,))
    assert (0, set(), set()) == (passed.exit_code(), roles_of(stage.prod, "anna"), roles_of(stage.prod, "bob"))
    assert held.digest == passed.deployments[0].approved


def test_an_approval_is_worth_nothing_when_the_world_moved(stage: Stage) -> None:
    stage.limits = Limits(removals=0, share=0, floor=0)
    stage.people.members = {"finance": ["anna", "bob", "carol"]}
    stage.apply()
    stage.people.members = {"finance": ["anna", "bob"]}
    held = stage.apply().deployments[0].held
    assert held is not None
    stage.people.members = {"finance": ["anna"]}
    report = stage.apply(approved=(held.digest,))
    assert (4, {"finance", "Viewer"}) == (report.exit_code(), roles_of(stage.prod, "carol"))
    assert ["approval_unused"] == [n.code for n in report.notes]


def test_after_a_lost_database_nothing_is_taken_and_the_mapping_is_adopted_again(stage: Stage, tmp_path: Path) -> None:
    stage.apply()
    with closing(Stores.open(f"sqlite:///{tmp_path / 'new.db'}")) as stage.store:
        stage.people.members = {"finance": ["anna"]}
        assert 0 == stage.apply().exit_code()
        assert {"finance", "Viewer"} == roles_of(stage.prod, "bob"), "nobody knows any more who gave it"
        stage.people.members = {"finance": []}
        assert 0 == stage.apply().exit_code()
        assert set() == roles_of(stage.prod, "anna"), "adopted by the pass before, since a mapping line gave it"


def test_a_dag_that_takes_back_twice_is_reported_and_not_fought_for_ever(stage: Stage) -> None:
    edit = permission("can_edit", "DAG:fin_daily")

    def take_back() -> None:
        role = stage.prod.roles["finance"]
        put(stage.prod, Role("finance", role.permissions - {edit}))

    stage.apply()
    for _ in range(2):
        take_back()
        report = stage.apply()
    assert edit not in stage.prod.roles["finance"].permissions
    assert 0 == report.exit_code()
    notes = [n.text for n in planned(report).notes if n.code == "dag_takes_back"]
    assert 1 == len(notes)
    assert "DAG fin_daily takes can_edit back from role finance" in notes[0]
    assert () == stage.apply().deployments[0].outcomes
    stage.now += timedelta(hours=25)
    assert {"finance": Status.APPLIED} == stage.statuses(stage.apply())
    assert edit in stage.prod.roles["finance"].permissions


@contextmanager
def no_room_for_the_end_of(store: Stores, name: str) -> Iterator[None]:
    """Let the database refuse to take down how a change ended."""
    full = "CREATE TRIGGER full BEFORE UPDATE OF ended_at ON changes WHEN new.name = '{}' BEGIN SELECT RAISE(ABORT, '{}'); END"
    with store.database.write() as connection:
        connection.exec_driver_sql(full.format(name, "database or disk is full"))
    yield
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")


@pytest.mark.parametrize("name", ["finance", "anna", "bob"])
def test_a_call_whose_answer_could_not_be_written_down_is_not_called_failed(stage: Stage, name: str) -> None:
    """The first, one in the middle, and the last of a plan: that is told before anything else is begun."""
    with no_room_for_the_end_of(stage.store, name):
        report = stage.apply()
        assert 1 == report.exit_code()
        assert "the disk is full" in str(report.deployments[0].error)
        assert [name] == [u.change.name for u in stage.store.ledger.unsettled("prod")], "nothing after it was begun"
        assert name == stage.prod.applied[-1]
    assert 0 == stage.apply().exit_code()
    owned = stage.store.holdings.owned("prod")
    assert {"finance", "anna", "bob"} == owned.roles | owned.users
    rows = [row for row in stage.store.queries.audit() if row.change.name == name]
    assert [("applied", True)] == [(row.status, row.settled_by_looking) for row in rows]


def test_a_pass_that_ends_with_an_error_leaves_the_end_of_what_it_made_behind(stage: Stage) -> None:
    def stops() -> bool:
        if "anna" in stage.prod.applied:
            raise DeploymentBusy("another writer has it still")
        return False

    report = apply(replace(stage.world(), stopping=stops))
    assert "another writer" in str(report.deployments[0].error)
    assert {"finance": "applied", "anna": "applied", "bob": "planned"} == {
        row.change.name: row.status
        for row in (*stage.store.queries.audit(), *stage.store.queries.audit(status="planned"))
    }


class TargetThatLosesTheLease(MemoryTarget):
    """A deployment whose lease is lost while a change is being made, before its call."""

    lose: Callable[[], None]

    def apply(self, change: Change, record: Recorder) -> Outcome:
        self.lose()
        return MemoryTarget.apply(self, change, record)


def test_a_lease_that_is_lost_inside_a_change_stops_before_the_next_call(stage: Stage) -> None:
    target = TargetThatLosesTheLease("prod", dags=DAGS)
    target.lose = stage.store.leases.release_all
    stage.targets = {"prod": target}
    report = stage.apply()
    assert isinstance(report.deployments[0].error, DeploymentBusy)
    assert ({}, {}) == (stage.prod.roles, stage.prod.users), "the change was planned, and its call was not made"
    assert () == stage.store.ledger.unsettled("prod")


def test_a_busy_deployment_is_left_to_its_writer(stage: Stage) -> None:
    with stage.store.leases.take("prod"):
        report = stage.apply()
    assert isinstance(report.deployments[0].error, DeploymentBusy)
    assert (5, {}) == (report.exit_code(), stage.prod.users)


def away(stage: Stage, error: SyncdError) -> World:
    """Give the world in which the deployment cannot be opened."""

    def gone(_known: object) -> NoReturn:
        raise error

    world = stage.world()
    return replace(world, targets=tuple(replace(target, open=gone) for target in world.targets))


@pytest.mark.finding("U-B7")
def test_an_apply_writes_down_since_when_a_deployment_fails(stage: Stage) -> None:
    failures = stage.store.failures
    plan(away(stage, TargetUnavailable("no answer")))
    assert {} == failures.failing(), "a plan says nothing of what is done"
    for minute in range(3):
        stage.now = NOW + timedelta(minutes=minute)
        apply(away(stage, TargetUnavailable("no answer")))
    assert {"prod": Failing(NOW, 3)} == failures.failing()
    with stage.store.leases.take("prod"):
        stage.apply()
    apply(away(stage, StoreError("a full disk")))
    stage.plan()
    assert {"prod": Failing(NOW, 3)} == failures.failing(), "neither is about the deployment"

    stage.apply()
    assert {} == failures.failing()
    stage.enforce = False
    apply(away(stage, SyncdError("a mapping")))
    assert {"prod": Failing(stage.now, 1)} == failures.failing()


def test_every_change_has_one_line_in_the_journal(stage: Stage) -> None:
    report = stage.apply()
    made = sorted(o.change.name for o in report.deployments[0].outcomes)
    assert made == sorted(row.change.name for row in stage.store.queries.audit(deployment="prod"))


# --- one deployment, for a request: what the daemon calls ------------------------------------------------------------------


def test_once_syncd_is_stopping_no_change_is_begun(stage: Stage) -> None:
    asked = iter([False, False, True, True])
    world = replace(stage.world(), stopping=lambda: next(asked))
    found = made_for(stage, PassRequest(EVERYTHING, "sweep"), world=world)
    assert [Status.APPLIED, Status.SKIPPED, Status.SKIPPED] == [o.status for o in found.outcomes]
    assert ["finance"] == stage.prod.applied
    assert () == stage.store.ledger.unsettled("prod")


def test_a_busy_deployment_is_no_run(stage: Stage) -> None:
    with stage.store.leases.take("prod"), pytest.raises(DeploymentBusy):
        made_for(stage, PassRequest(EVERYTHING, "sweep"))
    assert [] == all_runs(stage.store)


def test_a_command_waits_for_another_writer_as_long_as_it_has_patience(stage: Stage) -> None:
    with stage.store.leases.take("prod"):
        busy = apply(replace(stage.world(), wait_s=0.3)).deployments[0].error
    assert isinstance(busy, DeploymentBusy)
    lease = stage.store.leases.take("prod")
    lease.__enter__()
    free = Timer(0.3, lambda: lease.__exit__(None, None, None))
    free.start()
    found = apply(replace(stage.world(), wait_s=120)).deployments[0]
    free.join()
    assert (None, True) == (found.error, found.converged)


def test_an_errand_that_only_plans_needs_no_lease(stage: Stage) -> None:
    with stage.store.leases.take("prod"):
        found = made_for(stage, PassRequest(EVERYTHING, "reconcile", PlanOnly()))
    assert found.plan is not None
    assert (3, ()) == (len(found.plan.changes), found.outcomes)
    assert [] == stage.prod.applied


# --- roles that go ----------------------------------------------------------------------------------------------------

OTHER = b"""
roles:
  finance: {dags: [{level: view, tag: finance}]}
  other: {dags: [{level: view, tag: finance}]}
bindings:
  - {group: people:finance, roles: [finance], deployments: all}
  - {group: people:finance, roles: [other], deployments: all}
"""


def with_mapping(stage: Stage, text: bytes) -> World:
    return replace(
        stage.world(), rules=parse({"mappings/finance.yaml": text}, sources=frozenset({"people"}), namings=[NAMING])
    )


def without_other() -> bytes:
    return OTHER.replace(b"  - {group: people:finance, roles: [other], deployments: all}\n", b"")


@pytest.mark.finding("H-E2")
@pytest.mark.finding("X-F8")
@pytest.mark.parametrize("adopt", list(Adopt))
def test_a_role_that_no_line_gives_is_left_to_those_who_hold_it_by_another_hand(stage: Stage, adopt: Adopt) -> None:
    stage.deployment = Deployment("prod", adopt=adopt, naming=NAMING)
    apply(with_mapping(stage, OTHER))
    by_hand = [f"p{n:03}" for n in range(300)]
    put(stage.prod, *(User(n, f"{n}@x", n, "T", frozenset({"other"})) for n in by_hand))
    found = apply(with_mapping(stage, without_other())).deployments[0]
    assert by_hand == sorted(name for name, user in stage.prod.users.items() if "other" in user.roles)
    assert found.plan is not None
    [told] = [note.text for note in found.plan.notes if note.code == "role_held_by_others"]
    assert "role other any more, but p000, p001, p002 and 297 more hold it" in told
    assert "other" not in stage.store.holdings.owned("prod").grants["anna"]
    assert () == apply(with_mapping(stage, without_other())).deployments[0].outcomes
    for name in by_hand:
        del stage.prod.users[name]
    apply(with_mapping(stage, without_other()))
    assert "other" not in stage.prod.roles


@pytest.mark.finding("H-E2")
def test_a_role_goes_with_those_who_hold_it_by_hand_where_the_deployment_says_so_one_line_for_each(
    stage: Stage,
) -> None:
    stage.deployment = Deployment("prod", remove_manual_grants=True, naming=NAMING)
    apply(with_mapping(stage, OTHER))
    put(stage.prod, User("eve", "eve@x", "E", "V", frozenset({"other", "Op"})))
    found = apply(with_mapping(stage, without_other())).deployments[0]
    assert "other" not in stage.prod.roles
    assert {"Op"} == roles_of(stage.prod, "eve")
    assert [["revoke", "user", "eve", "other"]] == [
        list(e) for o in found.outcomes for e in o.change.effects if o.change.name == "eve"
    ]


@pytest.mark.finding("H-E2")
@pytest.mark.parametrize("breaks", ["", "a DAG file that names it fails"])
def test_a_role_that_goes_is_never_without_a_word_where_that_can_break_dag_files(stage: Stage, breaks: str) -> None:
    stage.prod.spells = replace(stage.prod.spells, role_deletion_breaks=breaks)
    apply(with_mapping(stage, OTHER))
    found = apply(with_mapping(stage, without_other())).deployments[0]
    assert found.plan is not None
    told = [note.text for note in found.plan.notes if note.code == "role_goes"]
    assert bool(breaks) == bool(told)
    assert all(breaks in text and "fin_daily, fin_monthly" in text for text in told)
    assert "other" not in stage.prod.roles


@pytest.mark.finding("H-E2")
def test_a_role_whose_permissions_a_dag_took_back_is_not_deleted_without_a_word(stage: Stage) -> None:
    apply(with_mapping(stage, OTHER))
    was = stage.prod.roles["other"]
    for _ in range(2):  # once may be a hand
        put(stage.prod, Role("other", was.permissions - {permission("can_read", "DAG:fin_daily")}))
        apply(with_mapping(stage, OTHER))
    report = apply(with_mapping(stage, without_other()))
    held = report.deployments[0].held
    assert held is not None
    assert (4, ["other"], True) == (report.exit_code(), [c.name for c in held.changes], "other" in stage.prod.roles)
    assert set() == {name for name, user in stage.prod.users.items() if "other" in user.roles}
    assert 0 == apply(with_mapping(stage, without_other()), approvals=(held.digest,)).exit_code()
    assert "other" not in stage.prod.roles


@pytest.mark.finding("N-1000")
def test_what_another_hand_took_and_gives_again_is_theirs(stage: Stage) -> None:
    """It was ours, went by their hand before we could take it, and no line gives it: what they give later is not ours."""
    stage.apply()
    stage.people.members["finance"].remove("bob")
    bob = stage.prod.users["bob"]
    put(stage.prod, replace(bob, roles=frozenset()))
    stage.apply()
    assert frozenset() == stage.store.holdings.owned("prod").grants.get("bob", frozenset())
    put(stage.prod, replace(bob, roles=frozenset({"Viewer"})))
    for _ in range(2):
        stage.apply()
        assert frozenset({"Viewer"}) == stage.prod.users["bob"].roles


def test_what_another_hand_took_is_still_ours_where_a_line_gives_it(stage: Stage) -> None:
    stage.apply()
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset()))
    stage.prod.fails = frozenset({"bob"})  # nor can it be put back now
    stage.apply()
    assert frozenset({"Viewer", "finance"}) == stage.store.holdings.owned("prod").grants["bob"]
