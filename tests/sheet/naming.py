"""Which names a sheet takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from syncd.model import Identity, Permission, User, permission_on


@dataclass(frozen=True, slots=True)
class SheetNaming:
    """The rules of names of every sheet: a line end would end the row."""

    built_in_roles: ClassVar[frozenset[str]] = frozenset({"keeper"})
    base_roles: ClassVar[frozenset[str]] = frozenset()
    admin_roles: ClassVar[frozenset[str]] = frozenset({"keeper"})
    privileged_roles: ClassVar[frozenset[str]] = frozenset({"keeper"})
    public_role: ClassVar[str] = ""
    dag_actions: ClassVar[tuple[str, ...]] = ()
    translations: ClassVar[Mapping[str, str]] = {}
    resources: ClassVar[frozenset[str]] = frozenset()
    actions: ClassVar[tuple[str, ...]] = ("see", "start", "change", "remove")

    def permission(self, action: str, resource: str) -> Permission:
        return permission_on(action, resource, [("dag ", "")])

    def is_privileged(self, permission: Permission) -> bool:  # noqa: ARG002 - only the keeper administers a sheet
        return False

    def role_problem(self, name: str) -> str:
        return f'"{name}" keeps the sheet; choose another name' if name in self.built_in_roles else _row_problem(name)

    def resource_problem(self, resource: str) -> str:
        return _row_problem(resource)

    def dag_problem(self, dag: str) -> str:
        return _row_problem(dag)

    def literal_problem(self, literal: str) -> str:
        return _row_problem(literal)

    def username_problem(self, username: str) -> str:
        return _row_problem(username)

    def email_problem(self, email: str) -> str:
        return _row_problem(email)

    def is_second(self, found: str, role: str) -> bool:  # noqa: ARG002 - a sheet has one row for a role
        return False

    def made_up_email(self, username: str) -> str:
        return f"{username}@sheet.invalid"

    def account(self, identity: Identity, username: str, roles: frozenset[str]) -> User:
        email = identity.email if not self.email_problem(identity.email) else ""
        names = identity.given_name, identity.family_name
        return User(username, email or self.made_up_email(username), *names, roles)


def _row_problem(text: str) -> str:
    return "a line end in it, which would end the row" if "\n" in text else ""
