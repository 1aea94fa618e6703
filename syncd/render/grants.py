"""Timed grants, for people and for programs."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from syncd.model import GrantState, GrantWord, TimedGrant
from syncd.render.layout import Grid, Row
from syncd.render.lines import FEW, Line, Style, safe
from syncd.words import and_more

_STYLES = {GrantState.WAITING: Style.WARN, GrantState.ACTIVE: Style.GAIN, GrantState.OVER: Style.QUIET}
_HEAD = ("grant", "state", "person", "role", "deployment", "until", "asked by", "because")


def grant_json(grant: TimedGrant, now: datetime) -> dict[str, Any]:
    """Give a grant as JSON has it."""
    asked = grant.request
    return {
        "id": grant.id,
        "state": str(grant.state(now)),
        "deployment": asked.deployment,
        "role": asked.role,
        "source": asked.who[0],
        "person_id": asked.who[1],
        "person": asked.person,
        "lasts_s": int(asked.lasts.total_seconds()),
        "reason": asked.reason,
        "ticket": asked.ticket,
        "asked": _word_json(asked.asked),
        "expires_at": _moment(asked.expires_at),
        "given": _word_json(grant.given),
        "until": _moment(grant.until),
        "ended": _word_json(grant.ended),
        "ended_why": grant.ended_why,
    }


def _word_json(word: GrantWord | None) -> dict[str, Any] | None:
    return None if word is None else {"by": word.by, "from": word.origin, "at": word.at.isoformat()}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def grants_table(grants: Iterable[TimedGrant], now: datetime) -> Grid:
    """Give a table of grants, a row each."""
    return Grid(tuple(_row(grant, now) for grant in grants), head=_HEAD, drop=("because", "asked by"))


def _row(grant: TimedGrant, now: datetime) -> Row:
    asked, state = grant.request, grant.state(now)
    cells = (
        str(grant.id),
        str(state),
        safe(asked.person),
        safe(asked.role),
        safe(asked.deployment),
        when(grant.until) if grant.until else "-",
        safe(asked.asked.by),
        safe(" ".join(filter(None, (asked.reason, asked.ticket)))),
    )
    return Row(cells, _STYLES[state])


def grant_lines(grant: TimedGrant, now: datetime, *, program: str = "syncd") -> Iterator[Line]:
    """Say all of one grant: what it gives, how it stands, and who said what when."""
    asked, state = grant.request, grant.state(now)
    ticket = f", {asked.ticket}" if asked.ticket else ""
    yield Line(
        safe(f"{grant.place}: {asked.role} on {asked.deployment} for {asked.person} ({asked.who[0]})"), Style.TITLE
    )
    yield Line(safe(f"  because {asked.reason}{ticket}"))
    yield Line(safe(f"  {_stands(grant, state)}"), _STYLES[state])
    yield Line(safe(f"  asked for by {_said(asked.asked)}"), Style.QUIET)
    if grant.given is not None and asked.expires_at is not None:
        yield Line(safe(f"  let pass by {_said(grant.given)}"), Style.QUIET)
    if grant.ended is not None:
        yield Line(safe(f"  ended by {_said(grant.ended)}"), Style.QUIET)
    if state is GrantState.WAITING:
        command = f"{program} grant approve {grant.id}"
        yield Line(f"  another person lets it pass: {command}", Style.WARN, whole=command)


def standing(grants: Iterable[TimedGrant], now: datetime, *, deployments: Container[str]) -> tuple[TimedGrant, ...]:
    """Give those that are active or wait on some deployments."""
    there = (grant for grant in grants if grant.request.deployment in deployments)
    return tuple(grant for grant in there if grant.state(now) is not GrantState.OVER)


def standing_lines(grants: Sequence[TimedGrant], now: datetime, *, program: str) -> Iterator[Line]:
    """Say in a line each what people are given for a time, and what waits; of many the first few, and how many more."""
    for grant in grants[:FEW]:
        asked, state = grant.request, grant.state(now)
        text = f"{grant.place}: {asked.role} on {asked.deployment} for {asked.person}, {_stands(grant, state)}"
        yield Line(safe(text), _STYLES[state])
    if len(grants) > FEW:
        yield Line(f"{and_more(len(grants) - FEW)} for a time: {program} grant list", Style.QUIET)


def _stands(grant: TimedGrant, state: GrantState) -> str:
    if state is GrantState.ACTIVE and grant.until:
        return f"active until {when(grant.until)}"
    if state is GrantState.WAITING and grant.request.expires_at:
        return f"waits for another person's word until {when(grant.request.expires_at)}"
    if grant.ended is not None:
        return f"over: {grant.ended_why}"
    return f"over since {when(grant.until)}" if grant.until else "over: nobody let it pass in time"


def _said(word: GrantWord) -> str:
    origin = f" on {word.origin}" if word.origin else ""
    return f"{word.by}{origin}, {when(word.at)}"


def when(at: datetime) -> str:
    """Write a moment to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
