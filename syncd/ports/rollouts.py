"""Rollouts: which mapping files each deployment goes by while newer ones reach the fleet in waves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from syncd.model import RolloutRecord, RolloutRow, RolloutVerb


class Rollouts(Protocol):
    """What reached which deployment, and what people said of it."""

    def record(self) -> RolloutRecord:
        """Give all that is written down, as it is at one moment."""
        ...

    def files(self, revision: str) -> Mapping[str, bytes] | None:
        """Give the mapping files of a revision that a deployment goes by; None: no deployment does, or they are lost."""
        ...

    def begin(self, deployment: str, revision: str, files: Mapping[str, bytes], *, soaks: bool) -> RolloutRow:
        """Write down that a deployment goes by this revision from now on, and keep its files for as long as one does."""
        ...

    def note(self, deployment: str, revision: str, trouble: str) -> RolloutRow | None:
        """Write down that all of a revision was read back there, or what is wrong; None: nothing is other than before."""
        ...

    def leave(self, deployment: str) -> None:
        """Write down that a deployment goes by whatever the files say."""
        ...

    def say(self, verb: RolloutVerb, revision: str, deployments: Collection[str], *, by: str, reason: str) -> None:
        """Write down what a person says of deployments in the rollout of a revision."""
        ...
