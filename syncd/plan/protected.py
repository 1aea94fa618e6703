"""Roles that the configuration protects: whatever a mapping says, nobody is given one or loses one by us, and none is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncd.model import DesiredState, Lookalikes, Note, Owned
from syncd.words import some

_SHOWN = 3


def without_protected(desired: DesiredState, roles: Iterable[str]) -> DesiredState:
    """Want nothing of these roles, and say who would have got them."""
    protected = Lookalikes(roles)
    found = sorted({role for user in desired.users.values() for role in user.roles if role in protected})
    if not found and not any(name in protected for name in desired.roles):
        return desired
    users = {n: replace(u, roles=frozenset(r for r in u.roles if r not in protected)) for n, u in desired.users.items()}
    because = {
        name: {role: why for role, why in given.items() if role not in protected}
        for name, given in desired.because.items()
    }
    notes = [_note(role, sorted(u.username for u in desired.users.values() if role in u.roles)) for role in found]
    return replace(
        desired,
        users=users,
        because=because,
        roles={name: role for name, role in desired.roles.items() if name not in protected},
        notes=(*desired.notes, *notes),
    )


def _note(role: str, people: list[str]) -> Note:
    return Note(
        "role_protected",
        f"role {role} is protected (guard.protected_roles), so mapping lines do not give it to {some(people, _SHOWN)}; take it "
        "out of them, or let it be given",
    )


def owned_without(owned: Owned, roles: Iterable[str]) -> Owned:
    """Own nothing of these roles for now: what is not ours is left alone."""
    protected = Lookalikes(roles)
    grants = {name: frozenset(r for r in held if r not in protected) for name, held in owned.grants.items()}
    return replace(owned, roles=frozenset(r for r in owned.roles if r not in protected), grants=grants)
