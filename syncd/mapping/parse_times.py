"""The times of a binding: from when, until when, and in which hours of the week it gives what it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final

from syncd.mapping.keys import MOST_WINDOWS, WINDOW
from syncd.mapping.windows import is_open, next_turn
from syncd.model import DAYS, WeeklyWindow
from syncd.text.document import Items, Node, Scalar, Table
from syncd.text.strict import Strict

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.]+(?P<zone>[Zz]| ?[+-][0-9]{2}:?[0-9]{2})?)?")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_OF_THE_MACHINE = frozenset({"Factory", "localtime"})
"""What is called a zone and means another one on each machine, or none."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a binding gives what it gives."""

    since: datetime | None = None
    until: datetime | None = None
    during: tuple[WeeklyWindow, ...] = ()


def read_times(strict: Strict, found: Mapping[str, Node]) -> Times:
    """Read those of the keys that are there; hours that never come are a mistake."""
    since = _moment(strict, found["from"], "from") if "from" in found else None
    until = _moment(strict, found["until"], "until") if "until" in found else None
    during = tuple(_windows(strict, found["during"])) if "during" in found else ()
    if since and until and until <= since:
        strict.wrong(
            found["from"].at, "`from` is not before the end of this binding, so it never gives anything; correct one"
        )
    elif since and until and during and not _opens(during, since, until):
        at = found["during"].at
        strict.wrong(at, "`during` is never open between `from` and `until` of this binding; correct one of them")
    return Times(since, until, during)


def _opens(during: tuple[WeeklyWindow, ...], since: datetime, until: datetime) -> bool:
    turn = next_turn(during, since)
    return is_open(during, since) or (turn is not None and turn < until)


# --- moments ----------------------------------------------------------------------------------------------------------

_ENDLESS: Final = {"from": "begins at once", "until": "has no end"}


def _moment(strict: Strict, node: Node, key: str) -> datetime | None:
    if not isinstance(node, Scalar) or not node.text:
        strict.wrong_type(node, f"`{key}`", "a date (2027-01-31)")
    elif not (shape := _MOMENT.fullmatch(node.text)):
        example = "write a date, as in 2027-01-31, or a time, as in 2027-01-31T18:00:00Z"
        strict.wrong(node.at, f'`{key}` is "{node.text}"; {example}')
    elif shape[1] and not shape["zone"]:
        strict.wrong(
            node.at, f'`{key}` has a time without a zone; write "{node.text}Z" for UTC, or an offset such as +01:00'
        )
    else:
        try:
            return _point(node.text, is_end=True) if key == "until" else _begin(node.text)
        except ValueError:
            strict.wrong(node.at, f'`{key}` is "{node.text}", which no calendar or clock shows; correct it')
        except OverflowError:
            strict.wrong(node.at, f"`{key}` is too far away; leave it out for a binding that {_ENDLESS[key]}")
    return None


def _point(text: str, *, is_end: bool) -> datetime:
    """Give a point in time; a date is the beginning of that day in UTC, or its end."""
    if len(text) == len("2027-01-31"):
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC)) + timedelta(days=int(is_end))
    day, clock = text[:10], text[11:].replace(" ", "").replace("z", "Z")
    return datetime.fromisoformat(f"{day}T{clock}").astimezone(UTC)


def _begin(text: str) -> datetime:
    """Give a beginning, which has a year of the calendar on either side: from it on windows are looked for, in any zone.

    Raises:
        OverflowError: it has none.
    """
    begin = _point(text, is_end=False)
    if not MINYEAR < begin.year < MAXYEAR:
        raise OverflowError(text)
    return begin


# --- hours of the week ------------------------------------------------------------------------------------------------


def _windows(strict: Strict, node: Node) -> Iterator[WeeklyWindow]:
    nodes = node.items if isinstance(node, Items) else (node,)
    if not nodes or len(nodes) > MOST_WINDOWS:
        strict.wrong(node.at, f"`during` has {len(nodes)} entries; write 1 to {MOST_WINDOWS}, or take the key out")
        return
    for one in nodes:
        if window := _window(strict, one):
            yield window


def _window(strict: Strict, node: Node) -> WeeklyWindow | None:
    found = strict.record(node, "`during`", known=WINDOW.known, required=WINDOW.required)
    zone = _zone(strict, found["zone"]) if "zone" in found else None
    days = _days(strict, found["days"]) if "days" in found else tuple(range(len(DAYS)))
    hours = _hours(strict, found["hours"]) if "hours" in found else (0, 24 * 60)
    if not zone or not days or not hours or not isinstance(node, Table) or len(found) < len(node.entries):
        return None
    window = WeeklyWindow(zone, days, *hours)
    if window.is_always:
        strict.wrong(node.at, "`during` has neither days nor hours in which it is closed; write some, or take it out")
    return window


def _days(strict: Strict, node: Node) -> tuple[int, ...]:
    found = set()
    for word in strict.texts(node, "`days`", alone=True):
        if word.text in DAYS:
            found.add(DAYS.index(word.text))
        else:
            strict.wrong(word.at, f'`days` has no day "{word.text}"; write some of {", ".join(DAYS)}, as in [mon, tue]')
    return tuple(sorted(found))


def _hours(strict: Strict, node: Node) -> tuple[int, int] | None:
    text = strict.text(node, "`hours`")
    if text is None:
        return None
    shape = _HOURS.fullmatch(text)
    if shape is None:
        strict.wrong(node.at, f'`hours` is "{text}"; write two times of the day, as in "08:00-18:00" or "22:00-06:00"')
        return None
    opens, closes = (int(h or 24) * 60 + int(m or 0) for h, m in ((shape[1], shape[2]), (shape[3], shape[4])))
    if opens == closes:
        strict.wrong(node.at, f'`hours` is "{text}", which is no time at all; for the whole day leave `hours` out')
        return None
    return opens, closes


def _zone(strict: Strict, node: Node) -> str | None:
    text = strict.text(node, "`zone`")
    if text is None or text in _zones():
        return text
    hint = strict.near(text, _zones()) or '; write a name as in "Europe/Berlin", or "UTC"'
    strict.wrong(node.at, f'there is no time zone "{text}"{hint}')
    return None


@cache
def _zones() -> frozenset[str]:
    """Name every zone, as the package of zones lists them: a slim image has no list of its own."""
    from importlib import resources  # few files name a zone

    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(listed) - _OF_THE_MACHINE
