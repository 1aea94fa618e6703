"""What the daemon keeps for itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from syncd.ports.silences import Acknowledged, Silence

AlarmKey: TypeAlias = tuple[str, str]
"""Kind and subject of an alarm."""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm that stands, or whose cause is gone since `cleared_at`. `notified_at` is when somebody was last told, and
    `is_bundled` whether that was together with others."""

    text: str
    since: datetime
    notified_at: datetime | None = None
    cleared_at: datetime | None = None
    is_bundled: bool = False
    acknowledged: Acknowledged | None = None
    """Who sees to it; `save_alarms` leaves that as it is."""


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

    def alarms(self) -> Mapping[AlarmKey, AlarmRow]:
        """Give every alarm that stands, or whose end was not told yet."""
        ...

    def save_alarms(self, changed: Mapping[AlarmKey, tuple[AlarmRow, AlarmRow | None]]) -> frozenset[AlarmKey]:
        """Keep alarms, all at once: each as it is now where the one that is kept was told when the second says (None: none is
        kept); give those that were kept."""
        ...

    def silences(self) -> tuple[Silence, ...]:
        """List which alarms are not to be told, the oldest first."""
        ...

    def clear_alarms(self, keys: Collection[AlarmKey]) -> frozenset[AlarmKey]:
        """Forget alarms, all at once; give those that were there."""
        ...


class SaidOfAlarms(Protocol):
    """What people say of alarms; each word of it is in the journal before it counts."""

    def acknowledge(self, key: AlarmKey, since: datetime, said: Acknowledged) -> bool:
        """Note that somebody sees to the alarm that stands since then; say whether it still does."""
        ...

    def silence(self, silence: Silence, *, now: datetime) -> int:
        """Keep a silence; gives its number."""
        ...

    def unsilence(self, id_: int, *, by: str, now: datetime) -> bool:
        """End a silence before its time; say whether it lasted."""
        ...


class Uses(Protocol):
    """Who asked a running daemon for what, and what it answered."""

    def record_use(self, who: str, what: str, answer: int, *, now: datetime, detail: str = "") -> None:
        """Note that somebody asked for something, and what was answered (an HTTP status)."""
        ...

    def uses(self, limit: int, *, offset: int = 0) -> tuple[Use, ...]:
        """List who asked for what, newest first."""
        ...


class Presence(Replicas, KeptAlarms, SaidOfAlarms, Uses, Protocol):
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
