"""Grants of people that another hand takes each time: noticed, named with who most likely does it, and not fought for ever.

read back after a pass | at a later one       | wanted | then
-----------------------|----------------------|--------|----------------------------------------------
there, and ours since  | gone                 | yes    | it was taken: counted, and given again
there                  | gone, `YIELD_AFTER` times | yes | left as it is, told, tried again a day later
there                  | there                | yes    | put right: it can be counted anew
any                    | any                  |        | forgotten after a month of peace

Who does it cannot be asked, so it is judged by what they leave behind:

the accounts that lost something           | then most likely
-------------------------------------------|------------------------------------------------------------
are not there any more                     | whoever deletes accounts: another tool, a second syncd
are left with the same, and nothing of ours | a login that gives people their roles anew
are most holders of a role, at once        | another tool or a second syncd, with another mapping
any other                                  | a person, in the user interface

What only syncd may give again (permissions of roles on DAGs) is `contested`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from syncd.model import DesiredState, Note, ObservedState
from syncd.plan.contested import FORGET_AFTER, TRY_AGAIN_AFTER
from syncd.words import some

YIELD_AFTER: Final = 5
"""So often a grant that had been read back was gone, and syncd gives way: a person's access is worth some rounds."""
TOGETHER: Final = 3
"""So many people at least who lose a role at once were not clicked together by a person."""
_SHOWN: Final = 5

DELETES = "another tool or a second syncd deletes the accounts"
LOGIN = (
    "a login takes them, which gives people their roles anew (AUTH_ROLES_SYNC_AT_LOGIN): they are left with {left}; switch "
    "that off, or let AUTH_ROLES_MAPPING give these roles too"
)
ANOTHER = "another tool or a second syncd with another mapping takes them, as all at once are gone"
PERSON = (
    "somebody takes them in the user interface or by the API: Airflow notes nowhere who did (its event log has only what its "
    "command line did), so ask who administers there"
)


class TakenGrant(NamedTuple):
    """A role that somebody (as `key` gives the account) had by us, and that is gone."""

    username: str
    role: str


@dataclass(frozen=True, slots=True)
class LostGrant:
    """How often a grant was found gone; `back` says that it was put right since it was counted last."""

    grant: TakenGrant
    times: int
    last: datetime
    back: bool = True


@dataclass(frozen=True, slots=True)
class GrantTally:
    """What a look at everything shows of lost grants: gone once more, as they should be again, or over for long."""

    counted: frozenset[TakenGrant] = frozenset()
    put_right: frozenset[TakenGrant] = frozenset()
    forgotten: frozenset[TakenGrant] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.counted or self.put_right or self.forgotten)


def taken_grants(
    desired: DesiredState,
    observed: ObservedState,
    earlier: DesiredState | None,
    *,
    ours: Mapping[str, frozenset[str]],
) -> frozenset[TakenGrant]:
    """Give what was read back after the last pass over everything, is still wanted, and is gone. `ours` are the roles by key that
    people have by us: what we took ourselves since (who left and came back, an undone run) is none of them."""
    if earlier is None:
        return frozenset()
    return frozenset(
        TakenGrant(name, role)
        for name, user in desired.users.items()
        if name in earlier.users
        for role in (user.roles & earlier.users[name].roles & ours.get(name, frozenset())) - _roles(observed, name)
    )


def tallied(
    taken: frozenset[TakenGrant], known: Iterable[LostGrant], observed: ObservedState, *, now: datetime
) -> GrantTally:
    """Tally what was taken; one loss that stays is not counted twice."""
    open_, over, right = set(), set(), set()
    for one in known:
        if now - one.last > FORGET_AFTER:
            over.add(one.grant)
        elif not one.back and one.grant.role in _roles(observed, one.grant.username):
            right.add(one.grant)
        elif not one.back:
            open_.add(one.grant)
    return GrantTally(taken - open_, frozenset(right), frozenset(over))


def yield_grants(
    desired: DesiredState,
    observed: ObservedState,
    lost: Iterable[LostGrant],
    *,
    now: datetime,
    after: int = YIELD_AFTER,
) -> DesiredState:
    """Want no more for now what was taken so often and is gone, and say so."""
    often = {
        one.grant
        for one in lost
        if one.times >= after
        and now - one.last < TRY_AGAIN_AFTER
        and one.grant.username in desired.users
        and one.grant.role in desired.users[one.grant.username].roles - _roles(observed, one.grant.username)
    }
    if not often:
        return desired
    users = dict(desired.users)
    for name, role in often:
        users[name] = replace(users[name], roles=users[name].roles - {role})
    hours = TRY_AGAIN_AFTER // timedelta(hours=1)
    notes = [
        Note("grant_taken_back", f"{said}, each time syncd gives it. syncd tries again after {hours} hours")
        for said in _said(often, desired, observed)
    ]
    return replace(desired, users=users, notes=(*desired.notes, *notes))


def likely_culprits(taken: Iterable[TakenGrant], desired: DesiredState, observed: ObservedState) -> tuple[str, ...]:
    """Say what was taken from whom, and who most likely did it."""
    return tuple(_said(taken, desired, observed))


def not_by_logins(taken: Iterable[TakenGrant], desired: DesiredState, observed: ObservedState) -> frozenset[TakenGrant]:
    """Leave out what a login takes that gives people their roles anew."""
    by_role = _by_role(taken)
    logins = {role for role, names in by_role.items() if _is_login(names, desired, observed)}
    return frozenset(one for one in taken if one.role not in logins)


def _said(taken: Iterable[TakenGrant], desired: DesiredState, observed: ObservedState) -> list[str]:
    return [
        f"{role} was taken from {some(names, _SHOWN)}: most likely {_culprit(role, names, desired, observed)}"
        for role, names in _by_role(taken).items()
    ]


def _by_role(taken: Iterable[TakenGrant]) -> dict[str, list[str]]:
    by_role: dict[str, list[str]] = {}
    for name, role in sorted(taken):
        by_role.setdefault(role, []).append(name)
    return by_role


def _culprit(role: str, names: list[str], desired: DesiredState, observed: ObservedState) -> str:
    if not any(name in observed.users for name in names):
        return DELETES
    if left := _is_login(names, desired, observed):
        return LOGIN.format(left=", ".join(sorted(left)))
    holders = sum(1 for user in desired.users.values() if role in user.roles)
    return ANOTHER if len(names) >= TOGETHER and 2 * len(names) > holders else PERSON


def _is_login(names: list[str], desired: DesiredState, observed: ObservedState) -> frozenset[str]:
    """Give the roles that all of them are left with, and of which none is wanted; none: it was no login."""
    left = {frozenset(_roles(observed, name)) for name in names if name in observed.users}
    wanted = frozenset[str]().union(*(desired.users[name].roles for name in names if name in desired.users))
    same = next(iter(left)) if len(left) == 1 else frozenset[str]()
    return frozenset() if same & wanted else same


def _roles(observed: ObservedState, name: str) -> frozenset[str]:
    return observed.users[name].roles if name in observed.users else frozenset()
