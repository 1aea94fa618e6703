"""Every safety rule on one page: how much may be taken away within an hour without a person's word.

A limit counts what a plan takes away, by kind, together with what was taken there within the last hour: many small passes
are one large one.

taken, with the last hour                          | then
---------------------------------------------------|---------------------------------------------------------
up to the floor: one person, or two of three       | goes
up to the floor: more than half of the people      | held: a small deployment is not emptied without a word
up to the floor: both of two people                | held: the same
up to the floor: else                              | goes
above the floor, within the count and the share    | goes
above the floor, more than the count or the share  | held

A share of more than a half is that share for small deployments too: with 1 they may be emptied.

A kind that is over its limit is held whole; what the plan gives goes on. Changes that do both are cut in two. A held set
has a digest of its effects there: approving that digest lets exactly that pass, and a world that has moved has another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from syncd.model import Change, Held, Kind, ObservedState, Owned, Plan, Role, User
from syncd.plan.approval import covers
from syncd.plan.limits import Limits
from syncd.plan.taken import NOTHING, Taken, holders_left, hollowed, taken

WINDOW = timedelta(hours=1)
"""What was taken this long ago still counts towards a limit."""
HALF = 0.5
"""Of what syncd manages: more than this does not go without a word, however few they are; but one does, and two of three."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A plan after the guard: what may go, in order, and what is held; or the digest by which all of it may go.

    `covered` is what that digest let pass. `holders` is what `taken` asks of a role.
    """

    go: tuple[Change, ...]
    held: Held | None = None
    approved: str | None = None
    covered: tuple[Change, ...] = ()
    holders: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of loss: what it counts, out of how many, where it is too much, and how many went a little while ago."""

    words: str
    count: Callable[[Change, Taken], int]
    total: int
    most: int
    floor: int
    before: int
    of_people: bool = False
    """Whether a small deployment must not be emptied of it."""


def guard(
    plan: Plan,
    observed: ObservedState,
    limits: Limits,
    *,
    owned: Owned,
    approvals: Collection[str] = (),
    lately: Taken = NOTHING,
    named: Collection[str] = (),
) -> Guarded:
    """Part a plan into what may go and what is held, unless the digest of what would be held is approved.

    `named` are roles that the code of DAGs seems to name: none of them is deleted without a person's word.
    `lately` was taken there within the last `WINDOW`, without a person's word: it counts too.
    """
    holders = holders_left(plan.changes, observed)
    each = [(change, taken(change, holders)) for change in plan.changes]
    whys, held_kinds = [], []
    for kind in (*_kinds(observed, limits, owned=owned, lately=lately), _of_named(named)):
        count = sum(kind.count(change, took) for change, took in each)
        if why := _too_much(kind, count, share=limits.share):
            whys.append(why)
            held_kinds.append(kind)
    if not held_kinds:
        return Guarded(plan.changes, holders=holders)
    go, kept_back = _part(plan.changes, held_kinds, holders)
    held = Held(tuple(kept_back), tuple(whys), plan.deployment)
    if covers(approvals, held):
        return Guarded(plan.changes, approved=held.digest, covered=held.changes, holders=holders)
    return Guarded(tuple(go), held, holders=holders)


def still_passing(plan: Plan, guarded: Guarded, *, before: Guarded) -> Guarded:
    """Let pass what is held in a later look of one pass, where it is some of what an approval let pass in an earlier one."""
    held, covered = guarded.held, {(c.subject, c.name, c.before, c.after) for c in before.covered}
    if held is None or not {(c.subject, c.name, c.before, c.after) for c in held.changes} <= covered:
        return guarded
    return Guarded(plan.changes, approved=before.approved, covered=held.changes, holders=guarded.holders)


def _kinds(observed: ObservedState, limits: Limits, *, owned: Owned, lately: Taken) -> tuple[_Kind, ...]:
    permissions = sum(len(observed.roles[name].permissions) for name in owned.roles if name in observed.roles)
    people = owned.people if owned.people is not None else sum(1 for roles in owned.grants.values() if roles)
    accounts = owned.accounts if owned.accounts is not None else len(owned.users)
    most, floor = limits.removals, limits.floor
    most_permissions, permission_floor = limits.permissions, limits.permission_floor
    found = (
        _Kind("people lose a role", lambda _, took: took.people, people, most, floor, lately.people, of_people=True),
        _Kind(
            "accounts are deleted",
            lambda _, took: took.accounts,
            accounts,
            most,
            floor,
            lately.accounts,
            of_people=True,
        ),
        _Kind("roles are deleted", lambda _, took: took.roles, len(owned.roles), most, floor, lately.roles),
        _Kind(
            "permissions are taken out of roles",
            lambda _, took: took.permissions,
            permissions,
            most_permissions,
            permission_floor,
            lately.permissions,
        ),
    )
    return tuple(replace(kind, total=kind.total + kind.before) for kind in found)


def _of_named(named: Collection[str]) -> _Kind:
    words = "roles are deleted that the code of a DAG seems to name in access_control, which breaks its file"
    return _Kind(words, lambda change, took: took.roles if change.name in named else 0, len(named), 0, 0, 0)


def _too_much(kind: _Kind, count: int, *, share: float) -> str | None:
    whole = count + kind.before
    if not count:
        return None
    lately = f", after {kind.before} within the last hour" if kind.before else ""
    if whole <= kind.floor:
        emptied = kind.of_people and _empties(whole, kind.total, share=share)
        return f"{count} of {kind.total} {kind.words}{lately}: the limit is half of them" if emptied else None
    if whole > kind.most:
        return f"{count} {kind.words}{lately}: the limit is {kind.most}"
    if whole > share * kind.total:
        return f"{count} of {kind.total} {kind.words}{lately}: the limit is {share:.0%}"
    return None


def _empties(whole: int, total: int, *, share: float) -> bool:
    """Say whether a few are too many of what there is: all, or more than half of more than two; a larger share allows more."""
    return share < 1 and whole > 1 and (whole >= total or (whole > 2 and whole > max(HALF, share) * total))


def _part(
    changes: tuple[Change, ...], kinds: list[_Kind], holders: Mapping[str, int]
) -> tuple[list[Change], list[Change]]:
    """Cut each change into what only gives and what takes; of those whose loss is held neither role nor account goes either."""
    judged = [(change, any(kind.count(change, taken(change, holders)) for kind in kinds)) for change in changes]
    people = [change for change, is_over in judged if is_over and change.subject == "user"]
    kept_people = {change.name for change in people}
    kept_roles = hollowed(changes).intersection(role for change in people for role in change.revoked)
    go: list[Change] = []
    held: list[Change] = []
    for change, is_over in judged:
        if not is_over and not _is_in_use(change, kept_roles, kept_people):
            go.append(change)
            continue
        gives, takes = _cut(change)
        if gives is not None:
            go.append(gives)
        held.append(takes)
    return go, held


def _is_in_use(change: Change, roles: Collection[str], people: Collection[str]) -> bool:
    """Say whether what goes, or as good as all of a role, would be taken from people who are to keep it for now."""
    if change.subject == "user":
        return change.kind is Kind.DELETE and change.name in people
    return change.name in roles and (change.kind is Kind.DELETE or bool(change.revoked))


def _cut(change: Change) -> tuple[Change | None, Change]:
    match change.before, change.after:
        case User() as before, User() as after if change.granted:
            both = replace(before, roles=before.roles | after.roles)
            return _part_of(change, before, both), _part_of(change, both, after)
        case Role() as before, Role() as after if change.granted:
            whole = replace(after, permissions=before.permissions | after.permissions)
            return Change(before, whole, change.because), Change(whole, after, change.because)
        case _:
            return None, change


def _part_of(change: Change, before: User | Role | None, after: User | Role | None) -> Change:
    """Give a part of a change, with the reasons that speak of it."""
    part = Change(before, after)
    about = {"", *part.granted, *part.revoked}
    return replace(part, because=tuple(why for why in change.because if why.role in about))


def parted(planned: Iterable[Change], held: Held | None) -> Iterator[tuple[Change, bool]]:
    """Give the changes of a plan, in order, and whether each is held.

    Where only what a change takes is held it is two: what it gives, which goes on, and what it takes.
    """
    takes = {(c.subject, c.name, c.after): c for c in held.changes} if held else {}
    for change in planned:
        kept_back = takes.get((change.subject, change.name, change.after))
        if kept_back is None:
            yield change, False
            continue
        if kept_back.before != change.before:
            yield _part_of(change, change.before, kept_back.before), False
        yield kept_back, True
