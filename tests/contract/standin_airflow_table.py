"""Servers of Airflow, real and not, and a table of calls with the answers that both generations give to them."""

from __future__ import annotations

import json as json_lib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import EllipsisType
from typing import Any, NamedTuple
from urllib.parse import quote

import requests

from syncd.sandbox.airflow import DagFile, StandIn
from syncd.sandbox.servers import RealAirflow, write_dags

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html"
PASSWORD = "secret"
ANY = ...
"""Fits any body, or any part of one."""

AccessControl = Mapping[str, Sequence[str]]


class Answered(NamedTuple):
    """What came back: the status, the media type, and the body (text where it is not JSON)."""

    status: int
    media: str
    body: Any


@dataclass
class Server:
    """A server under test, its administrator, and how its DAG files are changed.

    Names of users and roles that a test makes begin with `prefix`, `{p}` in calls and bodies, and are deleted at the end.
    """

    url: str
    generation: int
    parse: Callable[[str, AccessControl | None], None]
    reparse: Callable[[], None]
    remove: Callable[[str], None]
    sync_perm: Callable[[], None]
    prefix: str = ""
    admin: requests.Session = field(default_factory=requests.Session)
    made: dict[tuple[str, str], None] = field(default_factory=dict)

    @property
    def fab(self) -> str:
        return "/api/v1" if self.generation == 2 else "/auth/fab/v1"

    @property
    def api(self) -> str:
        return "/api/v1" if self.generation == 2 else "/api/v2"

    def login(self, username: str, password: str = PASSWORD, *, keep: bool = False) -> requests.Session:
        """Give a session with somebody's credentials; `keep` spares Airflow 2 the password hash of every call."""
        session = requests.Session()
        if self.generation == 3:
            body = {"username": username, "password": password}
            token = requests.post(f"{self.url}/auth/token", json=body, timeout=60).json()["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            return session
        session.auth = (username, password)
        if keep:
            session.get(f"{self.url}/auth/fab/v1/roles?limit=1", timeout=60)
            session.auth = None
        return session

    def ask(
        self,
        call: str,
        json: Any = None,
        *,
        session: requests.Session | None = None,
        data: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Make a call such as `GET {fab}/roles/{p}name`."""
        method, path = call.split(" ", 1)
        path = path.format(fab=self.fab, api=self.api, p=self.prefix)
        if json is not None:
            json = json_lib.loads(json_lib.dumps(json).replace("{p}", self.prefix))
            self._remember(path, json)
        answer = (session or self.admin).request(
            method, self.url + path, json=json, data=data, headers=headers, timeout=60
        )
        media = answer.headers.get("Content-Type", "").partition(";")[0]
        is_json = media.endswith("json") and answer.content
        return Answered(answer.status_code, media, answer.json() if is_json else answer.text)

    def _remember(self, path: str, body: Any) -> None:
        for area, key in (("users", "username"), ("roles", "name")):
            name = body.get(key) if isinstance(body, dict) and f"/{area}" in path else None
            if name and name.startswith(self.prefix):
                self.made[area, name] = None

    def login_admin(self) -> None:
        """Begin a test: new names, a new session."""
        self.prefix = f"t{uuid.uuid4().hex[:8]}_"
        self.admin = self.login("admin", "admin", keep=True)

    def clean(self) -> None:
        for area, name in reversed(self.made):
            self.admin.delete(f"{self.url}{self.fab}/{area}/{quote(name, safe='')}", timeout=60)
        self.made.clear()
        self.admin.close()

    def role(self, name: str, *permissions: str) -> str:
        """Make a role of texts such as `can_read DAG:x`; gives its whole name."""
        answered = self.ask("POST {fab}/roles", {"name": self.prefix + name, "actions": pairs(*permissions)})
        assert 200 == answered.status, answered
        return self.prefix + name

    def user(self, name: str, *roles: str) -> str:
        """Make a user with these roles; gives the whole user name."""
        answered = self.ask("POST {fab}/users", person(name, roles=roles))
        assert 200 == answered.status, answered
        return self.prefix + name

    def permissions(self, role: str) -> set[str]:
        actions = self.ask(f"GET {{fab}}/roles/{quote(role)}").body["actions"]
        return {f"{pair['action']['name']} {pair['resource']['name']}" for pair in actions}

    def roles_of(self, username: str) -> set[str]:
        return {role["name"] for role in self.ask(f"GET {{fab}}/users/{quote(username)}").body["roles"]}


def stand_in_server(stand_in: StandIn, url: str) -> Server:
    def parse(dag_id: str, access_control: AccessControl | None) -> None:
        access = None if access_control is None else {role: frozenset(a) for role, a in access_control.items()}
        stand_in.state.parse(DagFile(dag_id, access_control=access))

    state, generation = stand_in.state, stand_in.abilities.generation
    return Server(url, generation, parse, state.parse, state.remove_dag, state.sync_perm)


def real_server(real: RealAirflow) -> Server:
    def parse(dag_id: str, access_control: AccessControl | None) -> None:
        write_dags(real.dags_folder, dag_id, access_control=access_control)
        real.reserialize()

    def remove(dag_id: str) -> None:
        (real.dags_folder / f"{dag_id}.py").unlink()

    sync_perm = partial(real.run, ["sync-perm"])
    return Server(real.url, real.generation, parse, real.reserialize, remove, sync_perm)


# --- bodies -----------------------------------------------------------------------------------------------------------


def pairs(*permissions: str) -> list[dict[str, Any]]:
    split = (permission.split(" ", 1) for permission in permissions)
    return [{"action": {"name": action}, "resource": {"name": resource}} for action, resource in split]


def person(name: str, *, roles: Sequence[str] | None = None, **other: Any) -> dict[str, Any]:
    """Make the body of a new user; what is given as None is left out."""
    names = {"username": "{p}" + name, "email": f"{{p}}{name}@example.com", "first_name": "F", "last_name": "L"}
    listed = {} if roles is None else {"roles": [{"name": role} for role in roles]}
    body = names | {"password": PASSWORD} | listed | other
    return {key: value for key, value in body.items() if value is not None}


# --- expectations -----------------------------------------------------------------------------------------------------


class Expected(NamedTuple):
    status: int
    media: str
    body: Any = ANY


class First(NamedTuple):
    """Fits a list whose first item is this."""

    item: Any


def problem(status: int, detail: Any = ANY, title: Any = ANY) -> Expected:
    """How connexion refuses."""
    return Expected(status, PROBLEM, {"status": status, "title": title, "detail": detail, "type": ANY})


def detail(status: int, text: Any = ANY) -> Expected:
    """How FastAPI refuses."""
    return Expected(status, JSON, {"detail": text})


def invalid(kind: str, *where: Any) -> Expected:
    """A 422 whose first complaint is this one; it says what was sent."""
    return detail(422, First({"type": kind, "loc": list(where), "msg": ANY, "input": ANY}))


def fits(expected: Any, actual: Any) -> bool:
    """Say whether a body is as expected: a dict has exactly these keys (and `ctx`), a set names the keys alone."""
    match expected:
        case EllipsisType():
            return True
        case First(item):
            return isinstance(actual, list) and bool(actual) and fits(item, actual[0])
        case set():
            return isinstance(actual, dict) and expected == set(actual)
        case dict():
            same = isinstance(actual, dict) and set(expected) == set(actual) - {"ctx"}
            return same and all(fits(value, actual[name]) for name, value in expected.items())
        case list():
            return len(expected) == len(actual) and all(map(fits, expected, actual))
        case _:
            return bool(expected == actual)


@dataclass(frozen=True)
class Line:
    """One call and what servers of both generations answer to it."""

    call: str
    two: Expected
    three: Expected
    json: Any = None
    data: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False

    def difference(self, server: Server) -> str | None:
        with requests.Session() as nobody:
            session = nobody if self.anonymous else server.admin
            answered = server.ask(self.call, self.json, session=session, data=self.data, headers=self.headers)
        expected = self.two if server.generation == 2 else self.three
        same = expected[:2] == answered[:2] and fits(_named(expected.body, server.prefix), answered.body)
        return None if same else f"{self.call} {self.json or self.data}\n  {expected}\n  {answered}"[:900]


def _named(body: Any, prefix: str) -> Any:
    """Put the prefix of the test's own names into the texts of an expected body."""
    match body:
        case str():
            return body.replace("{p}", prefix)
        case dict():
            return {key: _named(value, prefix) for key, value in body.items()}
        case _:
            return body


def play(server: Server, *lines: Line) -> None:
    """Make the calls one after the other and compare every answer; says all that differ."""
    differ = [difference for line in lines if (difference := line.difference(server)) is not None]
    assert [] == differ, "\n".join(["", *differ])
