"""Every safety rule on one page: how much one pass may take away without a person's word.

A limit counts what a plan takes away, by kind. Up to the floor everything goes. Above it, a kind that takes more than
its count, or more than its share of what syncd owns, is held whole; what the plan gives goes on. Changes that do both
are cut in two. A held set has a digest of its effects: approving that digest lets exactly that pass, and a world that
has moved has another digest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from syncd.model import Change, Held, Kind, ObservedState, Owned, Plan, Role, User, digest


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one pass may take away on one deployment without approval."""

    removals: int = 50
    """People who lose a role, accounts or roles that are deleted, each kind counted by itself; above this many, held."""
    share: float = 0.10
    """The part, 0 to 1, of the people (accounts, roles, permissions) that syncd manages there; above it, held."""
    floor: int = 5
    """Up to this many of a kind always pass, so that small deployments can change at all."""
    permissions: int = 1000
    """Permissions that roles lose; above this many, held."""
    permission_floor: int = 50
    """Up to this many lost permissions always pass."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A plan after the guard: what may go, in order, and what is held; or the digest by which all of it may go."""

    go: tuple[Change, ...]
    held: Held | None = None
    approved: str | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of loss: what it counts in a change, out of how many, and where it is too much."""

    words: str
    count: Callable[[Change], int]
    total: int
    most: int
    floor: int
    before: int = 0
    """How many of this kind earlier passes took a little while ago: many small passes are one large one."""


def guard(
    plan: Plan,
    observed: ObservedState,
    limits: Limits,
    *,
    owned: Owned,
    approved: Collection[str] = (),
    lately: int = 0,
    named: Collection[str] = (),
) -> Guarded:
    """Part a plan into what may go and what is held, unless the digest of what would be held is approved.

    `named` are roles that the code of DAGs seems to name: none of them is deleted without a person's word.
    `lately` people lost a role there by earlier passes of the last hour, without a person's word: they count too.
    """
    whys, held_kinds = [], []
    for kind in (*_kinds(observed, limits, owned=owned, lately=lately), _of_named(named)):
        count = sum(kind.count(change) for change in plan.changes)
        if why := _too_much(kind, count, share=limits.share):
            whys.append(why)
            held_kinds.append(kind)
    if not held_kinds:
        return Guarded(plan.changes)
    go, held = _part(plan.changes, held_kinds)
    if digest(held) in approved:
        return Guarded(plan.changes, approved=digest(held))
    return Guarded(tuple(go), Held(tuple(held), tuple(whys)))


def _kinds(observed: ObservedState, limits: Limits, *, owned: Owned, lately: int) -> tuple[_Kind, ...]:
    permissions = sum(len(observed.roles[name].permissions) for name in owned.roles if name in observed.roles)
    people = owned.people if owned.people is not None else sum(1 for roles in owned.grants.values() if roles)
    accounts = owned.accounts if owned.accounts is not None else len(owned.users)
    count, floor = limits.removals, limits.floor
    return (
        _Kind("people who lose a role", _person_loses, people + lately, count, floor, lately),
        _Kind("accounts deleted", _account_goes, accounts, count, floor),
        _Kind("roles deleted", _role_goes, len(owned.roles), count, floor),
        _Kind(
            "permissions that roles lose", _permissions_lost, permissions, limits.permissions, limits.permission_floor
        ),
    )


def _of_named(named: Collection[str]) -> _Kind:
    words = "roles deleted that the code of a DAG seems to name in access_control, which breaks its file"
    return _Kind(words, lambda change: int(change.name in named and _role_goes(change)), len(named), 0, 0)


def _person_loses(change: Change) -> int:
    return int(change.subject == "user" and bool(change.revoked))


def _account_goes(change: Change) -> int:
    return int(change.subject == "user" and change.kind is Kind.DELETE)


def _role_goes(change: Change) -> int:
    return int(change.subject == "role" and change.kind is Kind.DELETE)


def _permissions_lost(change: Change) -> int:
    return len(change.revoked) if change.subject == "role" else 0


def _too_much(kind: _Kind, count: int, *, share: float) -> str | None:
    whole = count + kind.before
    if not count or whole <= kind.floor:
        return None
    lately = f", after {kind.before} within the last hour" if kind.before else ""
    if whole > kind.most:
        return f"{count} {kind.words}{lately}: the limit is {kind.most}"
    if whole > share * kind.total:
        return f"{count} of {kind.total} {kind.words}{lately}: the limit is {share:.0%}"
    return None


def _part(changes: tuple[Change, ...], kinds: list[_Kind]) -> tuple[list[Change], list[Change]]:
    """Cut each change into what only gives and what takes; a role or account whose loss is held does not go either."""
    go: list[Change] = []
    held: list[Change] = []
    kept_roles: set[str] = set()
    kept_people: set[str] = set()
    for change in changes:
        in_use = change.kind is Kind.DELETE and change.name in (kept_roles if change.subject == "role" else kept_people)
        if not in_use and not any(kind.count(change) for kind in kinds):
            go.append(change)
            continue
        gives, takes = _cut(change)
        if gives is not None:
            go.append(gives)
        held.append(takes)
        if change.subject == "user":
            kept_people.add(change.name)
            kept_roles.update(change.revoked)
    return go, held


def _cut(change: Change) -> tuple[Change | None, Change]:
    match change.before, change.after:
        case User() as before, User() as after if change.granted:
            both = replace(before, roles=before.roles | after.roles)
            return Change(before, both, change.because), Change(both, after, change.because)
        case Role() as before, Role() as after if change.granted:
            whole = replace(after, permissions=before.permissions | after.permissions)
            return Change(before, whole, change.because), Change(whole, after, change.because)
        case _:
            return None, change
