"""Grants of ours that another hand took, and that no line gives any more: they are ours no longer.

Whoever gives such a role to that person later gives it by their own hand, and it stays theirs.
"""

from __future__ import annotations

from collections.abc import Collection

from syncd.model import Change, DesiredState, ObservedState, Owned, key

_NOTHING: frozenset[str] = frozenset()


def taken_by_others(
    desired: DesiredState,
    observed: ObservedState,
    owned: Owned,
    *,
    renamed: Collection[str] = (),
    unsettled: Collection[Change] = (),
) -> Owned:
    """Give the grants that were ours, are gone from an account that is there, and are wanted by no line.

    What a doubt may keep, what was renamed (its old names), and whoever has a change whose end nobody knows is left out.
    """
    open_ = {key(change.name) for change in unsettled if change.subject == "user"}
    in_doubt = frozenset(renamed) | desired.frozen.keys()
    grants = {}
    for name, roles in owned.grants.items():
        if name not in observed.users or name in open_ or name in desired.frozen_users:
            continue
        want = desired.users.get(name)
        gone = roles - observed.users[name].roles - (want.roles if want else _NOTHING) - in_doubt
        if gone:
            grants[name] = gone
    return Owned(grants=grants)
