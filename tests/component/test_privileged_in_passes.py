"""Roles that administer, in passes: held without a word in the mapping, given with one, and by an approval."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stages import DAGS, People, Stage, put

from syncd.mapping.parse import parse
from syncd.model import User
from syncd.plan.limits import GuardRules
from syncd.reconcile import Report, World, apply
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

MAPPING = "bindings:\n  - {group: people:finance, roles: [Viewer, Op], deployments: all%s}\n"
MARKED = ", privileged: true"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": ["anna"]}), {"prod": MemoryTarget("prod", dags=DAGS)})


def world(stage: Stage, said: str = "", *, holds: bool = True) -> World:
    rules = parse({"m.yaml": (MAPPING % said).encode()}, sources=frozenset({"people"}), namings=[NAMING])
    here = stage.world()
    targets = tuple(replace(target, guard=GuardRules(holds_unmarked=holds)) for target in here.targets)
    return replace(here, rules=rules, targets=targets)


def done(stage: Stage, said: str = "", *, holds: bool = True, approvals: tuple[str, ...] = ()) -> Report:
    return apply(world(stage, said, holds=holds), approvals=approvals)


def roles(stage: Stage, name: str = "anna") -> set[str]:
    return set(stage.prod.users[name].roles)


def test_the_first_pass_holds_it_too_and_gives_the_rest(stage: Stage) -> None:
    report = done(stage)
    assert (4, {"Viewer"}) == (report.exit_code(), roles(stage))
    [held] = [deployment.held for deployment in report.deployments]
    assert held is not None
    assert (
        "1 person gains Op, which administers, and no `privileged: true` says that it is meant (m.yaml:2)",
    ) == held.why
    assert 0 == done(stage, approvals=(held.digest,)).exit_code()
    assert {"Viewer", "Op"} == roles(stage)
    assert 0 == done(stage).exit_code(), "who has it keeps it"


@pytest.mark.parametrize(("said", "holds"), [(MARKED, True), ("", False)], ids=["the line says it", "nobody asks"])
def test_it_is_given_where_the_line_says_that_it_is_meant_or_nobody_asks(stage: Stage, said: str, holds: bool) -> None:
    assert (0, {"Viewer", "Op"}) == (done(stage, said, holds=holds).exit_code(), roles(stage))


def test_what_another_hand_took_is_put_back_by_a_line_without_the_word(stage: Stage) -> None:
    done(stage, MARKED)
    put(stage.prod, User("anna", "anna@example.com", "Anna", "Test", frozenset()))
    assert (0, {"Viewer", "Op"}) == (done(stage).exit_code(), roles(stage))


def test_what_is_held_is_not_taken_for_what_another_hand_took(stage: Stage) -> None:
    done(stage)
    report = done(stage, MARKED)
    assert ({"Viewer", "Op"}, [0]) == (roles(stage), [deployment.drift for deployment in report.deployments])
