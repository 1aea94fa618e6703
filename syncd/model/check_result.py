"""What an examination found out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CLOCK_SKEW_S = 60
"""Servers tell time to the second, and an answer takes a while; identity providers allow some minutes."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What an examination found out about one thing. `ok` is None where it cannot be known, or is no more than advice."""

    subject: str
    check: str
    ok: bool | None
    detail: str

    @classmethod
    def of_clock(cls, subject: str, server: datetime | None, *, now: datetime) -> CheckResult:
        """Compare a server's clock with ours; signatures and tokens stop working when they are minutes apart."""
        if server is None:
            return cls(subject, "clock", None, "the server does not say what time it is")
        seconds = round((server - now).total_seconds())
        ahead = "ahead of" if seconds > 0 else "behind"
        close = abs(seconds) <= CLOCK_SKEW_S
        told = "agrees with ours" if close else f"is {abs(seconds)} s {ahead} ours; set the clock of this machine right"
        return cls(subject, "clock", close, f"the server's clock {told}")
