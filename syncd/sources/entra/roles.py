"""App roles as a source of entitlement: each role of an enterprise application is a group of those who have it.

Entra gives a role to people, and to the direct members of groups, not to nested ones; so do we. Graph offers no count of
assignments: a list of them is believed when it was read twice and was the same, or is the same as at the last read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from syncd.errors import SourceUnavailable
from syncd.model import Certificate, Group, Identity
from syncd.sources.entra.delta import AppCursor
from syncd.sources.entra.people import USER_FIELDS, Member, TenantPeople
from syncd.sources.entra.reading import Collection, ListRead, Reader, is_id, query
from syncd.sources.entra.selection import Picked, group_path

READINGS: Final = 3


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """One principal (kind: User, Group or ServicePrincipal) has one role."""

    id: str
    principal: str
    kind: str
    role: str


@dataclass(frozen=True, slots=True)
class _App:
    id: str
    roles: Mapping[str, str]
    """Id -> value, of the roles that are enabled and have a value: others never reach a token."""


@dataclass(frozen=True, slots=True)
class AppRead:
    """The groups that an application's roles make, and what to keep in the cursor."""

    groups: tuple[Group, ...]
    cursor: AppCursor


def group_id(app_id: str, role: str) -> str:
    """Give the id of the group that a role makes: the same however the role's value changes."""
    return f"{app_id}:{role}"


class AppRoles:
    """Reads the app roles of applications for one source."""

    def __init__(self, source: str, reader: Reader, people: TenantPeople, *, page_size: int) -> None:
        self._source = source
        self._reader = reader
        self._people = people
        self._page_size = page_size

    def read(self, app_id: str, *, known: Mapping[str, Identity], taken_at: datetime) -> AppRead:
        """Read one application. `known` are people of whom it is known who they are.

        Raises:
            SourceUnavailable: there is no such application, or that is not sure.
        """
        app = self._app(app_id)
        assigned = self._agreed(app.id)
        via = sorted({a.principal for a in assigned.items if a.kind == "Group"})
        readings = dict(zip(via, self._members(via), strict=True))
        missing = self._look_up([a.principal for a in assigned.items if a.kind == "User"], known)
        groups = tuple(
            self._group(app_id, role, value, _of(role, assigned), readings, missing, taken_at=taken_at)
            for role, value in sorted(app.roles.items())
        )
        return AppRead(groups, AppCursor(app.id, digest(assigned) if assigned.is_whole else "", tuple(via)))

    def is_unchanged(self, cursor: AppCursor) -> bool:
        """Say whether the assignments are for sure those of the last read."""
        return bool(cursor.digest) and digest(self._assignments(cursor.principal)) == cursor.digest

    def _app(self, app_id: str) -> _App:
        quoted = app_id.replace("'", "''")
        chosen = f"appId eq '{quoted}'"
        collection = Collection(
            query("/servicePrincipals", select="id,appId,appRoles", filter=chosen),
            query("/servicePrincipals", select="id", filter=chosen, top=1, count="true"),
        )
        reading = self._reader.read([collection], _app)[0]
        if not reading.is_whole:
            hint = "; grant Application.Read.All" if "authorization_requestdenied" in reading.why else ""
            raise SourceUnavailable(f"source {self._source}: application {app_id}: {reading.why}{hint}")
        if len(reading.items) != 1:
            raise SourceUnavailable(
                f"source {self._source}: this tenant has no enterprise application with the id {app_id}; look at `app_roles`"
            )
        return reading.items[0]

    def _assignments(self, principal: str) -> ListRead[RoleAssignment]:
        path = query(f"/servicePrincipals/{principal}/appRoleAssignedTo", top=self._page_size)
        return self._reader.read([Collection(path, None)], _assignment)[0]

    def _agreed(self, principal: str) -> ListRead[RoleAssignment]:
        """Read the assignments until two readings agree."""
        seen: set[str] = set()
        reading: ListRead[RoleAssignment] = ListRead()
        for _ in range(READINGS):
            reading = self._assignments(principal)
            if reading.is_whole and digest(reading) in seen:
                return reading
            seen.add(digest(reading))
        return replace(reading, why=reading.why or "the assignments differ at each read")

    def _members(self, groups: Iterable[str]) -> list[ListRead[Member]]:
        """Read the groups that have a role. One that is gone has no members once that is sure."""
        ids = list(groups)
        wanted = [Picked(id_, "").members(self._page_size) for id_ in ids]
        readings = self._reader.read(wanted, self._people.member, counted=lambda m: m.is_person)
        gone = [n for n, reading in enumerate(readings) if reading.gone]
        for n, reply in zip(gone, self._reader.look_up([group_path(ids[n]) for n in gone]), strict=True):
            readings[n] = replace(
                readings[n], gone=reply.is_gone, why="a group with a role was deleted while it was read"
            )
        return readings

    def _look_up(self, people: Iterable[str], known: Mapping[str, Identity]) -> dict[str, str]:
        """Learn who people are; gives those who could not be read, with the reason, empty where there is no such person."""
        unknown = sorted({p for p in people if p not in known and p not in self._people.found})
        replies = self._reader.look_up([user_path(id_) for id_ in unknown])
        missing = {}
        for id_, reply in zip(unknown, replies, strict=True):
            if reply.ok and reply.fields.get("id") == id_:
                self._people.person(reply.fields)
            else:
                missing[id_] = "" if reply.is_gone else reply.problem or "Graph answered with another object"
        return missing

    def _group(
        self,
        app_id: str,
        role: str,
        value: str,
        assigned: ListRead[RoleAssignment],
        readings: Mapping[str, ListRead[Member]],
        missing: Mapping[str, str],
        *,
        taken_at: datetime,
    ) -> Group:
        people = {a.principal for a in assigned.items if a.kind == "User"}
        through = [readings[a.principal] for a in assigned.items if a.kind == "Group"]
        members = {m.id for reading in through for m in reading.items if m.is_person} | (people - missing.keys())
        doubts = [assigned.why, *(r.why for r in through if not r.gone), *(missing.get(p, "") for p in people)]
        why = "; ".join(sorted({doubt for doubt in doubts if doubt}))
        pages = assigned.pages + sum(r.pages for r in through)
        certificate = Certificate(pages, len(members), None, taken_at, complete=not why, why=why)
        return Group(self._source, group_id(app_id, role), f"approle:{value}", frozenset(members), certificate)


def digest(reading: ListRead[RoleAssignment]) -> str:
    """Hash who has what; a reading that is not whole is like no other."""
    if not reading.is_whole:
        return f"not whole: {reading.why}"
    lines = sorted(f"{a.principal} {a.kind} {a.role}" for a in reading.items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def user_path(id_: str) -> str:
    return query(f"/users/{id_}", select=",".join(USER_FIELDS))


def _of(role: str, assigned: ListRead[RoleAssignment]) -> ListRead[RoleAssignment]:
    items = tuple(a for a in assigned.items if a.role == role)
    return ListRead(items, assigned.pages, len(items), None, assigned.why)


def _assignment(fields: Mapping[str, object]) -> RoleAssignment:
    words = [fields.get(name) for name in ("id", "principalId", "principalType", "appRoleId")]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("an assignment that does not say who has what")
    return RoleAssignment(*(str(word) for word in words))


def _app(fields: Mapping[str, object]) -> _App:
    roles = fields.get("appRoles")
    if not isinstance(roles, list):
        raise ValueError("an application without roles")
    enabled = [r for r in roles if isinstance(r, dict) and r.get("isEnabled") and r.get("value")]
    if not all(is_id(r.get("id")) and isinstance(r["value"], str) for r in enabled):
        raise ValueError("an app role without an id or a value")
    return _App(str(fields["id"]), {str(r["id"]): str(r["value"]) for r in enabled})
