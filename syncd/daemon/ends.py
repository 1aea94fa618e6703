"""How a pass may end, and what may follow from it, as values; `followup` says what follows from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from syncd.control import DeploymentResult
from syncd.daemon.words import Say
from syncd.daemon.work_item import BUSY_S, WorkItem
from syncd.errors import StoreError, SyncdError
from syncd.render.reports import DeploymentPass, PassReport


class DeploymentEnd(DeploymentPass, Protocol):
    """What a pass did on a deployment (`reconcile.DeploymentReport`, seen from here)."""

    @property
    def error(self) -> SyncdError | None: ...
    @property
    def drift(self) -> int: ...
    @property
    def culprits(self) -> tuple[str, ...]: ...
    @property
    def frozen(self) -> Mapping[str, str]: ...
    @property
    def unknown_dags(self) -> Mapping[str, str]: ...


class PassEnd(PassReport, Protocol):
    """What a pass over one deployment did (`reconcile.Report`, seen from here)."""

    @property
    def deployments(self) -> Sequence[DeploymentEnd]: ...
    def exit_code(self) -> int: ...


# --- how a pass ended ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """It was made; its report says how it went."""

    report: PassEnd


@dataclass(frozen=True, slots=True)
class Listed:
    """Only the DAGs were listed; these came, went, or are other ones than before."""

    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Broke:
    """It ended before there was a report. `is_defect`: of something that nobody thought of."""

    error: SyncdError
    is_defect: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """Its deployment is not in the configuration any more; it was not begun."""


@dataclass(frozen=True, slots=True)
class TooEarly:
    """Too little is known of people; it was not begun."""


@dataclass(frozen=True, slots=True)
class RolesFirst:
    """Nothing was done on that server yet, and roles come before people; it was not begun."""


End = Made | Listed | Broke | Gone | TooEarly | RolesFirst


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of one deployment between passes."""

    swept_at: datetime | None = None
    error: str = ""
    held: str = ""
    calls: int = 0
    drift: int = 0
    notes: tuple[str, ...] = ()
    looked_again: int = 0
    """So many times in a row not everything was done; at most what `AGAIN` has a time for is looked at out of turn."""
    waiting: int = 0
    """Changes that the last look at everything could not make in full, because the server lacks something."""
    paused: int = 0
    paused_people: int = 0
    """Changes that wait for the end of a pause, and people who keep until then what no line gives."""
    hold: str = ""
    """What the inbox calls what is held."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is so when a pass ends.

    failures  how many in a row failed before it
    failing   the same with this one, if it failed: while the ladder has others wait, it joins them
    """

    at: datetime
    failures: int = 0
    failing: int = 1
    is_stopping: bool = False
    is_configured: bool = True
    """Whether the deployment still is; it may have been taken out while the pass ran."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A pass on a deployment that ended, at a moment; `record` is what was remembered until then."""

    name: str
    item: WorkItem
    end: End
    record: Record
    moment: Moment = field(kw_only=True)


# --- what follows -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Closed:
    """The item is done with; nothing stands in the way of what waits."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """The item could not begin, and waits so long."""

    again: WorkItem
    wait_s: float = BUSY_S


@dataclass(frozen=True, slots=True)
class Retried:
    """It failed, as so many in a row; this is tried again by the ladder."""

    again: WorkItem
    failures: int


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Everything that is to be done after a pass, in this order.

    database   how it was found: an error, or True where it worked; None: nobody asked
    answer     what whoever waits for the item is told
    puts       what is queued beside it; `again_in`: and a look at everything after so long
    failed     True: the deployment fails, one time more in a row; False: it does not; None: that is not known by this
    """

    record: Record
    close: Closed | Postponed | Retried
    says: tuple[Say, ...] = ()
    events: tuple[Event, ...] = ()
    database: StoreError | bool | None = None
    drops_session: bool = False
    answer: DeploymentResult | None = None
    puts: tuple[WorkItem, ...] = ()
    again_in: timedelta | None = None
    failed: bool | None = None
