"""What people said of alarms: that somebody sees to one, and which are not to be told for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody sees to an alarm, and said so: it is told no more until it is over."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Which alarms are not told before `until`. What is empty is not asked for.

    kind        alarms of this kind
    alarm       this one alarm, by its id, until it is over
    deployment  those about this deployment
    label       those about deployments with this label and this value
    """

    until: datetime
    by: str
    reason: str
    kind: str = ""
    alarm: str = ""
    deployment: str = ""
    label: tuple[str, str] | None = None
    id: int = 0

    def covers(self, kind: str, subject: str, alarm: str, *, labels: Mapping[str, str]) -> bool:
        """Say whether an alarm is one of these; `labels` are those of the deployment that it is about, if it is one."""
        return (
            self.kind in ("", kind)
            and self.alarm in ("", alarm)
            and self.deployment in ("", subject)
            and (self.label is None or labels.get(self.label[0]) == self.label[1])
        )

    def lasts(self, now: datetime) -> bool:
        return now < self.until

    @property
    def words(self) -> str:
        """Say which alarms these are."""
        what = f"alarm {self.alarm[:8]}" if self.alarm else self.kind or "every kind"
        where = [f"on {self.deployment}"] if self.deployment else []
        where += ["where {}={}".format(*self.label)] if self.label else []
        return " ".join([what, *where])
