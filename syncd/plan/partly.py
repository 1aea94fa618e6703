"""What can be done for people while the DAGs or the roles of a deployment cannot be listed: who leaves loses all the same.

What a role is to hold follows from the DAGs, so roles wait. Who holds which role follows from the mapping and the
directory alone: who holds by us what no line gives is looked at, each account by itself.
"""

from __future__ import annotations

from dataclasses import replace

from syncd.model import DesiredState, Kind, Owned, Plan, User

_NOTHING: frozenset[str] = frozenset()


def who_loses(desired: DesiredState, owned: Owned) -> frozenset[str]:
    """Name, by key, the accounts that hold by us what no line gives them; a few too many where accounts were renamed."""
    wanted = {name: user.roles for name, user in desired.users.items()}
    return frozenset(name for name, roles in owned.grants.items() if roles - wanted.get(name, _NOTHING))


def without_new(plan: Plan, owned: Owned, *, built_in: frozenset[str]) -> Plan:
    """Give the plan without what waits for the roles: new accounts, and roles that are to be made first."""
    there = owned.roles | built_in
    found = []
    for change in plan.changes:
        if isinstance(change.after, User) and change.kind is Kind.UPDATE:
            waits = frozenset(change.granted) - there
            change = replace(change, after=replace(change.after, roles=change.after.roles - waits))
        if change.before != change.after and change.kind is not Kind.CREATE:
            found.append(change)
    return replace(plan, changes=tuple(found))
