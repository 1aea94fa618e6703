"""Small values and short stories for the tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from syncd.model import (
    EVERYTHING,
    Certificate,
    Change,
    Group,
    Held,
    Identity,
    Outcome,
    Permission,
    Plan,
    Role,
    Scope,
    Snapshot,
    Status,
    User,
    Why,
)
from syncd.ports import Lease
from syncd.store import Stores
from syncd.store.entries import DatabaseEntry

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Give the time so many minutes into the story."""
    return NOW + timedelta(minutes=minutes)


def user(name: str, *roles: str) -> User:
    return User(name, f"{name}@example.com", name, "Example", frozenset(roles))


def role(name: str, *resources: str) -> Role:
    return Role(name, frozenset(Permission("can_read", r) for r in resources))


def created(name: str, *roles: str) -> Change:
    return Change(None, user(name, *roles), (Why(f"{name} joins"),))


def moved(name: str, before: set[str], after: set[str]) -> Change:
    return Change(user(name, *before), user(name, *after), (Why(f"{name} moves"),))


def left(name: str, *roles: str) -> Change:
    return Change(user(name, *roles), None, (Why(f"{name} leaves"),))


def plan_of(*changes: Change, deployment: str = "prod", scope: Scope = EVERYTHING) -> Plan:
    return Plan(deployment, scope, changes)


def snapshot(
    *, members: frozenset[str] = frozenset({"1"}), taken_at: datetime = NOW, certified_at: datetime | None = None
) -> Snapshot:
    person = Identity("okta", "1", "anna", "anna@example.com", "Anna", "Example")
    certificate = Certificate(1, len(members), None, certified_at or taken_at, complete=True)
    return Snapshot("okta", (person,), (Group("okta", "g1", "finance", members, certificate),), taken_at)


def planned(
    store: Stores, *changes: Change, deployment: str = "prod", held: Held | None = None, now: datetime = NOW
) -> int:
    """Start a run and record a plan of these changes; gives the plan's number."""
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=now)
    return store.ledger.record_plan(run, plan_of(*changes, deployment=deployment), held=held, approved=None, now=now)


def begun(store: Stores, plan: int, change: Change, *, now: datetime = NOW) -> int:
    """Begin one planned change, as if its call never came back; gives its number."""
    entry = opened(store, plan, change, now=now)
    entry.before("POST")
    assert entry.id is not None
    return entry.id


def opened(
    store: Stores, plan: int, change: Change, *, now: datetime = NOW, lease: Lease | None = None
) -> DatabaseEntry:
    """Open the entry of one planned change, and of no other."""
    with store.ledger.entries(plan, lease=lease) as entries:
        return entries.begin(change, now=now)


def made(
    store: Stores,
    change: Change,
    status: Status = Status.APPLIED,
    *,
    deployment: str = "prod",
    now: datetime = NOW,
) -> int:
    """Plan, begin and end one change; gives its number."""
    entry = opened(store, planned(store, change, deployment=deployment, now=now), change, now=now)
    entry.conclude(Outcome(change, status, "as told"), now=now)
    assert entry.id is not None
    return entry.id
