"""What became of changes whose end nobody knows, by what is on the server now.

A look proves what is there, never that nothing will come: a server that is slow carries a call out after its client gave
up. So what was sent and is not there is awaited for a day, and is ours whenever it is seen in that time, although its
change was settled as failed:

what is seen of a call that is awaited | then
---------------------------------------|------------------------------------------------------------------------------
a role on the account, not ours before | the call was carried out: all it brought is ours, and goes if no line gives it
the account is gone                    | it can bring nothing, unless it makes the account
an account that it should have made,   | somebody else made it: nothing on it is ours
with another e-mail or other names     |
nothing, for a day                     | it will not come
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.model import Awaited, Change, Kind, ObservedState, Owned, Plan, Role, Status, User, key

LATEST = timedelta(days=1)
"""How late a call may come. Servers seen so far were minutes late; a machine that was put to sleep wakes up some day."""

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """How a change ended, by a look; `final` says that its calls can bring nothing any more."""

    status: Status
    detail: str
    final: bool = False


# --- changes whose answer never came ----------------------------------------------------------------------------------


def settled(change: Change, observed: ObservedState) -> Settled | None:
    """Say how an open change ended; None where the look does not cover it."""
    if not _visible(change, observed):
        return None
    there = _there(change, observed)
    if change.kind is Kind.DELETE:
        return Settled(Status.FAILED, "it is still there") if there else Settled(Status.APPLIED, "it is gone")
    match there, change.after:
        case User() as account, User() as sent:
            return _account(change, account, sent)
        case Role() as role, Role() as sent_role:
            return _role(change, role, sent_role)
        case _:
            return Settled(Status.FAILED, "it is not there")


def without_others(owned: Owned, ends: Iterable[tuple[Change, Settled]]) -> Owned:
    """Count no more as owned what the intent of a change marked that somebody else made meanwhile."""
    names = frozenset(key(change.name) for change, end in ends if end.final)
    if not names:
        return owned
    grants = {name: roles for name, roles in owned.grants.items() if name not in names}
    return replace(owned, users=owned.users - names, grants=grants)


def planned_again(plan: Plan, ends: Iterable[tuple[int, Change, Settled]]) -> frozenset[int]:
    """Name the changes that were not made, by a look, and are planned once more: they take what they take only once."""
    now = {(change.subject, key(change.name)) for change in plan.changes}
    return frozenset(
        id_ for id_, change, end in ends if end.status is Status.FAILED and (change.subject, key(change.name)) in now
    )


def without_unmade(owned: Owned, ends: Iterable[tuple[Change, Settled]]) -> Owned:
    """Leave out the grants that the intent of a change marked as ours and that were not made, by a look: they are gains still."""
    grants = dict(owned.grants)
    for change, end in ends:
        if change.subject == "user" and end.status is Status.FAILED and key(change.name) in grants:
            grants[key(change.name)] -= set(change.granted)
    return replace(owned, grants=grants)


def _visible(change: Change, observed: ObservedState) -> bool:
    return observed.scope.covers(change.name) if change.subject == "user" else observed.scope.everything


def _there(change: Change, observed: ObservedState) -> User | Role | None:
    return observed.users.get(key(change.name)) if change.subject == "user" else observed.roles.get(change.name)


def _account(change: Change, there: User, sent: User) -> Settled:
    made = change.kind is Kind.CREATE
    if made and not _is_what_was_sent(there, sent):
        return Settled(Status.FAILED, "somebody else made an account of that name", final=True)
    if there.roles.issuperset(change.granted) and there.roles.isdisjoint(change.revoked):
        return Settled(Status.APPLIED, "it is as intended")
    if made:
        return Settled(Status.PENDING, "it was made; the roles that it lacks are planned again")
    return Settled(Status.FAILED, "it is not as intended; planned again")


def _is_what_was_sent(there: User, sent: User) -> bool:
    """Tell an account that we made from one of the same name that a person made meanwhile, as well as can be."""
    pairs = ((there.first_name, sent.first_name), (there.last_name, sent.last_name))
    named = all(not wanted or wanted.startswith(have) for have, wanted in pairs)
    return key(there.email) == key(sent.email) and named


def _role(change: Change, there: Role, sent: Role) -> Settled:
    """Role writes are not atomic: tell whole from in part. What is there and was not before is what was meant."""
    if there.permissions == sent.permissions:
        detail = "it was made, and this pass finishes it" if there.unfinished else "it is as intended"
        return Settled(Status.APPLIED, detail)
    missing = len(sent.permissions - there.permissions)
    detail = (
        f"it was made in part ({missing} of {len(sent.permissions)} permissions are missing); this pass finishes it"
    )
    return Settled(Status.APPLIED if change.kind is Kind.CREATE else Status.FAILED, detail)


# --- calls that may still be carried out ------------------------------------------------------------------------------


def came_late(awaited: Iterable[Awaited], observed: ObservedState, owned: Owned) -> dict[int, Owned]:
    """Give, by change, what was sent by it and is there now, of changes of which something is there that was not ours."""
    found = ((late.change_id, _brought(late, observed, owned)) for late in awaited)
    return {id_: things for id_, things in found if things is not None}


def _brought(late: Awaited, observed: ObservedState, owned: Owned) -> Owned | None:
    change, name = late.change, key(late.change.name)
    match _there(change, observed), change.after:
        case User() as there, User() as sent if observed.scope.covers(name):
            if change.kind is Kind.CREATE and not _is_what_was_sent(there, sent):
                return None
            made = change.kind is Kind.CREATE and name not in owned.users
            new = (there.roles & late.roles) - owned.grants.get(name, _NOTHING)
            if made or new:
                return Owned(frozenset({name}) if made else _NOTHING, grants={name: new} if new else {})
        case Role() as role, Role() as sent_role if change.kind is Kind.CREATE and role.name not in owned.roles:
            if role.permissions <= sent_role.permissions:
                return Owned(roles=frozenset({role.name}))
    return None


def will_not_come(awaited: Iterable[Awaited], observed: ObservedState, *, now: datetime) -> frozenset[int]:
    """Name the changes of which nothing more is to be expected; not asked of those that came."""
    return frozenset(late.change_id for late in awaited if _is_over(late, observed, now))


def _is_over(late: Awaited, observed: ObservedState, now: datetime) -> bool:
    if not _visible(late.change, observed):
        return False
    gone = late.change.kind is not Kind.CREATE and _there(late.change, observed) is None
    return gone or now - late.since > LATEST


def with_more(owned: Owned, more: Mapping[int, Owned]) -> Owned:
    """Count what came late as owned."""
    grants = dict(owned.grants)
    for things in more.values():
        for name, roles in things.grants.items():
            grants[name] = grants.get(name, _NOTHING) | roles
    users = owned.users.union(*(things.users for things in more.values()))
    roles = owned.roles.union(*(things.roles for things in more.values()))
    return replace(owned, users=users, roles=roles, grants=grants)
