"""The stand-in itself: one object is one server, as an ASGI application."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from syncd.sandbox.airflow.abilities import PRESETS, Abilities
from syncd.sandbox.airflow.answers import AirflowAnswer, Connexion, Denied, Dialect, FastApi
from syncd.sandbox.airflow.authorise import Caller, Gate, basic
from syncd.sandbox.airflow.collation import Names
from syncd.sandbox.airflow.faults import Fault, Faults, Forget, HangUp, Instead, Meanwhile, RepeatPage, Slow, distort
from syncd.sandbox.airflow.request import Request, RouteCall
from syncd.sandbox.airflow.routes import Route, find, routes, unrouted
from syncd.sandbox.airflow.state import SAMPLE_DAGS, DagFile, State

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that was answered; status 0 means that the connection was closed instead."""

    method: str
    path: str
    query: str
    status: int


class StandIn:
    """An Airflow server in memory.

    `preset` names a measured release, or says what the server can do; `path` is the path under which it serves. There
    is an administrator `admin` with password `admin`. `names` is the database
    that says which names are one. `state` may be damaged, `faults` switched on, `calls` read, at
    any time; `now` is the clock of tokens and their cache.
    """

    def __init__(
        self,
        preset: str | Abilities = "3.3.2",
        *,
        path: str = "",
        dags: Iterable[DagFile] = SAMPLE_DAGS,
        state: State | None = None,
        names: Names = "sqlite",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.abilities = PRESETS[preset] if isinstance(preset, str) else preset
        self.path = path
        self.state = state or State(
            self.abilities.generation, dag_run_resources=self.abilities.dag_run_resources, names=names
        )
        self.state.parse(*dags)
        self.gate = Gate(self.state, self.abilities, now=now)
        self.faults = Faults()
        self.calls: list[Seen] = []
        self._routes = routes(self.abilities)

    # the wire

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        method, path, query = scope["method"], scope["path"], scope["query_string"].decode()
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(receive)
        fault = self.faults.take(method, path)
        given = None
        if not isinstance(fault, HangUp) or fault.after_work:
            parameters = parse_qs(query, keep_blank_values=True)
            given = await self._through(fault, RouteCall(method, path, parameters, headers, body))
        if given is None or isinstance(fault, HangUp):
            self.calls.append(Seen(method, path, query, 0))
            await _hang_up(send)
            return
        self.calls.append(Seen(method, path, query, given.status))
        await _send(given, send, head=method == "HEAD")

    async def _through(self, fault: Fault | None, call: RouteCall) -> AirflowAnswer:
        offset = int(call.query.get("offset", ["0"])[-1].lstrip("-") or 0) if fault else 0
        match fault:
            case Instead(answer):
                return answer
            case Slow(before_s, after_s):
                await asyncio.sleep(before_s)
                given = await self.answer(call)
                await asyncio.sleep(after_s)
                return given
            case Meanwhile(hand):
                hand()
                return await self.answer(call)
            case Forget():
                return await self._forget(call)
            case RepeatPage():
                return await self.answer(replace(call, query={**call.query, "offset": ["0"]}))
            case _:
                return distort(fault, await self.answer(call), offset=offset)

    async def _forget(self, call: RouteCall) -> AirflowAnswer:
        before = copy.deepcopy((self.state.roles, self.state.users))
        given = await self.answer(call)
        self.state.roles, self.state.users = before
        return given

    # the work

    async def answer(self, call: RouteCall) -> AirflowAnswer:
        """Work on a request; the path still has the server's own base path before it."""
        inside = self._inside(call.path)
        if inside is None:
            return AirflowAnswer(404, b"Apache Airflow is not at this location", "text/plain; charset=utf-8")
        method = "GET" if call.method == "HEAD" and self.abilities.generation == 2 else call.method
        call = replace(call, path=inside, method=method)
        route, values, wrong_method = find(self._routes, method, inside)
        if route is None:
            return unrouted(self.abilities, method, inside, wrong_method=wrong_method)
        try:
            given = await self._work(route, values, call)
        except Denied as refused:
            given = refused.answer
        return self._with_session(route, call, given)

    def _inside(self, path: str) -> str | None:
        """Take the base path away; Airflow 3 answers below /api/v2 without it too."""
        if path.startswith(f"{self.path}/"):
            return path.removeprefix(self.path)
        return path if self.abilities.generation == 3 and path.startswith("/api/v2") else None

    async def _work(self, route: Route, values: Mapping[str, str], call: RouteCall) -> AirflowAnswer:
        dialect = self._dialect(route.area)
        caller = await self._let_in(route, call, dialect)
        request = Request(call, caller, dialect, self.abilities, self.state, self.gate)
        given = route.handler(request, **values)
        done = given if isinstance(given, AirflowAnswer) else await given
        if route.area == "users" and self.abilities.users_broken:
            raise dialect.crashed()
        return done

    def _accepted(self, area: str) -> frozenset[str]:
        return {"roles": self.abilities.roles, "users": self.abilities.users}.get(area, self.abilities.dags)

    def _dialect(self, area: str) -> Dialect:
        if self.abilities.generation == 3 and (area in ("open", "dags") or "token" in self._accepted(area)):
            return FastApi()
        return Connexion(self.abilities.version)

    async def _let_in(self, route: Route, call: RouteCall, dialect: Dialect) -> Caller:
        if route.area == "open":
            await asyncio.sleep(self.abilities.hash_s if route.method == "POST" else 0)
            return Caller(None, frozenset())
        accepted = self._accepted(route.area)
        if "basic" in accepted and basic(call.headers) and not self._has_session(call, accepted):
            await asyncio.sleep(self.abilities.hash_s)
            self._count_login(call)
        return self.gate.identify(call.headers, accepted=accepted, dialect=dialect)

    def _has_session(self, call: RouteCall, accepted: frozenset[str]) -> bool:
        return "session" in accepted and self.gate.by_session(call.headers) is not None

    def _count_login(self, call: RouteCall) -> None:
        account = self.gate.by_basic(call.headers)
        if account:
            account.login_count, account.last_login = (account.login_count or 0) + 1, datetime.now(UTC)
        if call.path.startswith("/auth/fab/v1") and self.abilities.generation == 2:
            self.state.sessions += 1

    def _with_session(self, route: Route, call: RouteCall, given: AirflowAnswer) -> AirflowAnswer:
        """Below /auth/fab/v1 Airflow 2 hands a session to whoever shows a password."""
        account = self.gate.by_basic(call.headers)
        if account is None or not call.path.startswith("/auth/fab/v1") or "session" not in self._accepted(route.area):
            return given
        return replace(given, headers=(*given.headers, ("Set-Cookie", self.gate.open_session(account))))


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(given: AirflowAnswer, send: Send, *, head: bool) -> None:
    headers = [("content-type", given.content_type)] if given.content_type else []
    headers += [*given.headers, ("content-length", str(len(given.body) if given.length is None else given.length))]
    if given.status == 204:
        headers.pop()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": given.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else given.body})


async def _hang_up(send: Send) -> None:
    """Close the connection. ASGI has no word for it: in uvicorn the object behind `send` knows its transport."""
    send.__self__.transport.close()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
