"""The order of a pass, on a deployment of dicts and a real journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

import pytest
from fakes import ReadWhole
from journal_rows import all_runs

from syncd.errors import ApprovalRefused, DeploymentBusy, SourceUnavailable, TargetUnavailable
from syncd.mapping.parse import parse
from syncd.model import (
    EVERYTHING,
    Adopt,
    Certificate,
    Change,
    Dag,
    Deployment,
    DesiredState,
    Group,
    Identity,
    Outcome,
    Plan,
    Reason,
    Role,
    Scope,
    Snapshot,
    Status,
    User,
    key,
)
from syncd.plan.approval import PlanOnly
from syncd.plan.guard import Limits
from syncd.ports import Recorder
from syncd.reconcile import DeploymentReport, PassRequest, Report, Target, World, apply, one_pass, plan, read_directory
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAPPING = b"""
roles:
  finance: {dags: [{level: view, tag: finance}, {level: trigger, id: fin_daily}]}
bindings:
  - {group: people:finance, roles: [finance, Viewer], deployments: all}
"""
DAGS = (Dag("fin_daily", frozenset({"finance"})), Dag("fin_monthly", frozenset({"finance"})))


@dataclass
class People(ReadWhole):
    """A source whose groups tests change by hand."""

    members: dict[str, list[str]]
    name: str = "people"
    complete: bool = True
    down: str | None = None

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable(self.down)
        names = sorted({n for members in self.members.values() for n in members})
        return Snapshot(
            self.name,
            tuple(Identity(self.name, n, n, f"{n}@example.com", n.title(), "Test") for n in names),
            tuple(
                Group(
                    self.name, g, g, frozenset(m), Certificate(1, len(m), None, NOW, complete=self.complete, why="cut")
                )
                for g, m in self.members.items()
            ),
            NOW,
        )


@dataclass
class Stage:
    """A world with one source and some deployments, whose clock stands still until it is moved."""

    store: Stores
    people: People
    targets: dict[str, MemoryTarget]
    deployment: Deployment = field(default_factory=lambda: Deployment("prod", naming=NAMING))
    limits: Limits = field(default_factory=lambda: Limits(share=1.0))
    """Two people may both lose what they have."""
    enforce: bool = True
    now: datetime = NOW
    events: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def prod(self) -> MemoryTarget:
        return self.targets["prod"]

    def world(self) -> World:
        def target(name: str, memory: MemoryTarget) -> Target:
            deployment = replace(self.deployment, name=name)
            return Target(deployment, self.enforce, self.limits, lambda _known: memory, self.address)

        return World(
            (self.people,),
            parse({"mappings/finance.yaml": MAPPING}, sources=frozenset({"people"}), namings=[NAMING]),
            tuple(target(name, memory) for name, memory in self.targets.items()),
            self.store,
            lambda: self.now,
            lambda event, /, **_: self.events.append(event),
            workers=2,
        )

    def plan(self) -> DeploymentReport:
        return plan(self.world(), keep_states=True).deployments[0]

    def apply(self, *, scope: Scope | None = None, approved: tuple[str, ...] = ()) -> Report:
        return apply(self.world(), scope=scope or Scope(), approvals=approved)

    def statuses(self, report: Report) -> dict[str, Status]:
        return {o.change.name: o.status for d in report.deployments for o in d.outcomes}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})


def planned(report: Report) -> Plan:
    plan = report.deployments[0].plan
    assert plan is not None
    return plan


def put(target: MemoryTarget, *things: User | Role) -> None:
    """Do by hand what a person does."""
    for thing in things:
        if isinstance(thing, User):
            target.users[key(thing.username)] = thing
        else:
            target.roles[thing.name] = thing


def roles_of(target: MemoryTarget, name: str) -> set[str]:
    return set(target.users[name].roles)


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


def test_after_a_lost_database_nothing_is_taken_and_the_mapping_is_adopted_again(stage: Stage, tmp_path: Path) -> None:
    stage.apply()
    with closing(Stores.open(f"sqlite:///{tmp_path / 'new.db'}")) as stage.store:
        stage.people.members = {"finance": ["anna"]}
        assert 0 == stage.apply().exit_code()
        assert {"finance", "Viewer"} == roles_of(stage.prod, "bob"), "nobody knows any more who gave it"
        stage.people.members = {"finance": []}
        assert 0 == stage.apply().exit_code()
        assert set() == roles_of(stage.prod, "anna"), "adopted by the pass before, since a mapping line gave it"


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


def test_a_dag_that_one_read_missed_takes_nothing(stage: Stage) -> None:
    stage.apply()
    stage.prod.hides_once = frozenset({"fin_daily"})
    assert () == stage.apply().deployments[0].outcomes
    stage.prod.dags = DAGS[1:]
    assert {"finance": Status.APPLIED} == stage.statuses(stage.apply())
    assert permission("can_read", "DAG:fin_daily") not in stage.prod.roles["finance"].permissions


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


def test_every_change_has_one_line_in_the_journal(stage: Stage) -> None:
    report = stage.apply()
    made = sorted(o.change.name for o in report.deployments[0].outcomes)
    assert made == sorted(row.change.name for row in stage.store.queries.audit(deployment="prod"))


# --- one deployment, for a request: what the daemon calls ------------------------------------------------------------------


def made_for(stage: Stage, what: PassRequest, *, world: World | None = None) -> DeploymentReport:
    here = world or stage.world()
    return one_pass(here, here.targets[0], read_directory(here), what).deployments[0]


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
    found = apply(replace(stage.world(), wait_s=20)).deployments[0]
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
