"""A small world for tests of plans: people and their roles, what is wanted of a deployment, and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.model import DesiredState, ObservedState, Reason, Role, User, key
from syncd.targets.airflow.naming import permission


def person(name: str, *roles: str, email: str | None = None) -> User:
    """Make an account; an e-mail that is not given follows from the name."""
    return User(name, f"{key(name)}@corp.example" if email is None else email, name.title(), "Test", frozenset(roles))


def role(name: str, *dags: str) -> Role:
    """Make a role that reads these DAGs."""
    return Role(name, frozenset(permission("can_read", f"DAG:{dag}") for dag in dags))


def why(group: str) -> tuple[Reason, ...]:
    return (Reason("okta", f"id-{group}", group, f"m.yaml:{len(group)}"),)


def reasons(user: User) -> Mapping[str, tuple[Reason, ...]]:
    """Give each role of a person the group of its own name as reason."""
    return {role: why(role) for role in sorted(user.roles)}


def wanted(*people: User, roles: tuple[Role, ...] = (), **more: Any) -> DesiredState:
    users = {key(p.username): p for p in people}
    because = {name: reasons(user) for name, user in users.items()}
    return DesiredState("prod", users, {r.name: r for r in roles}, because, **more)


def there(*people: User, roles: tuple[Role, ...] = (), **more: Any) -> ObservedState:
    return ObservedState("prod", {key(p.username): p for p in people}, {r.name: r for r in roles}, **more)
