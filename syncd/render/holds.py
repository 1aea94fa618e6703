"""Holds as people and programs see them: one row each in a list, or one of them whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from syncd.plan.on_people import Effects
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord, approvals_that_count, hold_name, what_became
from syncd.render.alike import change_lines
from syncd.render.effects import effect_lines, effects_json
from syncd.render.extent import Extent
from syncd.render.json import change_json
from syncd.render.layout import Grid, Row
from syncd.render.lines import Line, Style, counted, few, safe
from syncd.render.text import Counts
from syncd.render.view import ChangeView
from syncd.words import age

_STATES = {
    HoldState.WAITS: "waits",
    HoldState.APPROVED: "approved",
    HoldState.REJECTED: "rejected",
    HoldState.PASSED: "passed",
    HoldState.SUPERSEDED: "superseded",
    HoldState.GONE: "not held any more",
}
_SAID = {
    HoldRuling.APPROVE: "approved",
    HoldRuling.REJECT: "rejected",
    HoldRuling.REOPEN: "asked for it to be asked again",
}
_NAMED = 13
"""So wide are the names of facts."""
_FACTS = _NAMED + 4
_LONG = timedelta(days=3650)
"""Longer than an approval can count."""


def holds_grid(holds: Sequence[HoldRecord], *, now: datetime, expires: timedelta | None) -> Grid:
    """Show holds, one in a row."""
    head = ("hold", "deployment", "state", "changes", "for", "why")
    return Grid(tuple(_row(hold, now=now, expires=expires) for hold in holds), head, drop=("changes", "for"))


def _row(hold: HoldRecord, *, now: datetime, expires: timedelta | None) -> Row:
    lasts = (hold.ended_at or now) - hold.since
    cells = (
        hold.name,
        place_text(hold),
        state_text(hold, now=now, expires=expires),
        f"{hold.number:,}",
        age(lasts),
    )
    return Row((*cells, safe("; ".join(hold.why))), Style.WARN if hold.state is HoldState.WAITS else Style.PLAIN)


def state_text(hold: HoldRecord, *, now: datetime, expires: timedelta | None) -> str:
    """Say how a hold stands, in a few words."""
    if hold.state is HoldState.SUPERSEDED:
        return f"superseded by {hold_name(hold.superseded_by or 0)}"
    said = approvals_that_count(hold.words, now=now, expires=_LONG if expires is None else expires)
    if hold.state is HoldState.APPROVED and not said:
        return "waits: the approval is too old"
    if hold.state is HoldState.WAITS and said:
        return f"waits, approved by {len(said)}"
    return _STATES[hold.state]


def place_text(hold: HoldRecord) -> str:
    """Say where a hold is, and about whom or what the plan was that holds it, where that was not everything."""
    names = [*sorted(hold.scope.usernames or ()), *(f"DAG {dag}" for dag in sorted(hold.scope.dags))]
    return f"{safe(hold.deployment)}: only {few(names, 2)}" if names else safe(hold.deployment)


def hold_lines(
    hold: HoldRecord, *, now: datetime, expires: timedelta | None, program: str, extent: Extent
) -> Iterator[Line]:
    """Show one hold whole: what, since when and why, what it does to people, who said what, and what can be done about it."""
    views, moves = map(ChangeView.of, hold.changes), effect_lines(hold.effects or Effects())
    return whole_lines(hold, views, moves, now=now, expires=expires, program=program, extent=extent)


def whole_lines(
    hold: HoldRecord,
    views: Iterable[ChangeView],
    moves: Iterable[Line],
    *,
    now: datetime,
    expires: timedelta | None,
    program: str,
    extent: Extent,
) -> Iterator[Line]:
    """Do as `hold_lines`, with its changes and what these do to people as somebody else says them. Without `expires` it is not
    known until when it can be approved."""
    yield Line(f"{hold.name} on {safe(hold.deployment)}: {state_text(hold, now=now, expires=expires)}", Style.TITLE)
    for name, text in _facts(hold, now=now, expires=expires):
        yield Line(f"  {name:<{_NAMED}}  {safe(text)}", hang=_FACTS)
    yield Line(f"  {counted(hold.number, 'change', 'changes')}", Style.HEADING)
    yield from change_lines(views, extent)
    told = list(moves)
    yield from (
        [Line("  if it passes", Style.HEADING), *(Line(f"  {line.text}", line.style) for line in told)] if told else ()
    )
    for words, command in _ways(hold, program=program):
        yield Line(f"  {words}: {command}", Style.WARN, whole=command)


def _facts(hold: HoldRecord, *, now: datetime, expires: timedelta | None) -> Iterator[tuple[str, str]]:
    if not hold.scope.everything:
        yield "about", f"only {hold.scope}"
    yield "why", "; ".join(hold.why)
    yield "digest", hold.digest
    lasts = age((hold.ended_at or now) - hold.since)
    yield "held", f"since {_time(hold.since)}, for {lasts}"
    yield "last planned", f"{_time(hold.planned_at)}, run {hold.run}"
    if expires is not None and not hold.state.is_over and hold.state is not HoldState.REJECTED:
        yield "approve until", _until(hold, now=now, expires=expires)
    for word in hold.words:
        yield "said", _word_text(word)
    if hold.state.is_over:
        yield "ended", f"{_time(hold.ended_at or now)}: {what_became(hold)}"


def _until(hold: HoldRecord, *, now: datetime, expires: timedelta) -> str:
    until = hold.planned_at + expires
    return _time(until) if now <= until else f"{_time(until)}: it is too late, unless it is planned again"


def _word_text(word: HoldWord) -> str:
    reason = f": {word.reason}" if word.reason else ""
    return f"{_time(word.at)}, {word.who} {_SAID[word.ruling]} ({word.origin}){reason}"


def _ways(hold: HoldRecord, *, program: str) -> Iterator[tuple[str, str]]:
    if hold.state in (HoldState.WAITS, HoldState.APPROVED):
        yield "to let exactly this pass, once", f"{program} hold approve {hold.name}"
        yield "to leave it undone, and not be asked again", f"{program} hold reject {hold.name}"
    elif hold.state is HoldState.REJECTED:
        yield "to be asked again", f"{program} hold reopen {hold.name}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def hold_record_json(hold: HoldRecord, *, whole: bool = False) -> dict[str, Any]:
    """Give a hold for programs; `whole`: with its changes, and what passing them would do to people."""
    counts = Counts.of(hold.changes, hold.effects)
    found: dict[str, Any] = {
        "id": hold.name,
        "deployment": hold.deployment,
        "digest": hold.digest,
        "state": hold.state.value,
        "since": hold.since.isoformat(),
        "planned_at": hold.planned_at.isoformat(),
        "run": hold.run,
        "scope": None if hold.scope.usernames is None else sorted(hold.scope.usernames),
        "dags": sorted(hold.scope.dags),
        "why": list(hold.why),
        "total": hold.number,
        "said": [_word_json(word) for word in hold.words],
        "ended_at": hold.ended_at.isoformat() if hold.ended_at else None,
        "superseded_by": hold_name(hold.superseded_by) if hold.superseded_by else None,
    }
    if whole:
        found["effects"] = effects_json(hold.effects)
        found["counts"] = {"gain": counts.gain, "lose": counts.lose, "roles": counts.roles}
        found["changes"] = [change_json(change) for change in hold.changes]
    return found


def _word_json(word: HoldWord) -> dict[str, str]:
    return {
        "what": word.ruling.value,
        "who": word.who,
        "reason": word.reason,
        "from": word.origin,
        "at": word.at.isoformat(),
    }
