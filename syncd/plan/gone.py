"""What was ours and another hand took, and no line gives any more: it is ours no longer.

Whoever gives such a role to that person later, or makes such a role or account, does it by their own hand, and it stays theirs.

not there, and no line gives it         | then it is ours no longer
----------------------------------------|------------------------------------------------------------------------------
a role that an account lacks            | at once: the account says so itself
an account with all it held, or a role  | where the last pass over everything did not want it either: absent from one
                                        | list may be missed by it
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from syncd.model import Change, DesiredState, ObservedState, Owned, key

_NOTHING: frozenset[str] = frozenset()


def taken_by_others(
    desired: DesiredState,
    observed: ObservedState,
    owned: Owned,
    *,
    earlier: DesiredState | None = None,
    renamed: Collection[str] = (),
    unsettled: Collection[Change] = (),
) -> Owned:
    """Give what was ours, is gone from a deployment that was looked at whole, and is wanted by no line.

    What a doubt may keep, what was renamed (its old names), and whatever has a change whose end nobody knows is left out.
    `earlier` is what the last pass over everything read back.
    """
    open_ = {key(change.name) if change.subject == "user" else change.name for change in unsettled}
    doubted = frozenset(renamed) | desired.frozen.keys()
    left_out = open_ | doubted | desired.frozen_users.keys() | desired.undecided.keys() | observed.unclear.keys()
    absent = Owned() if earlier is None else _of_absent(desired, observed, owned, earlier=earlier)
    grants = {**dict(_of_present(desired, observed, owned)), **absent.grants}
    kept = {name: roles - doubted for name, roles in grants.items() if name not in left_out}
    return Owned(
        users=absent.users - left_out,
        roles=absent.roles - left_out,
        grants={name: roles for name, roles in kept.items() if roles},
    )


def _of_present(desired: DesiredState, observed: ObservedState, owned: Owned) -> Iterator[tuple[str, frozenset[str]]]:
    for name in owned.grants.keys() & observed.users.keys():
        yield name, owned.grants[name] - observed.users[name].roles - _wanted(desired, name)


def _of_absent(desired: DesiredState, observed: ObservedState, owned: Owned, *, earlier: DesiredState) -> Owned:
    return Owned(
        users=owned.users - observed.users.keys() - desired.users.keys() - earlier.users.keys(),
        roles=owned.roles - observed.roles.keys() - desired.roles.keys() - earlier.roles.keys(),
        grants={
            name: roles - _wanted(desired, name) - _wanted(earlier, name)
            for name, roles in owned.grants.items()
            if name not in observed.users
        },
    )


def _wanted(state: DesiredState, name: str) -> frozenset[str]:
    return state.users[name].roles if name in state.users else _NOTHING
