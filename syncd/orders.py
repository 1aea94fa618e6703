"""What an order means: whom and what `users`, `groups` and `dags` choose on a deployment. The same with a daemon and without.

users | groups | about
------|--------|--------------------------------------------------
none  | none   | everything there; with DAGs: what roles hold on these
some  | none   | these people
none  | some   | who is in one of these groups, or just left it
some  | some   | those of these people who are in one of these groups, or just left it
"""

from __future__ import annotations

from collections.abc import Callable

from syncd.control import Order
from syncd.errors import EXIT_INVALID, SyncdError
from syncd.model import EVERYTHING, Scope


class NotMeant(SyncdError):
    """An order that no deployment can carry out, whatever its state; nothing was asked of any."""

    exit_code = EXIT_INVALID


Names = Callable[[], frozenset[str]]
"""Gives account names, as `key` gives them."""


def scope_of(order: Order, *, users: Names, members: Names) -> Scope:
    """Say whom and what an order is about. `users` are the accounts of its users, `members` those of its groups."""
    if not order.users and not order.groups:
        return Scope.of_dags(order.dags) if order.dags else EVERYTHING
    if order.users and order.groups:
        return Scope(users() & members(), order.dags)
    return Scope(users() if order.users else members(), order.dags)


def check(users: frozenset[str], *, unreachable: Callable[[str], str]) -> None:
    """See that the people an order names can be addressed at all; `unreachable` says why a name cannot, or nothing.

    Raises:
        NotMeant: one cannot; says by which character.
    """
    for name in sorted(users):
        if why := unreachable(name):
            raise NotMeant(f"users: {why}")
