"""Permissions of roles that another hand takes or gives each time: noticed, yielded to, reported; never fought for ever.

Of those on DAGs, a DAG that sets `access_control` in its code is the measured cause: Airflow 3 takes at every parse what that
code does not name and gives what it does, Airflow 2 whenever the DAG changes. Of any other it is another tool, a second syncd, or
a person. The API shows neither, so the sign is the change itself:

read back after a pass | at a later pass | wanted | then
-----------------------|-----------------|--------|----------------------------------------------------
there                  | gone            | yes    | it was taken: counted, and given again
gone                   | there           | no     | it was given: counted, and taken again
any                    | as it was left  | any    | nothing: one loss that stays is not counted twice
any                    | as we left it since (`own_acts`) | any | nothing: nobody else did it

What was counted twice is left as it is, and told; it is tried again a day later, and forgotten after a month of peace. What
administers is never left to a role that no line gives it, however often another hand does: that is told, and taken each time.
Only roles that are ours are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from syncd.model import DesiredState, Loss, Note, ObservedState, Permission, Role
from syncd.plan.own_acts import OwnActs
from syncd.words import some

YIELD_AFTER = 2
"""So many losses of a permission that had been read back, and syncd gives way; the same for what comes back."""
TRY_AGAIN_AFTER = timedelta(hours=24)
"""Then it is tried again, since the code may have changed."""
FORGET_AFTER = timedelta(days=30)
"""What did not happen again for so long is over."""
_SHOWN = 5

ByRole = Mapping[str, frozenset[Permission]]
"""Permissions by the name of a role."""
_OTHER = (
    "another tool, a second syncd or somebody by hand: Airflow notes of no edit in its pages or by its API who made it"
)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a look shows of permissions that another hand takes (or gives), by role.

    counted    it happened once more
    put_right  counted before, and as syncd wants it again: from now on it can be counted anew
    forgotten  it has not happened for a long time
    """

    counted: ByRole
    put_right: ByRole
    forgotten: ByRole

    def __bool__(self) -> bool:
        return bool(self.counted or self.put_right or self.forgotten)


def taken_back(
    desired: DesiredState,
    observed: ObservedState,
    *,
    earlier: DesiredState | None,
    losses: Iterable[Loss],
    now: datetime,
    own: OwnActs = OwnActs(),
) -> Tally:
    """Tally the permissions that were read back after the last pass, are still wanted, and are gone, though not by us."""
    gone = {}
    for name, was in (earlier.roles if earlier else {}).items():
        want, have = desired.roles.get(name), observed.roles.get(name)
        if want is not None and have is not None and not have.unfinished:
            lost = (want.permissions - have.permissions) & was.permissions
            gone[name] = frozenset(p for p in want.permissions if p in lost and not own.took(name, p))
    return _tally(gone, losses, observed, right=True, now=now)


def given_back(
    desired: DesiredState,
    observed: ObservedState,
    *,
    earlier: DesiredState | None,
    ours: Set[str],
    gains: Iterable[Loss],
    now: datetime,
    own: OwnActs = OwnActs(),
) -> Tally:
    """Tally the permissions that were read back as gone after the last pass, are not wanted, and are there, though not by us."""
    there = {}
    for name, was in (earlier.roles if earlier else {}).items():
        want, have = desired.roles.get(name), observed.roles.get(name)
        if want is not None and have is not None and not have.unfinished and name in ours:
            more = have.permissions - want.permissions - was.permissions
            there[name] = frozenset(p for p in more if not own.gave(name, p))
    return _tally(there, gains, observed, right=False, now=now)


def _tally(seen: ByRole, known: Iterable[Loss], observed: ObservedState, *, right: bool, now: datetime) -> Tally:
    """`right` says whether a permission is as syncd wants it when it is there."""
    counted = {role: set(permissions) for role, permissions in seen.items()}
    put_right: dict[str, set[Permission]] = {}
    forgotten: dict[str, set[Permission]] = {}
    for one in known:
        if now - one.last > FORGET_AFTER:
            forgotten.setdefault(one.role, set()).add(one.permission)
        elif not one.back:
            counted.get(one.role, set()).discard(one.permission)
            if is_there(one, observed) == right:
                put_right.setdefault(one.role, set()).add(one.permission)
    return Tally(_frozen(counted), _frozen(put_right), _frozen(forgotten))


def off_dags(counted: ByRole) -> frozenset[str]:
    """Say in words what is on no DAG, so that no code of one takes or gives it."""
    found = ((role, p) for role, permissions in counted.items() for p in permissions if p.dag is None)
    return frozenset(f"{permission} of role {role}" for role, permission in found)


def _frozen(found: Mapping[str, set[Permission]]) -> ByRole:
    return {role: frozenset(permissions) for role, permissions in found.items() if permissions}


def is_there(one: Loss, observed: ObservedState) -> bool:
    """Say whether the role has the permission now."""
    role = observed.roles.get(one.role)
    return role is not None and one.permission in role.permissions


def give_way(
    desired: DesiredState,
    observed: ObservedState,
    *,
    losses: Iterable[Loss],
    gains: Iterable[Loss] = (),
    now: datetime,
    never: Callable[[Permission], bool] = lambda _permission: False,
) -> DesiredState:
    """Want no more what was taken back too often and is gone, and leave what was given too often and is there; with notes.
    What is `never` to be left where it was given is told all the same."""
    taken = _as_in(desired.roles, _yielded(losses, observed, there=False, now=now))
    often = _as_in(observed.roles, _yielded(gains, observed, there=True, now=now))
    fought = {name: kept for name, found in often.items() if (kept := frozenset(filter(never, found)))}
    given = {name: left for name, found in often.items() if (left := found - fought.get(name, frozenset()))}
    none: frozenset[Permission] = frozenset()
    roles = {
        name: replace(role, permissions=(role.permissions - taken.get(name, none)) | given.get(name, none))
        if name in taken or name in given
        else role
        for name, role in desired.roles.items()
    }
    notes = [note for name in taken for note in _notes(name, taken[name], _takes, _is_taken)]
    notes += [note for name in given if name in roles for note in _notes(name, given[name], _gives, _is_given)]
    notes += [_is_never_left(name, fought[name]) for name in fought if name in roles]
    return replace(desired, roles=roles, notes=desired.notes + tuple(notes))


def _as_in(roles: Mapping[str, Role], found: ByRole) -> ByRole:
    """Give of these permissions what the roles have, as they have it: what was counted does not say which DAG it is on."""
    there = {name: [p for p in roles[name].permissions if p in found[name]] for name in found.keys() & roles.keys()}
    return {name: frozenset(permissions) for name, permissions in sorted(there.items()) if permissions}


def _yielded(counted: Iterable[Loss], observed: ObservedState, *, there: bool, now: datetime) -> ByRole:
    found: dict[str, set[Permission]] = {}
    for one in counted:
        often = one.times >= YIELD_AFTER and now - one.last < TRY_AGAIN_AFTER
        if often and is_there(one, observed) == there:
            found.setdefault(one.role, set()).add(one.permission)
    return _frozen(found)


class _Saying(Protocol):
    def __call__(self, role: str, dag: str, actions: str, again: str, /) -> Note: ...


class _SayingOfOthers(Protocol):
    def __call__(self, role: str, what: str, again: str, /) -> Note: ...


def _notes(role: str, permissions: frozenset[Permission], say: _Saying, say_others: _SayingOfOthers) -> list[Note]:
    again = f"syncd tries again after {TRY_AGAIN_AFTER // timedelta(hours=1)} hours"
    others = sorted(str(permission) for permission in permissions if permission.dag is None)
    said = [
        say(role, dag, " and ".join(actions), again)
        for dag, actions in sorted(_by_dag(p for p in permissions if p.dag is not None).items())
    ]
    return said + ([say_others(role, some(others, _SHOWN), again)] if others else [])


def _is_taken(role: str, what: str, again: str) -> Note:
    return Note("permission_taken_back", f"role {role} loses {what} each time syncd gives it, by {_OTHER}. {again}")


def _is_given(role: str, what: str, again: str) -> Note:
    said = f"role {role} is given {what} each time syncd takes it, by {_OTHER}; no mapping line gives it. {again}"
    return Note("permission_given_back", said)


def _is_never_left(role: str, permissions: frozenset[Permission]) -> Note:
    what = some(sorted(map(str, permissions)), _SHOWN)
    said = f"role {role} is given {what} each time syncd takes it, by {_OTHER}; it administers, so syncd takes it each time"
    return Note("permission_given_back", said)


def _takes(role: str, dag: str, actions: str, again: str) -> Note:
    return Note(
        "dag_takes_back",
        f"DAG {dag} takes {actions} back from role {role} each time syncd gives it, as a DAG does whose "
        f"code sets access_control: that wins over the API. Name {role} there, or remove access_control; if there is "
        f"none, somebody takes it by hand. {again}",
    )


def _gives(role: str, dag: str, actions: str, again: str) -> Note:
    return Note(
        "dag_gives_back",
        f"DAG {dag} gives {actions} back to role {role} each time syncd takes it, as a DAG does whose code names {role} in "
        f"access_control: that wins over the API, and nobody who holds {role} has it from a mapping line. Take {role} out "
        f"there, or give it in a mapping; if there is no access_control, somebody gives it by hand. {again}",
    )


def _by_dag(permissions: Iterable[Permission]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for permission in sorted(permissions, key=str):
        said = f"{permission.action} ({permission.part})" if permission.part else permission.action
        found.setdefault(permission.dag or "", []).append(said)
    return found
