"""A provider that wants rest is believed, for an hour at the most, by all who ask the same of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.http.rests import LONGEST_S, OwnRests, Rest

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Time:
    """Both clocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.mark.finding("C-50")
def test_what_one_hears_holds_for_all_who_ask_the_same() -> None:
    time, kept = Time(), OwnRests()
    one, other, else_ = (Rest(who, kept, now=time.now, monotonic=time.monotonic) for who in ("a", "a", "b"))
    assert 0.0 == other.left_s()
    one.heard(150.0)
    time.seconds = 1.0  # others look once in a second
    assert (149.0, 149.0, 0.0) == (one.left_s(), other.left_s(), else_.left_s())
    assert "Graph asked to be left alone until 12:02:30 UTC (Retry-After); nothing is asked of it before" == other.why(
        "Graph"
    )
    one.heard(5.0)
    assert 149.0 == one.left_s(), "an earlier end changes nothing"
    time.seconds = 150.0
    assert (0.0, 0.0) == (one.left_s(), other.left_s())


@pytest.mark.finding("C-50")
def test_no_more_than_an_hour_is_believed_whatever_the_clock_says() -> None:
    time, kept = Time(), OwnRests()
    rest = Rest("a", kept, now=time.now, monotonic=time.monotonic)
    rest.heard(1e12)
    assert rest.left_s() == LONGEST_S
    set_back = Rest("a", kept, now=lambda: NOON - timedelta(days=2), monotonic=time.monotonic)
    assert set_back.left_s() == LONGEST_S
