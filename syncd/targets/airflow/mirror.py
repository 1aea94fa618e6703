"""What syncd last read of one server, in the server's own (physical) names, kept up to date by its own writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from syncd.errors import TargetUnavailable, TargetUnmanageable
from syncd.http import Answer
from syncd.model import Capabilities, Delete, Patch, Permission, User, key
from syncd.targets.airflow.names import Family, families
from syncd.targets.airflow.reading import Row, text, texts
from syncd.targets.airflow.wire import KEY, Area, Wire

FRESH_S: Final = 30.0
"""How old a listing of users may be when a role is about to be taken from the server."""

FIRST_READABLE: Final = "3.4.0"


@dataclass(slots=True)
class Mirror:
    """`names` are the roles that syncd manages here; `buried` are physical roles that it deleted and the server kept."""

    wire: Wire
    capabilities: Capabilities
    clock: Callable[[], float] = time.monotonic
    names: frozenset[str] = frozenset()
    buried: set[str] = field(default_factory=set)
    roles: dict[str, frozenset[Permission]] | None = None
    users: dict[str, User] | None = None
    _users_read: float = 0.0

    # --- reading ------------------------------------------------------------------------------------------------------

    def read_roles(self) -> dict[str, frozenset[Permission]]:
        """Read every role."""
        self.roles = {text(row, "name"): permissions(row) for row in self.wire.all(Area.ROLES)}
        return self.roles

    def read_users(self) -> dict[str, User]:
        """Read every user.

        Raises:
            TargetUnmanageable: this release fails over its own answer.
        """
        self.require_users()
        read = self.clock()
        self.users = {key(user.username): user for user in map(account, self.wire.all(Area.USERS))}
        self._users_read = read
        return self.users

    def require_users(self) -> None:
        """Raise TargetUnmanageable where users cannot be read."""
        if self.capabilities.users_readable:
            return
        have = self.capabilities.fab_version
        raise TargetUnmanageable(
            "this server answers 500 to every reading of its users, as FAB providers 3.2.0 and 3.3.0 do "
            f"(here: {have or 'version unknown'}); upgrade apache-airflow-providers-fab to {FIRST_READABLE} or later"
        )

    def role(self, name: str) -> frozenset[Permission] | None:
        """Read one role anew; None where it is not there."""
        row = self._one(Area.ROLES, name)
        if self.roles is None:
            return permissions(row) if row is not None else None
        if row is None:
            self.roles.pop(name, None)
            return None
        self.roles[name] = permissions(row)
        return self.roles[name]

    def user(self, username: str) -> User | None:
        """Read one user anew; None where there is no such account."""
        self.require_users()
        row = self._one(Area.USERS, username)
        if row is not None:
            return self.keep(account(row))
        if self.users is not None:
            self.users.pop(key(username), None)
        return None

    def keep(self, user: User) -> User:
        """Note how an account was just seen."""
        if self.users is not None:
            self.users[key(user.username)] = user
        return user

    def _one(self, area: Area, name: str) -> Row | None:
        answer = self.wire.get(area, name)
        if answer.status in {401, 403}:
            self.wire.first(area)  # another credential may be the right one; if none is, this says what to do
            answer = self.wire.get(area, name)
        if is_absent(answer):
            return None
        found = answer.fields
        if answer.status != 200 or KEY[area] not in found:
            raise TargetUnavailable(f"{answer.asked}: one of the {area} was wanted, {answer} came")
        return found

    # --- deriving -----------------------------------------------------------------------------------------------------

    def all_roles(self) -> Mapping[str, frozenset[Permission]]:
        """Give every role, read now if that was not done yet."""
        return self.roles if self.roles is not None else self.read_roles()

    def fresh_users(self) -> Mapping[str, User]:
        """Give every user, read anew where the last reading is too old to take a role away on."""
        if self.users is None or self.clock() - self._users_read > FRESH_S:
            return self.read_users()
        return self.users

    def families(self, more: Collection[str] = ()) -> Mapping[str, Family]:
        """Find the physical names of every role that syncd manages here."""
        return families(self.names | frozenset(more), self.all_roles().keys() - self.buried)

    def holders(self, roles: Iterable[str]) -> tuple[str, ...]:
        """Name the accounts that hold any of these physical roles, sorted."""
        wanted = frozenset(roles)
        return tuple(sorted(user.username for user in self.fresh_users().values() if user.roles & wanted))

    def physical(self, name: str) -> str:
        """Give the physical name under which a role is to be granted now."""
        if self.roles is None and self.capabilities.patch_role in {Patch.REPLACES, Patch.ADDS}:
            return name
        found = self.families([name]).get(name)
        return found.current if found and found.current else name

    def may(self, permission: Permission) -> bool:
        """Say whether our own account is known to hold a permission."""
        own = self.capabilities.service_user
        me = self.fresh_users().get(key(own)) if own else None
        return me is not None and any(permission in self.all_roles().get(role, ()) for role in me.roles)

    # --- learning -----------------------------------------------------------------------------------------------------

    def learn(
        self, *, patch: Patch | None = None, delete: Delete | None = None, dag_run_resources: bool | None = None
    ) -> None:
        """Keep what a write showed."""
        now = self.capabilities
        self.capabilities = replace(
            now,
            patch_role=patch or now.patch_role,
            delete_role=delete or now.delete_role,
            dag_run_resources=now.dag_run_resources if dag_run_resources is None else dag_run_resources,
        )


def is_absent(answer: Answer) -> bool:
    """Tell "there is none" from "there is no such path": the latter is a web page or comes without a sentence."""
    return answer.status == 404 and isinstance(answer.fields.get("detail"), str)


def permissions(row: Row) -> frozenset[Permission]:
    """Read the permissions of a role."""
    actions = row.get("actions")
    if not isinstance(actions, list):
        raise TargetUnavailable("the server sent a role without its permissions; is a proxy changing its answers?")
    return frozenset(Permission(_name(pair, "action"), _name(pair, "resource")) for pair in actions)


def _name(pair: object, part: str) -> str:
    found = pair.get(part) if isinstance(pair, dict) else None
    if not isinstance(found, dict):
        raise TargetUnavailable("the server sent a permission that is no pair of action and resource")
    return text(found, "name")


def account(row: Row) -> User:
    """Read a user; roles are physical names."""
    if not isinstance(row.get("roles"), list):
        raise TargetUnavailable("the server sent a user without roles; is a proxy changing its answers?")
    return User(
        username=text(row, "username"),
        email=str(row.get("email") or ""),
        first_name=str(row.get("first_name") or ""),
        last_name=str(row.get("last_name") or ""),
        roles=frozenset(texts(row, "roles", "name")),
    )


def actions(wanted: Iterable[Permission]) -> list[dict[str, dict[str, str]]]:
    """Spell permissions as the API wants them, in an order that is always the same."""
    ordered = sorted(wanted, key=lambda p: (p.resource, p.action))
    return [{"action": {"name": p.action}, "resource": {"name": p.resource}} for p in ordered]
