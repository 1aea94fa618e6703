"""Whatever one answer of a server is changed into, a reader of it ends with a sentence: no traceback, no defect.

Good answers of the stand-ins, of which one at a time gets another status, an odd header or an odd body.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow_world import DAGS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncd.errors import SourceUnavailable, TargetUnavailable
from syncd.http.backoff import Retries, Waiting
from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.http.session import NoAnswer
from syncd.model import EVERYTHING
from syncd.sandbox.airflow import StandIn
from syncd.sandbox.entra import EntraStandIn
from syncd.sandbox.okta import OktaStandIn, Org
from syncd.sources.entra import ClientSecret, EntraSettings, EntraSource, GroupSelection
from syncd.sources.kind import SourceSurroundings
from syncd.sources.okta import GroupFilter, OktaApiToken, OktaSettings, OktaSource
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential, Timing

Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[Header, ...]
    body: bytes

    def sent(self) -> bytes:
        names = {name.lower() for name, _ in self.headers}
        own = () if b"content-length" in names else ((b"Content-Length", b"%d" % len(self.body)),)
        lines = [name + b": " + value for name, value in (*self.headers, *own, (b"Connection", b"close"))]
        return b"HTTP/1.1 %d X\r\n" % self.status + b"\r\n".join(lines) + b"\r\n\r\n" + self.body


Change = Callable[[Answer], Answer]


@dataclass
class Liar:
    """Serves an ASGI application; the answer to the `at`-th request from `aim` on is changed."""

    app: Any
    url: str = ""
    change: Change = lambda answer: answer
    at: int = -1
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def aim(self, at: int, change: Change) -> None:
        self.at, self.change, self.seen = at, change, 0

    def reply(self, method: str, target: str, headers: list[Header], body: bytes) -> bytes:
        answer = asyncio.run(_asked(self.app, method, target, headers, body))
        with self.lock:
            self.seen += 1
            hit = self.seen == self.at
        return (self.change(answer) if hit else answer).sent()


async def _asked(app: Any, method: str, target: str, headers: list[Header], body: bytes) -> Answer:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "server": ("127.0.0.1", 1),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    return Answer(sent[0]["status"], tuple((bytes(n), bytes(v)) for n, v in sent[0].get("headers", ())), content)


@contextmanager
def serving(app: Any) -> Iterator[Liar]:
    liar = Liar(app)
    listener = socket.create_server(("127.0.0.1", 0))
    liar.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            stream = connection.makefile("rb")
            line = stream.readline().decode("latin-1").split(" ")
            if len(line) < 3:
                return
            headers = []
            while (header := stream.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                headers.append((name.lower(), value.strip()))
            length = int(dict(headers).get(b"content-length", b"0"))
            connection.sendall(liar.reply(line[0], line[1], headers, stream.read(length)))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield liar
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


# --- what an answer is changed into -----------------------------------------------------------------------------------

ODD_TEXT = [
    b"",
    b"\xb2",
    b"9" * 400,
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"nan",
    b"Fri, 31 Dec 2027 23:59:59 +9999999999999999",
    b"Fri, 31 Dec 9999 23:59:59 -1400",
    b"http://[::1",
    b"//[",
    b'<http://[::1>; rel="next"',
    b'<>; rel="next", <x',
    b"<http://x:99999999/>; rel=next",
    b"application/json; charset=zip",
    b"application/json; charset=\xff",
    b"gzip, gzip, br, deflate",
    b"text/html",
    b"a=\xff; \x01",
]
NAMES = [
    b"Retry-After",
    b"Date",
    b"Link",
    b"Location",
    b"Content-Type",
    b"Content-Encoding",
    b"Set-Cookie",
    b"X-Rate-Limit-Limit",
    b"X-Rate-Limit-Remaining",
    b"X-Rate-Limit-Reset",
    b"x-ms-throttle-limit-percentage",
    b"WWW-Authenticate",
]
ODD_JSON = [
    b"null",
    b"[]",
    b"{}",
    b"[[]]",
    b"true",
    b"-1",
    b"9" * 5000,
    b"1e999",
    b"NaN",
    b'"\\ud800"',
    b'""',
    b'"9999-12-31T23:59:59-14:00"',
    b'"http://[::1"',
    b"[" * 900 + b"]" * 900,
    b"[" * 100_000,
    b"\xff",
    b'{"id": {}}',
]
STATUSES = [200, 201, 204, 302, 304, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 999]


def _headed(name: bytes, value: bytes) -> Change:
    def change(answer: Answer) -> Answer:
        kept = tuple(header for header in answer.headers if header[0].lower() != name.lower())
        return Answer(answer.status, (*kept, (name, value)), answer.body)

    return change


def _bodied(odd: bytes, place: int) -> Change:
    """Put something odd in the place of a value of the body; 0 is the body itself."""

    def change(answer: Answer) -> Answer:
        try:
            found = json.loads(answer.body)
        except ValueError:
            return Answer(answer.status, answer.headers, odd)
        marked = _marked(found, place)
        return Answer(answer.status, answer.headers, json.dumps(marked).encode().replace(b'"<<odd>>"', odd))

    return change


def _marked(found: Any, place: int) -> Any:
    paths = list(_paths(found))
    path = paths[place % len(paths)]
    if not path:
        return "<<odd>>"
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = "<<odd>>"
    return found


def _paths(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    steps = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for step, inner in steps:
        yield from _paths(inner, (*path, step))


def _statused(status: int) -> Change:
    return lambda answer: Answer(status, answer.headers, answer.body)


def _on_one_line(text: bytes) -> bytes:
    return text.replace(b"\r", b"").replace(b"\n", b"")


texts = st.sampled_from(ODD_TEXT) | st.binary(max_size=9).map(_on_one_line)
headers = st.builds(_headed, st.sampled_from(NAMES), texts)
bodies = st.builds(_bodied, st.sampled_from(ODD_JSON), st.integers(0, 400))
statuses = st.builds(_statused, st.sampled_from(STATUSES))


def _both(one: Change, other: Change) -> Change:
    return lambda answer: one(other(answer))


changes = headers | bodies | st.builds(_both, statuses, headers) | st.builds(_both, statuses, bodies)
short = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def now() -> datetime:
    return datetime.now(UTC)


# --- Okta -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def okta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Liar, OktaSettings]]:
    org = Org()
    people = [org.add_user(f"person{n}@example.com") for n in range(7)]
    org.add_group("finance", people)
    org.add_group("ops", people[:2])
    standin = OktaStandIn(org)
    standin.ssws.add("token")
    token = tmp_path_factory.mktemp("okta") / "token"
    token.write_text("token")
    with serving(standin.app) as liar:
        standin.url = liar.url
        yield (
            liar,
            OktaSettings(
                Connection(liar.url, timeout_s=5.0),
                OktaApiToken(Secret("file", (str(token),))),
                GroupFilter(all=True),
                page_limit=5,
                deadline_s=3.0,
                retries=Retries(attempts=2, first_s=0.001, cap_s=0.01),
            ),
        )


@pytest.mark.finding("A-F7")
@short
@given(change=changes, at=st.integers(1, 12))
@example(change=_headed(b"Date", b"Fri, 31 Dec 9999 23:59:59 -1400"), at=1)
@example(change=_headed(b"X-Rate-Limit-Reset", b"9" * 400), at=1)
@example(change=_headed(b"X-Rate-Limit-Limit", b"9" * 5000), at=2)
@example(change=_both(_statused(429), _headed(b"Retry-After", b"\xb2")), at=1)
@example(change=_bodied(b"[" * 100_000, 0), at=1)
@example(change=_both(_statused(400), _bodied(b"[" * 100_000, 0)), at=1)
def test_okta(okta: tuple[Liar, OktaSettings], change: Change, at: int) -> None:
    liar, found = okta
    liar.aim(at, change)
    source = OktaSource("okta", found, SourceSurroundings(now))
    with suppress(SourceUnavailable):
        snapshot, cursor = source.read_from_here()
        liar.aim(at % 3, change)
        source.refresh(snapshot, cursor)


# --- Graph ------------------------------------------------------------------------------------------------------------


class Pass:
    """In the place of the authority's tokens, which are msal's business."""

    def bearer(self) -> str:
        return "token"

    def reject(self, token: str) -> None:
        """Forget it."""


@pytest.fixture(scope="module")
def entra() -> Iterator[tuple[Liar, EntraStandIn, EntraSettings]]:
    standin = EntraStandIn()
    standin.authority.tokens["token"] = float("inf")
    tenant = standin.tenant
    people = [tenant.add_user(f"given{n}.family{n}") for n in range(7)]
    finance = tenant.add_group("finance", people)
    tenant.add_group("ops", [people[1], finance])
    app = tenant.add_app("app-1", ["Admin"])
    tenant.assign(app, finance, "Admin")
    tenant.assign(app, people[0], "Admin")
    with serving(standin._app()) as liar:
        standin.graph.base = f"{liar.url}/v1.0"
        yield (
            liar,
            standin,
            EntraSettings(
                "contoso.example",
                "me",
                ClientSecret(Secret("env", ("X",))),
                (GroupSelection("name", "ops", transitive=True), GroupSelection("all")),
                graph=f"{liar.url}/v1.0",
                app_roles=("app-1",),
                page_size=5,
                attempts=2,
                timeout_s=5.0,
            ),
        )


@pytest.mark.finding("A-F7")
@short
@given(change=changes, at=st.integers(1, 20))
@example(change=_both(_statused(429), _headed(b"Retry-After", b"\xb2")), at=1)
@example(change=_both(_statused(429), _headed(b"Retry-After", b"9" * 5000)), at=1)
@example(change=_bodied(b"[" * 100_000, 0), at=1)
@example(change=_bodied(b'[{"id": [], "status": 200}]', 1), at=4)
@example(change=_headed(b"Location", b"http://[::1"), at=1)
def test_graph(entra: tuple[Liar, EntraStandIn, EntraSettings], change: Change, at: int) -> None:
    liar, standin, found = entra
    source = EntraSource("entra", found, SourceSurroundings(now), waiting=Waiting(pause=lambda _: None))
    source._graph._tokens = Pass()  # type: ignore[assignment]
    try:
        with suppress(SourceUnavailable):
            liar.aim(at, change)
            snapshot, cursor = source.read_from_here()
            standin.tenant.change_user(next(iter(standin.tenant.users)), employeeId="1")
            liar.aim(1 + at % 6, change)
            source.refresh(snapshot, cursor)
    finally:
        source.close()


# --- Airflow ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["2.11.2", "3.3.2"])
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Liar, Path]]:
    password = tmp_path_factory.mktemp("airflow") / "password"
    password.write_text("admin")
    with serving(StandIn(request.param, dags=DAGS[:3])) as liar:
        yield liar, password


@pytest.mark.finding("A-F7")
@short
@given(change=changes, at=st.integers(1, 14))
@example(change=_both(_statused(503), _headed(b"Retry-After", b"\xb2")), at=2)
@example(change=_both(_statused(302), _headed(b"Location", b"http://[::1")), at=2)
@example(change=_bodied(b"[" * 100_000, 0), at=2)
def test_airflow(airflow: tuple[Liar, Path], change: Change, at: int) -> None:
    liar, password = airflow
    secret = Secret("file", (str(password),))
    connection = Connection(liar.url, timeout_s=5.0)
    credentials = (Credential("basic", "admin", secret), Credential("token", "admin", secret))
    settings_ = AirflowSettings(connection, credentials)
    target = AirflowTarget("prod", settings_, timing=Timing(Retries(2), pause=lambda _: None))
    liar.aim(at, change)
    try:
        with suppress(TargetUnavailable, NoAnswer):
            target.look()
            target.inventory()
            target.observe(EVERYTHING, role_names=frozenset({"Viewer"}))
    finally:
        target.close()
