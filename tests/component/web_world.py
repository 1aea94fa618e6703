"""A daemon that does as it is told, its journal, and people who call it over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from memory_journal import MemoryGrants
from starlette.applications import Starlette
from waiting import PATIENCE_S, until

from syncd.access.granting import GrantRefused, GrantWish
from syncd.config.settings import ApiToken, HttpSettings
from syncd.control import (
    AlarmState,
    DaemonState,
    DeploymentHealth,
    DeploymentResult,
    DeploymentState,
    Job,
    JobState,
    NotKnown,
    NotNow,
    Order,
    SourceState,
)
from syncd.errors import StoreError
from syncd.http.secrets import Secret
from syncd.model import GrantRequest, GrantWord, TimedGrant
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord
from syncd.ports import AuditRow, HeldPlan, Holding, LastPlan, Use
from syncd.store import Stores
from syncd.web import Authenticator, Server, app
from syncd.web.app import state_of
from syncd.web.timeouts import TimedProtocol

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKENS = {"reader": ("read",), "doer": ("reconcile",), "boss": ("approve",), "all": ("approve", "read", "reconcile")}

STATE = DaemonState(
    replica="host-1",
    replicas=("host-1", "host-2"),
    started_at=NOW,
    config_at=NOW,
    config_error="",
    database_error="",
    stopping=False,
    sources=(SourceState("okta", NOW, None, NOW, "timed out", 3, 2, ("finance",)),),
    deployments=(
        DeploymentState("prod", DeploymentHealth.OK, enforce=True, swept_at=NOW, held="abc", notes=("a note",)),
        DeploymentState(
            "test", DeploymentHealth.QUARANTINED, enforce=False, next_try_at=NOW, failures=5, error="refused"
        ),
    ),
    alarms=(AlarmState("held", "prod", "60 changes are held", NOW),),
)


@dataclass
class FakeGrants:
    """Takes every wish but those for Admin; what was said is kept in memory."""

    kept: MemoryGrants = field(default_factory=MemoryGrants)

    def listed(self, *, every: bool, limit: int, offset: int) -> tuple[TimedGrant, ...]:
        found = self.kept.newest(limit, offset=offset)
        return tuple(grant for grant in found if every or not grant.ended)

    def get(self, number: int) -> TimedGrant:
        if (found := self.kept.get(number)) is None:
            raise NotKnown(f"there is no grant {number}")
        return found

    def ask(self, wish: GrantWish, word: GrantWord) -> TimedGrant:
        if wish.role == "Admin":
            raise GrantRefused("no [[grants.allow]] allows this")
        expires = NOW + timedelta(hours=1) if wish.role == "Op" else None
        who = ("okta", wish.user)
        request = GrantRequest(
            wish.deployment, wish.role, who, wish.user, wish.lasts, wish.reason, word, wish.ticket, expires
        )
        return self.kept.ask(request)

    def approve(self, number: int, word: GrantWord) -> TimedGrant:
        return self.kept.give(self.get(number).id, word) or self.get(number)

    def revoke(self, number: int, word: GrantWord, why: str) -> TimedGrant:
        return self.kept.end(self.get(number).id, word, why) or self.get(number)


@dataclass
class FakeControl:
    """What a test says the daemon is; what it was asked is in `asked`."""

    dead: str = ""
    reasons: tuple[str, ...] = ()
    jobs: dict[int, Job] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    looked_for: list[int] = field(default_factory=list)
    """Each job that somebody asked for."""
    wrong_files: str = ""
    needs_another: bool = False
    """Whether what is approved waits for another person's word."""
    stopping: bool = False
    stuck: Event | None = None
    """While it is there and not set, `state` does not return."""
    grants: FakeGrants = field(default_factory=FakeGrants)

    def alive(self) -> str:
        return self.dead

    def unready(self) -> tuple[str, ...]:
        return self.reasons

    def state(self) -> DaemonState:
        if self.stuck is not None:
            self.stuck.wait(PATIENCE_S)
        return STATE

    def reconcile(self, order: Order) -> Job:
        if self.stopping:
            raise NotNow("the daemon is stopping")
        if unknown := order.deployments - {"prod", "test"}:
            raise NotKnown(f'no deployment "{min(unknown)}"; there are prod, test')
        self.asked.append(order)
        return self._open(order, tuple(sorted(order.deployments)) or ("prod", "test"))

    def approve(
        self, deployment: str, digest: str, *, by: str, approver: str = "", reason: str = "", origin: str = ""
    ) -> Job | HoldRecord:
        assert origin, "on which road it came"
        if (deployment, digest) != ("prod", "abc"):
            raise NotKnown(f"nothing with the digest {digest} is held on {deployment}")
        order = Order(deployments=frozenset({deployment}), by=by, approver=approver, reason=reason)
        self.asked.append((deployment, digest, order.who))
        return self._open(order, (deployment,))

    def rule(
        self, hold: str, ruling: HoldRuling, *, by: str, approver: str = "", reason: str = "", origin: str = ""
    ) -> Job | HoldRecord:
        if hold != "h1":
            raise NotKnown(f'there is no hold "{hold}"')
        order = Order(deployments=frozenset({"prod"}), by=by, approver=approver, reason=reason)
        self.asked.append((hold, ruling.value, order.who, origin))
        if ruling is HoldRuling.APPROVE and not self.needs_another:
            return self._open(order, ("prod",))
        state = HoldState.REJECTED if ruling is HoldRuling.REJECT else HoldState.WAITS
        word = HoldWord(ruling, order.who, frozenset({by}), NOW, reason, origin)
        return HoldRecord(1, "prod", "abc", state, NOW, NOW, 7, ("too many",), 3, words=(word,))

    def job(self, id_: int) -> Job:
        self.looked_for.append(id_)
        if id_ not in self.jobs:
            raise NotKnown(f"there is no job {id_}")
        return self.jobs[id_]

    def end(self, id_: int, *results: DeploymentResult) -> None:
        self.jobs[id_] = replace(self.jobs[id_], state=JobState.DONE, ended_at=NOW, results=results)

    def reload(self) -> str:
        self.asked.append("reload")
        return self.wrong_files

    def metrics(self) -> bytes:
        return b"# HELP syncd_up Whether it is.\nsyncd_up 1\n"

    def _open(self, order: Order, deployments: tuple[str, ...]) -> Job:
        job = Job(len(self.jobs) + 1, JobState.WAITING, order, deployments, NOW)
        self.jobs[job.id] = job
        return job


@dataclass
class Ledger:
    """A database whose ability to answer, or to answer soon, a test can take away."""

    books: Stores
    fails: bool = False
    stuck: Event | None = None
    asked: int = 0
    before: int = 0
    """The newest use that is none of this test's."""

    def _wait(self) -> None:
        self.asked += 1
        if self.stuck is not None:
            self.stuck.wait(PATIENCE_S)
        if self.fails:
            raise StoreError("database syncd.db: the disk is full")

    def last_plan(self, deployment: str) -> LastPlan | None:
        self._wait()
        return self.books.queries.last_plan(deployment)

    def hold(self, name: str) -> HoldRecord | None:
        self._wait()
        return self.books.queries.hold(name)

    def holds(self, deployments: Collection[str], *, state: str | None = None) -> tuple[HoldRecord, ...]:
        self._wait()
        return self.books.queries.holds(deployments, state=state)

    def held(self, deployment: str) -> HeldPlan | None:
        self._wait()
        return self.books.queries.held(deployment)

    def audit(self, **wanted: Any) -> tuple[AuditRow, ...]:
        self._wait()
        return self.books.queries.audit(**wanted)

    def history(self, **wanted: Any) -> tuple[Holding, ...]:
        self._wait()
        return self.books.queries.history(**wanted)

    def journal_head(self) -> tuple[int, int]:
        self._wait()
        return self.books.queries.journal_head()

    def record_use(self, who: str, what: str, answer: int, *, now: datetime, detail: str = "") -> None:
        self._wait()
        self.books.presence.record_use(who, what, answer, now=now, detail=detail)

    def uses(self, limit: int, *, offset: int = 0) -> tuple[Use, ...]:
        self._wait()
        return self.books.presence.uses(limit, offset=offset)

    def notes(self) -> list[Use]:
        """List this test's uses, oldest first."""
        return [use for use in reversed(self.books.presence.uses(1000)) if use.id > self.before]

    def noted(self, count: int = 0) -> list[tuple[str, str, int]]:
        """Wait until so many uses are noted; says who did what with which answer, oldest first."""
        until(f"{count} uses are noted", lambda: len(self.notes()) >= count, told=self.notes)
        return [(use.who, use.what, use.answer) for use in self.notes()]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Caller:
    """Somebody who calls over the Unix socket (`path`), or over TCP."""

    path: Path | None = None
    port: int = 0
    token: str = ""
    tls: ssl.SSLContext | None = None

    def open(self) -> socket.socket:
        if self.path is None:
            return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(PATIENCE_S)
        opened.connect(str(self.path))
        return opened

    def connection(self) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection("localhost", timeout=PATIENCE_S)
        made.sock = self.tls.wrap_socket(self.open(), server_hostname="localhost") if self.tls else self.open()
        return made

    def says(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        sent = dict(headers or {})
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if content and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        connection = self.connection()
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.says("GET", path)


@dataclass
class Place:
    """A running server with all that belongs to it."""

    control: FakeControl
    ledger: Ledger
    auth: Authenticator
    server: Server
    app: Starlette
    path: Path
    events: list[tuple[str, dict[str, object]]]

    def as_new(self) -> Place:
        """Forget what an earlier test did, once the last of it was noted."""
        until("nobody is being answered", lambda: not any(s.server_state.tasks for s in self.server._serving))
        vars(self.control).update(vars(FakeControl()))
        self.ledger.fails, self.ledger.stuck = False, None
        self.ledger.before = max((use.id for use in self.ledger.books.presence.uses(1)), default=0)
        self.events.clear()
        return self

    @property
    def connections(self) -> int:
        """Say how many are connected, by either way."""
        return sum(len(s.server_state.connections) for s in self.server._serving)

    @property
    def asked_of_database(self) -> int:
        """Say how many questions the database has not answered, those included that wait for a thread."""
        return state_of(self.app).database_threads._asked

    @property
    def inside(self) -> Caller:
        """Somebody at the Unix socket."""
        return Caller(path=self.path)

    def outside(self, name: str = "") -> Caller:
        """Somebody at the TCP port, with the token of that name."""
        assert self.server.port is not None
        return Caller(port=self.server.port, token=secret_of(name) if name else "")


def secret_of(name: str) -> str:
    return f"{name}-0123456789abcdef0123456789abcdef"


def http_settings(folder: Path, **others: Any) -> HttpSettings:
    """Give settings with a token in a file for each name in TOKENS, on any free port of the loopback."""
    tokens = []
    for name, rights in TOKENS.items():
        (folder / f"{name}.token").write_text(secret_of(name), encoding="utf-8")
        tokens.append(ApiToken(name, Secret("file", (str(folder / f"{name}.token"),)), frozenset(rights)))
    return HttpSettings("127.0.0.1", 0, tokens=tuple(tokens), **others)


@contextmanager
def serving(
    books: Stores,
    folder: Path,
    http: HttpSettings | None,
    *,
    timeouts: type[TimedProtocol] = TimedProtocol,
    name: str = "s.sock",
    control: FakeControl | None = None,
) -> Iterator[Place]:
    """Serve a fake daemon as long as the context lasts."""
    events: list[tuple[str, dict[str, object]]] = []

    def emit(event: str, /, **facts: object) -> None:
        events.append((event, facts))

    control, ledger, auth = control or FakeControl(), Ledger(books), Authenticator(http)
    made = app(control, ledger, ledger, auth=auth, emit=emit, clock=lambda: NOW)
    path = folder / name
    server = Server(made, path=path, http=http, emit=emit, timeouts=timeouts)
    server.start()
    try:
        yield Place(control, ledger, auth, server, made, path, events)
    finally:
        server.stop(2.0)
