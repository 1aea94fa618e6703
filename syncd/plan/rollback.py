"""Undoing what runs did: what they gave goes, whatever lines give it today; what they took comes back where lines give it today.

the journal says of it | the mapping today | then
-----------------------|-------------------|------------------------------------------------------------------------
given                  | any               | taken, if it is ours and no doubt keeps it; limits count it
taken                  | gives it          | given again
taken                  | does not          | stays taken: nothing is given that no mapping line gives

So a rollback is a pass with a smaller desired state, over just what the runs touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncd.model import Change, DesiredState, Kind, Plan, Role, User, What, Why, key

UNDOING = "rollback of "
"""With which every reason begins why a rollback takes something."""
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Undo:
    """What is to be undone on a deployment.

    people   roles by account name, as `key` gives it, that they were given
    roles    permissions by role that it was given, as words
    made     roles that were made
    touched  (subject, name) of everything that was changed, given or taken
    """

    what: str
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    touched: frozenset[tuple[str, str]] = frozenset()


def undo_of(changes: Iterable[Change], *, what: str) -> Undo:
    """Put together what applied changes of one deployment gave; `what` names them for people."""
    people: dict[str, frozenset[str]] = {}
    roles: dict[str, frozenset[str]] = {}
    made, touched = set(), set()
    for change in changes:
        name = _name(change)
        touched.add((change.subject, name))
        gave = people if change.subject == "user" else roles
        gave[name] = gave.get(name, _NOTHING) | frozenset(change.granted)
        if change.subject == "role" and change.kind is Kind.CREATE:
            made.add(name)
    return Undo(what, people, roles, frozenset(made), frozenset(touched))


def without_given(desired: DesiredState, undo: Undo) -> DesiredState:
    """Want no more what was given by what is to be undone."""
    users = {
        name: _less_of_user(user, undo.people.get(name, _NOTHING) | undo.made) for name, user in desired.users.items()
    }
    roles = {
        name: _less_of_role(role, undo.roles.get(name, _NOTHING))
        for name, role in desired.roles.items()
        if name not in undo.made
    }
    return replace(desired, users=users, roles=roles)


def only_touched(plan: Plan, undo: Undo) -> Plan:
    """Leave of a plan what is about the undone changes, and say in it why."""
    changes = [change for change in plan.changes if (change.subject, _name(change)) in undo.touched]
    return replace(plan, changes=tuple(_with_reason(change, undo) for change in changes))


def _with_reason(change: Change, undo: Undo) -> Change:
    gone = change.revoked if change.subject == "user" else ("",) * bool(change.revoked or change.kind is Kind.DELETE)
    undone = tuple(Why(undo.what, role, What.OTHER) for role in gone)
    rest = tuple(why for why in change.because if why.role in change.granted and change.subject == "user")
    return replace(change, because=(*undone, *rest) or change.because)


def _name(change: Change) -> str:
    return key(change.name) if change.subject == "user" else change.name


def _less_of_user(user: User, given: frozenset[str]) -> User:
    return replace(user, roles=user.roles - given) if user.roles & given else user


def _less_of_role(role: Role, given: frozenset[str]) -> Role:
    left = frozenset(permission for permission in role.permissions if str(permission) not in given)
    return replace(role, permissions=left) if left != role.permissions else role
