"""Hours of the week in which a binding gives what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """Hours on some days of each week, as a clock on the wall of a zone shows them.

    `days` are those on which it opens, Monday is 0; `opens` and `closes` are minutes after midnight. One that closes no later
    than it opens closes on the next day.
    """

    zone: str
    days: tuple[int, ...] = tuple(range(7))
    opens: int = 0
    closes: int = MIDNIGHT

    @property
    def is_always(self) -> bool:
        """Whether it never closes."""
        return len(self.days) == len(DAYS) and (self.opens, self.closes) == (0, MIDNIGHT)

    def __str__(self) -> str:
        hours = f"{_clock(self.opens)}-{_clock(self.closes)}" if (self.opens, self.closes) != (0, MIDNIGHT) else ""
        days = _days(self.days) if len(self.days) < len(DAYS) else ""
        return " ".join(part for part in (days, hours, self.zone) if part)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days(days: tuple[int, ...]) -> str:
    """Name days; of three or more in a row the first and the last."""
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ",".join(DAYS[day] for day in days)
