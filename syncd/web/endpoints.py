"""What can be asked of the daemon, one function each: a checked question in, an answer out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.control import Control, Job, JobState, NotKnown, Right
from syncd.plan.rulings import HoldState
from syncd.render.json import journal_json, plain
from syncd.web.answers import hold_json, job_json, last_plan_json
from syncd.web.auth import Principal
from syncd.web.endpoint import Endpoint, Payload, RequestContext, RunsOn
from syncd.web.grant_endpoints import GRANT_ENDPOINTS
from syncd.web.holds import OF_A_HOLD, queued
from syncd.web.parameters import (
    LONGEST_WAIT_S,
    PAGE,
    choice,
    moment,
    read_approval,
    read_nothing,
    read_order,
    whole,
    word,
)
from syncd.web.problems import Refusal

LOOK_S = 0.1
"""Between two looks at a job that somebody waits for."""
LAST = datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)
"""The last moment after which there is another one."""
STATES = ("all", *(state.value for state in HoldState))
STATUSES = ("applied", "failed", "unknown", "held", "skipped", "pending", "intent", "planned")


# --- is it well? ------------------------------------------------------------------------------------------------------


def healthz(context: RequestContext) -> Payload:
    why = context.state.control.alive()
    return Payload({"alive": not why, "why": why}, 503 if why else 200)


def job_of(control: Control, text: str) -> Job:
    """Find a job by the text in the path.

    Raises:
        NotKnown: no job, or no number.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotKnown(f'there is no job "{text[:40]}"; a job is a number')
    return control.job(int(text))


# --- what is -----------------------------------------------------------------------------------------------------------


def status(context: RequestContext) -> Payload:
    return Payload(plain(context.state.control.state()))


def alarms(context: RequestContext) -> Payload:
    return Payload({"alarms": plain(context.state.control.state().alarms)})


def deployment(context: RequestContext) -> Payload:
    found = {d.name: d for d in context.state.control.state().deployments}
    name = _known(context.path["name"], found)
    last_plan = context.state.queries.last_plan(name)
    return Payload({**plain(found[name]), "last_plan": last_plan and last_plan_json(last_plan)})


def plans(context: RequestContext) -> Payload:
    found = [context.state.queries.last_plan(name) for name in _deployments(context)]
    return Payload({"plans": [last_plan_json(last_plan) for last_plan in found if last_plan]})


def holds(context: RequestContext) -> Payload:
    found = context.state.queries.holds(_deployments(context), state=context.query["state"])
    page = {name: context.query[name] for name in ("limit", "offset")}
    return Payload({"holds": [hold_json(hold, **page) for hold in found]})


def _deployments(context: RequestContext) -> list[str]:
    there = [d.name for d in context.state.control.state().deployments]
    wanted = context.query["deployment"]
    return there if wanted is None else [_known(wanted, there)]


def _known(name: str, there: Mapping[str, object] | Sequence[str]) -> str:
    if name in there:
        return name
    few = ", ".join(list(there)[:10])
    raise NotKnown(f'no deployment "{name[:256]}"; there are {few}{" and more" if len(there) > 10 else ""}')


# --- what was ----------------------------------------------------------------------------------------------------------


def changes(context: RequestContext) -> Payload:
    wanted = dict(context.query)
    rows = context.state.queries.audit(**{**wanted, "limit": wanted["limit"] + 1})
    return _page(context, "changes", [journal_json(row) for row in rows])


def access(context: RequestContext) -> Payload:
    """Show who held what at a moment (now, if nothing is said), or in a span."""
    wanted = dict(context.query)
    at, spans = wanted.pop("at"), wanted["since"] or wanted["until"]
    if at and spans:
        raise Refusal(400, "query: give either at, or since and until")
    if not spans:
        # held at a moment: it had begun by then, and had not ended
        wanted["since"] = at or context.now
        wanted["until"] = min(wanted["since"], LAST) + timedelta(microseconds=1)
    rows = context.state.queries.history(**{**wanted, "limit": wanted["limit"] + 1})
    return _page(context, "access", [plain(row) for row in rows])


def uses(context: RequestContext) -> Payload:
    rows = context.state.uses.uses(context.query["limit"] + 1, offset=context.query["offset"])
    return _page(context, "uses", [plain(row) for row in rows])


def _page(context: RequestContext, name: str, rows: list[Any]) -> Payload:
    """Give a page, newest first; one row more than was asked for says that there is more."""
    limit, offset = context.query["limit"], context.query["offset"]
    return Payload({name: rows[:limit], "limit": limit, "offset": offset, "more": len(rows) > limit})


# --- what shall be -----------------------------------------------------------------------------------------------------


def reconcile(context: RequestContext) -> Payload:
    order = read_order(context.body, by=context.principal.name)
    return queued(context.state.control.reconcile(order))


def approve(context: RequestContext) -> Payload:
    said = read_approval(context.body)
    name, digest = context.path["deployment"], context.path["digest"]
    found = context.state.control.approve(name, digest, by=context.principal.name, origin=context.road, **said)
    return queued(found)


def reload(context: RequestContext) -> Payload:
    read_nothing(context.body)
    if wrong := context.state.control.reload():
        raise Refusal(422, f"the files cannot be used, and those before stay in use: {wrong}")
    return Payload({"in_use": True})


async def job(context: RequestContext) -> Payload:
    """Give a job; with `wait`, once it has ended or so many seconds have gone by."""
    until = time.monotonic() + context.query["wait"]
    while True:
        found = job_of(context.state.control, context.path["id"])
        _check_own(found, context.principal)
        over = found.state is JobState.DONE or context.state.stopping or time.monotonic() >= until
        if over or await context.is_gone():
            return Payload(job_json(found))
        await asyncio.sleep(LOOK_S)


def _check_own(found: Job, principal: Principal) -> None:
    """Who may not read may still see what became of their own orders."""
    if Right.READ not in principal.rights and found.order.by != principal.name:
        raise Refusal(403, f'the token "{principal.name}" has no right to read, and somebody else asked for this job')


# --- how the daemon stands, for machines --------------------------------------------------------------------------------


def metrics(context: RequestContext) -> Payload:
    text = context.state.control.metrics().decode()
    return Payload(text, media="text/plain; version=0.0.4; charset=utf-8")


def readyz(context: RequestContext) -> Payload:
    """Say whether the daemon does its work. The reasons name deployments and hosts, so not everybody is told them."""
    reasons = context.state.control.unready()
    told = list(reasons) if Right.READ in context.principal.rights else [_HIDDEN] * bool(reasons)
    code = 503 if reasons else 200
    if context.wants_text:
        return Payload("".join(f"{line}\n" for line in told or ["ready"]), code, media="text/plain; charset=utf-8")
    return Payload({"ready": not reasons, "reasons": told}, code)


_HIDDEN = "why is told to callers with a token that may read"


# --- all of them --------------------------------------------------------------------------------------------------------

OPEN: frozenset[Right] = frozenset()
_READ, _RECONCILE, _APPROVE = (frozenset({right}) for right in Right)
_DEPLOYMENT = word("deployment", "Only this deployment.")
_USER = word("user", "Only this account.")
_SPAN = (moment("since", "From then on."), moment("until", "Before then."))

ENDPOINTS: tuple[Endpoint, ...] = (
    *GRANT_ENDPOINTS,
    Endpoint(
        "GET",
        "/healthz",
        OPEN,
        healthz,
        RunsOn.EVENT_LOOP,
        "Whether the process lives; if not, restart it.",
        {200: "Health", 503: "Health"},
    ),
    Endpoint(
        "GET",
        "/readyz",
        OPEN,
        readyz,
        RunsOn.EVENT_LOOP,
        "Whether the daemon does its work, and if not, why.",
        {200: "Readiness", 503: "Readiness"},
    ),
    Endpoint("GET", "/metrics", _READ, metrics, RunsOn.DAEMON, "Metrics in Prometheus' text format.", {200: ""}),
    Endpoint(
        "GET",
        "/api/v1/status",
        _READ,
        status,
        RunsOn.DAEMON,
        "Everything at one glance: sources, deployments, alarms.",
        {200: "DaemonState"},
    ),
    Endpoint(
        "GET",
        "/api/v1/deployments/{name}",
        _READ,
        deployment,
        RunsOn.DATABASE,
        "How one deployment stands, and its newest plan.",
        {200: "DeploymentCard"},
    ),
    Endpoint(
        "GET",
        "/api/v1/plans",
        _READ,
        plans,
        RunsOn.DATABASE,
        "The newest plan of each deployment.",
        {200: "Plans"},
        (_DEPLOYMENT,),
    ),
    Endpoint(
        "GET",
        "/api/v1/holds",
        _READ,
        holds,
        RunsOn.DATABASE,
        "What limits hold back; limit and offset page through the changes of each.",
        {200: "Holds"},
        (
            _DEPLOYMENT,
            choice("state", "Only those of this state (`all`: of any); without it, all that are not over.", STATES),
            *PAGE,
        ),
    ),
    Endpoint(
        "GET",
        "/api/v1/changes",
        _READ,
        changes,
        RunsOn.DATABASE,
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
        RunsOn.DATABASE,
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
    Endpoint("GET", "/api/v1/alarms", _READ, alarms, RunsOn.DAEMON, "What a person should see to.", {200: "Alarms"}),
    Endpoint(
        "GET", "/api/v1/uses", _READ, uses, RunsOn.DATABASE, "Who used this API, newest first.", {200: "Uses"}, PAGE
    ),
    Endpoint(
        "GET",
        "/api/v1/jobs/{id}",
        frozenset(Right),
        job,
        RunsOn.EVENT_LOOP,
        "How work that was asked for stands.",
        {200: "JobAnswer"},
        (whole("wait", "Wait up to so many seconds for its end.", least=0, most=LONGEST_WAIT_S, default=0),),
    ),
    Endpoint(
        "POST",
        "/api/v1/reconcile",
        _RECONCILE,
        reconcile,
        RunsOn.DAEMON,
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
        RunsOn.DAEMON,
        "Read configuration and mappings again now.",
        {200: "Reloaded"},
        writes=True,
    ),
    Endpoint(
        "POST",
        "/api/v1/holds/{deployment}/{digest}/approve",
        _APPROVE,
        approve,
        RunsOn.DAEMON,
        "Let exactly these held changes go. The right to approve does not include the right to reconcile.",
        {200: "Hold", 202: "JobAnswer"},
        body="Approval",
        requires_body=False,
        writes=True,
    ),
    *OF_A_HOLD,
)
