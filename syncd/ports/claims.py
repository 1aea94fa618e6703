"""What is about to be moved: what limits over several deployments count beside what was moved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncd.plan.areas import Moved
from syncd.ports.leases import Lease


@dataclass(frozen=True, slots=True)
class PassClaim:
    """What a run is about to move on a deployment, under its lease. It counts until it is made anew, or the lease is over."""

    run: int
    lease: Lease
    moved: Moved


MovedThere = Mapping[str, Moved]
"""By deployment."""


class Claims(Protocol):
    """What passes of all processes are about to move, and what counts with it."""

    def moved_since(
        self, since: datetime, *, deployment: str = "", run: int = 0, but: Collection[int] = ()
    ) -> MovedThere:
        """Give what was moved since then without a person's word, and what others are about to move.

        That is all but the claim of this run there, and these changes.
        """
        ...

    def claim(
        self, claim: PassClaim, *, since: datetime, but: Collection[int] = (), fits: Callable[[MovedThere], bool]
    ) -> bool:
        """Put a claim in the place of the one that its run has, if it `fits` with what else was moved and is claimed, all in
        one transaction; say whether it did. Of claims that are made at the same time the second one sees the first."""
        ...

    def people(self, deployments: Collection[str]) -> int:
        """Count the people who have something by us on any of these deployments."""
        ...

    def rights(self, deployments: Collection[str]) -> int:
        """Sum up the rights that people have by us there, as was noted last."""
        ...

    def note_rights(self, deployment: str, rights: int, *, now: datetime) -> None:
        """Note how many rights people have by us there."""
        ...
