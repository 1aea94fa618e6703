"""Permissions on DAGs that another hand takes or gives each time: noticed, yielded to, reported; never fought for ever.

A DAG that sets `access_control` in its code is the measured cause: Airflow 3 takes at every parse what that code does not
name and gives what it does, Airflow 2 whenever the DAG changes. The API does not show `access_control`, so the sign is the
change itself:

read back after a pass | at a later pass | wanted | then
-----------------------|-----------------|--------|----------------------------------------------------
there                  | gone            | yes    | it was taken: counted, and given again
gone                   | there           | no     | it was given: counted, and taken again
any                    | as it was left  | any    | nothing: one loss that stays is not counted twice

What was counted twice is left as the code has it, and told; it is tried again a day later, and forgotten after a month of
peace. Only roles that are ours are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from syncd.model import DesiredState, Loss, Note, ObservedState, Permission, Role

YIELD_AFTER = 2
"""So many losses of a permission that had been read back, and syncd gives way; the same for what comes back."""
TRY_AGAIN_AFTER = timedelta(hours=24)
"""Then it is tried again, since the code may have changed."""
FORGET_AFTER = timedelta(days=30)
"""What did not happen again for so long is over."""

_ByRole = Mapping[str, frozenset[Permission]]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a look shows of permissions that another hand takes (or gives), by role.

    counted    it happened once more
    put_right  counted before, and as syncd wants it again: from now on it can be counted anew
    forgotten  it has not happened for a long time
    """

    counted: _ByRole
    put_right: _ByRole
    forgotten: _ByRole

    def __bool__(self) -> bool:
        return bool(self.counted or self.put_right or self.forgotten)


def taken_back(
    desired: DesiredState,
    observed: ObservedState,
    *,
    earlier: DesiredState | None,
    losses: Iterable[Loss],
    now: datetime,
) -> Tally:
    """Tally the permissions that were read back after the last pass, are still wanted, and are gone."""
    gone = {}
    for name, was in (earlier.roles if earlier else {}).items():
        want, have = desired.roles.get(name), observed.roles.get(name)
        if want is not None and have is not None and not have.unfinished:
            gone[name] = frozenset(p for p in want.permissions - have.permissions if p in was.permissions)
    return _tally(gone, losses, observed, right=True, now=now)


def given_back(
    desired: DesiredState,
    observed: ObservedState,
    *,
    earlier: DesiredState | None,
    ours: Set[str],
    gains: Iterable[Loss],
    now: datetime,
) -> Tally:
    """Tally the permissions that were read back as gone after the last pass, are not wanted, and are there."""
    there = {}
    for name, was in (earlier.roles if earlier else {}).items():
        want, have = desired.roles.get(name), observed.roles.get(name)
        if want is not None and have is not None and not have.unfinished and name in ours:
            there[name] = have.permissions - want.permissions - was.permissions
    return _tally(there, gains, observed, right=False, now=now)


def _tally(seen: _ByRole, known: Iterable[Loss], observed: ObservedState, *, right: bool, now: datetime) -> Tally:
    """`right` says whether a permission is as syncd wants it when it is there."""
    counted = {role: {p for p in permissions if p.dag is not None} for role, permissions in seen.items()}
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


def _frozen(found: Mapping[str, set[Permission]]) -> _ByRole:
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
) -> DesiredState:
    """Want no more what was taken back too often and is gone, and leave what was given too often and is there; with notes."""
    taken = _as_in(desired.roles, _yielded(losses, observed, there=False, now=now))
    given = _as_in(observed.roles, _yielded(gains, observed, there=True, now=now))
    none: frozenset[Permission] = frozenset()
    roles = {
        name: replace(role, permissions=(role.permissions - taken.get(name, none)) | given.get(name, none))
        if name in taken or name in given
        else role
        for name, role in desired.roles.items()
    }
    notes = [note for name in taken for note in _notes(name, taken[name], _takes)]
    notes += [note for name in given if name in roles for note in _notes(name, given[name], _gives)]
    return replace(desired, roles=roles, notes=desired.notes + tuple(notes))


def _as_in(roles: Mapping[str, Role], found: _ByRole) -> _ByRole:
    """Give of these permissions what the roles have, as they have it: what was counted does not say which DAG it is on."""
    there = {name: [p for p in roles[name].permissions if p in found[name]] for name in found.keys() & roles.keys()}
    return {name: frozenset(permissions) for name, permissions in sorted(there.items()) if permissions}


def _yielded(counted: Iterable[Loss], observed: ObservedState, *, there: bool, now: datetime) -> _ByRole:
    found: dict[str, set[Permission]] = {}
    for one in counted:
        often = one.times >= YIELD_AFTER and now - one.last < TRY_AGAIN_AFTER
        if often and is_there(one, observed) == there:
            found.setdefault(one.role, set()).add(one.permission)
    return _frozen(found)


class _Saying(Protocol):
    def __call__(self, role: str, dag: str, actions: str, again: str, /) -> Note: ...


def _notes(role: str, permissions: Iterable[Permission], say: _Saying) -> list[Note]:
    hours = TRY_AGAIN_AFTER // timedelta(hours=1)
    return [
        say(role, dag, " and ".join(actions), f"syncd tries again after {hours} hours")
        for dag, actions in sorted(_by_dag(permissions).items())
    ]


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
        found.setdefault(permission.dag or permission.resource, []).append(said)
    return found
