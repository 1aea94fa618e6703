"""Windows against a clock that is looked at minute by minute, and bindings against what they are made of."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncd.mapping.when import is_on, next_change
from syncd.mapping.windows import is_open, next_turn
from syncd.model import At, GroupRef, Rule, WeeklyWindow

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # sets its clock by half an hour
    "America/Santiago",  # sets it at midnight
    "Africa/Casablanca",  # twice within some weeks, by the moon
    "Asia/Kathmandu",
    "UTC",
)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NEAR = 3 * DAY
"""So far is looked minute by minute."""
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def clock_changes(zone: str) -> tuple[datetime, ...]:
    """Find, hour by hour, when the clock of a zone is set in a year."""
    hours = [YEAR + timedelta(hours=n) for n in range(366 * 24)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    return tuple(hour for hour, was, is_ in zip(hours[1:], offsets, offsets[1:], strict=False) if was != is_)


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Draw a moment, most often one near to a change of the clock."""
    near = draw(st.sampled_from((*clock_changes(zone), YEAR)))
    return near + timedelta(seconds=draw(st.integers(-3 * 86400, 2 * 86400)))


@st.composite
def windows(draw: st.DrawFn) -> tuple[WeeklyWindow, ...]:
    zone = draw(st.sampled_from(ZONES))
    # hours in which clocks are set, and such as are over midnight, more often than others
    minute = st.one_of(st.sampled_from((0, 60, 90, 120, 150, 180, 1380)), st.integers(0, 1439))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
        opens = draw(minute)
        closes = draw(st.one_of(st.just(1440), minute))
        assume(opens != closes)
        found.append(WeeklyWindow(zone, days, opens, closes))
    return tuple(w for w in found if not w.is_always) or (WeeklyWindow(zone, (0,)),)


def shows(window: WeeklyWindow, moment: datetime) -> bool:
    """Say whether the clock on the wall shows a time of the window: one that began today, or yesterday."""
    shown = moment.astimezone(ZoneInfo(window.zone)).replace(tzinfo=None)
    lasts = (window.closes - window.opens) % 1440 or 1440
    for day in (shown.date(), shown.date() - DAY):
        begin = datetime.combine(day, time()) + window.opens * MINUTE
        if day.weekday() in window.days and begin <= shown < begin + lasts * MINUTE:
            return True
    return False


@given(windows(), st.data())
def test_a_window_is_open_while_a_clock_on_the_wall_says_so_and_turns_when_it_stops_to(
    several: tuple[WeeklyWindow, ...], data: st.DataObject
) -> None:
    begin = data.draw(moments(several[0].zone))
    was = any(shows(window, begin) for window in several)

    assert was == is_open(several, begin)

    turn = next_turn(several, begin)
    minute = begin.replace(second=0) + MINUTE
    while any(shows(window, minute) for window in several) == was and minute < begin + NEAR:
        minute += MINUTE
    assert (minute if minute < begin + NEAR else None) == (turn if turn and turn < begin + NEAR else None)


@given(windows(), st.data())
def test_a_binding_changes_next_when_what_it_gives_does(several: tuple[WeeklyWindow, ...], data: st.DataObject) -> None:
    now = data.draw(moments(several[0].zone))
    since, until = (data.draw(st.none() | moments(several[0].zone)) for _ in range(2))
    if since and until and until <= since:
        since, until = until, since + MINUTE
    during = data.draw(st.sampled_from((several, ())))
    rule = Rule(GroupRef("s", name="g"), ("Op",), (), At("m.yaml", 1), until, since=since, during=during)

    turns = sorted({t for t in (since, until, *_minutes(during, now)) if t and now < t < now + NEAR})
    found = next_change(rule, now)
    assert next((t for t in turns if is_on(rule, t) != is_on(rule, now)), None) == (
        found if found and found < now + NEAR else None
    )
    begun, ended = since is None or since <= now, until is not None and until <= now
    assert is_on(rule, now) == (begun and not ended and (not during or any(shows(w, now) for w in during)))


def _minutes(during: tuple[WeeklyWindow, ...], now: datetime) -> list[datetime]:
    return [now.replace(second=0) + n * MINUTE for n in range(1, NEAR // MINUTE)] if during else []


@pytest.mark.parametrize(
    ("window", "begin", "turns"),
    [
        pytest.param(
            WeeklyWindow("Europe/Berlin", (6,), 120, 150),
            "2026-03-28T00:00Z",
            ["2026-04-05T00:00Z"],
            id="in the hour left out",
        ),
        pytest.param(
            WeeklyWindow("Europe/Berlin", (6,), 150, 240),
            "2026-03-28T00:00Z",
            ["2026-03-29T01:00Z", "2026-03-29T02:00Z"],
            id="opens in the hour left out",
        ),
        pytest.param(
            WeeklyWindow("Europe/Berlin", (6,), 60, 150),
            "2026-03-28T12:00Z",
            ["2026-03-29T00:00Z", "2026-03-29T01:00Z"],
            id="closes in the hour left out",
        ),
        pytest.param(
            WeeklyWindow("Europe/Berlin", (6,), 120, 180),
            "2026-10-24T12:00Z",
            ["2026-10-25T00:00Z", "2026-10-25T02:00Z"],
            id="the hour that is there twice",
        ),
        pytest.param(
            WeeklyWindow("Europe/Berlin", (6,), 60, 150),
            "2026-10-24T12:00Z",
            ["2026-10-24T23:00Z", "2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z"],
            id="closes in the hour that is there twice",
        ),
        pytest.param(
            WeeklyWindow("Europe/Berlin", (5,), 1320, 360),
            "2026-10-24T12:00Z",
            ["2026-10-24T20:00Z", "2026-10-25T05:00Z"],
            id="over midnight",
        ),
        pytest.param(
            WeeklyWindow("Pacific/Apia", (4,), 0, 1440),
            "2011-12-25T00:00Z",
            ["2012-01-05T10:00Z", "2012-01-06T10:00Z"],
            id="a day that a zone left out",
        ),
    ],
)
def test_what_a_clock_that_is_set_does_to_a_window(window: WeeklyWindow, begin: str, turns: list[str]) -> None:
    moment = datetime.fromisoformat(begin)
    for turn in turns:
        found = next_turn((window,), moment)
        assert found == datetime.fromisoformat(turn)
        moment = found
