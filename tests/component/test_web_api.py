"""The API over a real Unix socket and real TCP: what it answers, to whom, and what it notes of it.

Every answer in this file is checked against the description of the API.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_spec_validator import validate
from store_samples import NOW, at, created, left, made, planned
from waiting import until
from web_world import TOKENS, Caller, Place, Reply, http_settings, serving

from syncd.callers import user_name
from syncd.control import DeploymentResult, Order
from syncd.model import Held, Owned
from syncd.store import Stores
from syncd.web.endpoints import ENDPOINTS
from syncd.web.openapi import document


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return document(ENDPOINTS)


@pytest.fixture(scope="module")
def api(description: dict[str, Any]) -> OpenAPI:
    config = Config(extra_media_type_deserializers={"application/problem+json": json.loads})
    return OpenAPI.from_dict(description, config=config)


@pytest.fixture(scope="module")
def server(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A daemon with a history: anna got Viewer and lost it, bob is held, dora was there before."""
    folder = tmp_path_factory.mktemp("web")
    shutil.copy(migrated_file, folder / "syncd.db")
    stays = left("bob", "Op")
    with closing(Stores.open(f"sqlite:///{folder}/syncd.db", clock=lambda: at(30))) as store:
        made(store, created("anna", "Viewer"), now=at(1))
        made(store, left("anna", "Viewer"), now=at(2))
        planned(store, stays, created("carol"), held=Held((stays,), ("1 of 1 people",), "prod"), now=at(3))
        store.holdings.adopt("test", Owned(grants={"dora": frozenset({"Admin"})}))
        with serving(store, folder, http_settings(folder)) as place:
            yield place


@pytest.fixture
def place(server: Place) -> Place:
    return server.as_new()


class Checked:
    """A caller each of whose answers is compared with the description."""

    def __init__(self, caller: Caller, api: OpenAPI) -> None:
        self.caller, self.api = caller, api

    def says(self, method: str, path: str, body: object = None, **others: Any) -> Reply:
        reply = self.caller.says(method, path, body, **others)
        asked = urlsplit(path)
        request = MockRequest("http://127.0.0.1", method.lower(), asked.path, headers={"Authorization": "Bearer x"})
        media = reply.headers["content-type"].partition(";")[0]
        response = MockResponse(reply.text.encode(), reply.status, content_type=media)
        self.api.validate_response(request, response)
        assert "no-store" == reply.headers["cache-control"]
        assert not [name for name in reply.headers if name.startswith("access-control") or name == "server"]
        return reply

    def get(self, path: str) -> Reply:
        return self.says("GET", path)


@pytest.fixture
def inside(place: Place, api: OpenAPI) -> Checked:
    return Checked(place.inside, api)


def problem_of(reply: Reply) -> str:
    assert "application/problem+json" == reply.headers["content-type"]
    assert reply.status == reply.json["status"]
    return str(reply.json["detail"])


# --- the description ----------------------------------------------------------------------------------------------------


def test_the_description_is_openapi_and_lists_every_path(description: dict[str, Any], place: Place) -> None:
    validate(description)

    served = {route.path: route.methods - {"HEAD"} for route in place.app.routes}  # type: ignore[attr-defined]
    described = {path: {method.upper() for method in item} for path, item in description["paths"].items()}
    assert described | {"/openapi.json": {"GET"}} == served
    assert description == place.inside.get("/openapi.json").json


# --- what is, and what was ----------------------------------------------------------------------------------------------


def test_the_state(inside: Checked) -> None:
    said = inside.get("/api/v1/status").json

    assert ["host-1", "host-2"] == said["replicas"]
    assert ("quarantined", "refused", 5) == tuple(said["deployments"][1][k] for k in ("standing", "error", "failures"))
    [alarm] = said["alarms"]
    held = {"kind": "held", "subject": "prod", "text": "60 changes are held", "since": NOW.isoformat(), "runbook": ""}
    quiet = {"id": "", "acknowledged_by": "", "acknowledged_at": None, "silenced_until": None}
    assert {**held, **quiet, "silenced_by": "", "quiet_because": ""} == alarm
    assert said["alarms"] == inside.get("/api/v1/alarms").json["alarms"]


def test_a_deployment_and_its_newest_plan(inside: Checked) -> None:
    said = inside.get("/api/v1/deployments/prod").json

    assert ("prod", "ok", {"held": 1, "planned": 1}) == (said["name"], said["standing"], said["last_plan"]["counts"])
    assert None is inside.get("/api/v1/deployments/test").json["last_plan"]
    assert ["prod"] == [plan["deployment"] for plan in inside.get("/api/v1/plans").json["plans"]]
    assert [] == inside.get("/api/v1/plans?deployment=test").json["plans"]
    assert 'no deployment "dev"; there are prod, test' == problem_of(inside.get("/api/v1/deployments/dev"))
    assert 404 == inside.get("/api/v1/plans?deployment=dev").status


def test_what_is_held_in_pages(inside: Checked) -> None:
    [hold] = inside.get("/api/v1/holds").json["holds"]

    assert ("prod", 1, {"gain": 0, "lose": 1, "roles": 0}) == (hold["deployment"], hold["total"], hold["counts"])
    assert ["bob"] == [change["name"] for change in hold["changes"]]
    assert [] == inside.get("/api/v1/holds?offset=1").json["holds"][0]["changes"]
    assert hold["digest"] == inside.get("/api/v1/plans").json["plans"][0]["held"]["digest"]


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ("", ["bob", "anna", "anna"], False),
        ("user=ANNA", ["anna", "anna"], False),
        ("user=anna&limit=1", ["anna"], True),
        ("user=anna&limit=1&offset=1", ["anna"], False),
        ("status=held", ["bob"], False),
        ("status=planned", ["carol"], False),
        ("role=Op", ["bob"], False),
        ("run=1", ["anna"], False),
        ("until=2026-03-01T12:02Z", ["anna"], False),
        ("since=2026-03-01T14:02:00%2B02:00&user=anna", ["anna"], False),
        ("since=2026-03-01T14:02:00+02:00&user=anna", ["anna"], False),
        ("deployment=test", [], False),
        ("since=1m", ["bob", "anna", "anna"], False),
    ],
)
def test_changes_are_found(inside: Checked, query: str, names: list[str], more: bool) -> None:
    said = inside.get(f"/api/v1/changes?{query}").json

    assert (names, more) == ([row["name"] for row in said["changes"]], said["more"])


def test_who_holds_what_when_and_why(inside: Checked) -> None:
    def holders(query: str) -> list[str]:
        return [row["username"] for row in inside.get(f"/api/v1/access?{query}").json["access"]]

    assert [] == holders("user=anna"), "she lost it"
    assert ["anna"] == holders("at=2026-03-01T12:01:30Z")
    assert ["anna"] == holders("at=2026-03-01T12:01:00Z"), "from the moment on"
    assert [] == holders("at=2026-03-01T12:02:00Z"), "and not at the end"
    assert ["anna"] == holders("since=2026-03-01&until=2026-03-02&deployment=prod")
    assert ["dora"] == holders("at=2100-01-01")
    assert ["dora"] == holders("at=9999-12-31T23:59:59.999999Z"), "after which there is no other moment"
    assert [] == holders("at=2026-03-01T12:01:30Z&role=Op")
    [anna] = inside.get("/api/v1/access?since=2026-03-01&user=anna").json["access"]
    assert (["anna joins"], at(2).isoformat()) == (anna["because"], anna["until"])
    assert 400 == inside.get("/api/v1/access?at=2026-03-01&since=2026-03-01").status


# --- what shall be ------------------------------------------------------------------------------------------------------


def test_work_is_ordered_and_waited_for(place: Place, inside: Checked) -> None:
    order = {"users": ["anna"], "groups": ["okta:finance"], "deployments": ["prod"], "dags": [], "dry_run": True}

    reply = inside.says("POST", "/api/v1/reconcile", order)

    assert (202, "/api/v1/jobs/1") == (reply.status, reply.headers["location"])
    wanted = Order(
        frozenset({"anna"}), frozenset({"okta:finance"}), frozenset({"prod"}), dry_run=True, by=user_name(os.getuid())
    )
    assert [wanted] == place.control.asked
    assert ("waiting", 0) == (reply.json["state"], reply.json["exit_code"])
    result = DeploymentResult("prod", 4, applied=2, held="abc", plan={"plan": {"changes": []}})

    def end_it() -> None:
        until("somebody waits for it", lambda: place.control.looked_for)
        place.control.end(1, result)

    ending = Thread(target=end_it)
    ending.start()
    started = perf_counter()
    ended = inside.get("/api/v1/jobs/1?wait=60").json
    ending.join()
    assert perf_counter() - started < 30
    assert ("done", 4, "abc") == (ended["state"], ended["exit_code"], ended["results"][0]["held"])
    started = perf_counter()
    assert "done" == inside.get("/api/v1/jobs/1?wait=60").json["state"]
    assert perf_counter() - started < 30


def test_waiting_ends_after_the_time_that_was_asked_for(place: Place, inside: Checked) -> None:
    inside.says("POST", "/api/v1/reconcile", {})
    started = perf_counter()

    assert "waiting" == inside.get("/api/v1/jobs/1?wait=1").json["state"]

    assert 0.9 < perf_counter() - started < 30


def test_held_changes_are_approved_by_name(place: Place, api: OpenAPI) -> None:
    boss = Checked(place.outside("boss"), api)

    assert 202 == boss.says("POST", "/api/v1/holds/prod/abc/approve").status

    assert [("prod", "abc", "boss")] == place.control.asked
    assert 404 == boss.says("POST", "/api/v1/holds/prod/abd/approve").status
    assert 400 == boss.says("POST", "/api/v1/holds/prod/abc/approve", {"why": "because"}).status
    assert 202 == boss.says("POST", "/api/v1/holds/prod/abc/approve", {}).status


WISH = {"user": "bob", "role": "Op", "deployment": "prod", "for": "2h", "reason": "incident 7"}


def test_a_role_for_a_time_is_asked_for_let_pass_and_ended(place: Place, inside: Checked, api: OpenAPI) -> None:
    made = inside.says("POST", "/api/v1/grants/ask", {**WISH, "ticket": "INC-7"})
    assert (201, "/api/v1/grants/1") == (made.status, made.headers["location"])
    assert ("waiting", 7200, user_name(os.getuid())) == (
        made.json["state"],
        made.json["lasts_s"],
        made.json["asked"]["by"].partition(" (via")[0],
    )
    boss = Checked(place.outside("boss"), api)
    given = boss.says("POST", "/api/v1/grants/1/approve").json
    assert ("active", {"by": "token:boss", "from": "127.0.0.1", "at": NOW.isoformat()}) == (
        given["state"],
        given["given"],
    )
    ended = boss.says("POST", "/api/v1/grants/1/revoke", {"reason": "done"}).json
    assert ("over", "done") == (ended["state"], ended["ended_why"])
    assert ended == inside.get("/api/v1/grants/1").json
    assert [] == inside.get("/api/v1/grants").json["grants"]
    assert [ended] == inside.get("/api/v1/grants?state=all&limit=1").json["grants"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/api/v1/grants/ask", {**WISH, "role": "Admin"}, 422, "no [[grants.allow]] allows this"),
        ("/api/v1/grants/ask", {**WISH, "for": "2"}, 400, "body: for: a span of time is a number and a unit"),
        ("/api/v1/grants/ask", {**WISH, "reason": ""}, 400, "body: reason: write one line"),
        ("/api/v1/grants/ask", {**WISH, "user": 7}, 400, "body: user: a text of 1 to 256 characters is wanted here"),
        ("/api/v1/grants/ask", {"user": "bob"}, 400, "body: role is missing"),
        ("/api/v1/grants/ask", {**WISH, "until": "x"}, 400, 'body: "until" is not known'),
        ("/api/v1/grants/9/approve", None, 404, "there is no grant 9"),
        ("/api/v1/grants/x/revoke", {"reason": "x"}, 404, 'there is no grant "x"; a grant is a number'),
    ],
)
def test_a_grant_that_cannot_be(inside: Checked, path: str, body: object, status: int, says: str) -> None:
    reply = inside.says("POST", path, body)

    assert status == reply.status
    assert says in problem_of(reply)


@pytest.mark.parametrize(("name", "asks", "lets"), [("reader", 403, 403), ("doer", 201, 403), ("boss", 403, 200)])
def test_who_asks_for_a_role_need_not_let_it_pass(place: Place, api: OpenAPI, name: str, asks: int, lets: int) -> None:
    caller = Checked(place.outside(name), api)
    assert asks == caller.says("POST", "/api/v1/grants/ask", WISH).status
    place.inside.says("POST", "/api/v1/grants/ask", WISH)
    assert lets == caller.says("POST", "/api/v1/grants/1/approve").status


def test_a_hold_by_its_name(place: Place, inside: Checked) -> None:
    [listed] = inside.get("/api/v1/holds").json["holds"]
    assert listed == inside.get("/api/v1/holds/h1").json == inside.get(f"/api/v1/holds/{listed['digest']}").json
    assert ("h1", "waits", [], None) == tuple(listed[key] for key in ("id", "state", "said", "superseded_by"))
    assert [] == inside.get("/api/v1/holds?state=rejected").json["holds"]
    assert 'there is no hold "h9"' == problem_of(inside.get("/api/v1/holds/h9"))


@pytest.mark.parametrize(
    ("word", "state", "status"), [("approve", "", 202), ("reject", "rejected", 200), ("reopen", "waits", 200)]
)
def test_what_is_said_of_a_hold_has_who_and_from_where(
    place: Place, inside: Checked, api: OpenAPI, word: str, state: str, status: int
) -> None:
    boss = Checked(place.outside("boss"), api)
    reply = boss.says("POST", f"/api/v1/holds/h1/{word}", {"as": "anna", "reason": "ticket 12"})
    inside.says("POST", f"/api/v1/holds/h1/{word}")
    assert (status, state) == (reply.status, reply.json["state"] if state else "")
    me = user_name(os.getuid())
    assert place.control.asked == [
        ("h1", word, "anna (via boss): ticket 12", "HTTP from 127.0.0.1"),
        ("h1", word, me, "control socket"),
    ]
    assert 404 == boss.says("POST", f"/api/v1/holds/h2/{word}").status


def test_an_approval_that_waits_for_another_gives_the_hold(place: Place, inside: Checked) -> None:
    place.control.needs_another = True
    reply = inside.says("POST", "/api/v1/holds/h1/approve")
    assert (200, "waits", "approve") == (reply.status, reply.json["state"], reply.json["said"][0]["what"])


def test_files_are_read_again(place: Place, inside: Checked) -> None:
    assert {"in_use": True} == inside.says("POST", "/api/v1/reload").json
    place.control.wrong_files = "mappings/a.yaml:3:1: no such role"
    assert "mappings/a.yaml:3:1: no such role" in problem_of(inside.says("POST", "/api/v1/reload"))


def test_what_cannot_be_done_now_says_so(place: Place, inside: Checked) -> None:
    place.control.stopping = True

    reply = inside.says("POST", "/api/v1/reconcile", {})

    assert (503, "5", "the daemon is stopping") == (reply.status, reply.headers["retry-after"], problem_of(reply))


# --- wrong requests -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/v1/changes?usr=anna", '"usr" is not known; there are deployment, user'),
        ("/api/v1/status?a=1", "there are none here"),
        ("/api/v1/changes?user=a&user=b", "user is given twice"),
        ("/api/v1/changes?user=", "user: give 1 to 256 characters"),
        ("/api/v1/changes?user=a%00b", "none of them NUL"),
        ("/api/v1/changes?limit=0", "limit: it is a whole number from 1 to 1000"),
        ("/api/v1/changes?limit=1001", "limit: it is a whole number"),
        ("/api/v1/changes?limit=1e2", "limit: it is a whole number"),
        ("/api/v1/changes?limit=" + "9" * 5000, "limit: it is a whole number"),
        ("/api/v1/changes?offset=100001", "offset: it is a whole number from 0 to 100000"),
        ("/api/v1/changes?status=done", "status: it is one of applied"),
        ("/api/v1/changes?since=yesterday", "since: write 2026-03-31"),
        ("/api/v1/changes?since=2026-13-01", "since: write 2026-03-31"),
        ("/api/v1/jobs/1?wait=61", "wait: it is a whole number from 0 to 60"),
    ],
)
def test_a_query_that_cannot_be(inside: Checked, path: str, says: str) -> None:
    reply = inside.get(path)

    assert 400 == reply.status
    assert says in problem_of(reply)


@pytest.mark.parametrize("id_", ["x", "9" * 5000, "2", "-1", "%D9%A1"])
def test_a_job_that_is_not_there(inside: Checked, id_: str) -> None:
    assert 404 == inside.get(f"/api/v1/jobs/{id_}").status


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "{} asks for everything"),
        (b"{", 400, "the body is no JSON"),
        (b"\xff", 400, "the body is no JSON"),
        (b"[" * 60_000, 400, "the body is no JSON"),
        (b"[]", 400, "has to be a JSON object"),
        ({"user": ["anna"]}, 400, '"user" is not known'),
        ({"users": "anna"}, 400, "users is a list of names"),
        ({"users": [1]}, 400, "users is a list of names"),
        ({"dags": [""]}, 400, "dags is a list of names"),
        ({"users": ["\ud800"]}, 400, "users is a list of names"),
        ({"deployments": ["\ud800"]}, 400, "deployments is a list of names"),
        ({"\ud800": []}, 400, "is not known"),
        ({"dry_run": "yes"}, 400, "dry_run is true or false"),
        ({"deployments": ["dev"]}, 404, 'no deployment "dev"'),
        ({"users": ["a" * 200] * 400}, 413, "larger than 65536 bytes"),
    ],
)
def test_an_order_that_cannot_be(inside: Checked, place: Place, body: object, status: int, says: str) -> None:
    reply = inside.says("POST", "/api/v1/reconcile", body)

    assert status == reply.status
    assert says in problem_of(reply)
    assert [] == place.control.asked


def test_a_body_of_another_type_or_of_no_known_length(inside: Checked, place: Place) -> None:
    kind = {"Content-Type": "text/plain"}
    assert 415 == inside.says("POST", "/api/v1/reconcile", {}, headers=kind).status
    assert (
        202
        == inside.says(
            "POST", "/api/v1/reconcile", {}, headers={"Content-Type": "application/json; charset=utf-8"}
        ).status
    )
    with place.inside.open() as wire:
        head = b"POST /api/v1/reconcile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        wire.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b" " * 0x8000 + b"\r\n")
        wire.sendall(b"8000\r\n" + b" " * 0x8000 + b"\r\n" + b"10\r\n" + b" " * 16 + b"\r\n0\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 413 ")


def test_other_methods_and_paths(place: Place) -> None:
    caller = place.inside
    for path, allow in (("/api/v1/status", {"GET", "HEAD"}), ("/api/v1/reconcile", {"POST"})):
        for method in {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} - allow:
            reply = caller.says(method, path)
            assert (405, allow) == (reply.status, set(reply.headers["allow"].split(", ")))
            assert problem_of(reply)
    for path in ("/", "/api/v1", "/api/v1/status/", "/docs", "/api/v1/deployments/a%2Fb"):
        assert "/openapi.json lists" in problem_of(caller.get(path))
    head = caller.says("HEAD", "/api/v1/status")
    assert (200, "") == (head.status, head.text)
    assert int(head.headers["content-length"]) > 100


def test_what_nobody_foresaw_is_logged_and_not_told(place: Place, inside: Checked) -> None:
    place.control.jobs[1] = None  # type: ignore[assignment]  # a defect

    reply = inside.get("/api/v1/jobs/1")

    assert (500, False) == (reply.status, "NoneType" in reply.text)
    [facts] = [facts for event, facts in place.events if event == "api_failed"]
    assert str(facts["number"]) in problem_of(reply)
    assert isinstance(facts["exc_info"], AttributeError)


# --- health -------------------------------------------------------------------------------------------------------------


def test_health(place: Place, api: OpenAPI) -> None:
    nobody = Checked(place.outside(), api)
    assert (200, {"alive": True, "why": ""}) == ((reply := nobody.get("/healthz")).status, reply.json)
    assert (200, {"ready": True, "reasons": []}) == ((reply := nobody.get("/readyz")).status, reply.json)
    place.control.dead, place.control.reasons = "the loop stands still", ("okta was not read for 11 min", "no lease")
    assert (503, "the loop stands still") == ((reply := nobody.get("/healthz")).status, reply.json["why"])
    assert (503, ["okta was not read for 11 min", "no lease"]) == (
        (reply := nobody.get("/readyz")).status,
        reply.json["reasons"],
    )
    text = place.outside().says("GET", "/readyz", headers={"Accept": "text/plain"})
    assert (503, "okta was not read for 11 min\nno lease\n") == (text.status, text.text)
    assert [] == place.ledger.noted()


def test_beyond_the_loopback_nobody_is_told_why_without_a_token(place: Place) -> None:
    place.control.reasons = ("prod.example.com does not answer",)
    place.auth.is_local = False
    try:
        hidden = place.outside().get("/readyz")
        assert (503, ["why is told to callers with a token that may read"]) == (hidden.status, hidden.json["reasons"])
        assert hidden.json == place.outside("doer").get("/readyz").json
        assert ["prod.example.com does not answer"] == place.outside("reader").get("/readyz").json["reasons"]
        assert ["prod.example.com does not answer"] == place.inside.get("/readyz").json["reasons"]
    finally:
        place.auth.is_local = True


def test_health_does_not_wait_for_a_slow_database(place: Place) -> None:
    place.ledger.stuck = place.control.stuck = Event()
    waiting = [place.inside.open() for _ in range(30)]
    try:
        for wire in waiting:
            wire.sendall(b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        started = perf_counter()
        assert 200 == place.inside.get("/healthz").status
        assert 200 == place.outside().get("/readyz").status
        assert 200 == place.outside().get("/metrics").status
        assert 404 == place.inside.get("/api/v1/jobs/1?wait=1").status
        assert perf_counter() - started < 30, "the database hangs for ever"
    finally:
        place.ledger.stuck.set()
        for wire in waiting:
            wire.close()


def test_too_many_questions_at_once_are_refused(place: Place) -> None:
    place.ledger.stuck = Event()
    waiting = [place.inside.open() for _ in range(64)]
    try:
        for wire in waiting:
            wire.sendall(b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until("all of them are asked", lambda: place.asked_of_database == len(waiting))  # who is read first is chance
        assert "too many questions at once; ask again in a moment" == problem_of(place.inside.get("/api/v1/changes"))
    finally:
        place.ledger.stuck.set()
        for wire in waiting:
            wire.close()


# --- who may what -------------------------------------------------------------------------------------------------------

READING = [
    e.path
    for e in ENDPOINTS
    if e.method == "GET" and e.path.startswith("/api") and "jobs" not in e.path and "{id}" not in e.path
]
ASKED = [
    *(("GET", path.replace("{name}", "prod").replace("{hold}", "h1"), "read", 200) for path in READING),
    ("POST", "/api/v1/reconcile", "reconcile", 202),
    ("POST", "/api/v1/reload", "reconcile", 200),
    ("POST", "/api/v1/holds/prod/abc/approve", "approve", 202),
    ("POST", "/api/v1/holds/h1/approve", "approve", 202),
    ("POST", "/api/v1/holds/h1/reject", "approve", 200),
    ("POST", "/api/v1/holds/h1/reopen", "approve", 200),
]


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_may_what_its_rights_say_and_nothing_else(place: Place, api: OpenAPI, name: str) -> None:
    caller = Checked(place.outside(name), api)
    for method, path, right, status in ASKED:
        reply = caller.says(method, path, {} if method == "POST" else None)
        if right in TOKENS[name]:
            assert (path, status) == (path, reply.status)
        else:
            assert (path, 403, f'the token "{name}" has no right to {right}') == (path, reply.status, problem_of(reply))


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer \xff\xfe"])
def test_without_a_token_nothing_is_told(place: Place, api: OpenAPI, authorization: str | None) -> None:
    caller = Checked(place.outside(), api)
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path, _, _ in [*ASKED, ("GET", "/api/v1/jobs/1", "", 0)]:
        reply = caller.says(method, path, {} if method == "POST" else None, headers=headers)
        assert (401, "Bearer") == (reply.status, reply.headers["www-authenticate"])
    assert [] == place.control.asked
    assert [] == place.ledger.noted(), "who has no token does not fill the database"


def test_who_may_not_read_sees_their_own_jobs(place: Place, api: OpenAPI) -> None:
    doer = Checked(place.outside("doer"), api)
    doer.says("POST", "/api/v1/reconcile", {})
    place.inside.says("POST", "/api/v1/reconcile", {})

    assert 200 == doer.get("/api/v1/jobs/1").status
    assert "somebody else asked for this job" in problem_of(doer.get("/api/v1/jobs/2"))
    assert 200 == Checked(place.outside("reader"), api).get("/api/v1/jobs/2").status


@pytest.mark.finding("U-B2")
def test_who_approves_by_a_token_says_for_whom_and_why_and_sees_the_job(place: Place, api: OpenAPI) -> None:
    boss = Checked(place.outside("boss"), api)
    reply = boss.says("POST", "/api/v1/holds/prod/abc/approve", {"as": "anna", "reason": "ticket 12"})
    assert 202 == reply.status
    order = boss.get("/api/v1/jobs/1").json["order"]
    assert ("boss", "anna", "ticket 12") == (order["by"], order["approver"], order["reason"])
    assert [("prod", "abc", "anna (via boss): ticket 12")] == place.control.asked


@pytest.mark.finding("U-B2")
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"as": "a b"}, "body: as: write 1 to 64 letters"),
        ({"reason": "x" * 257}, "body: reason: write one line of 1 to 256 characters"),
        ({"reason": 12}, "body: reason: write one line"),
        ({"because": "x"}, 'body: "because" is not known; there are as, reason'),
    ],
)
def test_an_approval_that_says_something_else_is_refused(place: Place, body: object, says: str) -> None:
    reply = place.outside("boss").says("POST", "/api/v1/holds/prod/abc/approve", body)
    assert (400, True, []) == (reply.status, problem_of(reply).startswith(says), place.control.asked)


def test_no_header_makes_a_caller_one_from_the_socket(place: Place) -> None:
    forged = {"syncd.socket": "true", "X-Forwarded-For": "unix:", "Forwarded": "for=unix", "Host": "localhost"}
    assert 401 == place.outside().says("GET", "/api/v1/status", headers=forged).status


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("localhost:8080", True),
        ("LOCALHOST:1", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.nip.io", False),
        ("evil@localhost", False),
        ("localhost:8080:1", False),
        ("", False),
    ],
)
def test_on_the_loopback_only_names_of_the_loopback_are_answered(place: Place, host: str, known: bool) -> None:
    reply = place.outside().says("GET", "/healthz", headers={"Host": host})

    assert (200 if known else 421) == reply.status
    assert 200 == place.inside.says("GET", "/healthz", headers={"Host": host}).status, "the socket has no name"


# --- what is noted ------------------------------------------------------------------------------------------------------


def test_each_use_is_noted_and_writes_before_they_are_done(place: Place, inside: Checked) -> None:
    reader = place.outside("reader")
    reader.get("/api/v1/changes?user=anna")
    place.ledger.noted(1)
    reader.get("/api/v1/changes?usr=anna")
    place.ledger.noted(2)
    reader.says("POST", "/api/v1/reconcile", {})
    place.ledger.noted(3)
    place.outside("doer").says("POST", "/api/v1/reconcile", {"users": ["anna"]})
    inside.get("/healthz")
    inside.get("/metrics")

    assert [
        ("reader", "GET /api/v1/changes", 200),
        ("reader", "GET /api/v1/changes", 400),
        ("reader", "POST /api/v1/reconcile", 403),
        ("doer", "POST /api/v1/reconcile", 0),
        ("doer", "POST /api/v1/reconcile", 202),
    ] == place.ledger.noted(5)
    assert ("user=anna", '{"users": ["anna"]}') == (place.ledger.notes()[0].detail, place.ledger.notes()[3].detail)
    said = inside.get("/api/v1/uses?limit=2").json
    assert ([202, 0], True) == ([use["answer"] for use in said["uses"]], said["more"])


def test_what_a_caller_writes_is_noted_without_its_controls(place: Place, inside: Checked) -> None:
    inside.says("POST", "/api/v1/holds/a%00%1b/" + "b" * 5000 + "/approve", b"\0")

    before = place.ledger.notes()[0]
    assert before.what.startswith("POST /api/v1/holds/a\\x00\\x1b/bbb")
    assert (506, "\\x00") == (len(before.what), before.detail), "500 characters, of which two are written as their code"


@pytest.mark.parametrize(("method", "path", "right", "status"), [asked for asked in ASKED if asked[0] == "POST"])
def test_a_write_that_cannot_be_noted_is_not_done(
    place: Place, inside: Checked, method: str, path: str, right: str, status: int
) -> None:
    place.ledger.fails = True

    reply = inside.says(method, path, {})

    assert (503, "database syncd.db: the disk is full") == (reply.status, problem_of(reply))
    assert [] == place.control.asked


def test_what_needs_no_database_is_answered_without_one(place: Place, inside: Checked) -> None:
    place.ledger.fails = True

    assert 200 == inside.get("/api/v1/status").status

    assert 503 == inside.get("/api/v1/changes").status
    until("both are told", lambda: ["use_not_recorded"] * 2 == [event for event, _ in place.events])


def test_metrics_need_a_token_where_the_configuration_says_so(place: Place, tmp_path: Path) -> None:
    with serving(place.ledger.books, tmp_path, http_settings(tmp_path, open_metrics=False)) as shut:
        assert 401 == shut.outside().get("/metrics").status
        assert 403 == shut.outside("boss").get("/metrics").status
        reply = shut.outside("reader").get("/metrics")
        assert (200, "text/plain; version=0.0.4; charset=utf-8") == (reply.status, reply.headers["content-type"])
        assert "syncd_up 1\n" in reply.text
