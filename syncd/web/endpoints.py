"""What can be asked of the daemon, one function each: a checked question in, an answer out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from syncd.control import Control, Job, JobState, NotKnown, Right
from syncd.ports import Emit, Queries, Uses
from syncd.render.json import journal_json, plain
from syncd.web.answers import hold_json, job_json, standing_json
from syncd.web.asking import (
    LONGEST_WAIT_S,
    PAGE,
    Parameter,
    choice,
    moment,
    read_nothing,
    read_order,
    whole,
    word,
)
from syncd.web.doors import Caller, Doors
from syncd.web.problems import Refusal
from syncd.web.threads import Threads

LOOK_S = 0.1
"""Between two looks at a job that somebody waits for."""
STATUSES = ("applied", "failed", "unknown", "held", "skipped", "pending", "intent", "planned")


@dataclass(slots=True)
class House:
    """What the endpoints work with. Questions to the daemon do not queue behind questions to the database."""

    control: Control
    queries: Queries
    uses: Uses
    doors: Doors
    clock: Callable[[], datetime]
    emit: Emit
    asking_daemon: Threads = field(default_factory=lambda: Threads(4))
    asking_store: Threads = field(default_factory=lambda: Threads(8))
    body_s: float = 10.0
    """So long may the body of a request take to arrive."""
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose caller has the right to make it; `query` and `body` are checked."""

    house: House
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes
    now: datetime
    is_gone: Callable[[], Awaitable[bool]]
    wants_text: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is a JSON value, or a text of the type `media`."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = ""


class Asks(Enum):
    """Whom an endpoint asks, and so where it runs."""

    NOBODY = "the event loop"
    DAEMON = "a thread"
    STORE = "a thread for the database"


class Does(Protocol):
    __name__: str

    def __call__(self, asked: Asked, /) -> Answer | Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path and method. `needs` are the rights of which one is enough; empty: nobody is asked who they are.

    `writes` marks what is noted before it is done, and is not done where it cannot be noted. `answers` gives for each
    status the name of the schema of its body, besides the problems that any request can meet.
    """

    method: str
    path: str
    needs: frozenset[Right]
    does: Does
    asks: Asks
    about: str
    answers: Mapping[int, str]
    query: tuple[Parameter, ...] = ()
    body: str = ""
    writes: bool = False

    @property
    def name(self) -> str:
        return self.does.__name__

    @property
    def is_noted(self) -> bool:
        return self.path.startswith("/api/")


# --- is it well? ------------------------------------------------------------------------------------------------------


def healthz(asked: Asked) -> Answer:
    why = asked.house.control.alive()
    return Answer({"alive": not why, "why": why}, 503 if why else 200)


def job_of(control: Control, text: str) -> Job:
    """Find a job by the text in the path.

    Raises:
        NotKnown: no job, or no number.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotKnown(f'there is no job "{text[:40]}"; a job is a number')
    return control.job(int(text))


# --- what is -----------------------------------------------------------------------------------------------------------


def status(asked: Asked) -> Answer:
    return Answer(plain(asked.house.control.state()))


def alarms(asked: Asked) -> Answer:
    return Answer({"alarms": plain(asked.house.control.state().alarms)})


def deployment(asked: Asked) -> Answer:
    found = {d.name: d for d in asked.house.control.state().deployments}
    name = _known(asked.path["name"], found)
    standing = asked.house.queries.last_plan(name)
    return Answer({**plain(found[name]), "last_plan": standing and standing_json(standing)})


def plans(asked: Asked) -> Answer:
    found = [asked.house.queries.last_plan(name) for name in _deployments(asked)]
    return Answer({"plans": [standing_json(standing) for standing in found if standing]})


def holds(asked: Asked) -> Answer:
    found = [(name, asked.house.queries.held(name)) for name in _deployments(asked)]
    page = {name: asked.query[name] for name in ("limit", "offset")}
    return Answer({"holds": [hold_json(name, hold, **page) for name, hold in found if hold]})


def _deployments(asked: Asked) -> list[str]:
    there = [d.name for d in asked.house.control.state().deployments]
    wanted = asked.query["deployment"]
    return there if wanted is None else [_known(wanted, there)]


def _known(name: str, there: Mapping[str, object] | Sequence[str]) -> str:
    if name in there:
        return name
    few = ", ".join(list(there)[:10])
    raise NotKnown(f'no deployment "{name[:256]}"; there are {few}{" and more" if len(there) > 10 else ""}')


# --- what was ----------------------------------------------------------------------------------------------------------


def changes(asked: Asked) -> Answer:
    wanted = dict(asked.query)
    rows = asked.house.queries.audit(**{**wanted, "limit": wanted["limit"] + 1})
    return _page(asked, "changes", [journal_json(row) for row in rows])


def access(asked: Asked) -> Answer:
    """Show who held what at a moment (now, if nothing is said), or in a span."""
    wanted = dict(asked.query)
    at, spans = wanted.pop("at"), wanted["since"] or wanted["until"]
    if at and spans:
        raise Refusal(400, "query: give either at, or since and until")
    if not spans:
        # held at a moment: it had begun by then, and had not ended
        wanted["since"] = at or asked.now
        wanted["until"] = wanted["since"] + timedelta(microseconds=1)
    rows = asked.house.queries.history(**{**wanted, "limit": wanted["limit"] + 1})
    return _page(asked, "access", [plain(row) for row in rows])


def uses(asked: Asked) -> Answer:
    rows = asked.house.uses.uses(asked.query["limit"] + 1, offset=asked.query["offset"])
    return _page(asked, "uses", [plain(row) for row in rows])


def _page(asked: Asked, name: str, rows: list[Any]) -> Answer:
    """Give a page, newest first; one row more than was asked for says that there is more."""
    limit, offset = asked.query["limit"], asked.query["offset"]
    return Answer({name: rows[:limit], "limit": limit, "offset": offset, "more": len(rows) > limit})


# --- what shall be -----------------------------------------------------------------------------------------------------


def reconcile(asked: Asked) -> Answer:
    order = read_order(asked.body, by=asked.caller.name)
    return _queued(asked.house.control.reconcile(order))


def approve(asked: Asked) -> Answer:
    read_nothing(asked.body)
    name, digest = asked.path["deployment"], asked.path["digest"]
    return _queued(asked.house.control.approve(name, digest, by=asked.caller.name))


def _queued(job: Job) -> Answer:
    return Answer(job_json(job), 202, {"Location": f"/api/v1/jobs/{job.id}"})


def reload(asked: Asked) -> Answer:
    read_nothing(asked.body)
    if wrong := asked.house.control.reload():
        raise Refusal(422, f"the files cannot be used, and those before stay in use: {wrong}")
    return Answer({"in_use": True})


async def job(asked: Asked) -> Answer:
    """Give a job; with `wait`, once it has ended or so many seconds have gone by."""
    until = time.monotonic() + asked.query["wait"]
    while True:
        found = job_of(asked.house.control, asked.path["id"])
        _check_own(found, asked.caller)
        over = found.state is JobState.DONE or asked.house.stopping or time.monotonic() >= until
        if over or await asked.is_gone():
            return Answer(job_json(found))
        await asyncio.sleep(LOOK_S)


def _check_own(found: Job, caller: Caller) -> None:
    """Who may not read may still see what became of their own orders."""
    if Right.READ not in caller.rights and found.order.by != caller.name:
        raise Refusal(403, f'the token "{caller.name}" has no right to read, and somebody else asked for this job')


# --- how the daemon stands, for machines --------------------------------------------------------------------------------


def metrics(asked: Asked) -> Answer:
    text = asked.house.control.metrics().decode()
    return Answer(text, media="text/plain; version=0.0.4; charset=utf-8")


def readyz(asked: Asked) -> Answer:
    """Say whether the daemon does its work. The reasons name deployments and hosts, so not everybody is told them."""
    reasons = asked.house.control.unready()
    told = list(reasons) if Right.READ in asked.caller.rights else [_HIDDEN] * bool(reasons)
    code = 503 if reasons else 200
    if asked.wants_text:
        return Answer("".join(f"{line}\n" for line in told or ["ready"]), code, media="text/plain; charset=utf-8")
    return Answer({"ready": not reasons, "reasons": told}, code)


_HIDDEN = "why is told to callers with a token that may read"


# --- all of them --------------------------------------------------------------------------------------------------------

OPEN: frozenset[Right] = frozenset()
_READ, _RECONCILE, _APPROVE = (frozenset({right}) for right in Right)
_DEPLOYMENT = word("deployment", "Only this deployment.")
_USER = word("user", "Only this account.")
_SPAN = (moment("since", "From then on."), moment("until", "Before then."))

ENDPOINTS = (
    Endpoint(
        "GET",
        "/healthz",
        OPEN,
        healthz,
        Asks.NOBODY,
        "Whether the process lives; if not, restart it.",
        {200: "Health", 503: "Health"},
    ),
    Endpoint(
        "GET",
        "/readyz",
        OPEN,
        readyz,
        Asks.NOBODY,
        "Whether the daemon does its work, and if not, why.",
        {200: "Readiness", 503: "Readiness"},
    ),
    Endpoint("GET", "/metrics", _READ, metrics, Asks.DAEMON, "Metrics in Prometheus' text format.", {200: ""}),
    Endpoint(
        "GET",
        "/api/v1/status",
        _READ,
        status,
        Asks.DAEMON,
        "Everything at one glance: sources, deployments, alarms.",
        {200: "DaemonState"},
    ),
    Endpoint(
        "GET",
        "/api/v1/deployments/{name}",
        _READ,
        deployment,
        Asks.STORE,
        "How one deployment stands, and its newest plan.",
        {200: "DeploymentCard"},
    ),
    Endpoint(
        "GET",
        "/api/v1/plans",
        _READ,
        plans,
        Asks.STORE,
        "The newest plan of each deployment.",
        {200: "Plans"},
        (_DEPLOYMENT,),
    ),
    Endpoint(
        "GET",
        "/api/v1/holds",
        _READ,
        holds,
        Asks.STORE,
        "What limits hold back; limit and offset page through the changes of each.",
        {200: "Holds"},
        (_DEPLOYMENT, *PAGE),
    ),
    Endpoint(
        "GET",
        "/api/v1/changes",
        _READ,
        changes,
        Asks.STORE,
        "The journal: each change that was meant, made, held or refused, newest first.",
        {200: "Changes"},
        (
            _DEPLOYMENT,
            _USER,
            word("role", "Changes of this role, and changes that gave or took it."),
            *_SPAN,
            choice("status", "How it ended; without it, all that was more than planned.", STATUSES),
            whole("run", "Only this run.", least=1, most=10**15),
            *PAGE,
        ),
    ),
    Endpoint(
        "GET",
        "/api/v1/access",
        _READ,
        access,
        Asks.STORE,
        "Who holds which role, and why: now, at a moment, or in a span of time.",
        {200: "Access"},
        (
            _DEPLOYMENT,
            _USER,
            word("role", "Only this role."),
            moment("at", "At that moment; not with since or until."),
            *_SPAN,
            *PAGE,
        ),
    ),
    Endpoint("GET", "/api/v1/alarms", _READ, alarms, Asks.DAEMON, "What a person should see to.", {200: "Alarms"}),
    Endpoint("GET", "/api/v1/uses", _READ, uses, Asks.STORE, "Who used this API, newest first.", {200: "Uses"}, PAGE),
    Endpoint(
        "GET",
        "/api/v1/jobs/{id}",
        frozenset(Right),
        job,
        Asks.NOBODY,
        "How work that was asked for stands.",
        {200: "JobAnswer"},
        (whole("wait", "Wait up to so many seconds for its end.", least=0, most=LONGEST_WAIT_S, default=0),),
    ),
    Endpoint(
        "POST",
        "/api/v1/reconcile",
        _RECONCILE,
        reconcile,
        Asks.DAEMON,
        "Queue work ahead of everything else.",
        {202: "JobAnswer"},
        body="OrderBody",
        writes=True,
    ),
    Endpoint(
        "POST",
        "/api/v1/reload",
        _RECONCILE,
        reload,
        Asks.DAEMON,
        "Read configuration and mappings again now.",
        {200: "Reloaded"},
        writes=True,
    ),
    Endpoint(
        "POST",
        "/api/v1/holds/{deployment}/{digest}/approve",
        _APPROVE,
        approve,
        Asks.DAEMON,
        "Let exactly these held changes go. The right to approve does not include the right to reconcile.",
        {202: "JobAnswer"},
        writes=True,
    ),
)
