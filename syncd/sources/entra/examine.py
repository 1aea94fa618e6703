"""Look at an Entra tenant with a few requests, and say whether syncd can work with it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime

from syncd.answers import http_date, parse_json
from syncd.errors import SourceUnavailable
from syncd.http.answer import Answer
from syncd.http.backoff import ONCE
from syncd.http.connection import Connection
from syncd.http.rests import OwnRests, Rest
from syncd.http.session import NoAnswer, Session
from syncd.model import CheckResult
from syncd.sources.entra.graph import Ask, GraphClient, GraphReply
from syncd.sources.entra.reading import query
from syncd.sources.entra.selection import GROUP_FIELDS
from syncd.sources.entra.settings import EntraSettings
from syncd.sources.entra.tokens import Tokens

LEAST = frozenset({"GroupMember.Read.All", "User.Read.All", "Member.Read.Hidden", "Application.Read.All"})
"""What syncd can make use of: the last two for hidden groups and for app roles."""


def examine(name: str, settings: EntraSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    """Find out about reach, credential, rights, clock, throttling and abilities."""
    return tuple(_findings(f"source {name}", name, replace(settings, attempts=1), now=now))


def _findings(
    subject: str, name: str, settings: EntraSettings, *, now: Callable[[], datetime]
) -> Iterator[CheckResult]:
    try:
        anonymous = _anonymous(settings)
    except NoAnswer as error:
        yield CheckResult(subject, "reachable", False, str(error))
        return
    yield CheckResult(subject, "reachable", True, settings.graph_url)
    yield CheckResult.of_clock(subject, _date(anonymous), now=now())
    rest = Rest(settings.provider, OwnRests(), now=now)
    tokens = Tokens(name, settings, now=now, rest=rest)
    graph = GraphClient(name, settings, tokens, rest=rest)
    try:
        token = tokens.bearer()
        yield CheckResult(subject, "credential", True, "the authority gives access tokens")
        # a page as large as those of a read, because what takes Graph too long is large ones
        asked = query("/groups", select=GROUP_FIELDS, top=settings.page_size, count="true")
        groups = graph.ask([Ask(asked, eventual=True)])[0]
        users = graph.get("/users?$select=id,userPrincipalName,accountEnabled&$top=1")
    except SourceUnavailable as error:
        yield CheckResult(subject, "credential", False, str(error))
        return
    finally:
        graph.close()
    yield _rights(subject, settings, groups, users)
    yield no_more(subject, roles_of(token))
    if groups.ok:
        yield _throttling(subject, groups, users)
        yield _abilities(subject, groups)


def _anonymous(settings: EntraSettings) -> Answer:
    """Ask Graph without a token: whatever it answers, it is there."""
    connection = Connection(
        settings.graph_url,
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        ca=settings.ca,
        proxy=settings.proxy,
    )
    session = Session(connection, retries=ONCE)
    try:
        return session.send("GET", "/groups")
    finally:
        session.close()


def _date(answer: Answer) -> datetime | None:
    return http_date(answer.headers.get("date"))


def _rights(subject: str, settings: EntraSettings, groups: GraphReply, users: GraphReply) -> CheckResult:
    """Without User.Read.All Graph answers 200 with nulls, so the status alone does not tell."""
    failed = {what: reply for what, reply in (("groups", groups), ("users", users)) if not reply.ok}
    if failed:
        told = [f"{what}: {reply.problem}" for what, reply in failed.items()]
        told += dict.fromkeys(_advice(reply, settings) for reply in failed.values())
        return CheckResult(subject, "rights", False, "; ".join(text for text in told if text))
    found = users.fields.get("value")
    if isinstance(found, list) and any(u.get("accountEnabled") is None for u in found if isinstance(u, dict)):
        return CheckResult(subject, "rights", False, "users come without what they are: grant User.Read.All")
    return CheckResult(subject, "rights", True, "groups and users may be read")


def _advice(reply: GraphReply, settings: EntraSettings) -> str:
    """Say what to do about a refusal: what Graph says itself is about rights, and what is not Graph's about the address."""
    if reply.status in (401, 403) or "authorization_requestdenied" in reply.codes:
        return "grant the application GroupMember.Read.All and User.Read.All, and consent to them"
    if reply.late:
        return "a smaller page_size may help"
    return "" if reply.codes else f"is {settings.graph_url} the address of Microsoft Graph?"


def roles_of(token: str) -> frozenset[str] | None:
    """Read the permissions that an access token carries; None where it does not tell. Its signature is Graph's business."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = parse_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    roles = claims.get("roles") if isinstance(claims, dict) else None
    return frozenset(map(str, roles)) if isinstance(roles, list) else None


def no_more(subject: str, roles: Collection[str] | None) -> CheckResult:
    """Compare the permissions of the application with what syncd can make use of."""
    if roles is None:
        return CheckResult(subject, "no more rights", None, "the access token does not tell its permissions")
    extra = sorted(set(roles) - LEAST)
    if extra:
        told = f"it may more than syncd needs: {', '.join(extra)}"
        return CheckResult(
            subject, "no more rights", None, f"{told}; GroupMember.Read.All and User.Read.All are enough"
        )
    return CheckResult(subject, "no more rights", True, ", ".join(sorted(roles)))


def _throttling(subject: str, *replies: GraphReply) -> CheckResult:
    used = [r.headers.get("x-ms-throttle-limit-percentage", "") for r in replies]
    told = next((text for text in used if text), None)
    if told is None:
        return CheckResult(
            subject, "rate limits", True, "less than 80% of our limit is used (Graph says nothing below that)"
        )
    return CheckResult(subject, "rate limits", None, f"{told} of our limit is used; Graph slows us down above 1.0")


def _abilities(subject: str, groups: GraphReply) -> CheckResult:
    counted = isinstance(groups.fields.get("@odata.count"), int)
    told = "lists come with counts; changes can be read by themselves"
    return CheckResult(
        subject, "abilities", counted, told if counted else "lists come without counts: no read is certified"
    )
