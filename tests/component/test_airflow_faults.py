"""Servers that hang, lie, break off or say no: what the adapter does and says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from airflow_world import DAGS, MADE, Steps, World, apply, everything, finance, person, world

from syncd.errors import ReadIncomplete, TargetUnauthorized, TargetUnavailable
from syncd.model import Change, Role, Scope, Status, User
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.sandbox.airflow.answers import LOST, answer
from syncd.sandbox.airflow.faults import (
    CRASH,
    DOWN,
    EMPTY_502,
    FORBIDDEN,
    WEB_PAGE,
    Cut,
    Fault,
    Forget,
    HangUp,
    Instead,
    RepeatPage,
    Shrink,
    Slow,
    on,
)
from syncd.targets.airflow.naming import permission

USERS, ROLES = "*/users*", "*/roles*"


@pytest.fixture
def three(tmp_path: Path) -> Iterator[World]:
    with world(StandIn("3.3.2", dags=DAGS), tmp_path) as w:
        for n in range(120):
            w.server.state.add_user(f"u{n:03}", password="", first_name="U", last_name="N")
        yield w


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (DOWN, TargetUnavailable, "the connection broke"),
        (WEB_PAGE, TargetUnavailable, "a page of users was wanted, 200 with a web page came"),
        (CRASH, TargetUnavailable, "a page of users was wanted, 500 came"),
        (EMPTY_502, TargetUnavailable, "a page of users was wanted, 502 came"),
        (Cut(), TargetUnavailable, "the answer broke off"),
        (FORBIDDEN, TargetUnavailable, r"a page of users was wanted, 403 \(Forbidden\) came"),
        (
            Shrink(),
            ReadIncomplete,
            "users of .* could not be read whole, 4 times in a row: the total went from 121 to 120",
        ),
        (RepeatPage(), ReadIncomplete, "one came twice|came where 121 were announced"),
    ],
)
def test_a_second_page_that_goes_wrong_fails_the_deployment(
    three: World, fault: Fault, kind: type[TargetUnavailable], says: str
) -> None:
    target = three.target()
    target.look()
    three.server.faults.add(fault, on("GET", USERS))
    with pytest.raises(kind, match=says):
        target.observe(Scope(), role_names=frozenset())


@pytest.mark.parametrize("fault", [DOWN, EMPTY_502, Cut(), Shrink(), RepeatPage()])
def test_a_page_that_goes_wrong_once_is_read_again(three: World, fault: Fault) -> None:
    target = three.target()
    target.look()
    three.server.faults.add(fault, on("GET", USERS), times=1)
    assert 121 == len(target.observe(Scope(), role_names=frozenset()).users)


@pytest.mark.parametrize("fault", [WEB_PAGE, FORBIDDEN, CRASH, EMPTY_502, DOWN])
def test_what_is_no_airflow_is_told_in_a_sentence(three: World, fault: Fault) -> None:
    three.server.faults.add(fault)
    with pytest.raises(TargetUnavailable) as e:
        three.target().look()
    assert three.url in str(e.value)
    assert not {"Traceback", "admin\n"} & {str(e.value)}


def test_a_login_page_in_front_is_named(three: World) -> None:
    login = replace(WEB_PAGE.answer, status=302, headers=(("Location", "https://sso.example/login?x=1"),))
    three.server.faults.add(replace(WEB_PAGE, answer=login))
    with pytest.raises(
        TargetUnauthorized,
        match=r"302 to https://sso\.example/login; .*wants a login: set a credential of kind `bearer`",
    ):
        three.target().look()


def test_a_missing_path_is_not_an_absent_user(three: World) -> None:
    target = three.target()
    target.look()
    three.server.faults.add(Instead(LOST), on("GET", USERS), times=1)
    with pytest.raises(TargetUnavailable, match="one of the users was wanted, 404 with a web page came"):
        target.observe(Scope.people(["nobody"]), role_names=frozenset())
    assert {} == target.observe(Scope.people(["nobody"]), role_names=frozenset()).users


def test_the_base_url_may_have_a_path(tmp_path: Path) -> None:
    with world(StandIn("3.3.2", path="/team-a"), tmp_path) as w:
        target = w.target()
        assert "3.3.2" == target.capabilities.version
        assert 4 == len(target.inventory())


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def test_a_role_whose_writing_outlasts_the_time_out_is_watched_and_finished(preset: str, tmp_path: Path) -> None:
    slow = replace(PRESETS[preset], seconds_per_permission=0.1)
    with world(StandIn(slow, dags=DAGS), tmp_path) as w:
        target = w.target(timeout_s=1.5, pause=lambda s: time.sleep(s / 20))  # meanwhile the server goes on writing
        role = finance(target, dags=8)
        assert Status.APPLIED == apply(target, None, role).status
        assert role.permissions == frozenset(w.server.state.roles["finance"])


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("fault", [HangUp(after_work=True), EMPTY_502, HangUp()])
@pytest.mark.parametrize("preset", ["2.11.2", "3.3.2"])
def test_a_write_without_an_answer_is_looked_after(preset: str, fault: Fault, method: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = w.target()
        role = finance(target)
        less = Role("finance", role.permissions - {permission("can_read", "DAG:fin_03")})
        w.server.faults.add(fault, on(method, ROLES), times=1)
        first = [apply(target, None, role), apply(target, role, less), apply(target, less, None)]
        assert {Status.APPLIED, Status.UNKNOWN} >= {outcome.status for outcome in first}
        again = w.target(target.learned())
        _, roles, _ = everything(again, "finance")
        if "finance" in roles:
            assert Status.APPLIED == apply(again, roles["finance"], None).status
        assert not [name for name in w.server.state.roles if name.startswith("finance")]


def test_a_write_that_is_accepted_and_not_kept_fails(three: World) -> None:
    target = three.target()
    role = finance(target, dags=3)
    three.server.faults.add(Forget(), on("*", ROLES))
    outcome = apply(target, None, role)
    assert Status.FAILED == outcome.status
    assert "lacks can_create on Roles" not in outcome.detail


def test_a_missing_right_is_not_taken_for_a_release_that_forbids(tmp_path: Path) -> None:
    with world(StandIn(replace(PRESETS["3.3.2"], cache_ttl_s=0), dags=DAGS), tmp_path) as w:
        target = w.target()
        role = finance(target, dags=3)
        apply(target, None, role)
        w.server.state.roles["Admin"].discard(permission("can_edit", "Roles"))
        limited = w.target()
        limited.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        outcome = apply(limited, role, finance(target, dags=4))
        assert Status.FAILED == outcome.status
        assert "lacks can_edit on Roles" in outcome.detail
        assert "finance~1" not in w.server.state.roles


def test_a_role_that_our_own_account_holds_is_not_taken_away(tmp_path: Path) -> None:
    with world(StandIn("2.11.2", dags=DAGS), tmp_path) as w:
        target = w.target()
        role = finance(target, dags=3)
        apply(target, None, role)
        w.server.state.users["admin"].roles.add("finance")
        target.observe(Scope(), role_names=frozenset({"finance"}), members=frozenset(MADE))
        for outcome in (apply(target, role, finance(target, dags=2)), apply(target, role, None)):
            assert Status.FAILED == outcome.status
            assert "admin, the account that syncd runs as, holds role 'finance'" in outcome.detail
        assert {"finance", "Admin"} == w.server.state.users["admin"].roles


@pytest.mark.parametrize("name", ["Admin", "a/b", "x" * 65])
def test_a_role_that_may_not_be_written_is_refused_before_any_call(three: World, name: str) -> None:
    target = three.target()
    target.look()
    steps = Steps()
    assert Status.FAILED == target.apply(Change(None, Role(name, frozenset())), steps).status
    assert [] == steps.words


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_only_what_a_change_says_is_changed_in_what_is_there_now(three: World) -> None:
    target = three.target()
    before = person("u001", "Viewer")
    three.server.state.users["u001"].roles = {"Viewer", "Op"}
    assert Status.APPLIED == apply(target, before, person("u001", "User")).status
    assert {"User", "Op"} == three.server.state.users["u001"].roles


def test_an_account_that_exists_already_is_left_to_the_next_pass(three: World) -> None:
    three.server.state.users["u001"].roles = {"Op", "Public"}
    assert Status.FAILED == apply(three.target(), None, person("U001", "User")).status
    assert {"Op", "Public"} == three.server.state.users["u001"].roles


def test_an_account_without_roles_has_none(three: World) -> None:
    assert Status.APPLIED == apply(three.target(), None, person("ann")).status
    assert set() == three.server.state.users["ann"].roles


def test_a_clash_of_addresses_is_explained(three: World) -> None:
    three.server.state.users["u001"].email = "ann@example.com"
    outcome = apply(three.target(), None, person("ann", "Viewer"))
    assert Status.FAILED == outcome.status
    assert "another account has the e-mail address ann@example.com; set match_email" in outcome.detail


def test_a_role_that_the_server_does_not_have_is_pending_and_the_others_are_given(three: World) -> None:
    outcome = apply(three.target(), None, person("ann", "Viewer", "later", "then"))
    assert (Status.PENDING, True) == (outcome.status, "later, then" in outcome.detail)
    assert {"Viewer"} == three.server.state.users["ann"].roles


def test_an_account_that_was_given_something_since_the_plan_is_not_deleted(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        w.server.state.add_user("ann", password="", roles={"Op"})
        outcome = apply(w.target(), person("ann"), None)
        assert (Status.FAILED, {"Op"}) == (outcome.status, w.server.state.users["ann"].roles)
        assert "was given Op since the plan was made" in outcome.detail


def test_an_account_that_cannot_be_deleted_is_left_without_roles(tmp_path: Path) -> None:
    with world(StandIn("2.11.2"), tmp_path) as w:
        w.server.state.add_user("ann", password="", roles={"Viewer"}).noted = True
        outcome = apply(w.target(), person("ann", "Viewer"), None)
        assert Status.FAILED == outcome.status
        assert "the account is left without roles" in outcome.detail
        assert set() == w.server.state.users["ann"].roles


@pytest.mark.parametrize(("fault", "expected"), [(HangUp(after_work=True), Status.APPLIED), (HangUp(), Status.UNKNOWN)])
@pytest.mark.parametrize(
    "change",
    [Change(None, person("ann", "Viewer")), Change(person("u001"), person("u001", "Op"))],
    ids=["create", "update"],
)
def test_an_account_written_without_an_answer_is_looked_at(
    three: World, change: Change, fault: Fault, expected: Status
) -> None:
    target = three.target()
    target.look()
    three.server.faults.add(fault, lambda method, _: method in {"POST", "PATCH"}, times=1)
    assert expected == target.apply(change, Steps()).status


def test_a_server_that_goes_away_in_a_write_leaves_it_unknown(three: World) -> None:
    target = three.target()
    target.look()
    three.server.faults.add(DOWN, after=1)
    assert Status.UNKNOWN == target.apply(Change(person("u001"), person("u001", "Op")), Steps()).status


def test_a_server_that_was_gone_before_leaves_it_failed(three: World) -> None:
    target = three.target()
    target.look()
    three.server.faults.add(DOWN)
    steps = Steps()
    assert Status.FAILED == target.apply(Change(person("u001"), person("u001", "Op")), steps).status
    assert [] == steps.words


def test_no_password_is_in_what_is_recorded_or_said(three: World) -> None:
    """Airflow 3 repeats a request that it does not understand, password included."""
    target = three.target()
    target.look()
    steps = Steps()
    echo = {"detail": [{"type": "missing", "loc": ["body", "email"], "input": {"password": "hidden"}}]}
    three.server.faults.add(Instead(answer(echo, 422)), on("POST", USERS))
    outcome = target.apply(Change(None, person("ann", "Viewer")), steps)
    assert Status.FAILED == outcome.status
    assert "422 (body.email: missing)" in outcome.detail
    assert ["POST /users ann roles=1", "422 (body.email: missing)"] == steps.words


@pytest.mark.parametrize("user", [replace(person("ann"), email=""), person(""), person("a/b")], ids=str)
def test_an_account_that_cannot_be_made_is_refused_before_any_call(three: World, user: User) -> None:
    target = three.target()
    target.look()
    steps = Steps()
    assert Status.FAILED == target.apply(Change(None, user), steps).status
    assert [] == steps.words


def test_a_hanging_server_is_given_up(three: World) -> None:
    target = three.target(timeout_s=0.2)
    three.server.faults.add(Slow(before_s=30))
    with pytest.raises(TargetUnavailable, match=r"no answer within 0\.2 s"):
        target.look()
