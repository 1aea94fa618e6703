"""Airflow stand-ins that are called without sockets, and the wire to them, on which anything may happen.

`Server.holdings` says what people hold, by the names that the mapping uses: `fin~1` is `fin`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from truth import BUILT_IN, ROLES, Due, Site, lower

from syncd.sandbox.airflow import PRESETS, DagFile, StandIn
from syncd.sandbox.airflow.answers import AirflowAnswer
from syncd.sandbox.airflow.request import RouteCall

DAGS: Final = (
    DagFile("fin_daily", ("finance", "daily")),
    DagFile("fin_monthly", ("finance",)),
    DagFile("plat_cleanup", ("infra",)),
)
_NUMBERED: Final = re.compile(r"~(old)?\d+$")


def family(role: str) -> str:
    """Give the name that the mapping has for a role, whatever number it bears on a server that cannot change roles."""
    base = _NUMBERED.sub("", role)
    return base if base in ROLES else role


@dataclass(frozen=True, slots=True)
class Holding:
    """What one account holds: roles, and (action, DAG) through them."""

    name: str
    email: str
    roles: frozenset[str]
    reach: frozenset[tuple[str, str]]


Holdings = Mapping[str, Holding]


class Server:
    """One Airflow. `late` are calls that came, and that it will carry out some day although nobody waits any more."""

    def __init__(self, site: Site, *, now: Callable[[], float]) -> None:
        self.site = site
        self.down = False
        self.late: list[tuple[RouteCall, tuple[Due, ...], bool]] = []
        abilities = replace(PRESETS[site.preset], hash_s=0.0)
        self.airflow = StandIn(abilities, dags=DAGS, now=now)
        self.state = self.airflow.state
        self.state.roles["by_hand"] = set()
        for name in sorted(site.protected - {"admin"}):
            self.state.add_user(name, password="x", roles={"Op"})
        self.state.add_user("auditor", password="x", roles={"Viewer", "by_hand"})

    def upgrade(self, preset: str) -> None:
        """Become another release, with all that is there, as an upgrade of one package does."""
        abilities = replace(PRESETS[preset], hash_s=0.0)
        fresh = StandIn(abilities, dags=(), state=self.state)
        self.airflow = fresh

    def answer(self, call: RouteCall) -> AirflowAnswer:
        return _run(self.airflow.answer(call))

    def holdings(self) -> Holdings:
        reach = {
            role: frozenset((p.action, p.resource[4:]) for p in found if p.resource.startswith("DAG:"))
            for role, found in self.state.roles.items()
        }
        nothing: frozenset[tuple[str, str]] = frozenset()
        return {
            key: Holding(
                account.username,
                account.email,
                frozenset(map(family, account.roles)),
                nothing.union(*(reach.get(role, nothing) for role in account.roles)),
            )
            for key, account in self.state.users.items()
        }

    def kept(self) -> dict[str, frozenset[object]]:
        """Give the roles that are nobody's but Airflow's and the administrators', with what is in them."""
        return {n: frozenset(found) for n, found in self.state.roles.items() if n in BUILT_IN or n == "by_hand"}

    def holders(self, role: str) -> set[str]:
        return {name for name, h in self.holdings().items() if role in h.roles}


def _run(coroutine: Coroutine[Any, Any, AirflowAnswer]) -> AirflowAnswer:
    """Run what never really waits, without a loop."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        found: AirflowAnswer = done.value
        return found


# --- the wire ---------------------------------------------------------------------------------------------------------


class Wire(HTTPAdapter):
    """Brings the requests of one process to one server: `ask` decides what happens on the way."""

    def __init__(self, ask: Callable[[RouteCall], AirflowAnswer]) -> None:
        super().__init__()
        self._ask = ask

    def send(self, request: requests.PreparedRequest, *_args: object, **_options: object) -> requests.Response:
        given = self._ask(_call(request))
        headers = urllib3.HTTPHeaderDict(given.headers)
        if given.content_type:
            headers["Content-Type"] = given.content_type
        raw = urllib3.HTTPResponse(
            io.BytesIO(given.body), headers=headers, status=given.status, preload_content=False, decode_content=False
        )
        return self.build_response(request, raw)


def _call(request: requests.PreparedRequest) -> RouteCall:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    return RouteCall(
        request.method or "GET",
        unquote(parts.path),
        parse_qs(parts.query, keep_blank_values=True),
        {name.lower(): value for name, value in request.headers.items()},
        body if isinstance(body, bytes) else str(body).encode(),
    )


def is_write(call: RouteCall) -> bool:
    return call.method != "GET" and not call.path.endswith(("/token", "/token/cli"))


def place(call: RouteCall) -> str:
    """Give what the journal calls it: `PATCH /users/anna`."""
    for area in ("/users", "/roles"):
        if area in call.path:
            return f"{call.method} {area}{call.path.partition(area)[2]}"
    return f"{call.method} {call.path}"


def account_of(call: RouteCall) -> str | None:
    """Name the account that a writing call is about, where its path does."""
    return lower(call.path.partition("/users/")[2]) if "/users/" in call.path else None


def role_of(call: RouteCall) -> str | None:
    return call.path.partition("/roles/")[2] if "/roles/" in call.path else None
