"""What came and went between two moments agrees with asking at both of them who holds what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.access.between import Came, between
from syncd.ports import Holding

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = st.integers(0, 30)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def holding(number: int, user: str, role: str, since: int, until: int | None) -> Holding:
    return Holding(
        id=number,
        deployment="prod",
        username=user,
        role=role,
        since=at(since),
        until=None if until is None else at(until),
        change=number,
        because=(),
        run=1,
        by="root",
        approved_by=None,
        approved_reason=None,
        ended_by=None,
        ended_because=(),
        proven=True,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Holding]:
    """Of some people and roles: holdings that follow one another, as one is only begun where none is open."""
    rows: list[Holding] = []
    for user in ("anna", "bob"):
        for role in ("r", "s"):
            moments = sorted(draw(st.lists(HOURS, max_size=6, unique=True)))
            for n in range(0, len(moments), 2):
                until = moments[n + 1] if n + 1 < len(moments) else None
                rows.append(holding(len(rows) + 1, user, role, moments[n], until))
    return rows


def held(rows: list[Holding], when: datetime) -> set[tuple[str, str]]:
    return {(r.username, r.role) for r in rows if r.since <= when and (r.until is None or r.until > when)}


def moved(rows: list[Holding], first: datetime, last: datetime) -> list[Holding]:
    return [r for r in rows if first < r.since <= last or (r.until is not None and first < r.until <= last)]


@given(histories(), HOURS, HOURS)
def test_it_is_the_difference_of_the_two_moments(rows: list[Holding], one: int, other: int) -> None:
    first, last = at(min(one, other)), at(max(one, other))
    found = between(moved(rows, first, last), first, last)
    came = {c: {(p.username, p.role) for p in found if p.came is c} for c in Came}
    before, after = held(rows, first), held(rows, last)

    assert after - before == came[Came.GAINED]
    assert before - after == came[Came.LOST]
    assert came[Came.WITH_A_GAP] <= before & after
    assert not came[Came.FOR_A_WHILE] & (before | after)


@given(histories(), HOURS, HOURS)
def test_nothing_that_moved_is_left_out_and_nothing_else_is_told(rows: list[Holding], one: int, other: int) -> None:
    first, last = at(min(one, other)), at(max(one, other))
    some = moved(rows, first, last)
    found = between(some, first, last)
    assert sorted({(r.username, r.role) for r in some}) == [(p.username, p.role) for p in found]
    assert all(first < p.at <= last for p in found)
