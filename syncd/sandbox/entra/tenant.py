"""An Entra tenant in memory: people, groups, other things, applications; and a log of what changed, which feeds the deltas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

UserType = Literal["Member", "Guest"]
ThingKind = Literal["device", "servicePrincipal", "agentIdentity", "orgContact"]
DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""The app role id of an assignment that names no role."""


@dataclass(slots=True)
class TenantUser:
    """Fields under Graph's own names; any but `id` may be None."""

    id: str
    userPrincipalName: str | None  # noqa: N815 - Graph's name
    mail: str | None
    givenName: str | None  # noqa: N815
    surname: str | None
    displayName: str | None  # noqa: N815
    accountEnabled: bool | None = True  # noqa: N815
    userType: str | None = "Member"  # noqa: N815
    employeeId: str | None = None  # noqa: N815
    department: str | None = None
    employeeType: str | None = None  # noqa: N815


@dataclass(slots=True)
class TenantGroup:
    """`members` holds ids of users, things and groups, in the order they came."""

    id: str
    displayName: str  # noqa: N815
    members: dict[str, None] = field(default_factory=dict)
    visibility: str | None = None
    securityEnabled: bool = True  # noqa: N815


@dataclass(frozen=True, slots=True)
class TenantObject:
    """A member that is no person."""

    id: str
    kind: ThingKind
    displayName: str  # noqa: N815


@dataclass(slots=True)
class TenantApp:
    """An enterprise application: its service principal's id, its roles (id -> value), who has which."""

    id: str
    app_id: str
    roles: dict[str, str]
    disabled: set[str] = field(default_factory=set)
    assignments: list[tuple[str, str]] = field(default_factory=list)
    """(principal id, app role id)"""


@dataclass(frozen=True, slots=True)
class TenantEvent:
    """One change, as the deltas tell it. A membership event has a member, and whether it is one now."""

    of: Literal["groups", "users"]
    id: str
    member: str | None = None
    present: bool = True
    fields: frozenset[str] = frozenset()
    """What changed of a person; empty: everything. A delta tells of it only if one of them is selected."""
    removed: Literal["", "changed", "deleted"] = ""


class Tenant:
    """What the stand-in serves. Change it by the methods: they keep the log that the deltas are made of."""

    def __init__(self) -> None:
        self.users: dict[str, TenantUser] = {}
        self.groups: dict[str, TenantGroup] = {}
        self.things: dict[str, TenantObject] = {}
        self.apps: dict[str, TenantApp] = {}
        self.agents: set[str] = set()
        """Which users are accounts of AI agents: of a type that is derived from user."""
        self.log: list[TenantEvent] = []
        self._holders: dict[str, dict[str, None]] = {}
        self._made = 0

    # --- people

    def add_user(
        self, name: str, *, mail: str | None = "", enabled: bool = True, kind: UserType = "Member", upn: str = ""
    ) -> str:
        """Add a person called `name` (`given.family`) and give the id. `mail` None means that there is none."""
        given, _, family = name.partition(".")
        login = upn or f"{name}@contoso.example"
        user = TenantUser(
            self._new_id(), login, login if mail == "" else mail, given.title(), family.title() or None, name.title()
        )
        user.accountEnabled, user.userType = enabled, kind
        self.users[user.id] = user
        self.log.append(TenantEvent("users", user.id))
        return user.id

    def add_agent(self, name: str) -> str:
        """Add the account of an AI agent."""
        id_ = self.add_user(name)
        self.agents.add(id_)
        return id_

    def add_guest(self, name: str, mail: str, *, mail_known: bool = True) -> str:
        """Invite somebody from outside; their principal name is made of the invited address."""
        upn = f"{mail.replace('@', '_')}#EXT#@contoso.example"
        return self.add_user(name, mail=mail if mail_known else None, kind="Guest", upn=upn)

    def change_user(self, id_: str, **fields: object) -> None:
        """Set fields of a person, by Graph's names."""
        for name, value in fields.items():
            setattr(self.users[id_], name, value)
        self.log.append(TenantEvent("users", id_, fields=frozenset(fields)))

    def delete_user(self, id_: str) -> None:
        """Delete a person. As on the real service, the group delta says nothing of the memberships that end."""
        del self.users[id_]
        for group in self._holders.pop(id_, {}):
            del self.groups[group].members[id_]
        self._unassign_all(id_)
        self.log.append(TenantEvent("users", id_, removed="changed"))

    # --- groups

    def add_group(self, name: str, members: Iterable[str] = (), *, visibility: str | None = None) -> str:
        """Add a group and give its id."""
        group = TenantGroup(self._new_id(), name, visibility=visibility)
        self.groups[group.id] = group
        self.log.append(TenantEvent("groups", group.id))
        self.join(group.id, *members)
        return group.id

    def join(self, group: str, *members: str) -> None:
        for member in members:
            self.groups[group].members[member] = None
            self._holders.setdefault(member, {})[group] = None
            self.log.append(TenantEvent("groups", group, member))

    def leave(self, group: str, *members: str) -> None:
        for member in members:
            del self.groups[group].members[member]
            del self._holders[member][group]
            self.log.append(TenantEvent("groups", group, member, present=False))

    def rename(self, group: str, name: str) -> None:
        self.groups[group].displayName = name
        self.log.append(TenantEvent("groups", group))

    def delete_group(self, id_: str) -> None:
        """Delete a group; those that held it lose it as a member."""
        for holder in tuple(self._holders.pop(id_, {})):
            del self.groups[holder].members[id_]
            self.log.append(TenantEvent("groups", holder, id_, present=False))
        for member in self.groups.pop(id_).members:
            self._holders[member].pop(id_)
        self._unassign_all(id_)
        self.log.append(TenantEvent("groups", id_, removed="changed"))

    def add_thing(self, kind: ThingKind) -> str:
        """Add a device, a service principal or a contact and give its id."""
        thing = TenantObject(self._new_id(), kind, f"a {kind}")
        self.things[thing.id] = thing
        return thing.id

    # --- applications

    def add_app(self, app_id: str, roles: Iterable[str]) -> str:
        """Add an enterprise application with roles of these values; gives the id of its service principal."""
        app = TenantApp(self._new_id(), app_id, {self._new_id(): value for value in roles})
        self.apps[app.id] = app
        return app.id

    def assign(self, app: str, principal: str, role: str) -> None:
        """Assign the app role of that value; an empty value is default access."""
        self.apps[app].assignments.append((principal, self._role(app, role)))

    def unassign(self, app: str, principal: str, role: str) -> None:
        self.apps[app].assignments.remove((principal, self._role(app, role)))

    def _unassign_all(self, principal: str) -> None:
        for app in self.apps.values():
            app.assignments = [(who, role) for who, role in app.assignments if who != principal]

    def _role(self, app: str, value: str) -> str:
        return {v: i for i, v in self.apps[app].roles.items()}[value] if value else DEFAULT_ACCESS

    # --- what is read

    def kind(self, id_: str) -> str:
        """Give the type of an object, without Graph's prefix."""
        if id_ in self.users:
            return "agentUser" if id_ in self.agents else "user"
        return "group" if id_ in self.groups else self.things[id_].kind

    def transitive(self, group: str) -> Iterator[str]:
        """Give every member of a group and of the groups in it, each once."""
        seen: dict[str, None] = {}
        open_ = list(self.groups[group].members)
        while open_:
            member = open_.pop(0)
            if member not in seen:
                seen[member] = None
                open_ += self.groups[member].members if member in self.groups else ()
        seen.pop(group, None)
        return iter(seen)

    def people(self, group: str, *, transitive: bool = False) -> frozenset[str]:
        """Give the ids of the people in a group: the truth that tests compare with."""
        members: Iterable[str] = self.transitive(group) if transitive else self.groups[group].members
        return frozenset(m for m in members if m in self.users and m not in self.agents)

    def holders(self, member: str) -> Mapping[str, None]:
        """Give the groups that hold a member directly."""
        return self._holders.get(member, {})

    def _new_id(self) -> str:
        self._made += 1
        return f"{self._made:08x}-0000-4000-8000-{self._made:012x}"
