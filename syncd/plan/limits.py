"""The limits of the guard, as values: a configuration says them and plans nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be taken away on one deployment within an hour without approval."""

    removals: int = 50
    """People who lose a role, accounts or roles that are deleted, each kind counted by itself; above this many, held."""
    share: float = 0.10
    """The part, 0 to 1, of the people (accounts, roles, permissions) that syncd manages there; above it, held."""
    floor: int = 5
    """Up to this many of a kind pass whatever the share, so that small deployments can change at all; see the table."""
    permissions: int = 1000
    """Permissions that roles lose; above this many, held."""
    permission_floor: int = 50
    """Up to this many lost permissions pass whatever the share; see the table."""
