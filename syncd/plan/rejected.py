"""What somebody rejected stays undone, effect by effect, until nobody plans it any more.

A rejection is of effects, not of a set: a pass over one of these people, or a plan that has fewer of them and so is within the
limits, does not let them go either. What is left out counts towards no limit, so what else is planned goes on.

of a change        | is left out
-------------------|---------------------------------------------------------------------------------
no effect rejected | nothing
every one          | all of it
of an update some  | just these: people and roles keep what they would lose, and do not get what they would gain
an account is new  | the roles that are rejected; all of it, where the account is
it deletes         | all of it, where that is rejected; else it becomes an update to what is to stay

Nor is a role deleted, or emptied, of which somebody is to keep what they have, nor an account that is to keep a role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from syncd.model import Change, Kind, Note, Permission, Plan, Role, User, key
from syncd.plan.order import Ungiven
from syncd.plan.taken import hollowed

Effect: TypeAlias = tuple[str, str, str, str]
"""As `Change.effects` has it: verb, subject, name, detail."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Effects on a deployment that a person does not let pass; `name` is what the hold is called."""

    name: str
    effects: frozenset[Effect]
    by: str
    """Who and when, and why."""


def without_rejected(plan: Plan, rejections: Collection[Rejection]) -> tuple[Plan, tuple[Change, ...]]:
    """Give a plan without what was rejected, with a note on each rejection that leaves something out, and what that is."""
    rejected = frozenset[Effect]().union(*(one.effects for one in rejections))
    if rejected.isdisjoint(effect for change in plan.changes for effect in change.effects):
        return plan, ()
    parts = list(_parts(plan.changes, rejected))
    in_use = _InUse.by([stays for _, _, stays in parts if stays is not None], plan.changes)
    go: list[Change] = []
    left: list[Change] = []
    for change, goes, stays in parts:
        if goes is not None and in_use.forbids(goes):
            goes, stays = None, change
        go += [goes] if goes is not None else []
        left += [stays] if stays is not None else []
    notes = tuple(_notes(left, rejections))
    return replace(plan, changes=tuple(go), notes=(*plan.notes, *notes)), tuple(left)


@dataclass(frozen=True, slots=True)
class _InUse:
    """Roles of which somebody is to keep what they have, and people who are to keep something."""

    roles: frozenset[str]
    people: frozenset[str]

    @classmethod
    def by(cls, left: Iterable[Change], planned: Iterable[Change]) -> _InUse:
        of_people = [change for change in left if change.subject == "user" and change.revoked]
        roles = {role for change in of_people for role in change.revoked}
        return cls(hollowed(planned) & roles, frozenset(key(change.name) for change in of_people))

    def forbids(self, change: Change) -> bool:
        if change.subject == "user":
            return change.kind is Kind.DELETE and key(change.name) in self.people
        return change.name in self.roles and (change.kind is Kind.DELETE or bool(change.revoked))


def _parts(
    changes: Iterable[Change], rejected: frozenset[Effect]
) -> Iterator[tuple[Change, Change | None, Change | None]]:
    ungiven = Ungiven()
    for planned in changes:
        change = ungiven.out_of(planned)
        goes, stays = _parted(change, rejected)
        ungiven.note(stays)
        yield change, goes, stays


def _parted(change: Change, rejected: frozenset[Effect]) -> tuple[Change | None, Change | None]:
    """Cut a change into what goes and what is left out."""
    hit = rejected.intersection(change.effects)
    if not hit:
        return change, None
    if len(hit) == len(change.effects) or any(verb in ("create", "delete", "finish") for verb, *_ in hit):
        return None, change
    gained, lost = ({detail for verb, *_, detail in hit if verb == which} for which in ("grant", "revoke"))
    between = _with(change, gained=gained, lost=lost)
    goes = replace(change, after=between)
    return (goes if goes.effects else None), replace(change, before=between)


def _with(change: Change, *, gained: Collection[str], lost: Collection[str]) -> User | Role:
    """Give what is there once a change was made but for this."""
    match change.before, change.after:
        case (User() | None) as before, (User() | None) as after:
            thing = after or before
            assert thing is not None
            kept = (after.roles if after else frozenset()) - set(gained) | set(lost)
            return replace(thing, roles=frozenset(kept))
        case before, after:
            role = after or before
            assert isinstance(role, Role)
            here = _permissions(after)
            stays = {name: held for name, held in _permissions(before).items() if name in lost}
            both = {name: held for name, held in here.items() if name not in gained} | stays
            return replace(role, permissions=frozenset(both.values()))


def _permissions(thing: User | Role | None) -> Mapping[str, Permission]:
    return {str(held): held for held in thing.permissions} if isinstance(thing, Role) else {}


def still_rejected(change: Change, left: Iterable[Change], plan: Plan) -> frozenset[Effect]:
    """Say which effects of a rejected change are still kept back: `left` out of the plan, or in doubt or not clear just now."""
    planned = {effect for one in left for effect in one.effects}
    doubted = {("revoke", "user", key(kept.username), kept.role) for kept in plan.kept}
    unclear = {key(name) for name in plan.blocked}
    return frozenset(e for e in change.effects if e in planned or e in doubted or key(e[2]) in unclear)


def shrunk(change: Change, still: frozenset[Effect]) -> Change | None:
    """Give the part of a rejected change that is still rejected; None: nothing of it."""
    return _parted(change, still)[1]


def _notes(left: Collection[Change], rejections: Iterable[Rejection]) -> Iterable[Note]:
    for one in rejections:
        number = sum(1 for change in left if not one.effects.isdisjoint(change.effects))
        if number:
            what = "1 change stays undone" if number == 1 else f"{number:,} changes stay undone"
            text = f"{one.name}: {what}, rejected {one.by}; to be asked again: syncd hold reopen {one.name}"
            yield Note("hold_rejected", text)
