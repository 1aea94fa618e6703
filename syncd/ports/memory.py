"""What was learned of deployments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from syncd.model import DesiredState, Learned, Loss
from syncd.plan.another import RivalSign
from syncd.plan.contested import Tally
from syncd.plan.rivals import GrantTally, LostGrant


class Memory(Protocol):
    """What earlier passes saw of each deployment: what it can do, what it should be, and what other hands do there."""

    def learned(self, deployment: str) -> Learned | None: ...

    def save_learned(self, deployment: str, learned: Learned, *, only_new: bool = False) -> None:
        """Keep what was learned; with `only_new`, just where nothing is known yet."""
        ...

    def last_desired(self, deployment: str) -> DesiredState | None:
        """Give the desired state that a pass over everything last read back, with what it held or kept back in it."""
        ...

    def save_desired(self, run: int, desired: DesiredState, *, reached: bool = True) -> None:
        """Keep what a pass over everything read back; `reached`: nothing was held back."""
        ...

    def losses(self, deployment: str) -> tuple[Loss, ...]:
        """List the permissions that another hand took; see plan/contested.py."""
        ...

    def gains(self, deployment: str) -> tuple[Loss, ...]:
        """List the permissions that another hand gave."""
        ...

    def contest(self, deployment: str, *, losses: Tally, gains: Tally, now: datetime) -> None:
        """Write down what a pass saw of both."""
        ...

    def lost_grants(self, deployment: str) -> tuple[LostGrant, ...]:
        """List the grants that another hand took from people; see plan/rivals.py."""
        ...

    def contest_grants(self, deployment: str, tally: GrantTally, *, now: datetime) -> None:
        """Write down what a pass saw of them."""
        ...

    def signs(self, deployment: str) -> tuple[RivalSign, ...]:
        """List the signs of another installation; see plan/another.py."""
        ...

    def note_signs(self, deployment: str, found: Collection[RivalSign], *, now: datetime) -> None:
        """Write down what a look found of them."""
        ...

    def roles_seen(self, deployment: str) -> frozenset[str] | None:
        """Name the roles that were there after the last pass over everything; None where that was not kept."""
        ...

    def sound_roles(self, deployment: str) -> Mapping[str, str]:
        """Give by name what the roles meant that were found there to hold no more than that; see plan/sound.py."""
        ...

    def save_roles_seen(self, deployment: str, names: Collection[str], *, sound: Mapping[str, str]) -> None: ...

    def renamed_roles(self, deployment: str) -> Mapping[str, str]:
        """Give, by the name it has now, each role of ours that seems to have been renamed by hand, with its old name."""
        ...

    def remember_renamed(self, deployment: str, found: Mapping[str, str], *, now: datetime) -> None: ...

    def forget_renamed(self, deployment: str, names: Collection[str]) -> None: ...
