"""What people may say of a hold, and what comes of it, line by line of the table in `plan/rulings.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.plan.rulings import (
    HoldRecord,
    HoldRuling,
    HoldState,
    HoldWord,
    NotTaken,
    hold_name,
    hold_number,
    weighed,
    what_became,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
A, R, O = HoldRuling.APPROVE, HoldRuling.REJECT, HoldRuling.REOPEN  # noqa: E741 - as the table has them
WAITS, APPROVED, REJECTED = HoldState.WAITS, HoldState.APPROVED, HoldState.REJECTED


def word(ruling: HoldRuling, who: str = "anna", *, ago: timedelta = timedelta(0), people: str = "") -> HoldWord:
    return HoldWord(ruling, who, frozenset(people.split() or [who]), NOW - ago, "ticket 1", "command")


def hold(state: HoldState, *words: HoldWord, planned: timedelta = timedelta(0)) -> HoldRecord:
    return HoldRecord(7, "prod", "abc", state, NOW, NOW - planned, 3, ("why",), 2, words=words, superseded_by=9)


def said(of: HoldRecord, this: HoldWord, *, needs: int = 1) -> HoldState | str:
    found = weighed(of, this, needs=needs, expires=DAY)
    return found.why if isinstance(found, NotTaken) else found


@pytest.mark.parametrize(
    ("of", "ruling", "then"),
    [
        (hold(WAITS), A, APPROVED),
        (hold(WAITS), R, REJECTED),
        (hold(WAITS), O, "h7 waits for a word already"),
        (hold(WAITS, word(A, "bob")), O, WAITS),
        (
            hold(APPROVED, word(A, "bob")),
            A,
            "h7 is approved already, by bob (ticket 1), 2026-03-01 12:00 UTC; it passes",
        ),
        (hold(APPROVED, word(A, "bob", ago=DAY * 2)), A, APPROVED),
        (hold(APPROVED, word(A, "bob")), R, REJECTED),
        (hold(APPROVED, word(A, "bob")), O, WAITS),
        (hold(REJECTED, word(R, "bob")), A, APPROVED),
        (hold(REJECTED, word(R, "bob"), planned=DAY * 2), A, APPROVED),
        (hold(REJECTED, word(R, "bob")), R, "h7 is rejected already, by bob (ticket 1), 2026-03-01 12:00 UTC"),
        (hold(REJECTED, word(R, "bob")), O, WAITS),
        (hold(WAITS, planned=DAY), A, APPROVED),
        (
            hold(WAITS, planned=DAY + timedelta(seconds=1)),
            A,
            "h7 on prod was last planned at 2026-02-28 11:59 UTC, too",
        ),
        (hold(WAITS, planned=DAY * 9), R, REJECTED),
    ],
)
def test_a_word_makes_of_a_hold_what_the_table_says(of: HoldRecord, ruling: HoldRuling, then: HoldState | str) -> None:
    found = said(of, word(ruling))
    assert type(then) is type(found)
    assert found.startswith(then)


@pytest.mark.parametrize("ruling", list(HoldRuling))
@pytest.mark.parametrize(
    ("state", "became"),
    [
        (HoldState.PASSED, "h7 is over: it passed, by bob (ticket 1), 2026-03-01 12:00 UTC"),
        (
            HoldState.SUPERSEDED,
            "h7 is over: what is held on prod now has other effects; superseded by h9: syncd hold show h9",
        ),
        (HoldState.GONE, "h7 is over: it is not held on prod any more"),
    ],
)
def test_of_what_is_over_nothing_can_be_said(state: HoldState, became: str, ruling: HoldRuling) -> None:
    assert became == said(hold(state, word(A, "bob")), word(ruling))
    assert state.is_over


def test_two_approvals_are_of_two_people() -> None:
    first = hold(WAITS, word(A, "anna (via root)", people="anna"))
    assert WAITS == said(hold(WAITS), word(A), needs=2)
    assert "anna (via root) approved h7 already: the second word has to be another person's" == said(
        first, word(A, "anna"), needs=2
    )
    assert APPROVED == said(first, word(A, "bob (via root)", people="bob"), needs=2)
    assert "anna (via root)" in str(said(first, word(A, "bob (via anna)", people="bob anna"), needs=2))


def test_of_two_approvals_the_first_has_an_age_too() -> None:
    old = hold(WAITS, word(A, "bob", ago=DAY + timedelta(seconds=1)))
    assert WAITS == said(old, word(A), needs=2)
    assert WAITS == said(old, word(A, "bob"), needs=2), "it counts no more, so bob may say it again"


def test_what_was_said_before_a_rejection_counts_no_more() -> None:
    words = word(A, "bob"), word(R, "carl"), word(O, "carl")
    assert WAITS == said(hold(WAITS, *words), word(A), needs=2)
    assert WAITS == said(hold(WAITS, *words), word(A, "bob"), needs=2)


def test_what_was_approved_under_a_lower_number_waits_for_more() -> None:
    assert APPROVED == said(hold(APPROVED, word(A, "bob")), word(A), needs=2)


def test_a_name_of_a_hold_is_no_digest() -> None:
    assert ("h12", 12) == (hold_name(12), hold_number("h12"))
    for other in ("12", "h", "hx", "3f2a90c1d4e5", "123456789012", "h²", "h" + "9" * 30):
        assert hold_number(other) is None, other


def test_what_goes_on_has_not_become_anything() -> None:
    assert "" == what_became(hold(WAITS))
    assert "it passed" == what_became(hold(HoldState.PASSED))
