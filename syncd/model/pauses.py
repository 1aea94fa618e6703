"""A pause: that somebody said to change nothing, or to take nothing, somewhere, for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncd.model.deployment import Deployment
from syncd.model.labels import NAME


@dataclass(frozen=True, slots=True)
class Paused:
    """What a pause is about.

    where         | `label`  | `value`
    --------------|----------|-------------
    the fleet     | empty    | empty
    a label       | its name | what it has to be
    a deployment  | `name`   | its name
    """

    label: str = ""
    value: str = ""
    removals_only: bool = False

    def concerns(self, deployment: Deployment) -> bool:
        """Say whether a deployment is meant."""
        return not self.label or {**deployment.labels, NAME: deployment.name}.get(self.label) == self.value

    @property
    def where(self) -> str:
        """Name what is paused, for people."""
        if not self.label:
            return "the fleet"
        return self.value if self.label == NAME else f"{self.label}={self.value}"

    @property
    def what(self) -> str:
        return "removals" if self.removals_only else "all changes"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause as it was written down. `until` is None for one that lasts until somebody ends it.

    `ended_at` is when somebody ended it before its time; None: nobody did. `host` is from where it came.
    """

    id: int
    of: Paused
    reason: str
    by: str
    host: str
    since: datetime
    until: datetime | None
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_reason: str = ""

    def is_standing(self, now: datetime) -> bool:
        """Say whether it holds at that moment."""
        ended = self.ended_at is not None and self.ended_at <= now
        return self.since <= now and not ended and (self.until is None or now < self.until)

    def __str__(self) -> str:
        return f"{self.of.what} on {self.of.where} paused {self.lasts} by {self.by}: {self.reason}"

    @property
    def lasts(self) -> str:
        return f"until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else "until it is resumed"
