"""A pass says what it does to people, and what it would do by what it holds."""

from __future__ import annotations

import pytest
from stages import Stage, put
from test_reconcile import stage

from syncd.model import Role, User, key
from syncd.plan.on_people import Effects
from syncd.targets.airflow.naming import permission

__all__ = ["stage"]


@pytest.mark.finding("H-D1")
def test_a_pass_says_what_it_takes_from_people_by_a_role_that_goes(stage: Stage) -> None:
    stage.apply()
    finance = stage.prod.roles["finance"]
    put(stage.prod, User("eve", "eve@example.com", "Eve", "X", frozenset({"finance"})))
    put(stage.prod, Role("finance", finance.permissions | {permission("can_read", "Pools")}))

    effects = stage.plan().effects

    assert effects is not None
    assert {"finance": (3, 1)} == {one.role: (one.people, one.not_ours) for one in effects.loses.roles}


def test_a_plan_that_is_held_has_the_effects_of_what_is_held(stage: Stage) -> None:
    stage.apply()
    stage.people.members["finance"] = []
    stage.limits = type(stage.limits)(removals=0, share=0.0, floor=0)

    this = stage.plan()

    assert this.held is not None
    assert this.held_effects is not None
    assert 2 == this.held_effects.loses.people
    assert {key(c.name) for c in this.held.changes if c.revoked} >= {"anna", "bob"}


def test_nothing_to_do_has_no_effect(stage: Stage) -> None:
    stage.apply()

    assert Effects() == stage.plan().effects
