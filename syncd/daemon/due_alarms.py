"""One alarm as it stands, and which alarms are to be kept, told or ended now. Nothing here waits, sends or reads a clock.

What is told                                             | when
---------------------------------------------------------|--------------------------------------------------------
at most FEW, counting those told in the last WINDOW      | once the oldest of them has waited for `gather`; singly
more, and none was told in the last WINDOW               | the same; together, as one message
more, and some were                                      | once the oldest has waited for WINDOW; together
what was told together, and FEW of it are left           | once the ends of the others were told; singly

The end of what was told singly is told as soon as it is sure; of what was told together once no other end of that is near, or
after WINDOW.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.alarm_kinds import FEW, alarm_id
from syncd.notify import NotifySettings
from syncd.ports import AlarmRow

SETTLE = timedelta(minutes=5)
"""How long a cause must be gone before its alarm is over."""
WINDOW = timedelta(minutes=5)
"""While many alarms come, one message in so long tells of them; what just came waits no longer than this."""


@dataclass(frozen=True, slots=True)
class StandingAlarm:
    """One alarm as this replica knows it. `kept`: what the database holds of it; None: it does not hold it."""

    kind: str
    subject: str
    text: str
    since: datetime
    notified_at: datetime | None = None
    cleared_at: datetime | None = None
    is_bundled: bool = False
    """Whether it was last told together with others."""
    kept: AlarmRow | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject

    @property
    def row(self) -> AlarmRow:
        said = self.kept.acknowledged if self.kept else None
        return AlarmRow(self.text, self.since, self.notified_at, self.cleared_at, self.is_bundled, said)

    @property
    def id(self) -> str:
        return alarm_id(self.kind, self.subject, self.since)

    def is_over(self, now: datetime) -> bool:
        return self.cleared_at is not None and now - self.cleared_at >= SETTLE


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long an alarm waits for others (`gather`), and when one that lasts is told again (`repeat`)."""

    repeat: timedelta
    gather: timedelta = timedelta()


def rhythm_of(settings: NotifySettings) -> Rhythm:
    """Take the rhythm from a configuration."""
    return Rhythm(settings.repeat, settings.gather)


def merged(known: StandingAlarm | None, key: tuple[str, str], row: AlarmRow) -> StandingAlarm:
    """Lay what the database holds over what is known here: where nothing changed here since the last look, it counts."""
    if known is None:
        return StandingAlarm(*key, row.text, row.since, row.notified_at, row.cleared_at, row.is_bundled, kept=row)
    before = known.kept or known.row
    told = [at for at in (known.notified_at, row.notified_at) if at]
    is_told_here = bool(told) and max(told) != row.notified_at
    return replace(
        known,
        text=row.text if known.kept and known.text == before.text else known.text,
        since=min(known.since, row.since),
        notified_at=max(told, default=None),
        cleared_at=row.cleared_at if known.kept and known.cleared_at == before.cleared_at else known.cleared_at,
        is_bundled=known.is_bundled if is_told_here else row.is_bundled,
        kept=row,
    )


def to_keep(alarms: Mapping[tuple[str, str], StandingAlarm]) -> tuple[StandingAlarm, ...]:
    """Find what the database does not hold as it is."""
    return tuple(alarm for alarm in alarms.values() if alarm.row != alarm.kept)


def to_tell(
    alarms: Mapping[tuple[str, str], StandingAlarm], now: datetime, rhythm: Rhythm
) -> tuple[StandingAlarm, ...]:
    """Find what is told now, all of it at once: more than FEW in one message."""
    firing = [alarm for alarm in alarms.values() if alarm.cleared_at is None]
    due = [alarm for alarm in firing if _due_at(alarm, rhythm) <= now]
    if not due:
        return _left(tuple(alarms.values()), firing, now)
    told = sum(1 for alarm in alarms.values() if alarm.notified_at and now - alarm.notified_at < WINDOW)
    has_waited = now - min(_due_at(alarm, rhythm) for alarm in due)
    is_storm = told > 0 and len(due) + told > FEW
    return tuple(due) if has_waited >= (WINDOW if is_storm else rhythm.gather) else ()


def _due_at(alarm: StandingAlarm, rhythm: Rhythm) -> datetime:
    return alarm.notified_at + rhythm.repeat if alarm.notified_at else alarm.since


def _left(alarms: Sequence[StandingAlarm], firing: Sequence[StandingAlarm], now: datetime) -> tuple[StandingAlarm, ...]:
    """Find what is left of what was told together, once it is few and quiet."""
    together = [alarm for alarm in alarms if alarm.is_bundled]
    left = [alarm for alarm in firing if alarm.is_bundled]
    is_quiet = all(now - (alarm.notified_at or alarm.since) >= WINDOW for alarm in together)
    return tuple(left) if is_quiet and len(left) == len(together) <= FEW else ()


def to_end(alarms: Mapping[tuple[str, str], StandingAlarm], now: datetime) -> tuple[StandingAlarm, ...]:
    """Find what is over, and may be told to be."""
    over = [alarm for alarm in alarms.values() if alarm.is_over(now)]
    nearly = any(alarm.is_bundled and alarm.cleared_at and not alarm.is_over(now) for alarm in alarms.values())
    together = [alarm for alarm in over if alarm.is_bundled]
    is_late = any(alarm.cleared_at and now - alarm.cleared_at >= SETTLE + WINDOW for alarm in together)
    return tuple(alarm for alarm in over if not alarm.is_bundled or is_late or not nearly)
