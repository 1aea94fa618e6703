"""What the changes of a plan are counted by: the guard and the journal ask the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.model import Change
from syncd.plan.areas import NOBODY_MOVED, Moved, Movers
from syncd.plan.given import NOTHING_GAINED, Gained, Gains
from syncd.plan.lost import Losses
from syncd.plan.taken import Taken, taken


@dataclass(frozen=True, slots=True)
class Measure:
    """What the changes of a plan are counted by.

    holders  what `taken` asks of a role
    gains    what gains are measured by; None: no limit on gains is asked about them
    losses   what lost rights are counted by; None: they are not counted
    whom     says whom a change moves; None: there are no limits over several deployments
    """

    holders: Mapping[str, int] = field(default_factory=dict)
    gains: Gains | None = None
    losses: Losses | None = None
    whom: Movers | None = None

    def took(self, change: Change) -> Taken:
        """Count what one change takes."""
        found = taken(change, self.holders)
        return self.losses.counted(change, found) if self.losses else found

    def gave(self, change: Change) -> Gained:
        """Count what one change gives."""
        return self.gains.of(change) if self.gains else NOTHING_GAINED

    def moved(self, change: Change, took: Taken, gave: Gained) -> Moved:
        """Give whom one change moves, of which it is known how much it takes and gives."""
        return self.whom.of(change, took, gave) if self.whom and (took or gave) else NOBODY_MOVED

    def of(self, change: Change) -> Moved:
        """Give whom one change moves, and how many rights it takes and gives."""
        return self.moved(change, self.took(change), self.gave(change))
