"""The people and groups of a stand-in Okta, each moved by calls that move the time stamps a real one moves.

A person's JSON is rendered once and kept, so tens of thousands of them are cheap to serve.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(slots=True)
class OrgClock:
    """The server's own time: real time and an offset that tests move."""

    offset_s: float = 0.0

    def time(self) -> float:
        return time.time() + self.offset_s

    def move(self, seconds: float) -> None:
        self.offset_s += seconds

    def stamp(self) -> str:
        """The present as Okta writes it, to the millisecond."""
        return datetime.fromtimestamp(self.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class OrgUser:
    """One user. `profile` may hold whatever JSON can, also what Okta's own data model forbids."""

    id: str
    status: str | None
    profile: dict[str, Any]
    created: str
    last_updated: str
    status_changed: str
    rendered: bytes | None = None

    def fields(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": self.status,
            "created": self.created,
            "activated": None,
            "statusChanged": self.status_changed,
            "lastLogin": None,
            "lastUpdated": self.last_updated,
            "passwordChanged": None,
            "type": {"id": "otyfnly5cQjJT9PnR0g4"},
            "profile": self.profile,
            "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
            "_links": {"self": {"href": f"https://stand-in.example/api/v1/users/{self.id}"}},
        }

    def json(self) -> bytes:
        if self.rendered is None:
            self.rendered = json.dumps(self.fields(), separators=(",", ":")).encode()
        return self.rendered


@dataclass(slots=True)
class Team:
    """One group."""

    id: str
    name: str
    type: str
    description: str | None
    created: str
    last_updated: str
    last_membership_updated: str
    members: set[str] = field(default_factory=set)
    ordered: list[str] | None = None

    def fields(self, *, users_count: int | None = None) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": self.id,
            "created": self.created,
            "lastUpdated": self.last_updated,
            "lastMembershipUpdated": self.last_membership_updated,
            "objectClass": ["okta:user_group"],
            "type": self.type,
            "profile": {"name": self.name, "description": self.description},
            "_links": {"users": {"href": f"https://stand-in.example/api/v1/groups/{self.id}/users"}},
        }
        if users_count is not None:
            stats = {"usersCount": users_count, "appsCount": 0, "groupPushMappingsCount": 0, "hasAdminPrivlege": False}
            found["_embedded"] = {"stats": stats}
        return found

    def sorted_members(self) -> list[str]:
        if self.ordered is None:
            self.ordered = sorted(self.members)
        return self.ordered


class Org:
    """What a stand-in knows. Methods may be called while it is being read."""

    def __init__(self, clock: OrgClock | None = None) -> None:
        self.clock = clock or OrgClock()
        self.people: dict[str, OrgUser] = {}
        self.teams: dict[str, Team] = {}
        self.everyone = ""
        """The id of the built-in group of everybody, where there is one."""
        self._numbers = itertools.count(1)

    def add_user(self, login: str, *, status: str | None = "ACTIVE", id_: str | None = None, **profile: Any) -> str:
        """Add a person and give the id. Profile keys are Okta's: email, firstName, lastName and any other."""
        id_ = id_ or f"00u{next(self._numbers):017}"
        stamp = self.clock.stamp()
        given = login.partition("@")[0]
        usual = {"login": login, "email": login, "firstName": given.capitalize(), "lastName": "Example"}
        self.people[id_] = OrgUser(id_, status, {**usual, **profile}, stamp, stamp, stamp)
        if self.everyone:
            self._into_everyone(id_)
        return id_

    def add_everyone(self) -> str:
        """Add the built-in group that everybody is in, now and later. Its stamps do not move by that: none says that they do."""
        self.everyone = self.add_group("Everyone", self.people, type_="BUILT_IN")
        return self.everyone

    def _into_everyone(self, user: str) -> None:
        team = self.teams[self.everyone]
        team.members, team.ordered = team.members | {user}, None

    def set_status(self, user: str, status: str | None) -> None:
        person = self.people[user]
        person.status, person.status_changed = status, self.clock.stamp()
        self._touch(person)

    def set_profile(self, user: str, **profile: Any) -> None:
        person = self.people[user]
        person.profile = {**person.profile, **profile}
        self._touch(person)

    def delete_user(self, user: str) -> None:
        """Delete a person for good: out of every group and out of every list."""
        for team in self.teams.values():
            if user in team.members:
                self.leave(team.id, user)
        del self.people[user]

    def add_group(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        id_: str | None = None,
        type_: str = "OKTA_GROUP",
        description: str | None = None,
    ) -> str:
        id_ = id_ or f"00g{next(self._numbers):017}"
        stamp = self.clock.stamp()
        self.teams[id_] = Team(id_, name, type_, description, stamp, stamp, stamp, set(members))
        return id_

    def rename_group(self, group: str, name: str) -> None:
        team = self.teams[group]
        team.name, team.last_updated = name, self.clock.stamp()

    def delete_group(self, group: str) -> None:
        del self.teams[group]

    def join(self, group: str, *users: str) -> None:
        team = self.teams[group]
        self._set_members(team, team.members | set(users))

    def leave(self, group: str, *users: str) -> None:
        team = self.teams[group]
        self._set_members(team, team.members - set(users))

    def _set_members(self, team: Team, members: set[str]) -> None:
        team.members, team.ordered = members, None
        team.last_membership_updated = self.clock.stamp()

    def _touch(self, person: OrgUser) -> None:
        person.last_updated, person.rendered = self.clock.stamp(), None
