"""Who stays an administrator, and roles that nobody touches, in passes over everything and over a few people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stages import DAGS, People, Stage, made_for, put

from syncd.mapping.parse import parse
from syncd.model import Role, Scope, User
from syncd.plan.limits import GuardRules
from syncd.reconcile import DeploymentReport, PassRequest, World, apply
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

MAPPING = b"""
roles: {team: {dags: [{level: view, tag: finance}]}}
bindings:
  - {group: people:admins, roles: [Admin], deployments: all, privileged: true}
  - {group: people:team, roles: [team], deployments: all}
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        target = MemoryTarget("prod", dags=DAGS, runs_as="syncd")
        put(target, User("syncd", "s@example.com", "S", "Test", frozenset({"Admin"})))
        yield Stage(store, People({"admins": ["anna", "bob"], "team": ["anna"]}), {"prod": target})


def world(stage: Stage, rules: GuardRules) -> World:
    here = stage.world()
    targets = tuple(replace(target, guard=rules) for target in here.targets)
    read = parse({"m.yaml": MAPPING}, sources=frozenset({"people"}), namings=[NAMING])
    return replace(here, rules=read, targets=targets)


def done(stage: Stage, rules: GuardRules | None = None) -> DeploymentReport:
    [report] = apply(world(stage, rules or GuardRules())).deployments
    return report


def is_admin(stage: Stage, *names: str) -> list[bool]:
    return ["Admin" in stage.prod.users[name].roles for name in names]


def why(report: DeploymentReport) -> tuple[str, ...]:
    return report.held.why if report.held else ()


def test_the_last_administrator_stays_one_until_somebody_says_so(stage: Stage) -> None:
    assert () == why(done(stage))
    stage.people.members = {"admins": ["bob"], "team": ["anna"]}
    assert () == why(done(stage))
    stage.people.members = {"admins": [], "team": ["anna"]}
    assert ("1 person loses Admin, and 0 would be left: at least 1 stay (min_admins)",) == why(done(stage))
    assert [False, True] == is_admin(stage, "anna", "bob")


def test_a_pass_over_one_person_knows_who_else_is_one(stage: Stage) -> None:
    done(stage)
    here = world(stage, GuardRules(min_admins=1))
    stage.people.members = {"admins": ["bob"], "team": ["anna"]}
    assert made_for(stage, PassRequest(Scope.people(["anna"]), "people"), world=here).held is None
    stage.people.members = {"admins": [], "team": ["anna"]}
    held = made_for(stage, PassRequest(Scope.people(["bob"]), "people"), world=here).held
    assert held is not None
    assert [False, True] == is_admin(stage, "anna", "bob")


def test_who_is_required_stays_one_and_who_is_not_one_is_told(stage: Stage) -> None:
    rules = GuardRules(required_admins=frozenset({"Anna", "zoe"}))
    report = done(stage, rules)
    assert report.plan is not None
    notes = [note.text for note in report.plan.notes if note.code == "admin_missing"]
    assert 2 == len(notes), "before the first pass neither is"
    stage.people.members = {"admins": ["bob"], "team": []}
    assert ("anna would not be Admin any more, and required_admins names them",) == why(done(stage, rules))
    assert [True, True] == is_admin(stage, "anna", "bob")
    assert frozenset({"Admin", "team"}) == stage.prod.users["anna"].roles, "what one change takes waits together"


def test_a_protected_role_is_neither_given_nor_taken_nor_changed(stage: Stage) -> None:
    done(stage)
    before = stage.prod.roles["team"]
    stage.people.members = {"admins": ["anna", "bob"], "team": ["bob"]}
    stage.prod.dags = ()
    rules = GuardRules(protected_roles=frozenset({"TEAM"}))
    report = done(stage, rules)
    assert report.plan is not None
    assert ["role_protected"] == [n.code for n in report.plan.notes if n.code.startswith("role_")]
    assert ({"Admin", "team"}, {"Admin"}) == (set(stage.prod.users["anna"].roles), set(stage.prod.users["bob"].roles))
    assert before == stage.prod.roles["team"]
    assert 1 == len(done(stage, GuardRules(protected_roles=frozenset({"other"}))).outcomes[:1]), "it is ours as before"


def test_our_own_account_keeps_what_a_role_gives_it(stage: Stage) -> None:
    done(stage)
    put(stage.prod, User("syncd", "s@example.com", "S", "Test", frozenset({"team"})))
    more = Role("team", stage.prod.roles["team"].permissions | {NAMING.permission("can_read", "Users")})
    put(stage.prod, more)
    [said] = why(done(stage))
    assert "syncd runs as syncd, which holds team and would lose can_read on Users" == said
    assert more == stage.prod.roles["team"]
