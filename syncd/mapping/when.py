"""When a binding gives what it gives: from its beginning until its end, and between them while a window of it is open."""

from __future__ import annotations

from datetime import UTC, datetime

from syncd.mapping.windows import is_open, next_turn
from syncd.model import Reason, Rule


def is_over(rule: Rule, now: datetime) -> bool:
    """Say whether a binding gives nothing any more."""
    return rule.until is not None and rule.until <= now


def is_on(rule: Rule, now: datetime) -> bool:
    """Say whether a binding gives something at a moment."""
    begun = rule.since is None or rule.since <= now
    return begun and not is_over(rule, now) and (not rule.during or is_open(rule.during, now))


def next_change(rule: Rule, after: datetime) -> datetime | None:
    """Say when a binding begins or stops to give something next; None: it goes on as it is."""
    turn = _next_turn(rule, after)
    if rule.until is None or rule.until <= after or (turn is not None and turn < rule.until):
        return turn if not is_over(rule, after) else None
    return rule.until if is_on(rule, max(after, rule.since or after)) else None


def _next_turn(rule: Rule, after: datetime) -> datetime | None:
    """Do as `next_change` where there is no end."""
    if rule.since is None or rule.since <= after:
        return next_turn(rule.during, after) if rule.during else None
    return rule.since if not rule.during or is_open(rule.during, rule.since) else next_turn(rule.during, rule.since)


def when(rule: Rule) -> str:
    """Say when a binding gives what it gives; empty: always."""
    parts = [f"from {_shown(rule.since)}" if rule.since else "", f"until {_shown(rule.until)}" if rule.until else ""]
    return ", ".join(part for part in (*parts, only(rule)) if part)


def only(rule: Rule) -> str:
    """Name the windows of a binding; empty: it has none."""
    return f"only {' or '.join(map(str, rule.during))}" if rule.during else ""


def closed(rule: Rule, now: datetime) -> str:
    """Say why a binding that is not over gives nothing at a moment, and when it will."""
    if rule.since is not None and now < rule.since:
        return when(rule)
    turn = next_change(rule, now)
    return f"{when(rule)}; now outside, {f'next at {_shown(turn)}' if turn else 'and not again before it ends'}"


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def reason_of(rule: Rule, source: str, group_id: str, group: str) -> Reason:
    """Say why somebody is given the roles of a binding: by a group of a source, or by what else it names."""
    return Reason(
        source,
        group_id,
        group,
        str(rule.at),
        rule.until,
        rule.reason,
        during=only(rule),
        owner=rule.owner,
        ticket=rule.ticket,
    )
