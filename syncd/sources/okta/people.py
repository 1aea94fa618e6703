"""Okta's JSON to people and groups; nothing here trusts that a field is there or is what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from syncd.answers import paired
from syncd.model import Identity, Snapshot

ENTITLED: Final[Mapping[str, bool]] = {
    "ACTIVE": True,
    "PASSWORD_EXPIRED": True,
    "RECOVERY": True,
    "LOCKED_OUT": True,
    "PROVISIONED": True,
    "STAGED": False,
    "SUSPENDED": False,
    "DEPROVISIONED": False,
}
"""Which statuses may have access. Who is locked out, or must set a password, is still employed; who was invited cannot
sign in yet, so nothing is lost by granting early. What is not in the table is not known, and changes nothing."""


@dataclass(frozen=True, slots=True)
class SeenUser:
    """A user as one answer shows them. `doubt` says why they cannot be taken as they are; `status` is None where unknown."""

    identity: Identity
    updated: str
    doubt: str = ""
    active: bool | None = None
    deprovisioned: bool = False


def seen_user(source: str, item: Mapping[str, object]) -> SeenUser:
    """Read a user; `item` has an id."""
    profile = item.get("profile")
    fields = profile if isinstance(profile, dict) else {}
    status = item.get("status")
    active = ENTITLED.get(status) if isinstance(status, str) else None
    identity = Identity(
        source=source,
        id=str(item["id"]),
        login=text(fields.get("login")),
        email=text(fields.get("email")),
        given_name=paired(text(fields.get("firstName"))),
        family_name=paired(text(fields.get("lastName"))),
        active=bool(active),
        employee_number=text(fields.get("employeeNumber")),
        department=paired(text(fields.get("department"))),
        user_type=paired(text(fields.get("userType"))),
    )
    doubt = (
        "" if active is not None else f"the status {str(status)[:40]} of {identity.login or identity.id} is not known"
    )
    if not identity.login:
        doubt = f"the user {identity.id} has no login"
    return SeenUser(identity, text(item.get("lastUpdated")), doubt, active, status == "DEPROVISIONED")


def settle(seen: SeenUser, known: Identity | None) -> Identity | None:
    """Give the identity of somebody in doubt: as they were known, with what of the new can be used; None for a stranger."""
    if not seen.doubt:
        return seen.identity
    if known is None:
        return None
    identity = seen.identity if seen.identity.login else known
    return replace(identity, active=known.active if seen.active is None else seen.active)


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group as a list of groups shows it. `users_count` is the independent count of its members, where it came."""

    id: str
    name: str
    type: str
    users_count: int | None
    updated: str
    membership_updated: str

    @property
    def stamps(self) -> tuple[str, str]:
        return self.updated, self.membership_updated

    @property
    def look(self) -> str:
        """What is other when the group is."""
        return f"{self.updated} {self.membership_updated} {self.users_count}"

    @property
    def newest(self) -> str:
        return max(self.stamps)


def listed_group(item: Mapping[str, object]) -> ListedGroup:
    """Read a group; `item` has an id."""
    profile, embedded = item.get("profile"), item.get("_embedded")
    stats = embedded.get("stats") if isinstance(embedded, dict) else None
    count = stats.get("usersCount") if isinstance(stats, dict) else None
    return ListedGroup(
        id=str(item["id"]),
        name=paired(text(profile.get("name"))) if isinstance(profile, dict) else "",
        type=text(item.get("type")),
        users_count=count if isinstance(count, int) and not isinstance(count, bool) else None,
        updated=text(item.get("lastUpdated")),
        membership_updated=text(item.get("lastMembershipUpdated")),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What the last saved snapshot says, for whom a new answer leaves in doubt."""

    people: Mapping[str, Identity]
    members: Mapping[str, frozenset[str]]
    names: Mapping[str, str]

    @classmethod
    def of(cls, snapshot: Snapshot | None) -> Known:
        if snapshot is None:
            return cls({}, {}, {})
        return cls(
            {i.id: i for i in snapshot.identities},
            {g.id: g.members for g in snapshot.groups},
            {g.id: g.name for g in snapshot.groups},
        )
