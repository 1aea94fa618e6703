"""A session that is kept for months: two calls for a person, what `forget` forgets, and what it survives."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from airflow_world import DAGS, MADE, MANAGEABLE, Steps, World, apply, everything, finance, person, world

from syncd.errors import TargetUnauthorized, TargetUnavailable
from syncd.http.secrets import FRESH_SECRET_S
from syncd.model import Change, Role, Scope, Status, User
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.sandbox.airflow.answers import answer
from syncd.sandbox.airflow.authorise import Gate
from syncd.sandbox.airflow.faults import DOWN, Fault, HangUp, Instead, on
from syncd.targets.airflow import AirflowTarget
from syncd.targets.airflow.abilities import Delete, Patch
from syncd.targets.airflow.mirror import FRESH_NAMES_S, FRESH_USER_S
from syncd.targets.airflow.naming import permission
from syncd.throttle import Call, Throttle

NAMES = frozenset({"finance"})
LOOKS_NAMES_UP = ("3.1.8+3.0.3", "3.1.8+3.1.1")
"""Releases on which a role may live under another name for good."""
PREFIX = re.compile(r"^/(auth/fab/v1|api/v[12])/")


class Time:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    with world(StandIn("2.11.2", dags=DAGS), tmp_path) as w:
        yield w


@pytest.fixture
def three(tmp_path: Path) -> Iterator[World]:
    with world(StandIn("3.3.2", dags=DAGS), tmp_path) as w:
        yield w


def kept(w: World, clock: Time, **settings: object) -> AirflowTarget:
    """Give a session after its first pass."""
    target = w.target(now=clock, monotonic=clock, **settings)  # type: ignore[arg-type]
    target.inventory()
    everything(target, *NAMES)
    target.forget()
    w.server.calls.clear()
    return target


def asked(w: World) -> list[str]:
    """Give the calls since the last look, and forget them."""
    found = [f"{call.method} {PREFIX.sub('', call.path)} {call.status}" for call in w.server.calls]
    w.server.calls.clear()
    return found


def one_pass(target: AirflowTarget, username: str, after: User | None) -> Status:
    """Observe a person, write, and read back, as a pass does."""
    target.forget()
    scope = Scope.people([username])
    before = target.observe(scope, role_names=NAMES, members=frozenset(MADE)).users.get(username)
    status = apply(target, before, after).status
    found = target.observe(scope, role_names=NAMES, members=frozenset(MADE)).users.get(username)
    assert after is None if found is None else after is not None and found.roles == after.roles
    return status


# --- two calls for a person -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", MANAGEABLE)
def test_a_person_costs_a_look_and_a_write(preset: str, tmp_path: Path, clock: Time) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = kept(w, clock)
        w.server.state.roles["finance"] = set()
        clock.now += FRESH_NAMES_S + 1
        assert Status.APPLIED == one_pass(target, "ann", person("ann", "Viewer", "finance"))
        names = ["GET roles 200"] if preset in LOOKS_NAMES_UP else []
        assert ["GET users/ann 404", *names, "POST users 200"] == asked(w)
        assert Status.APPLIED == one_pass(target, "ann", person("ann", "finance"))
        assert ["GET users/ann 200", "PATCH users/ann 200"] == asked(w)
        assert Status.APPLIED == one_pass(target, "ann", person("ann"))
        assert ["GET users/ann 200", "PATCH users/ann 200"] == asked(w)


def test_somebody_who_is_as_wanted_costs_a_look(three: World, clock: Time) -> None:
    target = kept(three, clock)
    for _ in range(2):
        target.observe(Scope.people(["admin", "nobody"]), role_names=NAMES, members=frozenset(MADE))
    assert ["GET users/admin 200", "GET users/nobody 404"] == asked(three)


def test_deleting_is_looked_after(three: World, clock: Time) -> None:
    target = kept(three, clock)
    three.server.state.add_user("ann", password="", roles={"Viewer"})
    assert Status.APPLIED == one_pass(target, "ann", None)
    assert [
        "GET users/ann 200",
        "PATCH users/ann 200",
        "DELETE users/ann 204",
        "GET users/ann 404",
    ] == asked(three)


def test_a_sight_lasts_five_seconds(three: World, clock: Time) -> None:
    target = kept(three, clock)
    account = three.server.state.add_user("ann", password="", roles={"Viewer"})
    scope = Scope.people(["ann"])
    seen = target.observe(scope, role_names=NAMES, members=frozenset(MADE)).users["ann"]
    clock.now += FRESH_USER_S + 0.1
    account.roles.add("Op")
    assert Status.APPLIED == apply(target, seen, person("ann", "User")).status
    assert {"Op", "User"} == account.roles
    assert ["GET users/ann 200", "GET users/ann 200", "PATCH users/ann 200"] == asked(three)


def test_a_listing_is_no_reading_of_an_account_that_is_written(three: World, clock: Time) -> None:
    target = kept(three, clock)
    three.server.state.add_user("ann", password="", roles={"Viewer"})
    users, _, _ = everything(target, *NAMES)
    assert Status.APPLIED == apply(target, users["ann"], person("ann")).status
    assert ["GET roles 200", "GET users 200", "GET users/ann 200", "PATCH users/ann 200"] == asked(three)


@pytest.mark.parametrize("fault", [HangUp(), HangUp(after_work=True), Instead(answer({"username": "eve"}, 200))])
def test_what_was_written_without_an_answer_to_believe_is_read(three: World, clock: Time, fault: Fault) -> None:
    target = kept(three, clock)
    three.server.state.add_user("ann", password="", roles={"Viewer"})
    before = target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE)).users["ann"]
    three.server.faults.add(fault, on("PATCH", "*/users*"), times=1)
    apply(target, before, person("ann"))
    assert "GET users/ann 200" == asked(three)[-1]
    found = target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE)).users["ann"]
    assert three.server.state.users["ann"].roles == set(found.roles)


@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def test_nobody_counts_as_seen_after_a_role_was_written(preset: str, tmp_path: Path, clock: Time) -> None:
    """Writing a role can change what it is called, and so what people hold."""
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = w.target(now=clock, monotonic=clock)
        role = finance(target)
        apply(target, None, role)
        apply(target, None, person("ann", "finance"))
        users, _, _ = everything(target, *NAMES)
        fewer = Role("finance", role.permissions - {permission("can_read", "DAG:fin_03")})
        assert Status.APPLIED == apply(target, role, fewer).status
        assert Status.APPLIED == apply(target, users["ann"], person("ann", "finance", "Viewer")).status
        assert fewer.permissions < w.permissions_of("ann")
        assert (role.permissions - fewer.permissions).isdisjoint(w.permissions_of("ann"))


def test_nobody_counts_as_seen_after_a_role_was_deleted(three: World, clock: Time) -> None:
    target = kept(three, clock)
    apply(target, None, finance(target))
    three.server.state.add_user("ann", password="", roles={"Viewer"})
    users, roles, _ = everything(target, *NAMES)
    assert Status.APPLIED == apply(target, roles["finance"], None).status
    before = len(three.server.calls)
    assert Status.PENDING == apply(target, users["ann"], person("ann", "finance", "Viewer")).status
    assert "GET" == three.server.calls[before].method, "she is read before she is written"


@pytest.mark.finding("X-F12")
def test_a_mover_keeps_the_old_role_until_a_pass_over_everything_has_made_the_new_one(
    three: World, clock: Time
) -> None:
    target = kept(three, clock)
    apply(target, None, finance(target))
    three.server.state.add_user("ann", password="", roles={"finance"})
    target.forget()
    target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE))
    moves = person("ann", "finance"), person("ann", "new")
    assert Status.PENDING == apply(target, *moves).status
    assert {"finance"} == three.server.state.users["ann"].roles
    everything(target, *NAMES, "new")
    assert Status.PENDING == apply(target, *moves).status
    assert set() == three.server.state.users["ann"].roles, "it could not be made, and what is due is taken"


def test_an_account_that_was_absent_and_made_without_an_answer_is_found(three: World, clock: Time) -> None:
    target = kept(three, clock)
    target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE))
    three.server.faults.add(HangUp(after_work=True), on("POST", "*/users*"), times=1)
    assert Status.APPLIED == apply(target, None, person("ann", "Viewer")).status


# --- the names of roles -----------------------------------------------------------------------------------------------


def numbered(w: World, clock: Time) -> AirflowTarget:
    """Give a session with a server on which finance is called finance~1 for good."""
    target = kept(w, clock)
    role = finance(target)
    apply(target, None, role)
    apply(target, role, Role("finance", role.permissions - {permission("can_read", "DAG:fin_03")}))
    assert Patch.FORBIDDEN is target.capabilities.patch_role
    everything(target, *NAMES)
    asked(w)
    return target


def test_names_are_looked_up_once_in_a_minute(tmp_path: Path, clock: Time) -> None:
    with world(StandIn("3.1.8+3.0.3", dags=DAGS), tmp_path) as w:
        target = numbered(w, clock)
        for name in ("ann", "bob"):
            assert Status.APPLIED == one_pass(target, name, person(name, "finance"))
            assert [f"GET users/{name} 404", "POST users 200"] == asked(w)
        clock.now += FRESH_NAMES_S + 1
        assert Status.APPLIED == one_pass(target, "eve", person("eve", "finance"))
        assert ["GET users/eve 404", "GET roles 200", "POST users 200"] == asked(w)
        assert all({"finance~1"} == w.server.state.users[name].roles for name in ("ann", "bob", "eve"))


def test_names_are_not_trusted_after_a_role_was_written(tmp_path: Path, clock: Time) -> None:
    with world(StandIn("3.1.8+3.0.3", dags=DAGS), tmp_path) as w:
        target = numbered(w, clock)
        _, roles, _ = everything(target, *NAMES)
        apply(target, roles["finance"], finance(target, dags=2))
        assert Status.APPLIED == one_pass(target, "ann", person("ann", "finance"))
        assert {"finance~2"} == w.server.state.users["ann"].roles


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_forgetting_drops_what_was_read_and_keeps_who_we_are(three: World, clock: Time) -> None:
    target = kept(three, clock)
    three.server.state.add_user("ann", password="")
    target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE))
    three.server.state.users["ann"].roles = {"Op"}
    target.forget()
    assert {"Op"} == target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE)).users["ann"].roles
    assert ["GET users/ann 200"] * 2 == asked(three)


def test_forgetting_before_anything_was_read_does_nothing(three: World) -> None:
    target = three.target()
    target.forget(looked=True)
    assert 0 == target.calls


@pytest.mark.parametrize("preset", ["2.11.2", "3.0.6", "3.3.2"])
def test_looking_again_at_the_same_server_costs_two_calls(preset: str, tmp_path: Path, clock: Time) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        target = kept(w, clock)
        apply(target, None, finance(target))
        apply(target, finance(target), None)
        learned = target.learned()
        assert Delete.WORKS is target.capabilities.delete_role
        asked(w)
        target.forget(looked=True)
        assert learned == target.look()
        assert ["GET version 200", "GET providers 200"] == asked(w)


def test_scopes_of_dags_read_roles_alone(three: World, clock: Time) -> None:
    target = kept(three, clock)
    role = finance(target)
    apply(target, None, role)
    target.forget()
    asked(three)
    seen = target.observe(Scope.of_dags(["fin_03"]), role_names=NAMES, members=frozenset(MADE))
    assert role == seen.roles["finance"]
    assert {} == seen.users
    assert ["GET roles 200"] == asked(three)


def test_a_scope_may_hold_dags_and_people(three: World, clock: Time) -> None:
    target = kept(three, clock)
    seen = target.observe(Scope(frozenset({"admin"}), frozenset({"fin_03"})), role_names=NAMES, members=frozenset(MADE))
    assert (["admin"], True) == (list(seen.users), "Viewer" in seen.roles)


# --- surviving --------------------------------------------------------------------------------------------------------


def restart(w: World, clock: Time, *, preset: str | None = None) -> None:
    """Give the server a new secret key: no token and no session holds any more. With a preset: another release, too."""
    server = w.server
    if preset:
        changed = StandIn(preset, state=server.state, dags=DAGS, now=clock)
        server.abilities, server._routes = changed.abilities, changed._routes
    server.gate = Gate(server.state, server.abilities, now=clock)
    server.calls.clear()


def test_a_session_cookie_that_is_over_is_got_anew(two: World, clock: Time) -> None:
    target = kept(two, clock)
    restart(two, clock)
    target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE))
    assert ["GET users/admin 403", "GET users/admin 200"] == asked(two)
    hashed = two.server.state.users["admin"].login_count
    for _ in range(3):
        target.forget()
        target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE))
    assert "GET roles 200" == asked(two)[0]
    assert hashed is not None
    assert hashed + 1 == two.server.state.users["admin"].login_count


def test_a_write_under_a_cookie_that_is_over_is_done_once(two: World, clock: Time) -> None:
    target = kept(two, clock)
    two.server.state.add_user("ann", password="", roles={"Viewer"})
    before = target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE)).users["ann"]
    restart(two, clock)
    assert Status.APPLIED == apply(target, before, person("ann")).status
    assert ["PATCH users/ann 403", "PATCH users/ann 200"] == asked(two)


def test_a_server_that_stops_taking_cookies_is_asked_for_one_once(two: World, clock: Time) -> None:
    target = kept(two, clock)
    restart(two, clock)
    two.server.gate.by_session = lambda _headers: None  # type: ignore[method-assign, assignment]
    for _ in range(3):
        target.forget()
        target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE))
    assert 2 == sum("403" in line for line in asked(two))


def test_nobody_is_not_taken_for_us_when_dags_are_listed(tmp_path: Path, clock: Time) -> None:
    """With a public role that may see one DAG, a cookie that is over gets a list of that one, with 200."""
    preset = replace(PRESETS["2.11.2"], public_role="Public")
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        w.server.state.roles["Public"] = {permission("can_read", "DAG:fin_03")}
        target = kept(w, clock)
        restart(w, clock)
        assert len(DAGS) == len(target.inventory())


def test_the_proof_costs_a_sweep_nothing(two: World, clock: Time) -> None:
    target = kept(two, clock)
    target.inventory()
    target.observe(Scope(), role_names=NAMES, members=frozenset(MADE))
    assert ["GET roles 200", "GET dags 200", "GET users 200"] == asked(two)


@pytest.mark.parametrize("hours", [0, 48])
def test_a_token_that_is_over_is_got_anew(tmp_path: Path, clock: Time, hours: int) -> None:
    with world(StandIn("3.3.2", now=clock), tmp_path) as w:
        target = kept(w, clock)
        restart(w, clock)
        clock.now += hours * 3600
        target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE))
        assert "GET users/admin 200" == asked(w)[-1]


@pytest.mark.parametrize("preset", ["2.11.2", "2.11.2 without sessions", "3.0.6", "3.3.2"])
def test_a_password_that_was_changed_is_read_again(preset: str, tmp_path: Path, clock: Time) -> None:
    abilities = PRESETS[preset.split()[0]]
    if "without" in preset:
        abilities = replace(
            abilities, roles=frozenset({"basic"}), users=frozenset({"basic"}), dags=frozenset({"basic"})
        )
    with world(StandIn(abilities, dags=DAGS, now=clock), tmp_path) as w:
        target = kept(w, clock)
        w.server.state.users["admin"].password = "new"
        w.password.write_text("new\n")
        restart(w, clock)
        clock.now += FRESH_SECRET_S
        for _ in range(2):
            target.forget()
            assert ["admin"] == list(
                target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE)).users
            )


def test_a_secret_is_not_read_again_for_each_refusal(two: World, clock: Time) -> None:
    target = kept(two, clock)
    restart(two, clock)
    two.server.state.users["admin"].password = "new"
    for password in ("other", "new"):
        two.password.write_text(password)
        with pytest.raises(TargetUnauthorized):
            target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE))
        asked(two)
    clock.now += FRESH_SECRET_S
    target.observe(Scope.people(["admin"]), role_names=NAMES, members=frozenset(MADE))


@pytest.mark.parametrize(
    ("old", "new"), [("2.11.2", "3.3.2"), ("3.0.6", "3.3.2"), ("3.1.8+3.1.1", "3.1.8+3.4.0"), ("3.3.2", "2.11.2")]
)
def test_an_upgrade_is_seen_at_the_next_look(old: str, new: str, tmp_path: Path, clock: Time) -> None:
    with world(StandIn(old, dags=DAGS, now=clock), tmp_path) as w:
        target = kept(w, clock)
        apply(target, None, finance(target))
        restart(w, clock, preset=new)
        target.forget(looked=True)
        assert PRESETS[new].version == target.capabilities.version
        users, roles, _ = everything(target, *NAMES)
        assert {"admin"} == set(users)
        assert "finance" in roles
        assert Status.APPLIED == one_pass(target, "ann", person("ann", "Viewer"))


def test_a_server_that_was_away_is_looked_at_again(three: World, clock: Time) -> None:
    target = kept(three, clock)
    three.server.faults.add(DOWN, times=20)
    for _ in range(2):
        target.forget(looked=True)
        with pytest.raises(TargetUnavailable):
            target.look()
    three.server.faults.clear()
    assert "3.3.2" == target.capabilities.version


# --- under a throttle -------------------------------------------------------------------------------------------------


def test_calls_are_told_without_the_names_in_them(three: World, clock: Time) -> None:
    told: list[Call] = []
    target = kept(three, clock, throttle=Throttle(observe=told.append), kinds=("token",))
    assert {
        "/api/v2/version",
        "/auth/openapi.json",
        "/auth/token",
        "/api/v2/providers",
        "/roles",
        "/users",
        "/dags",
    } == {call.what for call in told}
    told.clear()
    one_pass(target, "ann", person("ann", "Viewer"))
    assert [("GET", "/users/{}", 404), ("POST", "/users", 200)] == [(c.method, c.what, c.status) for c in told]


def test_a_write_that_was_not_let_through_failed_and_is_no_mystery(three: World, clock: Time) -> None:
    throttle = Throttle(pause=lambda _: None, monotonic=lambda: 0.0)  # the pause after failures has an end in real time
    target = kept(three, clock, throttle=throttle)
    target.observe(Scope.people(["ann"]), role_names=NAMES, members=frozenset(MADE))
    asked(three)
    for _ in range(5):
        throttle.left("GET", "/x", None, 1.0)
    steps = Steps()
    outcome = target.apply(Change(None, person("ann", "Viewer")), steps)
    assert Status.FAILED == outcome.status
    assert "not asked: the server gave no good answer 5 times in a row" in outcome.detail
    assert [] == steps.words, "it is announced as the last thing before it goes out"
    with pytest.raises(TargetUnavailable, match="not asked"):
        target.observe(Scope.people(["bob"]), role_names=NAMES, members=frozenset(MADE))
    assert [] == asked(three)


def test_a_change_that_stops_half_way_is_not_called_failed(three: World, clock: Time) -> None:
    """What it made is there: only an outcome that keeps it ours is true."""
    target = kept(three, clock)
    three.server.faults.add(DOWN, on("GET", "*/roles*"), after=2)
    assert Status.UNKNOWN == apply(target, None, Role("finance", frozenset())).status
    assert "finance" in three.server.state.roles
