"""How what may be long is told in a sentence: of a list the first, of a value its two ends, and how much more there is; and
how long something lasts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

LONGEST_VALUE: Final = 120
"""A longer value of somebody's file is not repeated whole in a message: nobody reads it, and it hides what is said of it."""
_VALUE = re.compile(rf'"[^"]*"|[^\s"]{{{LONGEST_VALUE + 1},}}')
_BEGINNING, _END = LONGEST_VALUE * 2 // 3, LONGEST_VALUE // 3


def and_more(rest: int, more: str = "more") -> str:
    """Say how many are left out: `and 1,200 more`."""
    return f"and {rest:,} {more}"


def age(span: timedelta) -> str:
    """Say how long, in the two largest units: `3 d 4 h`, `5 h 12 min`, `8 min`."""
    minutes = max(0, int(span.total_seconds()) // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def some(texts: Sequence[str], most: int, *, between: str = ", ", more: str = "more") -> str:
    """Give the first texts as they come, and how many more there are: `a, b, c and 4 more`; sentences are parted by `;`."""
    shown, rest = between.join(texts[:most]), len(texts) - most
    if rest <= 0:
        return shown
    return f"{shown}{'' if between == ', ' else ';'} {and_more(rest, more)}"


def in_one_line(text: str) -> str:
    """Tell several lines in one: parted by `;`, but where a line leads to what follows it."""
    lines = text.splitlines()
    ends = [" " if line.endswith(":") else "; " for line in lines[:-1]] + [""] * bool(lines)
    return "".join(line + end for line, end in zip(lines, ends, strict=True))


def shortened(message: str) -> str:
    """Cut long values in the middle: what stands in double quotes, and words without a blank in them."""
    return _VALUE.sub(lambda found: _ends(found.group()), message)


def _ends(value: str) -> str:
    quote = '"' if value.startswith('"') else ""
    inside = value.removeprefix(quote).removesuffix(quote)
    if len(inside) <= LONGEST_VALUE:
        return value
    left_out = f"… {len(inside) - _BEGINNING - _END:,} characters …"
    return f"{quote}{inside[:_BEGINNING]}{left_out}{inside[-_END:]}{quote}"
