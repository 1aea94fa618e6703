"""The snapshot in the making."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.model import Certificate, Group, Identity, Snapshot
from syncd.sources.entra.delta import AppCursor, Cursor
from syncd.sources.entra.people import Member, People
from syncd.sources.entra.reading import Reading
from syncd.sources.entra.selection import Picked, pick
from syncd.sources.entra.settings import EntraSettings


@dataclass(slots=True)
class Draft:
    """A snapshot as it grows, and what the next cursor needs."""

    source: str
    settings: EntraSettings
    people: People
    known: Mapping[str, Identity] = field(default_factory=dict)
    """People of the earlier snapshot."""
    groups: dict[str, Group] = field(default_factory=dict)
    nested: dict[str, tuple[str, ...]] = field(default_factory=dict)
    apps: dict[str, AppCursor] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    ignored: Counter[str] = field(default_factory=Counter)
    held: set[str] = field(default_factory=set)
    """People who only an earlier read knows as members of a group that was not read whole now."""
    read: dict[str, frozenset[str]] = field(default_factory=dict)
    """Everybody in each group that was read now, guests too."""

    def add(self, picked: Picked, reading: Reading[Member], *, taken_at: datetime) -> None:
        """Add a group as it was read."""
        people = frozenset(m.id for m in reading.items if m.is_person)
        members = frozenset(id_ for id_ in people if not self.is_left_out(id_))
        why = "the group was deleted while it was read" if reading.gone else reading.why
        if picked.hidden and not people and not why:
            why = "its membership is hidden; grant the application permission Member.Read.Hidden"
        certificate = Certificate(
            reading.pages, reading.count, reading.independent, taken_at, complete=not why, why=why
        )
        self.groups[picked.id] = Group(self.source, picked.id, picked.name, members, certificate)
        self.read[picked.id] = people
        self._note(picked, reading, left_out=len(people) - len(members))

    def _note(self, picked: Picked, reading: Reading[Member], *, left_out: int) -> None:
        inner = tuple(sorted(m.id for m in reading.items if m.kind == "group"))
        if picked.transitive and inner:
            self.nested[picked.id] = inner
        self.ignored.update(m.kind for m in reading.items if m.kind not in ("user", "group"))
        self.ignored.update({"guest": left_out} if left_out else {})

    def add_app(self, app_id: str, groups: Iterable[Group], cursor: AppCursor) -> None:
        """Add the groups of an application's roles, guests taken out as the settings say."""
        for group in groups:
            members = frozenset(id_ for id_ in group.members if not self.is_left_out(id_))
            self.groups[group.id] = replace(group, members=members)
        self.apps[app_id] = cursor

    def keep(self, groups: Iterable[Group], was: Cursor, *, apps: Mapping[str, bool]) -> None:
        """Take groups over that nothing happened to, save those of applications that are read again."""
        for group in groups:
            app_id, colon, _ = group.id.partition(":")
            if not (colon and apps.get(app_id, False)):
                self.groups[group.id] = group
        self.nested |= {id_: inner for id_, inner in was.nested.items() if id_ in self.groups}
        self.apps |= {app_id: was.apps[app_id] for app_id, is_due in apps.items() if not is_due}

    def doubt(self, claims: Mapping[str, Mapping[str, bool]]) -> None:
        """Read a group once more next time if it does not show what the delta says of it: the read may have been early.

        With nested groups, somebody who left may still be in through another; only who came must be there.
        """
        transitive = {
            s.id for s in (pick(self.settings.groups, _fields(g)) for g in self.groups.values()) if s and s.transitive
        }
        for id_ in claims.keys() & self.read.keys():
            for person, is_member in claims[id_].items():
                if is_member != (person in self.read[id_]) and (is_member or id_ not in transitive):
                    self.again.add(id_)

    def hold(self, earlier: Snapshot) -> None:
        """Remember who an earlier read knew in a group that was not read whole now."""
        for group in earlier.groups:
            fresh = self.groups.get(group.id)
            if fresh and not fresh.certificate.complete:
                self.held |= group.members

    def is_left_out(self, id_: str) -> bool:
        return self.settings.guests == "exclude" and id_ in self.people.guests

    def snapshot(self, taken_at: datetime) -> Snapshot:
        """Give the snapshot: everybody who is in a group, and every group."""
        needed = {id_ for group in self.groups.values() for id_ in group.members} | self.held
        people = {**self.known, **self.people.found}
        identities = tuple(people[id_] for id_ in sorted(needed & people.keys()))
        return Snapshot(self.source, identities, tuple(self.groups[id_] for id_ in sorted(self.groups)), taken_at)

    def cursor(self, made_for: str, *, groups: str, users: str) -> Cursor:
        """Give the cursor that goes with it."""
        unread = {g.id for g in self.groups.values() if not g.certificate.complete}
        return Cursor(made_for, groups, users, tuple(sorted(self.again | unread)), self.nested, self.apps)


def _fields(group: Group) -> Mapping[str, object]:
    return {"id": group.id, "displayName": group.name}
