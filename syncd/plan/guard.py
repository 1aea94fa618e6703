"""Every safety rule on one page: how much may be taken away, and given, within an hour without a person's word.

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

Limits on what is given count the same way, by people and by rights (see given.py). Their share is of what there is once it
was given, so that it is the same in one pass and in many. The first pass over everything is asked nothing about gains: before
it nobody is managed there.

given, with the last hour                      | then
-----------------------------------------------|---------------------------------------------------------
up to the floor                                | goes
above the floor, within the count and the share | goes
above the floor, more than the count or the share | held

A kind that is over its limit is held whole; the rest goes on: what the plan gives where too much is taken, and what it takes
where too much is given. Changes that do both are cut in two. A held set has a digest of its effects there: approving that
digest lets exactly that pass, and a world that has moved has another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from syncd.model import Change, DesiredState, Held, Kind, ObservedState, Owned, Plan, Role, User, key
from syncd.plan.approval import covers
from syncd.plan.areas import NOBODY_MOVED, Moved, Movers, SoFar, area_rulings, area_uses, together
from syncd.plan.doubted import HELD
from syncd.plan.given import NOTHING_GAINED, Gained, Gains
from syncd.plan.guard_rules import (
    Admins,
    KeptBack,
    Privileged,
    admin_rulings,
    outgrown_rulings,
    own_rulings,
    privileged_rulings,
    timed_rulings,
)
from syncd.plan.limits import Limits
from syncd.plan.lost import Losses
from syncd.plan.measured import Measure
from syncd.plan.order import Ungiven
from syncd.plan.taken import NOTHING, Taken, holders_left, hollowed
from syncd.plan.used import Used

WINDOW = timedelta(hours=1)
"""What was taken or given this long ago still counts towards a limit."""
HALF = 0.5
"""Of what syncd manages: more than this does not go without a word, however few they are; but one does, and two of three."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A plan after the guard: what may go, in order, and what is held; or the digest by which all of it may go.

    `covered` is what that digest let pass. `measure` is what changes are counted by; `uses` says how much of each limit the
    plan would use.
    """

    go: tuple[Change, ...]
    held: Held | None = None
    approved: str | None = None
    covered: tuple[Change, ...] = ()
    measure: Measure = field(default_factory=Measure)
    uses: Callable[[], tuple[Used, ...]] = field(default=tuple, compare=False)

    @property
    def moves(self) -> Moved:
        """Give what the changes that may go count in areas: all but those that a person let pass."""
        return together(self.measure.of(change) for change in self.counting)

    @property
    def counting(self) -> tuple[Change, ...]:
        """Give the changes that may go and that no person let pass."""
        covered = {(c.subject, c.name, c.after) for c in self.covered}
        return tuple(c for c in self.go if (c.subject, c.name, c.after) not in covered)


@dataclass(frozen=True, slots=True)
class _Moves:
    """What one change takes, and what it gives."""

    change: Change
    took: Taken
    gave: Gained = NOTHING_GAINED
    moved: Moved = NOBODY_MOVED


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of loss or gain: what it counts, out of how many, where it is too much, and how many a little while ago."""

    words: str
    count: Callable[[_Moves], int]
    total: Callable[[], int]
    most: int
    share: float
    floor: int
    before: int
    of_people: bool = False
    """Whether a small deployment must not be emptied of it."""
    gives: bool = False


def guard(
    plan: Plan,
    observed: ObservedState,
    limits: Limits,
    *,
    owned: Owned,
    approvals: Collection[str] = (),
    lately: Taken = NOTHING,
    named: Collection[str] = (),
    gains: Gains | None = None,
    privileged: Privileged | None = None,
    admins: Admins | None = None,
    own: User | None = None,
    given_lately: Gained = NOTHING_GAINED,
    doubt: str = "",
    timed: Mapping[str, frozenset[str]] = MappingProxyType({}),
    losses: Losses | None = None,
    whom: Movers | None = None,
    areas: Collection[SoFar] = (),
    measure: Measure | None = None,
    in_use: DesiredState | None = None,
) -> Guarded:
    """Part a plan into what may go and what is held, unless the digest of what would be held is approved.

    `named` are roles that the code of DAGs seems to name: none of them is deleted without a person's word.
    `doubt` says why the database may not be the one of before: then nothing is taken without a person's word, nor given of
    `timed`: by key, the roles that only grants give that are older than the doubt.
    `lately` was taken there within the last `WINDOW`, without a person's word, and `given_lately` given: it counts too.
    `gains` is what gains are measured by; None: they are not limited. `privileged` is what the rule about roles that administer
    asks, `admins` what those about administrators ask; None: there is no such rule. `own` is the account that we run as.
    `losses` is what lost rights are counted by; None: they are not limited. `areas` are those that the deployment is in, with
    what counts there already, and `whom` says whom a change moves. `measure` is all of that, where it was made before.
    `in_use` is what the mapping files in use want, where a database in doubt says that older ones are gone by.
    """
    measure = measure or Measure(holders_left(plan.changes, observed), gains, losses, whom)
    gains, losses = measure.gains, measure.losses
    each = [_moves(measure, change) for change in plan.changes]
    kinds = [*_kinds(observed, limits, owned=owned, lately=lately), _of_named(named), *_in_doubt(doubt)]
    kinds += [_lost_rights(limits, losses, owned=owned, lately=lately)] if losses else []
    kinds += _gain_kinds(each, limits, owned=owned, gains=gains, lately=given_lately) if gains else ()
    sums = [(kind, sum(map(kind.count, each))) for kind in kinds]
    over = [_ruling(kind, why, each) for kind, count in sums if (why := _too_much(kind, count))]
    over += area_rulings([(m.change, m.moved) for m in each], areas)
    over += privileged_rulings(plan.changes, privileged) if privileged else ()
    over += timed_rulings(plan.changes, timed, doubt) if timed else ()
    over += outgrown_rulings(plan.changes, in_use, doubt) if in_use else ()
    over += own_rulings(plan.changes, own, observed.roles)
    over += admin_rulings(plan.changes, admins, tuple(over)) if admins else ()

    def uses() -> tuple[Used, ...]:
        return (*_uses(sums), *area_uses([m.moved for m in each], areas))

    if not over:
        return Guarded(plan.changes, measure=measure, uses=uses)
    go, kept_back = _part(plan.changes, over)
    held = Held(tuple(kept_back), tuple(ruling.why for ruling in over), plan.deployment)
    if covers(approvals, held):
        return Guarded(plan.changes, approved=held.digest, covered=held.changes, measure=measure, uses=uses)
    return Guarded(tuple(go), held, measure=measure, uses=uses)


def _moves(measure: Measure, change: Change) -> _Moves:
    took, gave = measure.took(change), measure.gave(change)
    return _Moves(change, took, gave, measure.moved(change, took, gave))


def _uses(sums: Iterable[tuple[_Kind, int]]) -> Iterator[Used]:
    """Say how much of each limit is used; rules that hold whatever there is of a kind are no limits."""
    for kind, count in sums:
        if count and kind.most:
            most = max(kind.floor, min(kind.most, int(kind.share * kind.total())))
            yield Used("", kind.words, count, kind.before, most)


def still_passing(plan: Plan, guarded: Guarded, *, before: Guarded) -> Guarded:
    """Let pass what is held in a later look of one pass, where it is some of what an approval let pass in an earlier one."""
    held, covered = guarded.held, {(c.subject, c.name, c.before, c.after) for c in before.covered}
    if held is None or not {(c.subject, c.name, c.before, c.after) for c in held.changes} <= covered:
        return guarded
    return replace(guarded, go=plan.changes, held=None, approved=before.approved, covered=held.changes)


def _kinds(observed: ObservedState, limits: Limits, *, owned: Owned, lately: Taken) -> tuple[_Kind, ...]:
    permissions = sum(len(observed.roles[name].permissions) for name in owned.roles if name in observed.roles)
    accounts = owned.accounts if owned.accounts is not None else len(owned.users)
    most, floor = limits.removals, limits.floor

    def kind(words: str, count: Callable[[_Moves], int], total: int, before: int, *, of_people: bool = False) -> _Kind:
        return _Kind(words, count, lambda: total + before, most, limits.share, floor, before, of_people)

    return (
        kind("people lose a role", lambda m: m.took.people, _people(owned), lately.people, of_people=True),
        kind("accounts are deleted", lambda m: m.took.accounts, accounts, lately.accounts, of_people=True),
        kind("roles are deleted", lambda m: m.took.roles, len(owned.roles), lately.roles),
        replace(
            kind("permissions are taken out of roles", lambda m: m.took.permissions, permissions, lately.permissions),
            most=limits.permissions,
            floor=limits.permission_floor,
        ),
    )


def _lost_rights(limits: Limits, losses: Losses, *, owned: Owned, lately: Taken) -> _Kind:
    return _Kind(
        "rights are lost (one permission of one person each)",
        lambda m: m.took.rights,
        lambda: losses.managed(owned.grants) + lately.rights,
        limits.lost_rights,
        limits.share,
        limits.lost_right_floor,
        lately.rights,
    )


def _people(owned: Owned) -> int:
    return owned.people if owned.people is not None else sum(1 for roles in owned.grants.values() if roles)


def _of_named(named: Collection[str]) -> _Kind:
    words = "roles are deleted that the code of a DAG seems to name in access_control, which breaks its file"
    return _Kind(words, lambda m: m.took.roles if m.change.name in named else 0, lambda: len(named), 0, 0.0, 0, 0)


def _gain_kinds(
    each: Iterable[_Moves], limits: Limits, *, owned: Owned, gains: Gains, lately: Gained
) -> tuple[_Kind, ...]:
    gainers = [m.change.after for m in each if m.gave and isinstance(m.change.after, User)]
    new = {key(user.username) for user in gainers} - {name for name, roles in owned.grants.items() if roles}

    def rights() -> int:
        return gains.managed({key(user.username): user.roles for user in gainers})

    return (
        _Kind(
            "people gain a role",
            lambda m: m.gave.people,
            lambda: _people(owned) + len(new),
            limits.gains,
            limits.gain_share,
            limits.gain_floor,
            lately.people,
            gives=True,
        ),
        _Kind(
            "rights are given (one permission of one person each)",
            lambda m: m.gave.rights,
            rights,
            limits.rights,
            limits.gain_share,
            limits.right_floor,
            lately.rights,
            gives=True,
        ),
    )


def _in_doubt(doubt: str) -> Iterator[_Kind]:
    if doubt:
        yield _Kind(f"changes {HELD} ({doubt})", lambda m: int(bool(m.took)), lambda: 0, 0, 0.0, 0, 0)


def _too_much(kind: _Kind, count: int) -> str | None:
    whole = count + kind.before
    if not count:
        return None
    lately = f", after {kind.before} within the last hour" if kind.before else ""
    if whole <= kind.floor:
        emptied = kind.of_people and _empties(whole, kind.total(), share=kind.share)
        return f"{count} of {kind.total()} {kind.words}{lately}: the limit is half of them" if emptied else None
    if whole > kind.most:
        return f"{count} {kind.words}{lately}: the limit is {kind.most}"
    if whole > kind.share * (total := kind.total()):
        return f"{count} of {total} {kind.words}{lately}: the limit is {kind.share:.0%}"
    return None


def _empties(whole: int, total: int, *, share: float) -> bool:
    """Say whether a few are too many of what there is: all, or more than half of more than two; a larger share allows more."""
    return share < 1 and whole > 1 and (whole >= total or (whole > 2 and whole > max(HALF, share) * total))


def _ruling(kind: _Kind, why: str, each: Iterable[_Moves]) -> KeptBack:
    """Keep back whatever counts towards a limit that is reached."""
    over = {id(m.change) for m in each if kind.count(m)}
    if kind.gives:
        return KeptBack(why, gives=lambda change: frozenset(change.granted) if id(change) in over else frozenset())
    return KeptBack(why, takes=lambda change: id(change) in over)


def _part(changes: tuple[Change, ...], over: Collection[KeptBack]) -> tuple[list[Change], list[Change]]:
    """Cut each change into what goes and what is held; of those whose loss is held neither role nor account goes either."""
    takes = [any(ruling.takes(change) for ruling in over) for change in changes]
    people = [change for change, is_over in zip(changes, takes, strict=True) if is_over and change.subject == "user"]
    kept_people = {change.name for change in people}
    kept_roles = hollowed(changes).intersection(role for change in people for role in change.revoked)
    go: list[Change] = []
    held: list[Change] = []
    ungiven = Ungiven()
    for planned, is_over in zip(changes, takes, strict=True):
        change = ungiven.out_of(planned)
        gives = frozenset[str]().union(*(ruling.gives(change) for ruling in over))
        goes, stays = _cut(change, takes=is_over or _is_in_use(change, kept_roles, kept_people), gives=gives)
        go += [goes] if goes is not None else []
        held += [stays] if stays is not None else []
        ungiven.note(stays)
    return go, held


def _is_in_use(change: Change, roles: Collection[str], people: Collection[str]) -> bool:
    """Say whether what goes, or as good as all of a role, would be taken from people who are to keep it for now."""
    if change.subject == "user":
        return change.kind is Kind.DELETE and change.name in people
    return change.name in roles and (change.kind is Kind.DELETE or bool(change.revoked))


def _cut(change: Change, *, takes: bool, gives: frozenset[str]) -> tuple[Change | None, Change | None]:
    """Cut a change where what it takes, or some of what it gives, is held: what goes, and what is held after it."""
    if not (takes or gives):
        return change, None
    between = _between(change, takes=takes, gives=gives)
    if between is None:
        return None, change
    if isinstance(change.thing, Role):
        return Change(change.before, between, change.because), Change(between, change.after, change.because)
    return _part_of(change, change.before, between), _part_of(change, between, change.after)


def cut(change: Change) -> tuple[Change | None, Change]:
    """Cut a change in what it gives (None: nothing that could be made by itself) and what it takes."""
    gives, takes = _cut(change, takes=True, gives=frozenset())
    assert takes is not None
    return gives, takes


def _between(change: Change, *, takes: bool, gives: frozenset[str]) -> User | Role | None:
    """Give what is there once the part that goes was made; None: nothing of it goes."""
    match change.before, change.after:
        case None, User() as after if gives and (roles := after.roles - gives):
            return replace(after, roles=roles)
        case User() as before, User() as after:
            roles = (before.roles | after.roles if takes else after.roles) - gives
            return replace(before if takes else after, roles=roles) if roles != before.roles else None
        case Role() as before, Role() as after:
            stays = before.permissions | after.permissions if takes else after.permissions
            found = frozenset(p for p in stays if p in before.permissions or str(p) not in gives)
            return replace(after, permissions=found) if found != before.permissions else None
        case _:
            return None


def _part_of(change: Change, before: User | Role | None, after: User | Role | None) -> Change:
    """Give a part of a change, with the reasons that speak of it."""
    part = Change(before, after)
    about = {"", *part.granted, *part.revoked}
    return replace(part, because=tuple(why for why in change.because if why.role in about))


def parted(
    planned: Iterable[Change], held: Held | None, *, waiting: Iterable[Change] = ()
) -> Iterator[tuple[Change, bool]]:
    """Give the changes of a plan, in order, and whether each is held.

    Where only what a change takes is held, or is `waiting` for the end of a pause, it is two: what it gives, which goes on,
    and what it takes.
    """
    takes = {(c.subject, c.name, c.after): (c, False) for c in waiting}
    takes |= {(c.subject, c.name, c.after): (c, True) for c in (held.changes if held else ())}
    ungiven = Ungiven()
    for whole in planned:
        change = ungiven.out_of(whole)
        kept_back, is_held = takes.get((change.subject, change.name, change.after), (None, False))
        ungiven.note(kept_back if is_held else None)
        if kept_back is None:
            yield change, False
            continue
        if kept_back.before != change.before:
            yield _part_of(change, change.before, kept_back.before), False
        yield kept_back, is_held
