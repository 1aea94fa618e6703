"""Points in time as people write them, on the command line and in a query of the HTTP API."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

RULE: Final = "write 2026-03-31, 2026-03-31T09:30, or 12h, 7d ago"
_SPAN: Final = re.compile(r"([0-9]{1,4})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


AHEAD: Final = "write 2026-03-31T09:30 (UTC), or 90m, 12h, 7d from now"


def read_end(text: str, *, now: datetime) -> datetime:
    """Read a point in time that is still to come: as `read_moment`, where a span is from now on.

    Raises:
        ValueError: it is none, or it is over; the message says what to write.
    """
    try:
        span = _SPAN.fullmatch(text)
        found = now + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else read_moment(text, now=now)
    except (ValueError, OverflowError):
        raise ValueError(AHEAD) from None
    if found <= now:
        raise ValueError("it is over already; write a time that is to come")
    return found


def read_moment(text: str, *, now: datetime) -> datetime:
    """Read a date or a time of ISO 8601 (UTC unless it says otherwise), a span before now, or `now`.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    if text == "now":
        return now
    try:
        if span := _SPAN.fullmatch(text):
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(RULE) from None
