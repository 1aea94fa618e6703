"""Other hands beside syncd's: administrators who write at the same time, and servers that are replaced under a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from airflow_world import DAGS, MADE, Steps, World, apply, everything, finance, person, world

from syncd.model import Change, Learned, Permission, Role, Scope, Status, User
from syncd.sandbox.airflow import PRESETS, Abilities, StandIn
from syncd.sandbox.airflow.faults import Meanwhile, on
from syncd.targets.airflow import AirflowTarget
from syncd.targets.airflow.abilities import Patch

NAMES = frozenset({"finance"})
ADDS = replace(PRESETS["3.3.2"], fab_version="3.8.0", patch="adds", cache_ttl_s=0.0)
ADDS_UNDELETABLE = replace(PRESETS["3.1.8+3.4.0"], cache_ttl_s=0.0)
FORBIDS = replace(PRESETS["3.1.8+3.1.1"], cache_ttl_s=0.0, users=PRESETS["3.3.2"].users, user_patch_needs_names=False)
REPLACES = replace(PRESETS["3.3.2"], cache_ttl_s=0.0)


@pytest.fixture(params=["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def any_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(StandIn(request.param, dags=DAGS), tmp_path) as w:
        yield w


def roles_of(w: World, name: str) -> set[str]:
    return w.server.state.users[name].roles


# --- administrators ---------------------------------------------------------------------------------------------------


@pytest.mark.finding("P3")
@pytest.mark.parametrize("road", ["listing", "person"])
@pytest.mark.parametrize("after", [person("anna", "Viewer", "User"), person("anna"), None])
def test_what_a_hand_gives_between_our_look_and_our_write_stays(
    any_world: World, road: str, after: User | None
) -> None:
    w = any_world
    w.server.state.add_user("anna", password="", first_name="A", last_name="A", roles={"Viewer"})
    clock = [0.0]
    target = w.target(monotonic=lambda: clock[0])
    scope = Scope() if road == "listing" else Scope.people(["anna"])
    before = target.observe(scope, role_names=NAMES, members=frozenset(MADE)).users["anna"]
    clock[0] += 0.0 if road == "listing" else 1.0
    roles_of(w, "anna").add("Op")
    outcome = apply(target, before, after)
    assert "Op" in roles_of(w, "anna")
    assert Status.FAILED == outcome.status if after is None else Status.APPLIED == outcome.status


@pytest.mark.finding("P3")
@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.4.0"])
def test_what_a_hand_gives_a_holder_stays_while_a_role_is_exchanged(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = w.target()
        role = finance(target, dags=5)
        apply(target, None, role)
        for name in ("anna", "bob"):
            apply(target, None, person(name, "finance"))
        target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        w.server.faults.add(Meanwhile(lambda: roles_of(w, "bob").add("Op")), on("PATCH", "*/users/anna"), times=1)
        assert Status.APPLIED == apply(target, role, finance(target, dags=4)).status
        assert ({"finance"}, {"finance", "Op"}) == (roles_of(w, "anna"), roles_of(w, "bob"))


@pytest.mark.finding("P3")
def test_what_a_hand_took_meanwhile_is_told(any_world: World) -> None:
    w = any_world
    w.server.state.add_user("anna", password="", first_name="A", last_name="A", roles={"Viewer", "Op"})
    target = w.target()
    before = target.observe(Scope(), role_names=NAMES, members=frozenset(MADE)).users["anna"]
    roles_of(w, "anna").discard("Op")
    outcome = apply(target, before, replace(before, roles=frozenset({"Op", "User"})))
    assert (Status.APPLIED, ("Op",)) == (outcome.status, outcome.beside)
    assert "anna lost Op besides, since the plan was made and by another hand than this" in outcome.detail
    assert {"User"} == roles_of(w, "anna")


@pytest.mark.finding("P3")
def test_nothing_is_told_where_nobody_else_did_anything(any_world: World) -> None:
    w = any_world
    w.server.state.add_user("anna", password="", first_name="A", last_name="A", roles={"Viewer", "Op"})
    target = w.target()
    before = target.observe(Scope(), role_names=NAMES, members=frozenset(MADE)).users["anna"]
    outcome = apply(target, before, replace(before, roles=frozenset({"Op", "User"})))
    assert (Status.APPLIED, (), "") == (outcome.status, outcome.beside, outcome.detail)


@pytest.mark.finding("N-4")
@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.4.0", "3.1.8+3.0.3"])
@pytest.mark.parametrize("moment", ["*/users/bob", "*/users/anna"])
def test_who_is_given_a_role_by_hand_while_it_is_exchanged_keeps_it(preset: str, moment: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        w.server.state.add_user("eve", password="", first_name="E", last_name="E", roles={"Viewer"})
        target = w.target()
        role = finance(target, dags=5)
        apply(target, None, role)
        for name in ("anna", "bob"):
            apply(target, None, person(name, "finance"))
        target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        w.server.faults.add(Meanwhile(lambda: roles_of(w, "eve").add("finance")), on("PATCH", moment), times=1)
        assert Status.APPLIED == apply(target, role, finance(target, dags=4)).status
        users, _, _ = everything(target, "finance")
        assert all("finance" in users[name].roles for name in ("anna", "bob", "eve"))


@pytest.mark.finding("N-5")
def test_an_account_that_a_hand_makes_between_plan_and_call_is_not_taken_for_ours(any_world: World) -> None:
    w = any_world
    target = w.target()
    apply(target, None, finance(target, dags=5))
    target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    hand = Meanwhile(lambda: w.server.state.add_user("bob", password="", email="b@else.example", roles={"Op"}))
    w.server.faults.add(hand, on("POST", "*/users"), times=1)
    outcome = apply(target, None, person("bob", "finance"))
    assert (Status.FAILED, {"Op"}) == (outcome.status, roles_of(w, "bob"))
    assert "somebody else made the account bob" in outcome.detail
    before = target.observe(Scope(), role_names=NAMES, members=frozenset(MADE)).users["bob"]
    assert Status.APPLIED == apply(target, before, replace(before, roles=before.roles | {"finance"})).status


@pytest.mark.finding("N-7")
@pytest.mark.parametrize(("method", "path"), [("GET", "*/roles/finance"), ("POST", "*/roles")])
def test_a_role_that_a_hand_makes_between_plan_and_call_is_left_as_it_is(
    any_world: World, method: str, path: str
) -> None:
    w, pools = any_world, Permission("can_read", "Pools")
    target = w.target()
    target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    hand = Meanwhile(lambda: w.server.state.roles.update(finance={pools}))
    w.server.faults.add(hand, on(method, path), times=1)
    outcome = apply(target, None, finance(target, dags=5))
    assert (Status.FAILED, {pools}) == (outcome.status, set(w.server.state.roles["finance"]))
    assert "somebody else made the role finance" in outcome.detail


# --- upgrades ---------------------------------------------------------------------------------------------------------


def become(w: World, abilities: Abilities) -> None:
    """Upgrade the server between two calls."""
    upgraded = StandIn(abilities, state=w.server.state, dags=DAGS)
    w.server.abilities, w.server._routes = upgraded.abilities, upgraded._routes
    w.server.gate._abilities = abilities


def least(w: World, target: AirflowTarget, change: Change, kept: frozenset[Permission]) -> Status:
    """Make a change and look after every single call what the holder has."""

    class Sampling(Steps):
        def after(self, step: int, answer: str, *, refused: bool = False) -> None:
            super().after(step, answer, refused=refused)
            assert kept <= w.permissions_of("anna"), (self.words, kept - w.permissions_of("anna"))

    return target.apply(change, Sampling()).status


def begun(w: World, *, known: Learned | None = None, providers: bool = True) -> tuple[AirflowTarget, Role]:
    """Give anna a role of twenty DAGs, on a server that showed already what PATCH does."""
    if not providers:
        w.server.state.roles["Admin"].discard(Permission("can_read", "Providers"))
    target = w.target(known)
    role = finance(target, dags=22)
    apply(target, None, role)
    apply(target, None, person("anna", "finance"))
    target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    fewer = finance(target, dags=20)
    assert Status.APPLIED == apply(target, role, fewer).status
    return target, fewer


@pytest.mark.finding("P4")
@pytest.mark.parametrize("providers", [True, False])
@pytest.mark.parametrize("old", [ADDS, ADDS_UNDELETABLE, FORBIDS], ids=["adds", "adds, DELETE broken", "forbids"])
@pytest.mark.parametrize("road", ["same session", "next pass of a session", "new session"])
@pytest.mark.parametrize("dags", [21, 19, 30])
def test_a_server_that_is_replaced_never_takes_what_stays(
    old: Abilities, road: str, dags: int, providers: bool, tmp_path: Path
) -> None:
    with world(StandIn(old, dags=DAGS), tmp_path) as w:
        target, role = begun(w, providers=providers)
        become(w, replace(REPLACES, fab_version=REPLACES.fab_version))
        if road == "new session":
            target = w.target(target.learned())
        elif road == "next pass of a session":
            target.forget()
        target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        wanted = finance(target, dags=dags)
        assert Status.APPLIED == least(w, target, Change(role, wanted), role.permissions & wanted.permissions)
        _, roles, _ = everything(target, "finance")
        assert wanted == replace(roles["finance"], unfinished=False)
        assert wanted.permissions == w.permissions_of("anna")


@pytest.mark.finding("P4")
@pytest.mark.parametrize("road", ["next pass of a session", "new session"])
@pytest.mark.parametrize("providers", [True, False])
def test_a_write_shows_that_the_server_replaces_now(road: str, providers: bool, tmp_path: Path) -> None:
    with world(StandIn(ADDS, dags=DAGS), tmp_path) as w:
        target, role = begun(w, providers=providers)
        assert Patch.ADDS is target.capabilities.patch_role
        become(w, REPLACES)
        if road == "new session":
            target = w.target(target.learned())
        else:
            target.forget()
        target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        w.server.calls.clear()
        assert Status.APPLIED == apply(target, role, finance(target, dags=19)).status
        assert Patch.REPLACES is target.capabilities.patch_role
        assert not [call for call in w.server.calls if call.method in {"POST", "DELETE"} and "roles" in call.path]


@pytest.mark.finding("P4")
@pytest.mark.parametrize("patch", ["adds", "replaces"])
def test_what_is_kept_is_sent_with_what_is_new(patch: Literal["adds", "replaces"], tmp_path: Path) -> None:
    with world(StandIn(replace(ADDS, patch=patch), dags=DAGS), tmp_path) as w:
        target, role = begun(w)
        become(w, REPLACES)
        steps = Steps()
        wanted = finance(target, dags=21)
        assert Status.APPLIED == target.apply(Change(role, wanted), steps).status
        assert [f"actions={len(wanted.permissions)}"] == [word.split()[-1] for word in steps.words if "PATCH" in word]
