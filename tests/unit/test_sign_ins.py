"""Whether a break-glass account was used: the table in `plan/sign_ins.py`, line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.model import KeptSignIns, SignIns
from syncd.plan.sign_ins import TOLD, is_told, looked

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)


def test_what_is_seen_for_the_first_time_is_kept_and_nobody_is_told() -> None:
    found = looked(None, SignIns(7, 2, "2026-02-28 10:00"), now=NOW)
    assert KeptSignIns(SignIns(7, 2, "2026-02-28 10:00"), NOW) == found
    assert not is_told(found, NOW)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (SignIns(1), SignIns(2), "signed in once"),
        (SignIns(), SignIns(3, None, "today"), "signed in 3 times, the last time at today by its clock"),
        (SignIns(1, 0, "monday"), SignIns(1, 0, "today"), "signed in, the last time at today by its clock"),
        (SignIns(5), SignIns(2), "was made anew, or its count of sign-ins was set back from 5 to 2"),
        (SignIns(5, 1), SignIns(5, 2), "was tried once with a wrong password"),
        (SignIns(5), SignIns(5, 3), "was tried 3 times with a wrong password"),
        (SignIns(5, 3, "monday"), SignIns(5, 0, "monday"), ""),
        (SignIns(5, 3, "monday"), SignIns(5, 3, ""), ""),
    ],
)
def test_a_use_is_noticed_by_what_is_other_than_before(before: SignIns, now: SignIns, said: str) -> None:
    found = looked(KeptSignIns(before, THEN), now, now=NOW)
    assert (now, NOW, said, NOW if said else None) == (found.said, found.since, found.noticed, found.noticed_at)
    assert is_told(found, NOW) is bool(said)


def test_where_nothing_is_other_nothing_is_to_be_kept() -> None:
    before = KeptSignIns(SignIns(5), THEN, "signed in once", THEN)
    assert before is looked(before, SignIns(5), now=NOW)


def test_a_use_is_told_for_a_day_whatever_is_seen_since() -> None:
    used = KeptSignIns(SignIns(5, 3), THEN, "signed in once", THEN)
    since = looked(used, SignIns(5, 0), now=NOW)
    assert ("signed in once", THEN) == (since.noticed, since.noticed_at)
    assert is_told(since, THEN + TOLD - timedelta(seconds=1))
    assert not is_told(since, THEN + TOLD)
