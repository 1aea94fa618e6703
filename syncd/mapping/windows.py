"""When windows are open, and when that changes next: by what the clock on the wall of their zone shows.

Twice a year a clock is set, and what it shows decides:

the hour       | the window                    | then
---------------|-------------------------------|------------------------------------------------------------
is left out    | opens or closes in it         | it does so when the clock jumps over it
is left out    | is open in it alone           | it does not open on that day
is there twice | opens or closes in it         | the hours that it names are open both times
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from syncd.model import WeeklyWindow

_DAY: Final = timedelta(days=1)
_FAR: Final = 22
"""Days. A window opens each week; it may miss a week in which the clock is set, and a zone may leave out a day."""


def is_open(windows: Iterable[WeeklyWindow], moment: datetime) -> bool:
    """Say whether one of them is open at a moment."""
    return any(_is_open(window, moment) for window in windows)


@lru_cache(maxsize=1024)  # many bindings have the hours of the office
def next_turn(windows: tuple[WeeklyWindow, ...], after: datetime) -> datetime | None:
    """Say when they open, or close, next; None: not in the next weeks."""
    was = is_open(windows, after)
    for day in range(_FAR):
        begin = after + day * _DAY
        for turn in sorted({turn for window in windows for turn in _candidates(window, begin)}):
            if is_open(windows, turn) != was:
                return turn
    return None


def _is_open(window: WeeklyWindow, moment: datetime) -> bool:
    shown = moment.astimezone(ZoneInfo(window.zone))
    minute, today = shown.hour * 60 + shown.minute, shown.weekday()
    if window.opens < window.closes:
        return today in window.days and window.opens <= minute < window.closes
    yesterday = (today - 1) % 7
    return (today in window.days and minute >= window.opens) or (yesterday in window.days and minute < window.closes)


def _candidates(window: WeeklyWindow, begin: datetime) -> Iterator[datetime]:
    """Give every moment of the day after `begin` at which a window may turn: its hours, midnight, and where the clock is set."""
    zone = ZoneInfo(window.zone)
    today = begin.astimezone(zone).date()
    for day in range(-1, 3):
        midnight = datetime.combine(today + day * _DAY, time())
        for minute in (0, window.opens, window.closes):
            shown = midnight + timedelta(minutes=minute)
            for fold in (0, 1):  # before and after the clock was set back over it
                turn = shown.replace(tzinfo=zone, fold=fold).astimezone(UTC)
                if begin < turn <= begin + _DAY:
                    yield turn
    yield from _set_clocks(zone, begin)


def _set_clocks(zone: ZoneInfo, begin: datetime) -> Iterator[datetime]:
    """Give the moment in the day after `begin` at which the clock is set, if it is; that is at a whole second."""
    low = begin.astimezone(UTC).replace(microsecond=0)
    high, was = low + _DAY, low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == was:
        return
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == was else (low, middle)
    yield high
