"""What a pass over everything leaves behind for the next one to compare with: what is wanted, and what stays against it.

A grant that a limit holds, or that stays because its group is in doubt, is wanted no more and still there by us. The next
pass has to know why it was given, and that nobody else had a hand in it when it goes at last. So it is remembered with the
reasons of before. What a limit keeps from being given is not remembered: nobody took it where it is not there the next time.

changed on the server                  | wanted before | wanted now | then
---------------------------------------|---------------|------------|-----------------------------------------------
given now                              | yes           | yes        | another hand took it: drift
given now                              | no            | yes        | the mapping, the directory or the DAGs changed
taken now                              | no            | no         | another hand gave it: drift
either                                 | as above      | as above   | we did so ourselves since then: no drift
taken now                              | yes           | no         | as above, or it was held and a person let it pass
a role, or an account without roles    | any           | no         | it goes because nothing is left of it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncd.model import Change, DesiredState, Held, Kept, Kind, Role, User, key
from syncd.plan.own_acts import OwnActs, acts


def remembered(
    desired: DesiredState, earlier: DesiredState | None, *, held: Held | None, kept: Iterable[Kept]
) -> DesiredState:
    """Give what is wanted and was given, with what was held or kept back beside it and the reasons that were known for that."""
    changes = held.changes if held else ()
    desired = _without_ungiven(desired, changes)
    staying: dict[str, set[str]] = {}
    accounts = dict(earlier.users) if earlier else {}
    for change in changes:
        if isinstance(change.before, User):
            staying.setdefault(key(change.name), set()).update(change.revoked)
            accounts.setdefault(key(change.name), change.before)
    for one in kept:
        staying.setdefault(key(one.username), set()).add(one.role)
    users, because, whose = dict(desired.users), dict(desired.because), dict(desired.whose)
    for name, roles in staying.items():
        account = users.get(name) or (replace(accounts[name], roles=frozenset()) if name in accounts else None)
        if account is not None and roles:
            known = earlier.because.get(name, {}) if earlier else {}
            whose.setdefault(name, earlier.whose.get(name, ()) if earlier else ())
            users[name] = replace(account, roles=account.roles | roles)
            because[name] = {role: known.get(role, ()) for role in sorted(roles)} | dict(because.get(name, {}))
    return replace(desired, users=users, because=because, whose=whose, roles=_with_roles(desired, changes))


def _without_ungiven(desired: DesiredState, held: Iterable[Change]) -> DesiredState:
    """Leave out what people and roles were to get by what is held."""
    users, roles = dict(desired.users), dict(desired.roles)
    because, whose = dict(desired.because), dict(desired.whose)
    for change in held:
        name = key(change.name)
        match change.before, change.after:
            case before, User() as after if change.granted and name in users:
                had = before.roles if isinstance(before, User) else frozenset[str]()
                given = users[name].roles - (after.roles - had)
                users[name] = replace(users[name], roles=given)
                because[name] = {role: why for role, why in because.get(name, {}).items() if role in given}
                if before is None:
                    del users[name], because[name]
                    whose.pop(name, None)
            case Role() as before, Role() as after if change.name in roles:
                want = roles[change.name]
                roles[change.name] = replace(
                    want, permissions=want.permissions - (after.permissions - before.permissions)
                )
            case _:
                pass
    return replace(desired, users=users, roles=roles, because=because, whose=whose)


def _with_roles(desired: DesiredState, held: Iterable[Change]) -> dict[str, Role]:
    roles = dict(desired.roles)
    for change in held:
        if isinstance(change.before, Role):
            want = roles.get(change.name, Role(change.name, frozenset()))
            left = change.after.permissions if isinstance(change.after, Role) else frozenset()
            lost = change.before.permissions - left
            roles[change.name] = replace(want, permissions=want.permissions | lost)
    return roles


def is_drift(change: Change, desired: DesiredState, earlier: DesiredState, own: OwnActs = OwnActs()) -> bool:
    """Say whether another hand made a change necessary: the mapping wants now what it wanted before, or as little, and we
    did not do so ourselves since."""
    if change.kind is Kind.DELETE:
        return False
    was, now = _wanted(earlier, change), _wanted(desired, change)
    gone = acts(change, was & now & set(change.granted)) - own.taken
    return bool(gone or acts(change, set(change.revoked) - was - now) - own.given)


def _wanted(state: DesiredState, change: Change) -> set[str]:
    if change.subject == "user":
        user = state.users.get(key(change.name))
        return set(user.roles) if user else set()
    role = state.roles.get(change.name)
    return {str(permission) for permission in role.permissions} if role else set()
