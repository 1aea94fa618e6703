"""What a kind of target takes for a name, and what it reads out of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from syncd.model.rules import Permission

if TYPE_CHECKING:
    from syncd.model.deployment import User
    from syncd.model.people import Identity


class Naming(Protocol):
    """The rules of names of one kind of target: its adapter states them once, and the pure core asks.

    A frozen value: equal where the rules are. What is wrong with a name is a sentence, empty where nothing is.
    """

    @property
    def built_in_roles(self) -> frozenset[str]:
        """Name the roles that the target itself defines. They may be given and taken, never edited or deleted."""
        ...

    @property
    def base_roles(self) -> frozenset[str]:
        """Name those of them that a role can extend, because what they hold is known for each release."""
        ...

    @property
    def admin_roles(self) -> frozenset[str]:
        """Name the built-in roles whose holders can put anything right."""
        ...

    @property
    def privileged_roles(self) -> frozenset[str]:
        """Name the built-in roles that allow something of `is_privileged`."""
        ...

    def is_privileged(self, permission: Permission) -> bool:
        """Say whether a permission lets somebody change users, roles, or what everything that runs there works with."""
        ...

    @property
    def public_role(self) -> str:
        """Name the role that whoever is not signed in has, where the target lets them in; empty where there is none."""
        ...

    @property
    def actions(self) -> tuple[str, ...]:
        """Name every action that a permission of the target can have."""
        ...

    @property
    def dag_actions(self) -> tuple[str, ...]:
        """Name what a role can be given on each DAG beside a level."""
        ...

    @property
    def resources(self) -> frozenset[str]:
        """Name the resources that releases have, and those of plugins that the configuration names; none: any may be one."""
        ...

    @property
    def translations(self) -> Mapping[str, str]:
        """Name resources that some releases have under another name, each with a sentence that says so."""
        ...

    def permission(self, action: str, resource: str) -> Permission:
        """Make a permission of the target's words, with the DAG that it is on."""
        ...

    def role_problem(self, name: str) -> str:
        """Say what is wrong with the name of a role that a mapping file wants to define, and what to write."""
        ...

    def resource_problem(self, resource: str) -> str:
        """Say what is wrong with the resource of a permission that a mapping file names."""
        ...

    def dag_problem(self, dag: str) -> str:
        """Say why a DAG of this id cannot have permissions."""
        ...

    def literal_problem(self, literal: str) -> str:
        """Say what is wrong with what stands between the fields of a template of user names."""
        ...

    def username_problem(self, username: str) -> str:
        """Say why an account of this name cannot be managed."""
        ...

    def email_problem(self, email: str) -> str:
        """Say why an e-mail address cannot be written as it is; having none is no problem."""
        ...

    def is_second(self, found: str, role: str) -> bool:
        """Say whether a name is one as the target's adapter gives to what it makes beside this role."""
        ...

    def made_up_email(self, username: str) -> str:
        """Give the e-mail of an account whose person has none that can be written."""
        ...

    def account(self, identity: Identity, username: str, roles: frozenset[str]) -> User:
        """Describe the account that a person should have, with made-up values where the target wants what the source lacks."""
        ...


def permission_on(action: str, resource: str, begins: Iterable[tuple[str, str]]) -> Permission:
    """Make a permission whose resource says by what it begins with that it is on one DAG, whose id follows, or a part of it."""
    for beginning, part in begins:
        if resource.startswith(beginning):
            return Permission(action, resource, resource[len(beginning) :] or None, part)
    return Permission(action, resource)
