"""How much is shown of what may be long."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.render.lines import FEW

WHOLE = 10**9


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is shown: of each section the first `lines`, of people who are alike the first `names`, of notes of a kind
    the first `notes`. The rest is counted."""

    lines: int = 50
    names: int = FEW
    notes: int = FEW


SHORT = Extent()
EVERYTHING_SHOWN = Extent(WHOLE, WHOLE, WHOLE)
