"""A pattern over several passes: roles come with groups, nobody loses by a group that is gone, and a person's word ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import stages
from stages import DAGS, NOW, People, Stage, roles_of

from syncd.model import Scope
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget

PATTERN = b"""
roles:
  "{team}-{level}": {dags: [{level: "{level}", tag: "{team}"}]}
bindings:
  - group: "people:af-{team}-{level}"
    roles: ["{team}-{level}"]
    deployments: all
"""
UNLESS = PATTERN + b"    unless: [af-finance-*]\n"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(stages, "MAPPING", PATTERN)
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        people = People({"af-finance-view": ["anna", "bob"], "af-risk-edit": ["cid"], "other": ["anna", "bob", "cid"]})
        it = Stage(store, people, {"prod": MemoryTarget("prod", dags=DAGS)})
        it.apply()
        yield it


def is_done(stage: Stage) -> bool:
    plan = stage.plan().plan
    assert plan is not None
    return not plan.changes


def test_each_group_has_its_role_and_the_second_plan_is_empty(stage: Stage) -> None:
    assert {"finance-view"} == roles_of(stage.prod, "anna") == roles_of(stage.prod, "bob")
    assert {"risk-edit"} == roles_of(stage.prod, "cid")
    assert {"finance-view", "risk-edit"} <= stage.prod.roles.keys()
    assert is_done(stage)


def test_who_leaves_a_group_loses_what_it_gave(stage: Stage) -> None:
    stage.people.members["af-finance-view"] = ["anna"]
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")
    assert is_done(stage)


def test_nobody_loses_by_a_group_that_is_gone_until_the_line_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stage.people.members["af-finance-view"]
    stage.apply()
    assert {"finance-view"} == roles_of(stage.prod, "anna") == roles_of(stage.prod, "bob")
    assert {"finance-view"} == stage.plan().frozen.keys()
    monkeypatch.setattr(stages, "MAPPING", UNLESS)
    stage.apply()
    assert set() == roles_of(stage.prod, "anna") | roles_of(stage.prod, "bob")
    assert "finance-view" not in stage.prod.roles
    assert is_done(stage)


def test_a_pass_over_one_person_gives_what_a_pass_over_everything_gives(stage: Stage) -> None:
    stage.people.members["af-finance-view"] = ["anna", "bob", "cid"]
    stage.apply(scope=Scope.people(["cid"]))
    assert {"finance-view", "risk-edit"} == roles_of(stage.prod, "cid")
    assert is_done(stage)


def test_a_role_that_is_new_waits_for_the_pass_that_makes_it(stage: Stage) -> None:
    stage.people.members["af-new-view"] = ["anna"]
    stage.apply(scope=Scope.people(["anna"]))
    assert {"finance-view"} == roles_of(stage.prod, "anna")
    stage.apply()
    assert {"finance-view", "new-view"} == roles_of(stage.prod, "anna")


def test_a_source_that_fails_takes_nothing(stage: Stage) -> None:
    stage.people.down = "it hung"
    stage.apply()
    assert {"finance-view"} == roles_of(stage.prod, "anna")
    assert {"finance-view", "risk-edit"} <= stage.prod.roles.keys()
