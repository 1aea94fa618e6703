"""What comes under a name is what was asked for, or nothing is written: on each kind of database below an Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from airflow_world import DAGS, MADE, Steps, World, apply, everything, finance, person, world

from syncd.model import Change, Lookalikes, Role, Scope, Status, User
from syncd.sandbox.airflow import StandIn
from syncd.sandbox.airflow.answers import answer
from syncd.sandbox.airflow.collation import Names
from syncd.sandbox.airflow.faults import Instead, Meanwhile, on
from syncd.targets.airflow import AirflowTarget
from syncd.targets.airflow.calls import Calls, Fence, Stopped
from syncd.targets.airflow.naming import permission
from syncd.targets.airflow.wire import Area

NAMES = frozenset({"fin"})
PRESETS = ("2.11.2", "3.1.8+3.0.3", "3.3.2")
POOLS = permission("can_read", "Pools")


@pytest.fixture(params=PRESETS)
def maria(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(StandIn(request.param, dags=DAGS, names="mysql"), tmp_path) as w:
        yield w


def writes(w: World) -> list[str]:
    """Give the accepted writing calls about users and roles."""
    return [f"{c.method} {c.path}" for c in w.server.calls if c.method not in {"GET", "HEAD"} and "token" not in c.path]


def add(w: World, name: str, *roles: str) -> None:
    w.server.state.add_user(name, password="", first_name="X", last_name="Y", roles=set(roles))


def roles_of(w: World, name: str) -> set[str]:
    return next(a.roles for a in w.server.state.users.values() if a.username == name)


def opened(w: World, *protected: str) -> AirflowTarget:
    target = w.target(protected=protected)
    target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    w.server.calls.clear()
    return target


@pytest.mark.finding("A-F1")
@pytest.mark.finding("P2")
@pytest.mark.parametrize("protected", [(), ("boss",)])
@pytest.mark.parametrize(("account", "wanted"), [("boss", "bóss"), ("straße", "strase"), ("boss", "boss ")])
def test_an_account_that_the_database_takes_for_a_new_one_is_not_touched(
    maria: World, account: str, wanted: str, protected: tuple[str, ...]
) -> None:
    add(maria, account, "Admin")
    target = opened(maria, *protected)
    outcome = apply(target, None, User(wanted, "new@example.com", "B", "C", frozenset({"Viewer"})))
    assert Status.FAILED == outcome.status
    assert {"Admin"} == roles_of(maria, account)
    assert not [call for call in writes(maria) if "PATCH" in call or "DELETE" in call]
    assert protected or f"holds `{account}` and `{wanted}` for one name" in outcome.detail


@pytest.mark.finding("A-F1")
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("after", [person("anna", "Viewer"), person("anna"), None])
def test_a_record_of_another_account_is_not_used(preset: str, tmp_path: Path, after: User | None) -> None:
    with world(StandIn(preset), tmp_path) as w:
        add(w, "anna", "Op")
        add(w, "root2", "Admin")
        target = opened(w)
        theirs = {
            "username": "root2",
            "email": "r@x",
            "first_name": "R",
            "last_name": "R",
            "roles": [{"name": "Admin"}],
        }
        w.server.faults.add(Instead(answer(theirs)), on("GET", "*/users/anna"))
        outcome = apply(target, person("anna", "Op"), after)
        assert (Status.FAILED, []) == (outcome.status, writes(w))
        assert "the server holds `root2` and `anna` for one name" in outcome.detail
        target.forget()
        assert "anna" in target.observe(Scope.people(["anna"]), role_names=NAMES, members=frozenset(MADE)).unclear


@pytest.mark.finding("P1")
@pytest.mark.finding("C-26")
@pytest.mark.parametrize("by_hand", ["Fin", "fín"])
def test_a_role_made_by_hand_is_not_taken_for_ours(maria: World, by_hand: str) -> None:
    maria.server.state.roles[by_hand] = {POOLS}
    add(maria, "handy", by_hand)
    target = opened(maria)
    outcomes = [
        apply(target, None, Role("fin", finance(target).permissions)),
        apply(target, Role("fin", frozenset()), None),
    ]
    assert [Status.FAILED] * 2 == [outcome.status for outcome in outcomes]
    assert all(f"the server holds `{by_hand}` and `fin` for one name" in outcome.detail for outcome in outcomes)
    assert [] == writes(maria)
    assert ({POOLS}, {by_hand}) == (maria.server.state.roles[by_hand], roles_of(maria, "handy"))


@pytest.mark.finding("P1")
@pytest.mark.parametrize("new", [False, True])
def test_a_role_that_the_server_gives_for_another_is_taken_back(maria: World, new: bool) -> None:
    maria.server.state.roles["Fin"] = {POOLS}
    if not new:
        add(maria, "anna", "Op")
    target = maria.target()
    target.look()
    outcome = apply(target, None if new else person("anna", "Op"), person("anna", "Op", "fin"))
    assert Status.FAILED == outcome.status
    assert "the server holds `Fin` and `fin` for one name" in outcome.detail
    assert {"Op"} == roles_of(maria, "anna")


@pytest.mark.finding("P1")
def test_a_successor_is_not_made_under_a_name_that_another_role_answers_to(maria: World) -> None:
    target = opened(maria)
    role = Role("fin", finance(target).permissions)
    apply(target, None, role)
    maria.server.state.roles["FIN~1"] = {POOLS}
    target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    fewer = Role("fin", role.permissions - {permission("can_read", "DAG:fin_03")})
    outcome = apply(target, role, fewer)
    assert {POOLS} == maria.server.state.roles["FIN~1"]
    assert (outcome.status is Status.APPLIED) == (maria.server.abilities.patch == "replaces"), outcome


# --- protected accounts -----------------------------------------------------------------------------------------------


@pytest.mark.finding("A-F1")
@pytest.mark.parametrize("name", ["boss", "BOSS", "bóss", "boss ", "ｂｏｓｓ"])
@pytest.mark.parametrize("before", [True, False])
def test_no_call_names_a_protected_account_whatever_led_to_it(tmp_path: Path, name: str, before: bool) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        add(w, name, "Op")
        target = opened(w, "boss")
        have = User(name, f"{name}@example.com", "X", "Y", frozenset({"Op"})) if before else None
        changes = [Change(have, User(name, "b@x", "X", "Y", frozenset({"Viewer"})))]
        changes += [Change(have, None)] if have else []
        for change in changes:
            outcome = target.apply(change, Steps())
            assert Status.FAILED == outcome.status
            assert "is never changed" in outcome.detail
        assert ([], {"Op"}) == (writes(w), roles_of(w, name))


@pytest.mark.finding("A-F1")
@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.0.3", "3.1.8+3.4.0"])
def test_a_role_that_a_protected_account_holds_is_not_exchanged(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = opened(w, "root")
        role = Role("fin", finance(target).permissions)
        apply(target, None, role)
        add(w, "Root", "fin")
        add(w, "anna", "fin")
        target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        w.server.calls.clear()
        fewer = Role("fin", role.permissions - {permission("can_read", "DAG:fin_03")})
        for after in (fewer, None):
            outcome = apply(target, role, after)
            assert Status.FAILED == outcome.status
            assert "Root, a protected account, holds role 'fin' and is never changed" in outcome.detail
        assert {"fin"} == roles_of(w, "Root") == roles_of(w, "anna")
        assert not [call for call in writes(w) if "/users/" in call or "DELETE" in call]


@pytest.mark.finding("A-F1")
@pytest.mark.parametrize(
    ("area", "method", "name", "makes"),
    [
        (Area.USERS, "PATCH", "bóss", ""),
        (Area.USERS, "DELETE", "boss", ""),
        (Area.USERS, "POST", None, "BOSS"),
        (Area.USERS, "PATCH", "admin", ""),
        (Area.USERS, "PATCH", "corp/eve", ""),
        (Area.ROLES, "PATCH", "Admin", ""),
        (Area.ROLES, "DELETE", "Fin", ""),
        (Area.ROLES, "PATCH", "team", "team"),
        (Area.ROLES, "PATCH", "fin", "team"),
        (Area.ROLES, "POST", None, "fin2"),
    ],
)
def test_the_last_check_is_right_at_the_call(
    area: Area, method: str, name: str | None, makes: str, tmp_path: Path
) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        target = opened(w, "boss")
        steps = Steps()
        fence = Fence(Lookalikes(["boss"]), Lookalikes(["admin"]), frozenset({"fin", "team"}))
        calls = Calls(target._wire, steps, fence, role="fin")
        with pytest.raises(Stopped):
            calls.send(area, method, name, what="", makes=makes)
        assert ([], []) == (steps.words, w.server.calls)


@pytest.mark.finding("A-F2")
def test_of_two_accounts_with_one_key_neither_is_decided_about(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        add(w, "anna", "Viewer")
        add(w, "ANNA", "Op")
        target = w.target()
        seen = target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
        assert ["admin"] == list(seen.users)
        assert "the server has the accounts `anna` and `ANNA`" in seen.unclear["anna"]
        assert Status.FAILED == apply(target, person("anna", "Viewer"), person("anna")).status
        assert Status.FAILED == apply(target, None, person("anna", "User")).status
        assert ({"Viewer"}, {"Op"}) == (roles_of(w, "anna"), roles_of(w, "ANNA"))


# --- the stand-in itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "held", "one"),
    [
        ("BOSS", "boss", {"sqlite", "postgresql", "mysql"}),
        ("ärger", "Ärger", {"postgresql", "mysql"}),
        ("bóss", "boss", {"mysql"}),
        ("boss ", "boss", {"mysql"}),
        ("strase", "straße", {"mysql"}),
        ("strasse", "straße", set()),
        ("ﬁona", "fiona", set()),
    ],
)
def test_the_database_says_which_user_names_are_one(asked: str, held: str, one: set[str], tmp_path: Path) -> None:
    databases: tuple[Names, ...] = ("sqlite", "postgresql", "mysql")
    found = set()
    for names in databases:
        with ExitStack() as stack:
            w = stack.enter_context(world(StandIn("3.3.2", names=names), tmp_path))
            add(w, held, "Viewer")
            if w.server.state.find_user(asked) is not None:
                found.add(names)
    assert one == found


def test_another_hand_can_write_in_between(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        add(w, "anna", "Viewer")
        target = opened(w)
        w.server.faults.add(Meanwhile(lambda: add(w, "eve", "Op")), on("GET", "*/users*"), times=1)
        users, _, _ = everything(target)
        assert {"admin", "anna", "eve"} == users.keys()
