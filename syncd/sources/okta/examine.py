"""Look at an Okta org with three requests, and say whether syncd can work with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from syncd.answers import parse_json
from syncd.errors import SourceUnavailable
from syncd.model import CheckResult
from syncd.sources.okta.answers import OktaReply, TokenRefused, Unanswered, advice
from syncd.sources.okta.pager import API, LATE
from syncd.sources.okta.settings import SCOPES, OktaApiToken, OktaSettings

NEEDED = frozenset(SCOPES)
SMALLER = "a smaller page_limit may help"


def examine(name: str, settings: OktaSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    """Find out about reach, credential, rights, clock, rate limits and abilities."""
    subject = f"source {name}"
    root = settings.connection.root
    try:
        replies = asyncio.run(_asked(settings))
    except Unanswered as error:
        told = f"{root}: {error}" + (f"; {SMALLER}" if error.late else "")
        return (CheckResult(subject, "reachable", False, told),)
    except TokenRefused as error:
        return (CheckResult(subject, "reachable", True, root), CheckResult(subject, "credential", False, str(error)))
    except SourceUnavailable as error:
        return (CheckResult(subject, "credential", False, str(error)),)
    return tuple(_findings(subject, settings, replies, now=now()))


async def _asked(settings: OktaSettings) -> dict[str, OktaReply]:
    from syncd.sources.okta.transport import OktaTransport  # a second of importing, which other commands are spared

    # pages as large as those of a read, because what takes Okta too long is large ones
    groups = f"{API}/groups?limit={settings.page_limit}&expand=stats"
    transport = OktaTransport(settings)
    async with transport.open():
        return {"groups": await transport.get(groups), "users": await transport.get(f"{API}/users?limit=1")}


def _findings(
    subject: str, settings: OktaSettings, replies: Mapping[str, OktaReply], *, now: datetime
) -> Iterator[CheckResult]:
    groups = replies["groups"]
    odd = [reply for reply in replies.values() if reply.status not in (200, 401, 403, 429)]
    if odd:
        status = odd[0].status
        hint = SMALLER if status in LATE else advice(status, "", api_token=_has_token(settings))
        told = f"{settings.connection.root} answered {status}" + (f": {hint}" if hint else "")
        yield CheckResult(subject, "reachable", False, told)
        return
    yield CheckResult(subject, "reachable", True, settings.connection.root)
    refused = groups.status == 401
    yield CheckResult(subject, "credential", not refused, _refusal(groups, settings) if refused else _proof(settings))
    if not refused:
        yield _rights(subject, settings, replies)
        yield _no_more(subject, settings)
        yield _abilities(subject, groups)
    yield CheckResult.of_clock(subject, groups.server_time, now=now)
    yield _limits(subject, settings, replies)


def _has_token(settings: OktaSettings) -> bool:
    return isinstance(settings.credential, OktaApiToken)


def _proof(settings: OktaSettings) -> str:
    return "the API token is accepted" if _has_token(settings) else "the service application is given tokens"


def _refusal(reply: OktaReply, settings: OktaSettings) -> str:
    code = _code(reply)
    hint = advice(reply.status, code, api_token=_has_token(settings))
    return f"Okta answered {reply.status} {code}".rstrip() + (f": {hint}" if hint else "")


def _code(reply: OktaReply) -> str:
    try:
        found = parse_json(reply.body)
    except ValueError:
        return ""
    return str(found.get("errorCode", ""))[:20] if isinstance(found, dict) else ""


def _rights(subject: str, settings: OktaSettings, replies: Mapping[str, OktaReply]) -> CheckResult:
    missing = [area for area, reply in replies.items() if reply.status == 403]
    if missing:
        why = _refusal(replies[missing[0]], settings)
        return CheckResult(subject, "rights", False, f"{' and '.join(missing)} may not be read: {why}")
    return CheckResult(subject, "rights", True, "groups and users may be read")


def _no_more(subject: str, settings: OktaSettings) -> CheckResult:
    credential = settings.credential
    if isinstance(credential, OktaApiToken):
        told = (
            "an API token has all rights of the administrator who made it, and Okta does not say which: use that of a "
        )
        return CheckResult(subject, "no more rights", None, f"{told}read-only administrator, or a service application")
    extra = sorted(set(credential.scopes) - NEEDED)
    if extra:
        return CheckResult(subject, "no more rights", None, f"scopes that are not needed: {', '.join(extra)}")
    return CheckResult(subject, "no more rights", True, f"scopes {', '.join(credential.scopes)}")


def _abilities(subject: str, groups: OktaReply) -> CheckResult:
    """See whether groups come with an independent count of their members, without which no read is certified."""
    try:
        found = parse_json(groups.body)
    except ValueError:
        found = None
    if not isinstance(found, list):
        return CheckResult(subject, "abilities", False, "the list of groups is not a list; is a proxy in between?")
    if not found:
        return CheckResult(subject, "abilities", None, "there is no group to see whether they come with counts")
    embedded = found[0].get("_embedded") if isinstance(found[0], dict) else None
    counted = isinstance(embedded, dict) and "stats" in embedded
    told = "groups come with counts; changes can be read by themselves"
    return CheckResult(
        subject, "abilities", counted, told if counted else "groups come without counts: no read is certified"
    )


def _limits(subject: str, settings: OktaSettings, replies: Mapping[str, OktaReply]) -> CheckResult:
    rates = {area: reply.rate for area, reply in replies.items() if reply.rate is not None}
    if not rates:
        return CheckResult(subject, "rate limits", None, "the answers do not tell any")
    told = ", ".join(f"{area} {rate.remaining:,} of {rate.limit:,} left" for area, rate in rates.items())
    room = all(rate.remaining > rate.limit * settings.leave_free for rate in rates.values())
    share = f"syncd leaves {settings.leave_free:.0%} to others"
    return CheckResult(
        subject, "rate limits", room or None, f"{told}; {share}" + ("" if room else ", and has to wait now")
    )
