"""Words for a deployment that fails: since when, how often in a row, when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from syncd.words import age

if TYPE_CHECKING:
    from syncd.ports import Failing

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Fails:
    """That a deployment fails, as of `now`; `is_tended`: a daemon runs."""

    failing: Failing
    now: datetime
    is_tended: bool

    @property
    def short(self) -> str:
        """Say it in a cell of a table."""
        return f"fails for {self._age}, {self._times}"

    def whole(self, since: str) -> str:
        """Say it on a card; `since` is the time as all others there are shown."""
        return f"since {since} ({self._age}), {self._times}"

    def json(self) -> dict[str, Any]:
        again = self.failing.next_try_at
        when = {"since": self.failing.since.isoformat(), "next_try_at": again.isoformat() if again else None}
        return {"times": self.failing.times, **when}

    @property
    def _age(self) -> str:
        return age(self.now - self.failing.since)

    @property
    def _times(self) -> str:
        often = "once" if self.failing.times == 1 else f"{self.failing.times:,} times in a row"
        return ", ".join(filter(None, (often, self._next())))

    def _next(self) -> str:
        again = self.failing.next_try_at
        if again is None:
            return ""
        if not self.is_tended:
            return "no next try: no daemon runs"
        left = again - self.now
        if left >= MINUTE:
            return f"next try in {age(left)}"
        return "next try within a minute" if left > timedelta(0) else "next try now"
