"""What is held, as one inbox: each hold with its name, what people said of it, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from syncd.model import Held
from syncd.plan.rejected import Rejection
from syncd.plan.rulings import HoldRecord, HoldWord, NotTaken


class Inbox(Protocol):
    """Holds of plans in force. They come and go with the plans that are recorded (`Ledger.record_plan`)."""

    def find(self, name: str) -> HoldRecord | None:
        """Give a hold by its name, or by its digest the newest of that digest, with its changes and all that was said."""
        ...

    def listed(
        self, *, deployments: Collection[str] | None = None, over: bool = False, limit: int = 100
    ) -> tuple[HoldRecord, ...]:
        """List holds, the newest first, without their changes; with `over` those too that are over."""
        ...

    def named(self, held: Held) -> str:
        """Name the hold, of those that are not over, that is of just this, or else one that has all of it; empty: none has."""
        ...

    def say(self, name: str, word: HoldWord, *, needs: int, expires: timedelta) -> HoldRecord | NotTaken:
        """Write down what somebody says of a hold, with what follows from it; gives the hold as it is then.

        One transaction: what two people say at the same time comes one after the other. Nothing is written where it is refused.
        """
        ...

    def rejections(self, deployment: str) -> tuple[Rejection, ...]:
        """Give what may not pass there, whatever plans it."""
        ...

    def approved(self, deployment: str, *, since: datetime, needs: int = 1) -> frozenset[str]:
        """Give the digests of what may pass there once, by the words of so many people that were said since then."""
        ...
