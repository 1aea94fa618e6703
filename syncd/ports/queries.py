"""What people ask the journal: what was done, by whom and why; who held which role when; how a deployment stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypedDict, Unpack

from syncd.model import Change, Held, Kept, Note, Scope
from syncd.plan.rulings import HoldRecord

LIMIT = 100
"""How many rows a page has, where nobody says."""


class AuditFilter(TypedDict, total=False):
    """Which changes an audit shows; what is left out does not matter.

    `role` finds changes of the role and changes that gave it to people or took it. `status` is a Status, `intent` or
    `planned`; without it, changes that were only planned are left out. `since` (included) and `until` (not included) are
    about the time when the status was last set. Newest first; with `after` by id, those after it: so nothing is left out or
    comes twice, however many pages are read while things change.
    """

    deployment: str | None
    user: str | None
    role: str | None
    since: datetime | None
    until: datetime | None
    status: str | None
    run: int | None
    after: int | None
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change with all that was known when it was made. `by` ran the command, `approved_by` let it pass a limit, for
    `approved_reason`."""

    id: int
    run: int
    command: str
    by: str
    plan: int
    digest: str
    approved: str | None
    approved_by: str | None
    approved_reason: str | None
    deployment: str
    change: Change
    status: str
    detail: str
    at: datetime
    intent_at: datetime | None
    ended_at: datetime | None
    settled_by_looking: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a command, or of the daemon; `ended_at` and `exit_code` are None while it lasts."""

    id: int
    command: str
    scope: Scope
    by: str
    host: str
    pid: int
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """What the newest plan in force over everything keeps back.

    It was made at `made_at`; `since` is when the first plan was made that kept back the same, with none between them
    that did not, and not let pass since.
    """

    run: int
    plan: int
    digest: str
    made_at: datetime
    since: datetime
    held: Held
    hold: str = ""
    """What the inbox calls it; empty: it is in none."""


@dataclass(frozen=True, slots=True)
class LastPlan:
    """How a deployment stood after the last plan for it. `counts` is changes by status.

    `reached_at` is when a pass over everything last read back that the desired state was reached, with nothing held back;
    `reached_run` says which.
    """

    deployment: str
    run: RunRecord
    plan: int
    digest: str
    scope: Scope
    made_at: datetime
    counts: Mapping[str, int]
    kept: tuple[Kept, ...]
    notes: tuple[Note, ...]
    held: HeldPlan | None
    reached_at: datetime | None
    reached_run: int | None


class HoldingFilter(TypedDict, total=False):
    """Which holdings a history shows: those that overlap the time from `since` to `until`; with `moved`, of a first and a last
    moment, those that began or ended after the one and not after the other."""

    deployment: str | None
    user: str | None
    role: str | None
    since: datetime | None
    until: datetime | None
    moved: tuple[datetime, datetime] | None
    after: int | None
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Holding:
    """That a person held a role that syncd gave or adopted, from `since` to `until` (None: still).

    `change` brought it, with its reasons in `because`; None and empty where it was adopted. `ended_by` and `ended_because`
    are the change that took it. Not `proven`: the change that brought it has no known outcome yet.
    """

    id: int
    deployment: str
    username: str
    role: str
    since: datetime
    until: datetime | None
    change: int | None
    because: tuple[str, ...]
    run: int | None
    by: str | None
    approved_by: str | None
    approved_reason: str | None
    ended_by: int | None
    ended_because: tuple[str, ...]
    proven: bool


class Queries(Protocol):
    """What people ask. Everything comes newest first, with `limit` and `offset`."""

    def audit(self, **wanted: Unpack[AuditFilter]) -> tuple[AuditRow, ...]:
        """List changes, newest first: deployment, user, role, since, until, status, run, limit, offset."""
        ...

    def last_plan(self, deployment: str) -> LastPlan | None:
        """Tell how a deployment stood after the last plan for it; None where there was none."""
        ...

    def journal_head(self) -> tuple[int, int]:
        """Give the highest id of a change, and how many changes have no known outcome."""
        ...

    def hold(self, name: str) -> HoldRecord | None:
        """Give a hold by its name or its digest (`Inbox.find`)."""
        ...

    def holds(self, deployments: Collection[str], *, state: str | None = None) -> tuple[HoldRecord, ...]:
        """List the holds of these deployments with their changes, the newest first: those that are not over, or the newest of a
        state (`all`: of any)."""
        ...

    def held(self, deployment: str) -> HeldPlan | None:
        """Give what the newest plan over everything keeps back."""
        ...

    def history(self, **wanted: Unpack[HoldingFilter]) -> tuple[Holding, ...]:
        """Tell who held which role when, and why, newest first: deployment, user, role, since, until, moved, limit, offset."""
        ...
