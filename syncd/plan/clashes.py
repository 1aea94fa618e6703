"""What is wanted and must not be touched, because a name does not say surely which account or role it is.

    the wanted name                                     | then
    ----------------------------------------------------|--------------------------------------------------------
    is in the listing (a user name by `key`)            | it is that one, whatever resembles it
    is not, and resembles none that is                  | there is none of that name
    is not, and resembles one that is                   | set aside: the database may take the two for one
    is held by several accounts, or by one of another   | set aside: nothing is decided about any of them
    name (the reader says so: `ObservedState.unclear`)  |

The server leaves it to its database which names are one (see `model.skeletons`), so asking it for the wanted name could give,
change or delete what somebody else made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from syncd.model import DesiredState, Lookalikes, Note, ObservedState, Owned, Reason, Scope, key

ONE_NAME = "and some databases take the two for one name"


@dataclass(frozen=True, slots=True)
class Aside:
    """What is left to be wanted, what is told of the rest, and the names of what should have changed."""

    desired: DesiredState
    notes: tuple[Note, ...] = ()
    blocked: tuple[str, ...] = ()


def set_aside(desired: DesiredState, observed: ObservedState, *, owned: Owned, scope: Scope) -> Aside:
    """Part what is wanted by name from what cannot be told from something else by its name."""
    roles = dict(_roles(desired, observed))
    users = {name: text for name, text in _users(desired, observed).items() if scope.covers(name)}
    unclear = {name: why for name, why in observed.unclear.items() if scope.covers(name)}
    wanted = {name for name in unclear if name in desired.users or owned.grants.get(name)}
    if not roles and not users and not unclear:
        return Aside(desired)
    notes = [Note("name_clash", text) for text in roles.values()]
    notes += [Note("username_clash", text) for text in (*users.values(), *unclear.values())]
    left = _without(desired, frozenset(roles), users.keys() | unclear.keys())
    return Aside(left, tuple(notes), tuple(sorted({*roles, *users, *wanted})))


def _users(desired: DesiredState, observed: ObservedState) -> Mapping[str, str]:
    """Say of each wanted account that is not there which others it resembles."""
    missing = [name for name in desired.users if name not in observed.users and desired.users[name].roles]
    if not missing:
        return {}
    there = Lookalikes(user.username for user in observed.users.values())
    return {
        name: (
            f'"{desired.users[name].username}" is not touched: the server has the account {" and ".join(others)}, '
            f"{ONE_NAME}; rename one of them, or use a template of user names that tells them apart"
        )
        for name in missing
        if name not in observed.unclear and (others := there.of(name))
    }


def _roles(desired: DesiredState, observed: ObservedState) -> Iterator[tuple[str, str]]:
    """Say of each wanted role that is not there which others it resembles."""
    missing = desired.roles.keys() - observed.roles.keys()
    there = Lookalikes(observed.roles) if missing else None
    for name in sorted(missing):
        if there is not None and (others := there.of(name)):
            yield (
                name,
                f"role {name} is not made and given to nobody: the server has the role {' and '.join(others)}, "
                f"{ONE_NAME}; rename one of them",
            )


def _without(desired: DesiredState, roles: frozenset[str], users: frozenset[str] | set[str]) -> DesiredState:
    """Want nothing of these roles and accounts."""
    kept = {name: user for name, user in desired.users.items() if key(name) not in users}
    if roles:
        kept = {name: replace(user, roles=user.roles - roles) for name, user in kept.items()}
    because = {name: _but(desired.because.get(name, {}), roles) for name in kept}
    left = {name: role for name, role in desired.roles.items() if name not in roles}
    return replace(desired, users=kept, roles=left, because=because)


def _but(because: Mapping[str, tuple[Reason, ...]], roles: frozenset[str]) -> Mapping[str, tuple[Reason, ...]]:
    return {role: why for role, why in because.items() if role not in roles} if roles else because
