"""The fleet that benchmarks measure against: it answers as the stand-ins do, counts, and tells when a write was accepted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from syncd.sandbox.fleet import TOKEN, Remote, started


@pytest.fixture(scope="module")
def _shared_fleet() -> Iterator[Remote]:
    with started("airflow", deployments=2, dags=3, hash=0) as fleet:
        yield fleet


@pytest.fixture
def fleet(_shared_fleet: Remote) -> Remote:
    _shared_fleet.ask("reset")
    return _shared_fleet


@pytest.fixture(scope="module")
def okta() -> Iterator[Remote]:
    with started("okta", deployments=2, people=5) as org:
        yield org


def _token(fleet: Remote) -> dict[str, str]:
    admin = {"username": "admin", "password": "admin"}
    answer = requests.post(f"{fleet.url}/d001/auth/token", json=admin, timeout=60)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _person(name: str) -> dict[str, object]:
    names = {"username": name, "email": f"{name}@example.com", "first_name": "Ada", "last_name": "Poe"}
    return {**names, "password": "long", "roles": [{"name": "Viewer"}]}


def test_releases_take_turns(fleet: Remote) -> None:
    assert {"d000": "2.11.2", "d001": "3.3.2"} == fleet.told["deployments"]
    for path, version in (("d000/api/v1", "2.11.2"), ("d001/api/v2", "3.3.2")):
        assert version == requests.get(f"{fleet.url}/{path}/version", timeout=60).json()["version"]


def test_no_such_deployment(fleet: Remote) -> None:
    assert 404 == requests.get(f"{fleet.url}/d002/api/v2/version", timeout=60).status_code


def test_an_accepted_write_is_told_with_its_time_and_a_refused_one_is_not(fleet: Remote) -> None:
    users, headers = f"{fleet.url}/d001/auth/fab/v1/users", _token(fleet)
    before = time.monotonic()
    assert 200 == requests.post(users, json=_person("ada"), headers=headers, timeout=60).status_code
    assert 409 == requests.post(users, json=_person("ada"), headers=headers, timeout=60).status_code
    assert 2 == requests.delete(f"{users}/ada", headers=headers, timeout=60).status_code // 100
    made, deleted = fleet.ask("writes")
    assert before < made["at"] < deleted["at"] < time.monotonic()
    assert ("d001", "ada", ["Viewer"]) == (made["deployment"], made["username"], made["roles"])
    assert ("ada", []) == (deleted["username"], deleted["roles"])
    assert [deleted] == fleet.ask("writes", after=1)


def test_calls_are_counted_by_deployment_and_kind(fleet: Remote) -> None:
    requests.get(f"{fleet.url}/d001/auth/fab/v1/users/admin", headers=_token(fleet), timeout=60)
    assert {"d000": {}, "d001": {"POST token": 1, "GET users/{}": 1}} == fleet.ask("calls")
    assert ["GET", "/d001/auth/fab/v1/users/admin", ""] == fleet.ask("seen")["d001"][1]
    fleet.ask("reset")
    assert {"d000": {}, "d001": {}} == fleet.ask("calls")


def test_accounts_and_roles_are_seeded(fleet: Remote) -> None:
    fleet.ask("seed", deployments=["d001"], roles={"ops": [["can_read", "Pools"]]}, accounts={"bob": ["ops"]})
    url = f"{fleet.url}/d001/auth/fab/v1/users/bob"
    assert [{"name": "ops"}] == requests.get(url, headers=_token(fleet), timeout=60).json()["roles"]
    assert {"d000": [], "d001": ["bob"]} == fleet.ask("holders", role="ops")


def test_requests_in_pieces_and_in_a_row_on_one_connection(fleet: Remote) -> None:
    import http.client

    address = fleet.url.removeprefix("http://")
    body = b'{"username": "admin", "password": "admin"}'
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.connect()
    head = f"POST /d001/auth/token HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for piece in (head[:30], head[30:], body[:10], body[10:] + b"GET /d001/api/v2/version HTTP/1.1\r\n\r\n"):
        connection.sock.sendall(piece)
        time.sleep(0.02)  # so that the pieces arrive one by one
    answer = b""
    while b'"version"' not in answer:
        answer += connection.sock.recv(65536)
    connection.close()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert 2 == answer.count(b"HTTP/1.1 ")


def test_latency_is_waited_each_way() -> None:
    with started("airflow", deployments=1, presets="3.3.2", latency=1.0) as fleet:
        before = time.monotonic()
        assert 200 == requests.get(f"{fleet.url}/d000/api/v2/version", timeout=60).status_code
        assert 2.0 <= time.monotonic() - before
        begun = time.monotonic()
        fleet.ask("calls")
        assert time.monotonic() - begun < begun - before, "who asks what was called does not wait"


def test_the_org_can_be_changed_from_outside(okta: Remote) -> None:
    def asked(path: str) -> list[dict[str, object]]:
        headers = {"Authorization": f"SSWS {TOKEN}"}
        return list(requests.get(f"{okta.url}/api/v1/{path}", headers=headers, timeout=60).json())

    groups = {str(group["profile"]["name"]): str(group["id"]) for group in asked("groups")}  # type: ignore[index]
    assert {"team-000", "team-001", "everywhere"} == groups.keys()
    assert 3 == len(asked(f"groups/{groups['team-000']}/users"))
    changed = okta.ask("join", group="everywhere", people=["p00001", "p00002"])["at"]
    okta.ask("leave", group="everywhere", people=["p00001"])
    okta.ask("status", people=["p00002"], status="SUSPENDED")
    (left,) = asked(f"groups/{groups['everywhere']}/users")
    assert ("p00002@example.com", "SUSPENDED") == (left["profile"]["login"], left["status"])  # type: ignore[index]
    at, path, _ = okta.ask("requests")[-1]
    assert at > changed
    assert f"/api/v1/groups/{groups['everywhere']}/users" == path
