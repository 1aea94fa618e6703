"""What can be asked of timed grants."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any, Final

from syncd.access.granting import GrantWish
from syncd.callers import REASON_RULE, is_reason
from syncd.control import NotKnown, Right
from syncd.fields import read_span
from syncd.model import GrantWord
from syncd.render.grants import grant_json
from syncd.web.endpoint import Endpoint, Payload, RequestContext, RunsOn
from syncd.web.parameters import PAGE, choice, is_name, read_nothing, read_object
from syncd.web.problems import Refusal

_READ, _ASK, _APPROVE = (frozenset({right}) for right in (Right.READ, Right.RECONCILE, Right.APPROVE))
_NEEDED: Final = ("user", "role", "deployment", "for", "reason")


def grants(context: RequestContext) -> Payload:
    limit, offset, every = context.query["limit"], context.query["offset"], context.query["state"] == "all"
    found = context.state.control.grants.listed(every=every, limit=limit + 1, offset=offset)
    rows = [grant_json(grant, context.now) for grant in found]
    return Payload({"grants": rows[:limit], "limit": limit, "offset": offset, "more": len(rows) > limit})


def grant(context: RequestContext) -> Payload:
    return Payload(grant_json(context.state.control.grants.get(_number(context)), context.now))


def ask_grant(context: RequestContext) -> Payload:
    made = context.state.control.grants.ask(_wish(context.body), _word(context))
    return Payload(grant_json(made, context.now), 201, {"Location": f"/api/v1/grants/{made.id}"})


def approve_grant(context: RequestContext) -> Payload:
    read_nothing(context.body)
    given = context.state.control.grants.approve(_number(context), _word(context))
    return Payload(grant_json(given, context.now))


def revoke_grant(context: RequestContext) -> Payload:
    found = _texts(context.body, ("reason",), ())
    ended = context.state.control.grants.revoke(_number(context), _word(context), found["reason"])
    return Payload(grant_json(ended, context.now))


def _word(context: RequestContext) -> GrantWord:
    """Say who speaks: a user of this machine by the socket, or a token; and from where."""
    principal = context.principal
    by = f"token:{principal.name}" if principal.is_token else principal.name
    return GrantWord(by, context.origin or socket.gethostname(), context.now)


def _number(context: RequestContext) -> int:
    text = str(context.path["id"])
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotKnown(f'there is no grant "{text[:40]}"; a grant is a number')
    return int(text)


def _wish(body: bytes) -> GrantWish:
    found = _texts(body, _NEEDED, ("ticket",))
    return GrantWish(
        found["user"],
        found["role"],
        found["deployment"],
        _span(found["for"]),
        found["reason"],
        found.get("ticket", ""),
    )


def _span(text: str) -> timedelta:
    try:
        return read_span(text)
    except ValueError as error:
        raise Refusal(400, f"body: for: {error}") from None


def _texts(body: bytes, needed: tuple[str, ...], more: tuple[str, ...]) -> dict[str, str]:
    """Read an object of texts.

    Raises:
        Refusal: with the key that is wrong or missing.
    """
    found: dict[str, Any] = read_object(body) if body else {}
    for name, value in found.items():
        if name not in (*needed, *more):
            raise Refusal(400, f'body: "{name[:256]}" is not known; there are {", ".join((*needed, *more))}')
        if name in ("reason", "ticket") and not (isinstance(value, str) and is_reason(value)):
            raise Refusal(400, f"body: {name}: write {REASON_RULE}")
        if not is_name(value):
            raise Refusal(400, f"body: {name}: a text of 1 to 256 characters is wanted here")
    if missing := [name for name in needed if name not in found]:
        raise Refusal(400, f"body: {missing[0]} is missing")
    return found


_NUMBER: Final = "/api/v1/grants/{id}"
_STATE: Final = choice("state", "`all`: those too that are over.", ("open", "all"))

GRANT_ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/v1/grants",
        _READ,
        grants,
        RunsOn.DATABASE,
        "What people are given for a time, newest first.",
        {200: "Grants"},
        (_STATE, *PAGE),
    ),
    Endpoint("GET", _NUMBER, _READ, grant, RunsOn.DATABASE, "One grant, and who said what of it.", {200: "Grant"}),
    Endpoint(
        "POST",
        "/api/v1/grants/ask",
        _ASK,
        ask_grant,
        RunsOn.DATABASE,
        "Give a person a role for a time, within what the configuration allows this caller.",
        {201: "Grant"},
        body="GrantBody",
        writes=True,
    ),
    Endpoint(
        "POST",
        f"{_NUMBER}/approve",
        _APPROVE,
        approve_grant,
        RunsOn.DATABASE,
        "Let a grant pass that waits, as another person than who asked for it.",
        {200: "Grant"},
        writes=True,
    ),
    Endpoint(
        "POST",
        f"{_NUMBER}/revoke",
        frozenset({Right.RECONCILE, Right.APPROVE}),
        revoke_grant,
        RunsOn.DATABASE,
        "End a grant for good, or refuse one that waits.",
        {200: "Grant"},
        body="GrantReason",
        writes=True,
    ),
)
