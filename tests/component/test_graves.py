"""Roles that the server cannot delete are left behind, and used again where what they hold is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow_world import DAGS, MADE, Killed, Steps, World, apply, everything, finance, person, world

from syncd.model import Change, Learned, Permission, Scope, Status
from syncd.sandbox.airflow import StandIn
from syncd.sandbox.airflow.faults import Meanwhile, on
from syncd.targets.airflow import AirflowTarget

pytestmark = pytest.mark.finding("R-F3")

BROKEN = "3.2.2+3.5.0"
NAMES = frozenset({"finance"})


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(StandIn(BROKEN, dags=DAGS), tmp_path) as made:
        yield made


class Passes:
    """One pass after the other, each in a session of its own."""

    def __init__(self, w: World) -> None:
        self.w = w
        first = w.target()
        self.role = finance(first, dags=5)
        assert Status.APPLIED == apply(first, None, self.role).status
        assert Status.APPLIED == apply(first, None, person("ann", "finance")).status
        self.known: Learned = first.learned()
        self.least = self.role.permissions

    def opened(self) -> AirflowTarget:
        target = self.w.target(self.known)
        target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        return target

    def to(self, dags: int, steps: Steps | None = None) -> None:
        """Bring the role to this many DAGs."""
        target = self.opened()
        after = finance(target, dags=dags)
        made = target.apply(Change(self.role, after), steps or Steps())
        assert Status.APPLIED == made.status, made
        self.role, self.known = after, target.learned()
        assert after.permissions == self.w.permissions_of("ann")

    def roles(self) -> set[str]:
        return {name for name in self.w.server.state.roles if name.startswith("finance")}


def test_dags_that_come_and_go_leave_no_trail_of_roles(w: World) -> None:
    passes = Passes(w)
    for dags in range(4, 12):
        passes.to(dags + 2)
        passes.to(dags + 1)
        assert len(passes.roles()) == 2, "the role, and what was left of it the last time"
    users, roles, leftovers = everything(passes.opened(), "finance")
    assert (frozenset({"finance"}), passes.role.permissions) == (users["ann"].roles, roles["finance"].permissions)
    assert passes.roles() == {"finance", *leftovers}


def test_a_role_that_is_wanted_again_is_what_was_left_of_it(w: World) -> None:
    passes = Passes(w)
    target = passes.opened()
    target.apply(Change(person("ann", "finance"), person("ann")), Steps())
    assert Status.APPLIED == target.apply(Change(passes.role, None), Steps()).status
    assert {"finance~old1"} == passes.roles()
    again = w.target(target.learned())
    again.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    assert Status.APPLIED == apply(again, None, finance(again, dags=8)).status
    assert {"finance"} == passes.roles()


def test_a_role_that_somebody_holds_is_not_used_again(w: World) -> None:
    passes = Passes(w)
    passes.to(4)
    passes.to(7)
    target = passes.opened()
    eve = w.server.state.add_user("eve", password="x", roles=set())
    w.server.faults.add(Meanwhile(lambda: eve.roles.add("finance~old1")), on("GET", "*/roles/finance~old1"), times=1)
    w.server.calls.clear()
    target.apply(Change(passes.role, finance(target, dags=6)), Steps())
    renamed = [
        c.path.rpartition("/")[2] for c in w.server.calls if c.method == "PATCH" and c.query == "update_mask=name"
    ]
    assert "finance~old1" not in renamed


@pytest.mark.parametrize("forgotten", [False, True], ids=["by another hand", "after the database was lost"])
def test_a_role_that_we_did_not_make_is_not_used(w: World, forgotten: bool) -> None:
    passes = Passes(w)
    if forgotten:
        passes.to(4)
        passes.known = w.target().look()
        MADE.clear()
    else:
        w.server.state.roles["finance~old1"] = set()
    passes.to(7)
    before = set(w.server.state.roles["finance~old1"])
    passes.to(6)
    assert before == set(w.server.state.roles["finance~old1"])


def test_a_grave_with_more_than_is_wanted_stays_one(w: World) -> None:
    passes = Passes(w)
    passes.to(4)
    passes.to(3)
    extra = Permission("can_read", "Pools")
    assert all(
        extra not in permissions and set(permissions) <= set(passes.least)
        for name, permissions in w.server.state.roles.items()
        if name.startswith("finance")
    )
    assert {"finance", "finance~old1", "finance~old2"} == passes.roles()


def test_a_death_while_one_is_used_again_costs_nobody_anything(w: World) -> None:
    passes = Passes(w)
    passes.to(4)
    passes.to(7)
    w.__post_init__()
    start, known, died, at = passes.role, passes.known, True, 0
    kept = finance(passes.opened(), dags=6)
    while died:
        w.reset()
        passes.role, passes.known, died = start, known, False
        try:
            passes.to(6, Steps(die_at=at))
        except Killed:
            died = True
            assert kept.permissions <= w.permissions_of("ann")
            passes.to(6)
        assert len(passes.roles()) <= 3
        at += 1
    assert at > 5
