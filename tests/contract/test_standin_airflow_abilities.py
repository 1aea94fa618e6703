"""The switches of the stand-in, its faults, and what it does that no real server here can be made to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests
from standin_airflow_table import Server, pairs, person, stand_in_server
from waiting import until

from syncd.sandbox.airflow import PRESETS, DagFile, StandIn, serve, serve_all
from syncd.sandbox.airflow.faults import (
    CRASH,
    DOWN,
    EMPTY_502,
    FORBIDDEN,
    HANG,
    UNAUTHORIZED,
    WEB_PAGE,
    Cut,
    Forget,
    HangUp,
    RepeatPage,
    Shrink,
    Slow,
    on,
    too_many,
)
from syncd.targets.airflow.naming import permission

Ask = Callable[..., requests.Response]
ROLES = "/auth/fab/v1/roles"


@contextmanager
def admin_of(stand_in: StandIn, *, fab: str = "token") -> Iterator[Ask]:
    """Serve a stand-in and give a way to ask it as its administrator, with a token or with basic credentials."""
    with serve(stand_in) as url, requests.Session() as session:
        if fab == "token":
            body = {"username": "admin", "password": "admin"}
            token = session.post(f"{url}/auth/token", json=body, timeout=5).json()["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
        else:
            session.auth = ("admin", "admin")
        stand_in.calls.clear()

        def ask(method: str, path: str, json: Any = None, *, timeout: float = 5) -> requests.Response:
            return session.request(method, url + path, json=json, timeout=timeout)

        yield ask


# --- the measured releases --------------------------------------------------------------------------------------------

# preset: credential for roles, for users, status of PATCH, what it did, what it says it did, status of DELETE,
# status of reading a user, status of making one without roles, of changing one without names, of DAG Run:x
MEASURED = {
    "2.9.3": ("basic", "basic", 200, "adds", "state", 204, 200, 200, 400, 400),
    "2.10.5": ("basic", "basic", 200, "adds", "state", 204, 200, 500, 400, 200),
    "2.11.2": ("basic", "basic", 200, "adds", "state", 204, 200, 200, 400, 200),
    "3.0.6": ("basic", "basic", 200, "adds", "state", 204, 200, 500, 400, 200),
    "3.1.8+3.0.3": ("token", "basic", 403, "nothing", "", 500, 200, 500, 400, 200),
    "3.1.8+3.1.1": ("token", "basic", 403, "nothing", "", 500, 200, 500, 400, 200),
    "3.1.8+3.2.0": ("token", "token", 403, "nothing", "", 500, 500, 500, 500, 200),
    "3.1.8+3.3.0": ("token", "token", 200, "adds", "state", 500, 500, 500, 500, 200),
    "3.1.8+3.4.0": ("token", "token", 200, "adds", "request", 500, 200, 500, 200, 200),
    "3.2.2+3.5.0": ("token", "token", 200, "adds", "request", 500, 200, 500, 200, 200),
    "3.2.2+3.6.5": ("token", "token", 200, "adds", "request", 200, 200, 500, 200, 200),
    "3.2.2+3.7.3": ("token", "token", 200, "adds", "request", 200, 200, 500, 200, 200),
    "3.3.2": ("token", "token", 200, "replaces", "request", 200, 200, 500, 200, 200),
}


@pytest.mark.parametrize("preset", MEASURED)
def test_a_preset_behaves_as_that_release_was_measured_to(preset: str) -> None:
    stand_in = StandIn(preset)
    with serve(stand_in) as url:
        server = stand_in_server(stand_in, url)
        with _credentials(server) as clients:
            assert MEASURED[preset] == _measure(server, clients)


@contextmanager
def _credentials(server: Server) -> Iterator[dict[str, requests.Session]]:
    with requests.Session() as basic, requests.Session() as token:
        basic.auth = ("admin", "admin")
        if server.generation == 3:
            token = server.login("admin", "admin")
        yield {"basic": basic, "token": token}
        token.close()


def _measure(server: Server, clients: dict[str, requests.Session]) -> tuple[object, ...]:
    def taken(area: str) -> str:
        answers = {name: server.ask(f"GET {{fab}}/{area}", session=client).status for name, client in clients.items()}
        return next(name for name, status in answers.items() if status not in (401, 403))

    roles, users = taken("roles"), taken("users")
    server.prefix = "t_"
    role, user = {"name": "{p}r", "actions": pairs("can_read Website")}, person("u", roles=["{p}r"])

    def about(area: str, call: str, json: Any = None) -> Any:
        return server.ask(call, json, session=clients[roles if area == "role" else users])

    about("role", "POST {fab}/roles", role)
    about("user", "POST {fab}/users", user)
    patched = about("role", "PATCH {fab}/roles/{p}r", role | {"actions": pairs("can_read DAGs")})
    now = len(about("role", "GET {fab}/roles/{p}r").body["actions"])
    held = _held(server, about)
    run_resource = about("role", "POST {fab}/roles", {"name": "{p}x", "actions": pairs("can_read DAG Run:fin_daily")})
    return (
        roles,
        users,
        patched.status,
        "nothing" if patched.status == 403 else {1: "replaces", 2: "adds"}[now],
        "" if patched.status == 403 else {1: "request", 2: "state"}[len(patched.body["actions"])],
        about("role", "DELETE {fab}/roles/{p}r").status,
        *held,
        run_resource.status,
    )


def _held(server: Server, about: Callable[..., Any]) -> tuple[int, int, int]:
    return (
        about("user", "GET {fab}/users/{p}u").status,
        about("user", "POST {fab}/users", person("v")).status,
        about("user", "PATCH {fab}/users/{p}u?update_mask=roles", {"roles": []}).status,
    )


def test_a_write_about_users_is_done_although_the_answer_is_a_500() -> None:
    stand_in = StandIn("3.1.8+3.2.0")
    with admin_of(stand_in) as ask:
        body = person("u", roles=["Viewer"]) | {"username": "u"}
        assert 500 == ask("POST", "/auth/fab/v1/users", body).status_code
    assert {"Viewer"} == stand_in.state.users["u"].roles


@pytest.mark.parametrize(
    ("preset", "status", "media"), [("3.3.2-simple", 200, "text/html"), ("3.3.2-keycloak", 404, "application/json")]
)
def test_other_auth_managers_have_no_role_api(preset: str, status: int, media: str) -> None:
    with admin_of(StandIn(preset)) as ask:
        answered, document = ask("GET", ROLES), ask("GET", "/auth/openapi.json").json()
    assert (status, media) == (answered.status_code, answered.headers["Content-Type"].partition(";")[0])
    assert "/fab/v1/roles" not in document["paths"]
    assert "auth manager sub application" in document["info"]["title"]


@pytest.mark.parametrize(("preset", "sizes"), [("2.11.2", (90, 63, 39, 30, 0)), ("3.3.2", (105, 75, 44, 34, 0))])
def test_built_in_roles_are_as_large_as_real_ones_and_come_back_by_sync_perm(
    preset: str, sizes: tuple[int, ...]
) -> None:
    state = StandIn(preset).state
    names = ("Admin", "Op", "User", "Viewer", "Public")
    assert sizes == tuple(len(state.roles[name]) for name in names)
    state.delete_role("Op")
    state.roles["Viewer"].clear()
    state.sync_perm()
    assert sizes == tuple(len(state.roles[name]) for name in names)


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_large_role_is_written_bit_by_bit_and_goes_on_when_nobody_waits() -> None:
    stand_in = StandIn(replace(PRESETS["3.3.2"], seconds_per_permission=0.2))
    stand_in.state.parse(*(DagFile(f"d{n}") for n in range(30)))
    wanted = pairs(*(f"can_read DAG:d{n}" for n in range(30)))
    with admin_of(stand_in) as ask:
        with pytest.raises(requests.Timeout):
            ask("POST", ROLES, {"name": "big", "actions": wanted}, timeout=1.0)
        until("it has begun", lambda: "big" in stand_in.state.roles and stand_in.state.roles["big"])
        first = len(ask("GET", f"{ROLES}/big").json()["actions"])
        assert 409 == ask("POST", ROLES, {"name": "big", "actions": wanted}).status_code
        until("all of it is written", lambda: 30 == len(ask("GET", f"{ROLES}/big").json()["actions"]))
        assert 0 < first < 30


def test_permissions_behind_a_token_are_remembered_for_30_seconds() -> None:
    clock = [1_000_000.0]
    stand_in = StandIn("3.3.2", now=lambda: clock[0])
    with admin_of(stand_in) as ask:
        assert 200 == ask("GET", ROLES).status_code
        stand_in.state.users["admin"].roles.clear()
        clock[0] += 29
        assert 200 == ask("GET", ROLES).status_code
        clock[0] += 1
        assert 403 == ask("GET", ROLES).status_code


def test_behind_a_password_they_are_not() -> None:
    stand_in = StandIn("2.11.2")
    with admin_of(stand_in, fab="basic") as ask:
        assert 200 == ask("GET", ROLES).status_code
        stand_in.state.users["admin"].roles.clear()
        assert 403 == ask("GET", ROLES).status_code


def test_tokens_run_out_and_can_be_forgotten() -> None:
    clock = [1_000_000.0]
    stand_in = StandIn("3.3.2", now=lambda: clock[0])
    with admin_of(stand_in) as ask:
        clock[0] += 86_400
        old = ask("GET", ROLES)
        stand_in.gate.forget_tokens()
        forgotten = ask("GET", ROLES)
    assert (401, {"detail": "Token Expired"}) == (old.status_code, old.json())
    assert (403, {"detail": "Invalid JWT token"}) == (forgotten.status_code, forgotten.json())


def test_a_password_costs_time_and_a_session_does_not() -> None:
    stand_in = StandIn(replace(PRESETS["2.11.2"], hash_s=2.0))
    with admin_of(stand_in, fab="basic") as ask:
        with_password = _seconds(lambda: ask("GET", ROLES))
        with_session = _seconds(lambda: ask("GET", ROLES))
    assert with_session < 2.0 <= with_password
    assert 1 == stand_in.state.sessions
    assert 1 == stand_in.state.users["admin"].login_count


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("preset", "bare"), [("2.11.2", 404), ("3.3.2", 200)])
def test_a_base_url_with_a_path(preset: str, bare: int) -> None:
    stand_in, api = StandIn(preset, path="/team-a"), "/api/v1/version" if preset[0] == "2" else "/api/v2/version"
    with serve(stand_in) as url:
        assert url.endswith("/team-a")
        assert 200 == requests.get(url + api, timeout=5).status_code
        assert bare == requests.get(url.removesuffix("/team-a") + api, timeout=5).status_code
        assert 404 == requests.get(url.removesuffix("/team-a") + ROLES, timeout=5).status_code


def test_a_hundred_servers_in_one_process() -> None:
    with serve_all(*(StandIn() for _ in range(100))) as urls:
        assert {200} == {requests.get(f"{url}/api/v2/version", timeout=5).status_code for url in urls}


def test_the_module_serves_a_preset_until_it_is_ended() -> None:
    command = [sys.executable, "-m", "syncd.sandbox.airflow", "--preset", "2.11.2", "--path", "/a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        version = requests.get(f"{url}/api/v1/version", timeout=5).json()["version"]
        process.terminate()
    assert "2.11.2" == version


# --- what happens to users and DAGs -----------------------------------------------------------------------------------


def test_a_user_who_wrote_a_note_cannot_be_deleted_on_airflow_2() -> None:
    stand_in = StandIn("2.11.2")
    stand_in.state.add_user("writer", password="x", roles={"Viewer"}).noted = True
    with admin_of(stand_in, fab="basic") as ask:
        assert 500 == ask("DELETE", "/api/v1/users/writer").status_code
    assert {"Viewer"} == stand_in.state.users["writer"].roles


def test_airflow_2_obeys_access_control_only_when_the_code_changed() -> None:
    state, granted = StandIn("2.11.2").state, permission("can_read", "DAG:acl")
    code = DagFile("acl", access_control={"Viewer": frozenset({"can_read"})})
    state.parse(code)
    state.roles["mine"] = {granted}
    state.parse()
    assert {granted} == state.roles["mine"]
    state.parse(replace(code, tags=("new",)))
    assert set() == state.roles["mine"]


def test_a_file_that_names_an_unknown_role_takes_its_other_dags_down_on_airflow_3_until_the_role_is_there() -> None:
    state = StandIn("3.3.2").state
    acl = DagFile("acl", access_control={"mine": frozenset({"can_read"})}, file="both.py")
    state.parse(DagFile("sibling", file="both.py"), acl)
    assert [True, True] == [state.dags[name].stale for name in ("sibling", "acl")]
    state.roles["mine"] = set()
    state.parse()
    assert [False, False] == [state.dags[name].stale for name in ("sibling", "acl")]


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "media"),
    [
        (WEB_PAGE, 200, "text/html; charset=utf-8"),
        (UNAUTHORIZED, 401, "application/json"),
        (FORBIDDEN, 403, "application/json"),
        (CRASH, 500, "text/plain; charset=utf-8"),
        (EMPTY_502, 502, None),
        (too_many("7"), 429, "text/plain; charset=utf-8"),
    ],
)
def test_an_answer_in_place_of_the_true_one(fault: Any, status: int, media: str | None) -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        stand_in.faults.add(fault, on("GET", "*/roles"), times=1)
        answered = ask("GET", ROLES)
        assert (status, media) == (answered.status_code, answered.headers.get("Content-Type"))
        assert ("7" if status == 429 else None) == answered.headers.get("Retry-After")
        assert 200 == ask("GET", ROLES).status_code
    assert [("GET", ROLES, status), ("GET", ROLES, 200)] == [(c.method, c.path, c.status) for c in stand_in.calls]


def test_a_connection_that_is_closed_before_or_after_the_work() -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        for fault, name in ((DOWN, "before"), (HangUp(after_work=True), "after")):
            stand_in.faults.add(fault, times=1)
            with pytest.raises(requests.ConnectionError):
                ask("POST", ROLES, {"name": name, "actions": []})
    assert (False, True) == ("before" in stand_in.state.roles, "after" in stand_in.state.roles)
    assert [0, 0] == [call.status for call in stand_in.calls]


@pytest.mark.parametrize(("fault", "done"), [(HANG, False), (Slow(after_s=3600), True)])
def test_a_time_out_says_nothing_about_the_work(fault: Slow, done: bool) -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        stand_in.faults.add(fault)
        with pytest.raises(requests.Timeout):
            ask("POST", ROLES, {"name": "new", "actions": []}, timeout=1.0)
        if done:
            until("it is done", lambda: "new" in stand_in.state.roles)
    assert done == ("new" in stand_in.state.roles)


def test_a_body_that_is_cut() -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        stand_in.faults.add(Cut())
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            ask("GET", ROLES)


def test_pages_that_contradict_each_other() -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        first = ask("GET", f"{ROLES}?limit=2").json()
        stand_in.faults.add(Shrink(), times=1)
        shrunk = ask("GET", f"{ROLES}?limit=2&offset=2").json()
        stand_in.faults.add(RepeatPage(), times=1)
        repeated = ask("GET", f"{ROLES}?limit=2&offset=2").json()
    assert first["total_entries"] - 1 == shrunk["total_entries"]
    assert first == repeated


def test_a_write_that_is_answered_and_not_kept() -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        stand_in.faults.add(Forget(), on("POST", "*"))
        assert 200 == ask("POST", ROLES, {"name": "new", "actions": []}).status_code
        assert 404 == ask("GET", f"{ROLES}/new").status_code


def test_a_fault_that_waits_for_its_turn() -> None:
    stand_in = StandIn()
    with admin_of(stand_in) as ask:
        stand_in.faults.add(CRASH, on("GET", "*"), after=2, times=1)
        assert [200, 200, 500, 200] == [ask("GET", ROLES).status_code for _ in range(4)]
