"""What the daemon keeps for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm that stands. `notified_at` is when somebody was last told."""

    text: str
    since: datetime
    notified_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """One request. `who` is the name of a token or an OS user, `answer` an HTTP status."""

    id: int
    at: datetime
    who: str
    what: str
    answer: int
    detail: str


@dataclass(frozen=True, slots=True)
class GoodFiles:
    """What stood in the files: the configuration, and each mapping file by the name that people are shown."""

    config: str
    mappings: Mapping[str, str]


class Replicas(Protocol):
    """Which replicas of the daemon live: each says so again before its time runs out."""

    def beat(self, replica: str, *, ttl: timedelta) -> tuple[str, ...]:
        """Note that this replica lives, and will have said so again in `ttl`; names all that do, sorted."""
        ...

    def leave(self, replica: str) -> None:
        """Note that this replica is gone."""
        ...

    def living(self) -> tuple[str, ...]:
        """Name the replicas that live, sorted; none: no daemon runs, or none that uses this database."""
        ...


class KeptAlarms(Protocol):
    """What a person should see to, and when somebody was last told: it outlives the daemon, which must not tell it again."""

    def alarms(self) -> Mapping[tuple[str, str], AlarmRow]:
        """Give every alarm that stands, by (kind, subject)."""
        ...

    def save_alarm(
        self, kind: str, subject: str, text: str, *, since: datetime, notified_at: datetime, earlier: datetime | None
    ) -> bool:
        """Keep an alarm if the one that is kept was told at `earlier` (None: none is kept); say whether it was."""
        ...

    def clear_alarm(self, kind: str, subject: str) -> bool:
        """Forget an alarm; say whether it was there."""
        ...


class Uses(Protocol):
    """Who asked a running daemon for what, and what it answered."""

    def record_use(self, who: str, what: str, answer: int, *, now: datetime, detail: str = "") -> None:
        """Note that somebody asked for something, and what was answered (an HTTP status)."""
        ...

    def uses(self, limit: int, *, offset: int = 0) -> tuple[Use, ...]:
        """List who asked for what, newest first."""
        ...


class Presence(Replicas, KeptAlarms, Uses, Protocol):
    """All that the daemon keeps for itself."""

    def keep_files(self, path: str, files: GoodFiles, *, now: datetime) -> None:
        """Keep what the daemon of this configuration file uses, in the place of what it used before."""
        ...

    def last_files(self, path: str) -> tuple[GoodFiles, datetime] | None:
        """Give what the daemon of this configuration file used last, and since when."""
        ...

    def upkeep(self, *, before: datetime) -> Mapping[str, int]:
        """Delete what is older than that and says nothing; gives how many rows of which table."""
        ...
