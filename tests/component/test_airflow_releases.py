"""The adapter on every measured release, as the stand-in plays it: exact roles, no moment without access, any crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow_world import DAGS, MADE, MANAGEABLE, Killed, Steps, World, apply, everything, finance, person, world

from syncd.errors import TargetUnmanageable
from syncd.model import Change, Learned, Permission, Role, Scope, Status
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.targets.airflow import AirflowTarget
from syncd.targets.airflow.abilities import Delete, Patch
from syncd.targets.airflow.naming import permission

KINDS = ("2.11.2", "3.1.8+3.0.3", "3.1.8+3.4.0", "3.3.2")
"""One release for each way of changing a role: adds, forbidden without deletion, adds without deletion, replaces."""
LEARNED = {"replaces": Patch.REPLACES, "adds": Patch.ADDS, "forbidden": Patch.FORBIDDEN}


@pytest.fixture(params=MANAGEABLE)
def preset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def begun(w: World) -> tuple[Role, Learned]:
    """Give ann the role finance, on a server that nothing was learned about."""
    target = w.target()
    role = finance(target)
    assert Status.APPLIED == apply(target, None, role).status
    assert Status.APPLIED == apply(target, None, person("ann", "finance", "Viewer")).status
    assert role.permissions <= w.permissions_of("ann")
    return role, target.learned()


def fewer(role: Role) -> Role:
    """Take five of a role's permissions away and give it one that it had not."""
    gone = sorted((p for p in role.permissions if p.resource.startswith("DAG:")), key=str)[:5]
    return Role(role.name, (role.permissions - set(gone)) | {permission("can_delete", f"DAG:{DAGS[9].id}")})


def viewer(w: World) -> frozenset[Permission]:
    return frozenset(w.server.state.roles["Viewer"])


def test_a_role_ends_exactly_as_wanted(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        assert Status.APPLIED == apply(target, role, fewer(role)).status
        users, roles, _ = everything(target, "finance")
        assert fewer(role) == roles["finance"]
        assert frozenset({"finance", "Viewer"}) == users["ann"].roles
        assert fewer(role).permissions | viewer(w) == w.permissions_of("ann")


def test_what_writes_showed_is_learned_and_left_overs_are_told(preset: str, tmp_path: Path) -> None:
    can = PRESETS[preset]
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        apply(target, role, fewer(role))
        _, _, leftovers = everything(target, "finance")
        assert LEARNED[can.patch] == target.capabilities.patch_role
        assert (
            Delete.BROKEN if can.delete == 500 else target.capabilities.delete_role
        ) == target.capabilities.delete_role
        expected = {"adds": ("finance~old1",), "forbidden": ("finance",)}[can.patch] if can.delete == 500 else ()
        assert expected == leftovers
        assert all(name not in account.roles for name in leftovers for account in w.server.state.users.values())


def test_the_next_pass_finds_nothing_to_do_with_few_calls(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        apply(target, role, fewer(role))
        again = w.target(target.learned())
        assert target.learned() == again.look()
        _, roles, _ = everything(again, "finance")
        again.inventory()
        assert fewer(role) == roles["finance"]
        pages, version, providers = 3, 1, 1
        login = 1 if PRESETS[preset].generation == 3 or again.capabilities.session else 0
        assert pages + version + providers + login == again.calls


@pytest.mark.parametrize("preset", KINDS)
@pytest.mark.parametrize("forgotten", [False, True], ids=["journal kept", "journal lost"])
def test_a_change_cut_off_anywhere_is_finished(preset: str, tmp_path: Path, *, forgotten: bool) -> None:
    """Die at each word of the record in turn; ann must never be without what both the old and the new role give."""
    with world(StandIn(preset, dags=DAGS[:12]), tmp_path) as w:
        die_at, died = 0, True
        while died:
            w.reset()
            target = w.target()
            role = finance(target, dags=12)
            apply(target, None, role)
            apply(target, None, person("ann", "finance"))
            target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
            died = dies(target, Change(role, fewer(role)), die_at)
            assert role.permissions & fewer(role).permissions <= w.permissions_of("ann")
            finish(w, None if forgotten else target.learned(), fewer(role))
            assert fewer(role).permissions == w.permissions_of("ann")
            die_at += 1
    assert die_at > 2


def dies(target: AirflowTarget, change: Change, die_at: int) -> bool:
    try:
        assert Status.APPLIED == target.apply(change, Steps(die_at)).status
    except Killed:
        return True
    return False


def finish(w: World, known: Learned | None, wanted: Role) -> None:
    """Make one more pass; nothing is left to do after it."""
    target = w.target(known)
    users, roles, _ = everything(target, "finance")
    if wanted != roles.get("finance"):
        assert Status.APPLIED == apply(target, roles.get("finance"), wanted).status
    if "finance" not in users["ann"].roles:
        assert Status.APPLIED == apply(target, users["ann"], person("ann", "finance")).status
    users, roles, _ = everything(w.target(target.learned()), "finance")
    assert wanted == roles["finance"]
    assert frozenset({"finance"}) == users["ann"].roles


def test_people_left_on_a_replaced_role_that_cannot_go_make_it_unfinished(tmp_path: Path) -> None:
    with world(StandIn("3.1.8+3.0.3", dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        apply(target, role, fewer(role))
        again = w.target(target.learned())
        again.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        assert dies(again, Change(fewer(role), role), 2)
        users, roles, leftovers = everything(again, "finance")
        assert role.permissions == roles["finance"].permissions
        assert roles["finance"].unfinished
        assert frozenset({"finance", "Viewer"}) == users["ann"].roles
        assert ("finance",) == leftovers
        assert Status.APPLIED == apply(again, roles["finance"], role).status
        assert role.permissions | viewer(w) == w.permissions_of("ann")
        assert ("finance", "finance~1") == everything(again, "finance")[2]


def test_a_deleted_role_gives_nobody_anything(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        ann = everything(target, "finance")[0]["ann"]
        assert Status.APPLIED == apply(target, ann, person("ann", "Viewer")).status
        outcome = apply(target, role, None)
        assert Status.APPLIED == outcome.status
        users, roles, leftovers = everything(target, "finance")
        assert "finance" not in roles
        assert frozenset({"Viewer"}) == users["ann"].roles
        assert (PRESETS[preset].delete == 500) == bool(leftovers)
        assert (PRESETS[preset].delete == 500) == ("left behind" in outcome.detail)


@pytest.mark.finding("H-E2")
def test_a_role_that_somebody_was_given_since_it_was_looked_at_is_not_deleted(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        ann = everything(target, "finance")[0]["ann"]
        assert Status.APPLIED == apply(target, ann, person("ann", "Viewer")).status
        w.server.state.add_user("eve", password="", roles={"finance"})
        outcome = apply(target, role, None)
        assert (Status.FAILED, True) == (outcome.status, "held by eve" in outcome.detail)
        assert {"finance"} == w.server.state.users["eve"].roles


def test_a_scoped_pass_grants_the_role_under_the_name_it_has(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        role, known = begun(w)
        target = w.target(known)
        target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        apply(target, role, fewer(role))
        people = w.target(target.learned())
        seen = people.observe(Scope.people(["ANN", "bob"]), role_names=frozenset({"finance"}), members=frozenset(MADE))
        assert {"ann": frozenset({"finance", "Viewer"})} == {name: user.roles for name, user in seen.users.items()}
        assert {} == seen.roles
        assert Status.APPLIED == apply(people, None, person("bob", "finance")).status
        assert Status.APPLIED == apply(people, seen.users["ann"], person("ann", "Viewer")).status
        assert fewer(role).permissions == w.permissions_of("bob")
        assert viewer(w) == w.permissions_of("ann")


def test_a_dag_not_parsed_yet_is_pending_and_the_rest_is_done(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = w.target()
        role = finance(target, dags=2)
        wanted = Role(
            "finance", role.permissions | {permission("can_read", "DAG:later"), permission("can_edit", "DAG:later")}
        )
        outcome = apply(target, None, wanted)
        assert Status.PENDING == outcome.status
        assert "can_edit on DAG:later, can_read on DAG:later" in outcome.detail
        assert role.permissions == frozenset(w.server.state.roles["finance"])


@pytest.mark.parametrize("preset", ["3.1.8+3.2.0", "3.1.8+3.3.0"])
def test_a_server_that_cannot_read_its_users_says_what_would_help(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w:
        target = w.target()
        assert not target.capabilities.users_readable
        with pytest.raises(TargetUnmanageable, match=rf"here: {PRESETS[preset].fab_version}\); upgrade .* to 3\.4\.0"):
            target.observe(Scope(), role_names=frozenset())


@pytest.mark.parametrize(
    ("preset", "title"), [("3.3.2-simple", "Simple auth manager"), ("3.3.2-keycloak", "Keycloak auth manager")]
)
def test_another_auth_manager_is_named(preset: str, title: str, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w, pytest.raises(TargetUnmanageable, match=title):
        w.target().look()


@pytest.mark.finding("R-F11")
def test_a_left_over_that_code_may_name_is_told_with_what_its_deletion_breaks(tmp_path: Path) -> None:
    for preset, name, warned in (("3.1.8+3.1.1", "finance", True), ("3.1.8+3.4.0", "finance~old1", False)):
        with world(StandIn(preset, dags=DAGS), tmp_path) as w:
            role, known = begun(w)
            target = w.target(known)
            target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
            apply(target, role, fewer(role))
            target.forget()
            left = target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE)).leftovers
            assert ({name}, warned) == (set(left), "no code names it: a DAG file whose code names it" in left[name])
