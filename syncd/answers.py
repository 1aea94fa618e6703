"""What servers write into their answers, read so that nothing they write can be more than a wrong value.

Python's own readers raise more than they say: `'²'.isdigit()` is true, a date of the year 9999 with a zone overflows, a number
of 400 digits is no float, one of 5,000 no int, and 100,000 brackets are a RecursionError. Whoever reads a header or a body
that came from elsewhere does it by these.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Final

_MOST_DIGITS: Final = 15
"""More is no count, no time and no wait; a float holds all numbers of so many digits."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_WHOLE: Final = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}")


MOST_VALUES: Final = 4_000_000
"""Values in one JSON text: 600,000 permissions of roles. In memory each takes up to a hundred bytes, whatever it is in the text:
64 MiB of `[],[],` would be 1.7 GiB, and 17 s in which no other thread gets a turn."""


def parse_json(text: str | bytes, *, most: int = MOST_VALUES) -> object:
    """Read JSON.

    Raises:
        ValueError: it is none, or nested too deeply, or holds a number that is none, or more than `most` values.
    """
    if values_in(text) > most:
        raise ValueError("too many values")
    try:
        found: object = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found


def values_in(text: str | bytes) -> int:
    """Count what begins a value; in texts it counts as well."""
    if isinstance(text, str):
        return text.count("[") + text.count("{") + text.count(",")
    return text.count(b"[") + text.count(b"{") + text.count(b",")


def paired(text: str) -> str:
    """Give a text with U+FFFD for each half of a surrogate pair (a cut emoji): it could be written nowhere."""
    return text if text.isprintable() else _HALF.sub("\ufffd", text)


def whole(text: str | None) -> int | None:
    """Read a whole number of ASCII digits; None where it is none, or has more than 15."""
    return int(text) if text is not None and _WHOLE.fullmatch(text := text.strip()) else None


def number(value: object) -> float | None:
    """Take a number of JSON as a float; None where it is none, or none that can be computed with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def http_date(text: str | None) -> datetime | None:
    """Read the date of a header, in UTC; None where it is none. Without a zone it is UTC."""
    from email.utils import parsedate_to_datetime  # most commands read no header

    try:
        when = parsedate_to_datetime(text or "")
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after_s(text: str | None, *, now: datetime) -> float | None:
    """Read Retry-After, seconds or a date, as seconds from now on; None where it says neither."""
    if (seconds := whole(text)) is not None:
        return float(seconds)
    when = http_date(text)
    return None if when is None else max(0.0, (when - now).total_seconds())
