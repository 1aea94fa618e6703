"""What servers write is read, or is nothing; it never is an error that nobody expects."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.answers import MOST_VALUES, http_date, number, parse_json, retry_after_s, whole
from syncd.sources.okta.cursor import EPOCH, mark
from syncd.targets.airflow.auth import expiry

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("150", 150.0),
        (" 150 ", 150.0),
        ("Thu, 26 Nov 2026 09:02:30 GMT", 150.0),
        ("Thu, 26 Nov 2026 09:02:30", 150.0),
        ("Thu, 26 Nov 2026 08:00:00 GMT", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("٣", None),
        ("9" * 400, None),
        ("Fri, 31 Dec 2027 23:59:59 +9999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -1400", None),
    ],
)
@pytest.mark.finding("A-F7")
def test_how_long_to_wait(text: str | None, expected: float | None) -> None:
    assert expected == retry_after_s(text, now=NOW)


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize("text", ["²", "9" * 400, "9" * 5000, "-1", "1e3", "", None, "٣"])
def test_what_is_no_whole_number(text: str | None) -> None:
    assert whole(text) is None


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "", "\ud800", b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.finding("N-105")
@pytest.mark.parametrize("unit", ["[],", "{},", "1000,", '{"":0},', '"ab",'])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_more_values_than_memory_is_there_for_are_refused_at_once(unit: str, as_bytes: bool) -> None:
    text = f"[{unit * (MOST_VALUES // len([c for c in unit if c in '[{,']))}0]"
    began = time.monotonic()

    with pytest.raises(ValueError, match="too many values"):
        parse_json(text.encode() if as_bytes else text)

    assert time.monotonic() - began < 60


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize("value", [int("9" * 400), float("inf"), float("nan"), True, "1", None, []])
def test_what_is_no_number(value: object) -> None:
    assert number(value) is None


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize("exp", ["9" * 400, "9" * 5000, "1e999", "[" * 10_000, "true"])
def test_a_token_may_say_anything_of_its_end(exp: str) -> None:
    claims = base64.urlsafe_b64encode(f'{{"exp": {exp}}}'.encode()).decode()
    assert expiry(f"a.{claims}.c") is None


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-01", "x"])
def test_a_stamp_of_no_calendar_moves_no_mark(stamp: str) -> None:
    assert mark([stamp], asked_at=None, overlap_s=60.0) == EPOCH
    assert mark([stamp, "2026-11-26T09:00:00.000Z"], asked_at=None, overlap_s=60.0) == "2026-11-26T08:59:00.000Z"


@pytest.mark.finding("A-F7")
@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_any_text_is_read_or_is_nothing(text: str) -> None:
    when = http_date(text)
    assert when is None or when.utcoffset() == timedelta(0)
    assert (seconds := retry_after_s(text, now=NOW)) is None or seconds >= 0
    assert (count := whole(text)) is None or count >= 0
