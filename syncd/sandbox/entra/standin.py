"""The stand-in for Entra ID: an authority and Microsoft Graph over one tenant in memory, which can be told to lie."""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncd.sandbox.entra.answers import Asked, GraphAnswer, error
from syncd.sandbox.entra.authority import Authority
from syncd.sandbox.entra.graph import Graph, units
from syncd.sandbox.entra.lies import Lie, LieKind
from syncd.sandbox.entra.tenant import Tenant
from syncd.sandbox.entra.tls import make_files
from syncd.sandbox.serving import HOST, serving

BATCH_LIMIT = 20
LATE_ABOVE = 100
WINDOW_S = 10.0
"""The window in which resource units are counted."""
SHOWN_FROM = 0.8
"""The part of the limit from which on Graph says how much of it is used."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where a stand-in is reached, and what to trust."""

    authority: str
    graph: str
    identity_endpoint: str
    ca: Path


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what it got; `inner` where it came in a batch."""

    asked: Asked
    answer: GraphAnswer
    inner: bool


class EntraStandIn:
    """Build the tenant, switch what is to go wrong, and serve.

        standin = EntraStandIn()
        anna = standin.tenant.add_user("anna.schmidt")
        finance = standin.tenant.add_group("finance", [anna])
        standin.lie(LieKind.CUT_PAGE, path="/members", at=2)
        with standin.serve() as where: ...

    latency_s    what each request from outside takes at least
    hang_s       how long a hanging request hangs
    retry_after  what a 429 says
    limit_units  resource units per 10 s; above, 429; None: no limit
    keep         whether `exchanges` keeps every request with its answer (`calls` always counts)
    """

    def __init__(self) -> None:
        self.tenant = Tenant()
        self.graph = Graph(self.tenant)
        self.authority = Authority()
        self.lies: list[Lie] = []
        self.latency_s = 0.0
        self.hang_s = 2.0
        self.retry_after = 1
        self.limit_units: int | None = None
        self.keep = True
        self.calls = 0
        """Requests to Graph from outside; a batch is one."""
        self.exchanges: list[Exchange] = []
        self._spent: deque[tuple[float, int]] = deque()
        self._root = ""
        self._fresh = itertools.count()

    def lie(self, kind: LieKind, path: str = "", *, at: int = 1, times: int = 1) -> Lie:
        """Tell a lie at the `at`-th request that matches `path`, counted from now."""
        told = Lie(kind, path, at, times)
        self.lies.append(told)
        return told

    def expire_deltas(self) -> None:
        """Let every delta token given so far be too old."""
        self.graph.epoch += 1

    @contextmanager
    def serve(self) -> Iterator[Served]:
        """Serve from a thread of this process until the context ends."""
        with tempfile.TemporaryDirectory(prefix="entra-") as folder:
            files = make_files(Path(folder))
            with serving(self._app(), certificate=files.certificate, key=files.key) as port:
                self._root = f"https://{HOST}:{port}"
                self.graph.base = f"{self._root}/v1.0"
                self.authority.base = f"{self._root}/{self.authority.tenant}"
                yield Served(self.authority.base, self.graph.base, f"{self._root}/msi/token", files.ca)

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery),
                Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route("/msi/token", self._managed),
                Route("/v1.0/{path:path}", self._graph, methods=["GET", "POST", "PATCH", "DELETE"]),
            ]
        )

    # --- the authority

    async def _discovery(self, request: Request) -> Response:
        if request.path_params["tenant"] != self.authority.tenant:
            return _sent(GraphAnswer(400, {"error": "invalid_tenant", "error_codes": [90002]}))
        return _sent(self.authority.discovery())

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        return _sent(self.authority.token(form, scope=f"{self._root}/.default"))

    async def _managed(self, request: Request) -> Response:
        header = request.headers.get("x-identity-header", "")
        return _sent(self.authority.managed(dict(request.query_params), header, resource=self._root))

    # --- Graph

    async def _graph(self, request: Request) -> Response:
        self.calls += 1
        body = await request.body()
        # What is told is the world as it is when the request comes in; the way back takes its time.
        path = request.url.path.removeprefix("/v1.0")
        asked = Asked(request.method, path, request.url.query, dict(request.headers), body)
        if not self.authority.accepts(asked.headers.get("authorization", "")):
            answer = error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        elif path == "/$batch":
            answer = self._batch(asked)
        else:
            answer = self._one(asked)
        self._kept(asked, answer, inner=False)
        pause_s = self.latency_s + (self.hang_s if answer.hangs else 0.0)
        if pause_s:
            await asyncio.sleep(pause_s)
        return _sent(answer)

    def _batch(self, asked: Asked) -> GraphAnswer:
        """Answer each request of a batch by itself, the last one first: no order is promised."""
        if strikes := self._struck(asked):
            return self._lied(strikes, asked, GraphAnswer(200, {"responses": []}))
        wanted = json.loads(asked.body)["requests"]
        if len(wanted) > BATCH_LIMIT:
            return error(400, "BadRequest", "Number of batch request steps exceeds the maximum value of 20.")
        outer = GraphAnswer(200)
        responses = []
        for one in reversed(wanted):
            inner = self._inner(one)
            outer.hangs, outer.truncated = outer.hangs or inner.hangs, outer.truncated or inner.truncated
            if not inner.dropped:
                responses.append(_response(one["id"], inner))
        outer.fields = {"responses": responses}
        return outer

    def _inner(self, one: dict[str, object]) -> GraphAnswer:
        path, _, query = str(one["url"]).partition("?")
        headers = one.get("headers", {})
        assert isinstance(headers, dict)
        asked = Asked(str(one["method"]), path, query, {k.lower(): v for k, v in headers.items()})
        answer = self._one(asked)
        self._kept(asked, answer, inner=True)
        return answer

    def _one(self, asked: Asked) -> GraphAnswer:
        strikes = self._struck(asked)
        answer = self._throttled(asked) or self.graph.answer(asked)
        return self._lied(strikes, asked, answer)

    def _kept(self, asked: Asked, answer: GraphAnswer, *, inner: bool) -> None:
        if self.keep:
            self.exchanges.append(Exchange(asked, replace(answer), inner))

    def _throttled(self, asked: Asked) -> GraphAnswer | None:
        """Count resource units, and refuse above the limit."""
        if self.limit_units is None:
            return None
        now = time.monotonic()
        while self._spent and self._spent[0][0] < now - WINDOW_S:
            self._spent.popleft()
        used = sum(cost for _, cost in self._spent) + units(asked)
        if used > self.limit_units:
            oldest = self._spent[0][0] if self._spent else now
            return self._too_many(oldest + WINDOW_S - now)
        self._spent.append((now, units(asked)))
        return None

    def used(self) -> float:
        """Give the part of the limit that is used."""
        return sum(cost for _, cost in self._spent) / self.limit_units if self.limit_units else 0.0

    def _too_many(self, retry_after_s: float) -> GraphAnswer:
        answer = error(429, "TooManyRequests", "Too many requests.", Retry_After=str(max(1, round(retry_after_s))))
        answer.headers |= {"x-ms-throttle-scope": "Tenant_Application/ReadWrite/app/tenant"}
        return answer

    # --- lies

    def _struck(self, asked: Asked) -> list[LieKind]:
        return [lie.kind for lie in self.lies if lie.strikes(asked.url)]

    def _lied(self, kinds: list[LieKind], asked: Asked, answer: GraphAnswer) -> GraphAnswer:
        for kind in kinds:
            answer = self._distorted(kind, asked, answer)
        if self.limit_units and (used := self.used()) >= SHOWN_FROM:
            answer.headers["x-ms-throttle-limit-percentage"] = f"{used:.2f}"
        return answer

    def _distorted(self, kind: LieKind, asked: Asked, answer: GraphAnswer) -> GraphAnswer:
        match kind:
            case LieKind.EMPTY_502:
                return GraphAnswer(502, raw=b"", content_type="text/html")
            case LieKind.EMPTY_200:
                return GraphAnswer(200, raw=b"")
            case LieKind.WEB_PAGE:
                return GraphAnswer(200, raw=b"<!DOCTYPE html><title>Log in</title>", content_type="text/html")
            case LieKind.THROTTLED:
                return self._too_many(self.retry_after)
            case LieKind.THROTTLED_SILENTLY:
                return error(429, "activityLimitReached", "Too many requests.")
            case LieKind.BUSY:
                return error(503, "serviceNotAvailable", "Try again.")
            case LieKind.BROKEN:
                return error(500, "UnknownError", "")
            case LieKind.TIMED_OUT if int(asked.query.get("$top", "0")) > LATE_ABOVE:
                return GraphAnswer(504, raw=b"<html>Gateway Timeout</html>", content_type="text/html")
            case LieKind.FORBIDDEN:
                return error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
            case LieKind.NOT_FOUND:
                return error(404, "Request_ResourceNotFound", "Resource does not exist.")
            case LieKind.EXPIRED_PAGE if "$skiptoken" in asked.query:
                return error(400, "Directory_ExpiredPageToken", "The specified page token value has expired.")
            case LieKind.TOKEN_EXPIRED:
                self.authority.revoke_all()
                return error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
            case LieKind.HANG | LieKind.TRUNCATED:
                return replace(answer, hangs=kind is LieKind.HANG, truncated=kind is LieKind.TRUNCATED)
            case LieKind.DROPPED:
                return GraphAnswer(502, raw=b"", dropped=True)
            case _:
                return self._shaded(kind, asked, answer)

    def _shaded(self, kind: LieKind, asked: Asked, answer: GraphAnswer) -> GraphAnswer:
        """Tell a lie that looks like an answer; answers that it does not fit stay true."""
        fields = answer.fields
        value = fields.get("value")
        delta = "/delta" in asked.path
        match kind:
            case LieKind.CUT_PAGE if isinstance(value, list):
                fields["value"] = value[: len(value) // 2]
            case LieKind.EMPTY_PAGE if isinstance(value, list) and not delta:
                fields.pop("@odata.nextLink", None)
                fields["value"] = []
            case LieKind.REPEATED_PAGE if isinstance(value, list) and not delta:
                self._repeat(asked, answer)
            case LieKind.LOOPED_LINK if "@odata.nextLink" in fields:
                fields["@odata.nextLink"] = self._self(asked)
            case LieKind.FRESH_LINK if isinstance(value, list):
                self.graph.endless(asked, answer, next(self._fresh))
            case LieKind.LOST_LINK:
                fields.pop("@odata.nextLink", None)
                fields.pop("@odata.deltaLink", None)
            case LieKind.FOREIGN_LINK if isinstance(value, list):
                name = "@odata.deltaLink" if "@odata.deltaLink" in fields else "@odata.nextLink"
                fields[name] = self._self(asked).replace(self._root, "https://graph.contoso.example")
            case LieKind.WRONG_COUNT if isinstance(count := fields.get("@odata.count"), int):
                fields["@odata.count"] = count + 1
            case LieKind.NO_COUNT:
                fields.pop("@odata.count", None)
            case LieKind.NULL_ENABLED:
                _nulled(fields)
            case LieKind.DELTA_REPLAYED if delta and isinstance(value, list):
                self.graph.replay(asked, answer)
            case LieKind.DELTA_GONE if delta:
                return self.graph.delta_gone(asked.path.split("/")[1])
            case LieKind.DELTA_LOST if delta:
                return error(400, "syncStateNotFound", "The sync state generation is not found.")
            case LieKind.DELTA_RESYNC if delta:
                return error(400, "resyncRequired", "Resync is required.")
            case _:
                pass
        return answer

    def _repeat(self, asked: Asked, answer: GraphAnswer) -> None:
        """Show the page before in the place of this one; the first page leads to itself."""
        first = replace(asked, query_text="&".join(p for p in asked.query_text.split("&") if "skiptoken" not in p))
        if first != asked:
            answer.fields["value"] = self.graph.answer(first).fields["value"]
        else:
            answer.fields["@odata.nextLink"] = self._self(asked)

    def _self(self, asked: Asked) -> str:
        return f"{self.graph.base}{quote(asked.path)}?{asked.query_text}"


def _nulled(fields: dict[str, object]) -> None:
    value = fields.get("value")
    people = [p for p in (value if isinstance(value, list) else [fields]) if "accountEnabled" in p]
    for person in people:
        person |= {name: None for name in person if name not in ("id", "@odata.type", "@odata.context")}


def _response(id_: object, inner: GraphAnswer) -> dict[str, object]:
    headers = {"Content-Type": "application/json", **inner.headers}
    body: object = inner.fields if inner.raw is None else inner.raw.decode()
    return {"id": id_, "status": inner.status, "headers": headers, "body": body}


def _sent(answer: GraphAnswer) -> Response:
    headers = {**answer.headers, "content-type": answer.content_type}
    return Response(answer.body, status_code=answer.status, headers=headers)
