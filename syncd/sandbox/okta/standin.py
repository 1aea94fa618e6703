"""The stand-in itself: which request is answered with what, in which order the checks come, and what is remembered."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from syncd.sandbox.okta.answers import OktaAnswer, answer, error
from syncd.sandbox.okta.faults import OktaFault
from syncd.sandbox.okta.filters import BadFilter, Test, parse_filter
from syncd.sandbox.okta.limits import Limit, Window
from syncd.sandbox.okta.org import Org, OrgUser, Team
from syncd.sandbox.okta.tokens import Application, TokenOffice
from syncd.sandbox.okta.wire import Receive, Send, read_body, send_answer
from syncd.sandbox.serving import serving

GROUP_PROPERTIES: Final = frozenset({"id", "type", "lastUpdated", "lastMembershipUpdated"})
GROUP_SEARCH: Final = GROUP_PROPERTIES | {"profile.name", "created"}
USER_PROPERTIES: Final = frozenset(
    {"id", "status", "lastUpdated", "profile.login", "profile.email", "profile.firstName", "profile.lastName"}
)
ORDERED: Final = frozenset({"lastUpdated"})
"""Of a user, what `filter` compares by more than `eq` (listUsers, 2026.06.3); `search` compares all."""
SCOPES: Final[Mapping[str, str]] = {
    "groups": "okta.groups.read",
    "group": "okta.groups.read",
    "members": "okta.groups.read",
    "users": "okta.users.read",
    "user": "okta.users.read",
    "teams": "okta.users.read",
    "logs": "okta.logs.read",
}


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request that came. `area` is groups, group, members, users, user, teams (of a user), logs, token or other."""

    area: str
    method: str
    path: str
    query: str
    authorization: str = field(repr=False)
    status: int = 0


@dataclass(frozen=True, slots=True)
class ListPage:
    """Where one page of a list begins and ends, and under which addresses it and its neighbours are found."""

    start: int
    end: int
    self_url: str
    next_url: str | None


class OktaStandIn:
    """An Okta in this process. Everything may be changed while it serves.

    org         people and groups
    ssws        API tokens that are good
    office      service applications and their tokens
    limits      by area; what is not named is not limited
    latency_s   wait before every answer
    next_first  order of the two link headers
    seen        the requests that came, in order
    """

    def __init__(self, org: Org | None = None, *, limits: Mapping[str, Limit] | None = None) -> None:
        self.org = org or Org()
        self.ssws: set[str] = set()
        self.office = TokenOffice()
        self.buckets = {area: Window((limits or {}).get(area, Limit())) for area in (*SCOPES, "token")}
        self.faults: list[OktaFault] = []
        self.seen: list[SeenRequest] = []
        self.busy = 0
        self.busiest = 0
        self.latency_s = 0.0
        self.next_first = False
        self.url = ""

    @contextlib.contextmanager
    def serve(
        self, *, port: int = 0, certificate: Path | None = None, key: Path | None = None, host: str = "127.0.0.1"
    ) -> Iterator[str]:
        """Serve over HTTP, with TLS where a certificate is given; gives the address."""
        scheme = "https" if certificate else "http"
        with serving(self.app, port=port, certificate=certificate, key=key, own_date=True) as bound:
            self.url = f"{scheme}://{host}:{bound}"
            yield self.url

    def register(self, application: Application) -> None:
        self.office.applications[application.client_id] = application

    def lie(self, kind: str, area: str = "*", *, at: int = 1, times: int | None = 1, holds: str = "") -> OktaFault:
        """Add a fault; see `OktaFault`."""
        fault = OktaFault(kind, area, at, times, holds)
        self.faults.append(fault)
        return fault

    def calls(self, *areas: str) -> int:
        """Count the requests that came, of these areas where any are named."""
        return sum(1 for seen in self.seen if not areas or seen.area in areas)

    # --- one request ---------------------------------------------------------------------------------------------------

    async def app(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            body = await read_body(receive)
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            headers = {k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]}
            request = _Request(
                scope["method"], scope["path"], dict(parse_qsl(scope["query_string"].decode())), headers, body
            )
            found = self.respond(request, query=scope["query_string"].decode())
            await send_answer(found, receive, send)
        finally:
            self.busy -= 1

    def respond(self, request: _Request, *, query: str = "") -> OktaAnswer:
        """Decide the answer and remember the request."""
        area, id_ = _area(request.path)
        now = self.org.clock.time()
        target = f"{request.path}?{query}"
        struck = [fault for fault in self.faults if fault.strikes(area, target)]
        found = self._true_answer(request, area=area, id_=id_, now=now)
        found.now = now
        for fault in struck:
            found = fault.apply(found, self._previous(request, area, id_))
        found.headers.append(("Date", formatdate(now, usegmt=True)))
        found.headers.append(("X-Okta-Request-Id", f"req{len(self.seen)}"))
        authorization = request.headers.get("authorization", "")
        self.seen.append(SeenRequest(area, request.method, request.path, query, authorization, found.status))
        return found

    def _true_answer(self, request: _Request, *, area: str, id_: str, now: float) -> OktaAnswer:
        if area == "other":
            return error("E0000007", f"Not found: Resource not found: {request.path}")
        if request.method != ("POST" if area == "token" else "GET"):
            return error("E0000022")
        if area == "token":
            form = dict(parse_qsl(request.body.decode()))
            return self.office.give(form, request.headers.get("dpop"), url=self.url + request.path, now=now)
        refusal = self._refusal(request, area=area, now=now)
        if refusal is not None:
            return refusal
        bucket = self.buckets[area]
        found = self._content(request, area, id_) if bucket.take(now) else error("E0000047")
        found.headers += bucket.headers()
        found.next_first = self.next_first
        return found

    def _refusal(self, request: _Request, *, area: str, now: float) -> OktaAnswer | None:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.startswith("SSWS"):  # some methods of Okta's own packages leave the blank out
            value = value or kind.removeprefix("SSWS")
            return None if value in self.ssws else error("E0000011")
        proof = request.headers.get("dpop")
        scopes = self.office.scopes(kind, value, proof, method="GET", url=self.url + request.path, now=now)
        if not scopes:
            return error("E0000011")
        if SCOPES[area] in scopes:
            return None
        refusal = error("E0000006")
        refusal.headers.append(("WWW-Authenticate", f'Bearer error="insufficient_scope", scope="{SCOPES[area]}"'))
        return refusal

    def _content(self, request: _Request, area: str, id_: str) -> OktaAnswer:
        try:
            return _CONTENT[area](self, request, id_)
        except (BadFilter, ValueError, binascii.Error):
            return error("E0000031")
        except KeyError:
            return error("E0000007", f"Not found: Resource not found: {id_}")

    def _previous(self, request: _Request, area: str, id_: str) -> OktaAnswer | None:
        """Give the first page of a list of which another page is asked for."""
        if area not in {"groups", "members", "users"} or "after" not in request.query:
            return None
        query = {name: value for name, value in request.query.items() if name != "after"}
        return self._content(_Request(request.method, request.path, query, request.headers, b""), area, id_)

    # --- lists ---------------------------------------------------------------------------------------------------------

    def groups(self, request: _Request, _id: str) -> OktaAnswer:
        query = request.query
        teams = self._teams(query)
        page = self._page(request, [t.id for t in teams], usual=10_000)
        counted = "stats" in query.get("expand", "")
        items = [_dump(t.fields(users_count=len(t.members) if counted else None)) for t in teams[page.start : page.end]]
        return _listed(items, page)

    def _teams(self, query: Mapping[str, str]) -> list[Team]:
        teams = [self.org.teams[id_] for id_ in sorted(self.org.teams)]
        if "q" in query:
            wanted = query["q"].lower()
            return [t for t in teams if t.name.lower().startswith(wanted)]
        for name, properties in (("filter", GROUP_PROPERTIES), ("search", GROUP_SEARCH)):
            if name in query:
                test = parse_filter(query[name], properties=properties)
                teams = [t for t in teams if test(t.fields())]
        return teams

    def group(self, _request: _Request, id_: str) -> OktaAnswer:
        return answer(self.org.teams[id_].fields())

    def members(self, request: _Request, id_: str) -> OktaAnswer:
        ids = self.org.teams[id_].sorted_members()
        page = self._page(request, ids, usual=1000, most=1000)
        return _listed([self.org.people[user].json() for user in ids[page.start : page.end]], page)

    def users(self, request: _Request, _id: str) -> OktaAnswer:
        query = request.query
        test: Test = _not_deprovisioned
        if "filter" in query:
            test = parse_filter(query["filter"], properties=USER_PROPERTIES, ordered=ORDERED)
        elif "search" in query:
            test = parse_filter(query["search"], properties=USER_PROPERTIES)
        people = [p for _, p in sorted(self.org.people.items()) if test(p.fields())]
        page = self._page(request, [p.id for p in people], usual=200, most=200)
        return _listed([_projected(p, query.get("fields")) for p in people[page.start : page.end]], page)

    def user(self, _request: _Request, id_: str) -> OktaAnswer:
        return OktaAnswer(body=self._person(id_).json())

    def teams(self, request: _Request, id_: str) -> OktaAnswer:
        """List the groups of a user, in one page."""
        person = self._person(id_).id
        held = [_dump(team.fields()) for _, team in sorted(self.org.teams.items()) if person in team.members]
        return _listed(held, ListPage(0, len(held), f"{self.url}{request.path}", None))

    def logs(self, request: _Request, _id: str) -> OktaAnswer:
        """Show the log of the org, in which nothing stands."""
        return _listed([], ListPage(0, 0, f"{self.url}{request.path}", None))

    def _person(self, name: str) -> OrgUser:
        """Find a user by id or login."""
        logins = {str(person.profile.get("login")).lower(): person for person in self.org.people.values()}
        return self.org.people.get(name) or logins[name.lower()]

    def _page(self, request: _Request, ids: Sequence[str], *, usual: int, most: int = 10_000) -> ListPage:
        """Cut a page out of a list that is sorted by id; the cursor is the id before it, so changes shift nothing."""
        limit = min(int(request.query.get("limit", usual)), most)
        if limit < 1:
            raise ValueError("limit")
        start = bisect_right(ids, _read_cursor(request.query["after"])) if "after" in request.query else 0
        end = min(start + limit, len(ids))
        here = f"{self.url}{request.path}"
        own = f"{here}?{urlencode(request.query)}" if request.query else here
        if end == len(ids):
            return ListPage(start, end, own, None)
        ahead = {**request.query, "after": _cursor(ids[end - 1]), "limit": str(limit)}
        return ListPage(start, end, own, f"{here}?{urlencode(ahead)}")


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


_CONTENT: Final[Mapping[str, Callable[[OktaStandIn, _Request, str], OktaAnswer]]] = {
    "groups": OktaStandIn.groups,
    "group": OktaStandIn.group,
    "members": OktaStandIn.members,
    "users": OktaStandIn.users,
    "user": OktaStandIn.user,
    "teams": OktaStandIn.teams,
    "logs": OktaStandIn.logs,
}


def _area(path: str) -> tuple[str, str]:
    """Say which kind of request a path is, and about whom."""
    match path.strip("/").split("/"):
        case ["api", "v1", "groups"]:
            return "groups", ""
        case ["api", "v1", "groups", id_]:
            return "group", id_
        case ["api", "v1", "groups", id_, "users"]:
            return "members", id_
        case ["api", "v1", "users"]:
            return "users", ""
        case ["api", "v1", "users", id_]:
            return "user", id_
        case ["api", "v1", "users", id_, "groups"]:
            return "teams", id_
        case ["api", "v1", "logs"]:
            return "logs", ""
        case ["oauth2", "v1", "token"]:
            return "token", ""
        case _:
            return "other", ""


def _listed(items: list[bytes], page: ListPage) -> OktaAnswer:
    return OktaAnswer(items=items, self_url=page.self_url, next_url=page.next_url)


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _cursor(id_: str) -> str:
    """Make a cursor that nobody will take for an id, with characters that must be escaped in a URL."""
    return base64.b64encode(f"~{id_}".encode()).decode() + "=,"


def _read_cursor(cursor: str) -> str:
    return base64.b64decode(cursor.removesuffix("=,"), validate=True).decode().removeprefix("~")


def _not_deprovisioned(row: Mapping[str, Any]) -> bool:
    """What the list of users shows where nothing is asked for in particular."""
    return bool(row["status"] != "DEPROVISIONED")


def _projected(person: OrgUser, fields: str | None) -> bytes:
    """Keep the fields that were asked for; `id` is always there."""
    if not fields:
        return person.json()
    plain, _, inner = fields.replace(" ", "").partition("profile:(")
    inner, _, rest = inner.partition(")")
    wanted = {"id", *plain.split(","), *rest.split(",")}
    found = {name: value for name, value in person.fields().items() if name in wanted}
    if inner:
        found["profile"] = {name: value for name, value in person.profile.items() if name in inner.split(",")}
    return _dump(found)
