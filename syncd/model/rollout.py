"""A rollout: which mapping files a deployment goes by while newer ones reach the fleet in waves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.model.deployment import Deployment
from syncd.model.labels import NAME, LabelTest

SHOWN = 12
"""So many digits of a revision people are shown."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Deployments that get a change of the mapping together. No test: all that are in none before it."""

    tests: tuple[LabelTest, ...] = ()

    def has(self, deployment: Deployment) -> bool:
        """Say whether a deployment is in it."""
        labels = {**deployment.labels, NAME: deployment.name}
        return all(test.accepts(labels.get(test.label)) for test in self.tests)

    def __str__(self) -> str:
        said = (f"{test.label}={'|'.join(sorted(test.words))}" for test in self.tests)
        return ", ".join(said) or "all others"


@dataclass(frozen=True, slots=True)
class WaveOrder:
    """The waves in their order, the last one of all others, and how long a wave has to be well before the next one begins."""

    waves: tuple[Wave, ...]
    soak: timedelta

    def place(self, deployment: Deployment) -> int:
        """Give the number of the first wave that has a deployment."""
        return next(number for number, wave in enumerate(self.waves) if wave.has(deployment))


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """The mapping revision that a deployment goes by, as it was written down before the first call that follows from it.

    reached_at  since when everything of it was found there by reading back; None: that is not so
    trouble     why that is not so, and stops the rollout; empty: nothing is known to be wrong
    soaks       whether the revision says anything else for the deployment than the one before
    """

    deployment: str
    revision: str
    began_at: datetime
    reached_at: datetime | None = None
    trouble: str = ""
    soaks: bool = True


class RolloutVerb(StrEnum):
    """What a person says: a deployment in trouble stops nobody any more, or one does not wait any longer."""

    RESUME = "resume"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class RolloutWord:
    """What a person said of a deployment in the rollout of one revision; of another one it says nothing."""

    revision: str
    verb: RolloutVerb
    deployment: str
    by: str
    host: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """All that is written down of rollouts, read in one moment, by the clock of the database."""

    rows: Mapping[str, RolloutRow]
    words: tuple[RolloutWord, ...]
    now: datetime
