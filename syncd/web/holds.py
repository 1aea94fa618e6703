"""One hold of the inbox: what it is, and what somebody says of it."""

from __future__ import annotations

from syncd.control import Job, NotKnown, Right
from syncd.plan.rulings import HoldRecord, HoldRuling
from syncd.ports.queries import LIMIT
from syncd.web.answers import hold_json, job_json
from syncd.web.endpoint import Endpoint, Payload, RequestContext, RunsOn
from syncd.web.parameters import PAGE, read_approval


def hold(context: RequestContext) -> Payload:
    name = context.path["hold"]
    found = context.state.queries.hold(name)
    if found is None:
        raise NotKnown(f'there is no hold "{name[:256]}"')
    return Payload(hold_json(found, limit=context.query["limit"], offset=context.query["offset"]))


def approve_hold(context: RequestContext) -> Payload:
    return _ruled(context, HoldRuling.APPROVE)


def reject_hold(context: RequestContext) -> Payload:
    return _ruled(context, HoldRuling.REJECT)


def reopen_hold(context: RequestContext) -> Payload:
    return _ruled(context, HoldRuling.REOPEN)


def _ruled(context: RequestContext, ruling: HoldRuling) -> Payload:
    said, name = read_approval(context.body), context.path["hold"]
    return queued(context.state.control.rule(name, ruling, by=context.principal.name, origin=context.road, **said))


def queued(job: Job | HoldRecord) -> Payload:
    """Give the job; or the hold, where nothing is queued because of what was said of it."""
    if isinstance(job, HoldRecord):
        return Payload(hold_json(job, limit=LIMIT, offset=0))
    return Payload(job_json(job), 202, {"Location": f"/api/v1/jobs/{job.id}"})


_READ, _APPROVE = frozenset({Right.READ}), frozenset({Right.APPROVE})

OF_A_HOLD = (
    Endpoint(
        "GET",
        "/api/v1/holds/{hold}",
        _READ,
        hold,
        RunsOn.DATABASE,
        "One hold, by its name or digest: its changes, what was said of it, what became of it.",
        {200: "Hold"},
        PAGE,
    ),
    *(
        Endpoint(
            "POST",
            f"/api/v1/holds/{{hold}}/{word}",
            _APPROVE,
            handler,
            RunsOn.DAEMON,
            about,
            answers,
            body="Approval",
            requires_body=False,
            writes=True,
        )
        for word, handler, about, answers in (
            (
                "approve",
                approve_hold,
                "Let exactly the changes of this hold go; the hold is given where another person has to say so too.",
                {200: "Hold", 202: "JobAnswer"},
            ),
            ("reject", reject_hold, "Leave the changes of this hold undone, and ask no more.", {200: "Hold"}),
            ("reopen", reopen_hold, "Take back what was said of this hold.", {200: "Hold"}),
        )
    ),
)
