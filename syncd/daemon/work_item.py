"""What waits to be done on a deployment, as values: how urgent it is, what goes ahead of what, and what one pass does for two.

urgency | what                                        | why there
--------|---------------------------------------------|---------------------------------------------------
LOSS    | people who lose something                   | the leaver is first
ORDER   | what a person asked for                     | somebody waits
GAIN    | people who only gain                        |
WHOLE   | a pass over everything: sweep, mapping, end | large, and may not fill every worker
DAGS    | what roles hold on DAGs that came or went   | as above

A pass that runs lets go ahead, between two of its changes:

that runs                        | that waits                                      | then
---------------------------------|-------------------------------------------------|---------------------------------------
anything                         | a few people, more urgent                       | goes ahead
a look at everything, or at DAGs | a few people, of whom one loses something       | goes ahead, even if no more urgent
GAIN, WHOLE, DAGS                | a look at everything that is a LOSS or an ORDER | goes ahead
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from syncd.model import DesiredState, Scope
from syncd.plan.approval import APPLY, Mode, PlanOnly, approvals_of

BUSY_S: Final = 2.0
"""How long to wait for another writer, such as a command that somebody runs."""
GIVES_WAY_S: Final = 0.25
"""How long to wait for one that was asked to give way."""
MOST_PEOPLE: Final = 50
"""In one scoped pass. For more people reading the users page by page is cheaper than asking for each."""


class Urgency(IntEnum):
    LOSS = 0
    ORDER = 1
    GAIN = 2
    WHOLE = 3
    DAGS = 4


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One pass to be made on one deployment.

    command   what led to it: people, sweep, mapping, expiry, grant, dags, roles, retry, reconcile, approve
    mode      only plan, or apply, with the approvals of a person
    earlier   what was wanted of the people before, for the reasons of what is taken
    seen_at   when the poll began that saw the change; `bound_at`: the poll before, so no later than the change itself
              (both monotonic; None where no poll led to this)
    job       who waits for the result
    not_before  it failed, or met another writer: not to be begun before (monotonic)
    """

    scope: Scope
    command: str
    urgency: Urgency
    mode: Mode = APPLY
    earlier: DesiredState | None = None
    seen_at: float | None = None
    bound_at: float | None = None
    job: int | None = None
    not_before: float = 0.0

    @property
    def is_narrow(self) -> bool:
        """Whether it is about a few people and nothing else, and so done in a few calls."""
        return self.scope.usernames is not None and not self.scope.dags

    @property
    def may_not_wait(self) -> bool:
        """Whether another writer is asked to give way."""
        return (
            self.urgency is Urgency.LOSS
            or bool(approvals_of(self.mode))
            or (self.urgency is Urgency.ORDER and self.is_narrow)
        )

    def goes_ahead_of(self, running: WorkItem) -> bool:
        """Say whether a pass that runs is to let this one go first, between two of its changes."""
        if self.is_narrow:
            return self.urgency < running.urgency or (self.urgency is Urgency.LOSS and not running.is_narrow)
        return self.urgency <= Urgency.ORDER < running.urgency

    @property
    def is_bulk(self) -> bool:
        return self.urgency >= Urgency.WHOLE

    def _about(self) -> tuple[bool, bool]:
        return bool(self.scope.usernames), bool(self.scope.dags)

    def with_(self, other: WorkItem) -> WorkItem | None:
        """Make one item of two, where one pass does the work of both; None where it cannot."""
        if self.job is not None or other.job is not None or approvals_of(self.mode) or approvals_of(other.mode):
            return None
        if bool(self.not_before) != bool(other.not_before):
            return None  # what has to wait keeps nobody else waiting
        not_before = max(self.not_before, other.not_before)
        if self.scope.everything and other.scope.everything:
            first = self if self.urgency <= other.urgency else replace(other, seen_at=self.seen_at)
            return replace(first, not_before=not_before)
        if self.scope.everything or other.scope.everything or self._about() != other._about():
            return None
        people = (self.scope.usernames or frozenset()) | (other.scope.usernames or frozenset())
        return replace(
            self,
            scope=Scope(people, self.scope.dags | other.scope.dags),
            urgency=min(self.urgency, other.urgency),
            earlier=_earliest(self.earlier, other.earlier),
            seen_at=_first(self.seen_at, other.seen_at),
            bound_at=_first(self.bound_at, other.bound_at),
            not_before=not_before,
        )

    def does_too(self, other: WorkItem) -> bool:
        """Say whether this one, for which somebody waits, does what waits for the same people as well."""
        people, asked = other.scope.usernames, self.scope.usernames
        if (
            isinstance(self.mode, PlanOnly)
            or self.scope.dags
            or other.job is not None
            or not people
            or other.scope.dags
        ):
            return False
        return asked is None or people <= asked

    def doing(self, other: WorkItem) -> WorkItem:
        """Take over what another one knows of when its people moved, and what was wanted of them before."""
        return replace(
            self,
            earlier=_earliest(other.earlier, self.earlier),
            seen_at=_first(self.seen_at, other.seen_at),
            bound_at=_first(self.bound_at, other.bound_at),
        )

    def bounded(self) -> WorkItem:
        """Look at everybody where too many people would be asked for one by one."""
        people = self.scope.usernames
        if people is None or len(people) <= MOST_PEOPLE or self.scope.dags or self.job is not None:
            return self
        return replace(self, scope=Scope())


def _first(a: float | None, b: float | None) -> float | None:
    return min((x for x in (a, b) if x is not None), default=None)


def _earliest(first: DesiredState | None, later: DesiredState | None) -> DesiredState | None:
    if first is None or later is None:
        return first or later
    return replace(
        first, users={**later.users, **first.users}, because={**later.because, **first.because}, roles=later.roles
    )
