"""What came and went between two moments: who gained or lost which role by syncd, by the history of what it gave and took.

held before | held after | rows in between | it is
------------|------------|-----------------|---------------------------------------------
no          | yes        | began           | gained
yes         | no         | ended           | lost
no          | no         | began and ended | had for a while
yes         | yes        | ended and began | had with a gap
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.ports import Holding


class Came(StrEnum):
    """What became of a role of somebody between two moments."""

    GAINED = "gained"
    LOST = "lost"
    FOR_A_WHILE = "for_a_while"
    WITH_A_GAP = "with_a_gap"


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of one role of one account. `began` is the holding that began last between the two moments, `ended` the one
    that ended last; None where there was none."""

    deployment: str
    username: str
    role: str
    came: Came
    began: Holding | None
    ended: Holding | None

    @property
    def at(self) -> datetime:
        """Say when it came to stand as it does after."""
        gives = self.came in (Came.GAINED, Came.WITH_A_GAP)
        found = self.began if gives else self.ended
        assert found is not None
        moment = found.since if gives else found.until
        assert moment is not None
        return moment

    @property
    def is_adopted(self) -> bool:
        """Say whether it was there before by another hand, and a mapping line came to give it too."""
        return self.came is Came.GAINED and self.began is not None and self.began.change is None


def between(rows: Iterable[Holding], first: datetime, last: datetime) -> tuple[Passage, ...]:
    """Tell what became of each role, from all holdings that began or ended after `first` and not after `last`.

    Sorted by deployment, account and role. At a moment somebody holds what began then or before and ended later.
    """
    found: defaultdict[tuple[str, str, str], list[Holding]] = defaultdict(list)
    for row in rows:
        found[row.deployment, row.username, row.role].append(row)
    return tuple(_passage(key, found[key], first, last) for key in sorted(found))


def _passage(key: tuple[str, str, str], rows: list[Holding], first: datetime, last: datetime) -> Passage:
    began = [row for row in rows if first < row.since <= last]
    ended = [row for row in rows if row.until is not None and first < row.until <= last]
    before, after = any(_is_held(row, first) for row in rows), any(_is_held(row, last) for row in rows)
    return Passage(
        *key,
        _CAME[before, after],
        max(began, key=lambda row: (row.since, row.id), default=None),
        max(ended, key=lambda row: (row.until, row.id), default=None),
    )


def _is_held(row: Holding, at: datetime) -> bool:
    return row.since <= at and (row.until is None or row.until > at)


_CAME = {
    (False, True): Came.GAINED,
    (True, False): Came.LOST,
    (False, False): Came.FOR_A_WHILE,
    (True, True): Came.WITH_A_GAP,
}
