"""A pass over a few people gives a role only where the last look at all roles found in it no more than the mapping says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stages import DAGS, MAPPING, NOW, People, Stage, put, roles_of

from syncd.mapping.parse import parse
from syncd.model import Adopt, Deployment, Scope, Status
from syncd.plan.sound import WAITS, meaning
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget

pytestmark = pytest.mark.finding("N-302")
POOLS = permission("can_read", "Pools")
NARROWER = MAPPING.replace(b"trigger", b"view")
WITHOUT = b"bindings:\n  - {group: people:finance, roles: [Viewer], deployments: all}\n"
BOB = Scope.people(["bob"])


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        it = Stage(store, People({"finance": ["anna"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        it.deployment = Deployment("prod", adopt=Adopt.DECLARED, naming=NAMING)
        it.apply()
        yield it


def joins(stage: Stage, name: str = "bob") -> None:
    stage.people.members = {"finance": [*stage.people.members["finance"], name]}


def held(stage: Stage, name: str = "bob") -> set[str]:
    return roles_of(stage.prod, name) if name in stage.prod.users else set()


def waits(stage: Stage) -> set[str]:
    """Let a pass over bob go by, and say which roles his change waits for."""
    outcomes = stage.apply(scope=BOB).deployments[0].outcomes
    assert all((o.status is Status.PENDING) == o.detail.endswith(WAITS) for o in outcomes)
    return {o.detail.partition(":")[0] for o in outcomes if o.status is Status.PENDING}


def test_a_role_that_was_looked_at_is_given_at_once(stage: Stage) -> None:
    joins(stage)
    assert set() == waits(stage)
    assert {"finance", "Viewer"} == held(stage)


def test_a_role_that_the_mapping_made_narrower_is_not_given_before_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    joins(stage)
    monkeypatch.setattr("stages.MAPPING", NARROWER)
    assert {"finance"} == waits(stage)
    assert set() == held(stage)
    stage.apply()
    assert {"finance", "Viewer"} == held(stage)
    assert permission("can_edit", "DAG:fin_daily") not in stage.prod.roles["finance"].permissions


def test_a_role_that_comes_back_to_the_mapping_is_not_given_as_it_was_left_behind(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = stage.prod.roles["finance"]
    with monkeypatch.context() as patch:
        patch.setattr("stages.MAPPING", WITHOUT)
        stage.apply()
    put(stage.prod, replace(left, permissions=left.permissions | {POOLS}))
    joins(stage)
    assert {"finance"} == waits(stage)
    assert set() == held(stage)
    stage.apply()
    assert {"finance", "Viewer"} == held(stage)
    assert left == stage.prod.roles["finance"]


def test_a_role_whose_change_was_refused_is_not_given(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.prod.fails = frozenset({"finance"})
    monkeypatch.setattr("stages.MAPPING", NARROWER)
    stage.apply()
    joins(stage)
    assert {"finance"} == waits(stage)
    assert set() == held(stage)


def test_a_role_that_only_lacks_something_is_given(stage: Stage) -> None:
    put(stage.prod, replace(stage.prod.roles["finance"], permissions=frozenset()))
    stage.prod.fails = frozenset({"finance"})
    stage.apply()
    joins(stage)
    assert set() == waits(stage)
    assert {"finance", "Viewer"} == held(stage)


def test_who_is_moved_to_a_role_that_waits_keeps_the_old_one_until_then(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    joins(stage)
    stage.apply()
    moved = MAPPING.replace(b"finance: {dags", b"money: {dags").replace(b"[finance, Viewer]", b"[money]")
    monkeypatch.setattr("stages.MAPPING", moved)
    assert {"money"} == waits(stage)
    assert {"finance", "Viewer"} == held(stage)
    stage.apply()
    assert {"money"} == held(stage)


def test_who_leaves_waits_for_no_role(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    joins(stage)
    stage.apply()
    monkeypatch.setattr("stages.MAPPING", NARROWER)
    stage.people.members = {"finance": ["anna"]}
    assert set() == waits(stage)
    assert set() == held(stage)


def test_a_definition_means_the_same_wherever_it_stands() -> None:
    one, moved, other = (
        parse({"m.yaml": text}, sources=frozenset({"people"}), namings=[NAMING]).roles["finance"]
        for text in (MAPPING, b"\n\n" + MAPPING, NARROWER)
    )
    assert meaning(one) == meaning(moved) != meaning(other)
