"""Since when a deployment fails, as whoever tried last found it: the daemon, or a command."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Failing:
    """A deployment on which every pass failed since then, so many in a row.

    `next_try_at` is when the daemon that failed last tries again; None: a command failed, and nobody said when.
    """

    since: datetime
    times: int
    next_try_at: datetime | None = None


class Failures(Protocol):
    """Which deployments fail. It outlives the process that failed, and of several replicas each one counts on."""

    def failing(self) -> Mapping[str, Failing]:
        """Give what is known of every deployment that fails, by its name."""
        ...

    def failed(self, deployment: str, *, now: datetime) -> None:
        """Note that a pass failed: the first, or one more in a row."""
        ...

    def tries_again(self, deployment: str, *, at: datetime) -> None:
        """Note when a deployment that fails is tried again; where it is well by now, nothing."""
        ...

    def worked(self, deployment: str) -> None:
        """Note that a pass did not fail; where none had failed before, nothing is written."""
        ...

    def forget_others(self, deployments: Collection[str]) -> None:
        """Forget the failures of all deployments but these: the others are not configured any more."""
        ...
