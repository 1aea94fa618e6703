"""The limits and the rules of the guard, as values: a configuration says them and plans nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be taken away, and given, on one deployment within an hour without approval."""

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
    gains: int = 100
    """People who gain a role; above this many, held."""
    gain_share: float = 0.25
    """The part, 0 to 1, of the people, or of their rights, that syncd manages there once it was given; above it, held."""
    gain_floor: int = 25
    """Up to this many people gain a role whatever the share."""
    rights: int = 1_000_000
    """Permissions that people gain, each counted for each person; above this many, held."""
    right_floor: int = 5_000
    """Up to this many rights are given whatever the share."""
    lost_rights: int = 1_000_000
    """Permissions that people lose, each counted for each person; above this many, held."""
    lost_right_floor: int = 50_000
    """Up to this many rights are lost whatever the share."""
    approvers: int = 1
    """So many different people have to let pass what is held."""


@dataclass(frozen=True, slots=True)
class AreaLimits:
    """How much may be taken away, and given, over several deployments together within an hour without approval; the words are
    those of `Limits`, but a person counts once, on however many deployments it is."""

    removals: int = 200
    share: float = 0.10
    floor: int = 10
    lost_rights: int = 5_000_000
    lost_right_floor: int = 100_000
    gains: int = 400
    gain_share: float = 0.25
    gain_floor: int = 50
    rights: int = 5_000_000
    right_floor: int = 50_000


@dataclass(frozen=True, slots=True)
class LimitArea:
    """Deployments that have limits together: the fleet, or those with some labels."""

    name: str
    limits: AreaLimits
    deployments: frozenset[str]


@dataclass(frozen=True, slots=True)
class GuardRules:
    """What does not pass on one deployment without approval, however little it is; see plan/guard_rules.py."""

    holds_unmarked: bool = True
    """Whether a role that administers is held where no word says that it is meant."""
    min_admins: int = 1
    """So many accounts stay administrators, without the one that syncd runs as."""
    required_admins: frozenset[str] = frozenset()
    """User names that do not stop being administrators."""
    protected_roles: frozenset[str] = frozenset()
    """Roles that are never given, taken, changed or deleted."""
