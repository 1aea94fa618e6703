"""A role that another hand gives a name as syncd gives to second roles of its own: it is theirs, with whoever holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from airflow_world import MADE, Steps, finance, person, world
from airflow_world import World as Server
from sqlalchemy import insert, select
from stages import DAGS, People, Stage
from store_samples import NOW, at, planned, role

from syncd.mapping.parse import parse
from syncd.model import Change, Deployment, Level, Outcome, Owned, Permission, Scope, Status
from syncd.plan.limits import Limits
from syncd.reconcile import Report, Target, World, apply, plan
from syncd.sandbox.airflow.app import StandIn
from syncd.sandbox.airflow.faults import Meanwhile, on
from syncd.store import Stores, migrate
from syncd.store.engine import Database
from syncd.store.schema import changes, ownership, plans, runs, steps
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

PRESETS = ["2.11.2", "3.1.8+3.1.1", "3.2.2+3.5.0", "3.3.2"]
THEIRS = ("finance~5", "finance~old9")
POOLS = Permission("can_read", "Pools")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})


@pytest.fixture(params=PRESETS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with world(StandIn(request.param, dags=()), tmp_path) as made:
        yield made


def against(stage: Stage, server: Server, *, permissions: tuple[str, ...] = ("can_read on Pools",)) -> World:
    """Give a world with the role `finance`, which has just these permissions, on this server."""
    said = f"""
roles:
  finance: {{permissions: {list(permissions)}}}
bindings:
  - {{group: people:finance, roles: [finance], deployments: all}}
"""
    rules = parse({"mappings/finance.yaml": said.encode()}, sources=frozenset({"people"}), namings=[NAMING])
    limits = Limits(share=1.0)
    target = Target(Deployment("prod", naming=NAMING), enforce=True, limits=limits, open=server.target)
    return replace(stage.world(), rules=rules, targets=(target,))


def told(report: Report) -> list[str]:
    seen = report.deployments[0].plan
    assert seen is not None
    return [note.text.split(" has a name")[0] for note in seen.notes if note.code == "role_namesake"]


def test_whoever_holds_it_gains_and_loses_nothing(stage: Stage, server: Server) -> None:
    state = server.server.state
    for name in THEIRS:
        state.roles[name] = {POOLS} if name == THEIRS[0] else set()
    eve = state.add_user("eve", password="x", roles=set(THEIRS))
    grown, shrunk = ("can_read on Pools", "can_read on Variables"), ("can_read on Variables",)
    for permissions in (grown, shrunk, grown):
        report = apply(against(stage, server, permissions=permissions))
        assert 0 == report.exit_code()
        assert [f"role {name}" for name in THEIRS] == told(report)
        assert set(THEIRS) == eve.roles
        assert ({POOLS}, set()) == tuple(state.roles[name] for name in THEIRS)
        wanted = {Permission(*text.split(" on ")) for text in permissions}
        for name in ("anna", "bob"):
            assert wanted <= server.permissions_of(name), name
            assert not state.users[name].roles & set(THEIRS)
    seen = plan(against(stage, server, permissions=grown)).deployments[0].plan
    assert seen is not None
    assert () == seen.changes


def test_whoever_leaves_keeps_of_it_what_another_hand_gave_them(stage: Stage, server: Server) -> None:
    state = server.server.state
    apply(against(stage, server))
    state.roles["finance~7"] = {POOLS}
    state.users["anna"].roles.add("finance~7")
    stage.people.members = {"finance": ["bob"]}
    apply(against(stage, server))
    assert {"finance~7"} == state.users["anna"].roles


def test_a_name_that_is_taken_while_it_is_made_is_not_ours(tmp_path: Path) -> None:
    with world(StandIn("2.11.2", dags=()), tmp_path) as w:
        state, target = w.server.state, w.target()
        big, small = finance(target, level=Level.TRIGGER, dags=0), finance(target, level=Level.VIEW, dags=0)
        target.observe(Scope(), role_names=frozenset({"finance"}))
        assert Status.APPLIED == target.apply(Change(None, big), Steps()).status
        assert Status.APPLIED == target.apply(Change(None, person("ann", "finance")), Steps()).status
        big = replace(big, permissions=big.permissions | {POOLS})
        assert Status.APPLIED == target.apply(Change(small, big), Steps()).status
        hand = Meanwhile(lambda: state.roles.setdefault("finance~1", {POOLS}))
        w.server.faults.add(hand, on("POST", "*/roles"), times=1)
        steps_ = Steps()
        assert Status.APPLIED == target.apply(Change(big, small), steps_).status
        assert "POST /roles finance~1" in steps_.words[-1] or any("finance~1" in word for word in steps_.words)
        assert {POOLS} == state.roles["finance~1"]
        assert "finance~1" not in MADE
        assert {"finance"} == state.users["ann"].roles
        assert small.permissions == w.permissions_of("ann")


@pytest.mark.finding("N-412")
def test_a_name_is_given_up_although_a_change_of_another_role_is_awaited(stage: Stage, tmp_path: Path) -> None:
    with world(StandIn("2.11.2", dags=()), tmp_path) as w:
        waits = ("can_read on Pools", "can_read on Nowhere")
        apply(against(stage, w, permissions=waits))
        assert stage.store.ledger.awaited("prod")
        left = frozenset({"other~1", "finance~3"})
        stage.store.holdings.adopt("prod", Owned(members=left))
        apply(against(stage, w, permissions=waits))
        assert frozenset({"finance~3"}) == stage.store.holdings.owned("prod").members


# --- what the database knows ------------------------------------------------------------------------------------------


def test_a_second_role_is_ours_from_before_the_call_that_makes_it(store: Stores) -> None:
    change = Change(role("finance"), role("finance", "Pools"))
    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=NOW)
        entry.before("POST /roles finance~1 actions=1", makes="finance~1")
        assert frozenset({"finance~1"}) == store.holdings.owned("prod").members
        assert frozenset({"finance~1"}) == store.holdings.owned("prod", usernames=frozenset()).members
        entry.conclude(Outcome(change, Status.FAILED), now=at(1))
    assert frozenset({"finance~1"}) == store.holdings.owned("prod").members, (
        "it may be there, whatever became of its change"
    )


def test_one_that_was_refused_is_not(store: Stores) -> None:
    change = Change(role("finance"), role("finance", "Pools"))
    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=NOW)
        entry.after(entry.before("POST /roles finance~1", makes="finance~1"), "409", refused=True)
        entry.after(entry.before("POST /roles finance~2", makes="finance~2"), "200")
        entry.after(entry.before("PATCH /roles/finance~2"), "403", refused=True)
        entry.conclude(Outcome(change, Status.APPLIED), now=at(1))
    assert frozenset({"finance~2"}) == store.holdings.owned("prod").members


def test_one_that_is_gone_is_not_from_the_next_commit_on(store: Stores) -> None:
    change = Change(role("finance"), role("finance", "Pools"))
    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=NOW)
        for n in (1, 2):
            entry.after(entry.before(f"POST /roles finance~{n}", makes=f"finance~{n}"), "200")
        entry.gone("finance~1")
        entry.after(entry.before("DELETE /roles/finance"), "204")
        assert frozenset({"finance~2"}) == store.holdings.owned("prod").members
        entry.after(entry.before("PATCH /roles/finance~2 name=finance", makes=""), "200")
        entry.gone("finance~2")
        entry.conclude(Outcome(change, Status.APPLIED), now=at(1))
    assert frozenset() == store.holdings.owned("prod").members


@pytest.mark.finding("N-411")
@pytest.mark.parametrize("scope", [Scope(), Scope.of_dags(["fin_daily"])], ids=["everything", "dags"])
def test_a_name_that_was_ours_for_a_change_is_anybodys_after_it(stage: Stage, server: Server, scope: Scope) -> None:
    state = server.server.state
    both = ("can_read on Pools", "can_read on Variables")
    apply(against(stage, server, permissions=both))
    assert 0 == apply(against(stage, server), scope=scope).exit_code()
    free = {"finance~1", "finance~2"} - state.roles.keys()
    assert free
    for name in free:
        state.roles[name] = {POOLS, Permission("can_read", "Connections")}
    theirs = {name: set(state.roles[name]) for name in free}
    eve = state.add_user("eve", password="x", roles=free)
    for permissions in (both[:1], both, both[1:]):
        assert 0 == apply(against(stage, server, permissions=permissions)).exit_code()
        assert free == eve.roles
        assert theirs == {name: state.roles[name] for name in free}


def test_a_name_that_is_free_again_is_anybodys(stage: Stage, tmp_path: Path) -> None:
    with world(StandIn("3.1.8+3.1.1", dags=()), tmp_path) as w:
        both = ("can_read on Pools", "can_read on Variables")
        assert 0 == apply(against(stage, w, permissions=both)).exit_code()
        assert 0 == apply(against(stage, w)).exit_code()
        there = frozenset(name for name in w.server.state.roles if name.startswith("finance~"))
        assert there == stage.store.holdings.owned("prod").members
        assert there
        assert 0 == apply(against(stage, w, permissions=both[1:])).exit_code()
        apply(against(stage, w, permissions=both[1:]))
        now = frozenset(name for name in w.server.state.roles if name.startswith("finance~"))
        assert now == stage.store.holdings.owned("prod").members


@pytest.mark.finding("N-413")
@pytest.mark.parametrize("preset", ["3.1.8+3.0.3", "3.1.8+3.1.1"])
def test_one_that_is_renamed_by_hand_is_told_and_who_leaves_loses_it(stage: Stage, tmp_path: Path, preset: str) -> None:
    """The role that it replaced is still there; what was renamed is found again when it is renamed again."""
    both = ("can_read on Pools", "can_read on Variables")
    with world(StandIn(preset, dags=()), tmp_path) as w:
        state, users = w.server.state, w.server.state.users
        assert 0 == apply(against(stage, w, permissions=both)).exit_code()
        assert 0 == apply(against(stage, w)).exit_code()
        assert {"finance~1"} == users["anna"].roles
        right = w.permissions_of("anna")
        for old, new in (("finance~1", "bobs"), ("bobs", "finance~5"), ("finance~5", "carols")):
            state.roles[new] = state.roles.pop(old)
            for user in users.values():
                user.roles = {new if role == old else role for role in user.roles}
            seen = apply(against(stage, w)).deployments[0].plan
            assert seen is not None
            assert [f"finance seems to be called {new} now"] == [
                note.text.split(":")[0] for note in seen.notes if note.code == "role_renamed"
            ]
            assert new in users["anna"].roles
            assert right == w.permissions_of("anna")
        stage.people.members = {"finance": ["bob"]}
        assert 0 == apply(against(stage, w)).exit_code()
        assert not users["anna"].roles
        assert right == w.permissions_of("bob")


def test_what_an_older_syncd_made_is_known_by_the_calls_of_its_journal(empty_database_url: str) -> None:
    migrate(empty_database_url, to="0016")
    calls = {
        "POST /roles fin ance~1 actions=3": False,
        "PATCH /roles/finance name=finance~old2": False,
        "POST /roles finance~2 actions=3": True,
        "PATCH /roles/finance~1 actions=4": False,
        "POST /roles finance actions=4": False,
    }
    with closing(Database(empty_database_url)) as database, database.write() as connection:
        run = {"id": 1, "command": "apply", "scope": "[]", "by": "root", "host": "h", "pid": 1, "started_at": NOW}
        connection.execute(insert(runs).values(run))
        of_plan = {"id": 1, "run_id": 1, "deployment": "prod", "scope": "[]", "everything": True, "digest": "x"}
        of_plan |= {"kept": "[]", "notes": "[]", "made_at": NOW, "in_force": True}
        connection.execute(insert(plans).values(of_plan))
        of_change = {"id": 1, "plan_id": 1, "seq": 0, "subject": "role", "kind": "update", "name": "finance"}
        of_change |= {"fingerprint": "x", "because": "[]", "status": "applied", "detail": "", "moved_at": NOW}
        connection.execute(insert(changes).values(of_change | {"settled_by_looking": False}))
        rows = [{"change_id": 1, "call": call, "at": NOW, "refused": refused} for call, refused in calls.items()]
        connection.execute(insert(steps), rows)
    with closing(Stores.open(empty_database_url)) as store:
        assert frozenset({"fin ance~1", "finance~old2"}) == store.holdings.owned("prod").members
    with closing(Database(empty_database_url)) as database, database.read() as connection:
        assert {"member"} == set(connection.execute(select(ownership.c.kind)).scalars())
