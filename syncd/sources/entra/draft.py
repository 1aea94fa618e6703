"""The snapshot in the making."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.model import Certificate, Group, Identity, Snapshot
from syncd.sources.again import NEVER, Again, resting
from syncd.sources.entra.delta import AppCursor, EntraCursor
from syncd.sources.entra.people import AGENT, Member, TenantPeople
from syncd.sources.entra.reading import ListRead
from syncd.sources.entra.selection import Picked, pick
from syncd.sources.entra.settings import EntraSettings


@dataclass(slots=True)
class Draft:
    """A snapshot as it grows, and what the next cursor needs."""

    source: str
    settings: EntraSettings
    people: TenantPeople
    known: Mapping[str, Identity] = field(default_factory=dict)
    """People of the earlier snapshot."""
    before: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Members of its groups."""
    was_again: Mapping[str, Again] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    nested: dict[str, tuple[str, ...]] = field(default_factory=dict)
    apps: dict[str, AppCursor] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    rested: set[str] = field(default_factory=set)
    """Groups in doubt that are left alone at this poll."""
    unanswered: set[str] = field(default_factory=set)
    """Groups whose members could not be read to an end."""
    ignored: Counter[str] = field(default_factory=Counter)
    held: set[str] = field(default_factory=set)
    """People who only an earlier read knows as members of a group that was not read whole now."""
    read: dict[str, frozenset[str]] = field(default_factory=dict)
    """Everybody in each group that was read now, guests too."""

    def add(self, picked: Picked, reading: ListRead[Member], *, taken_at: datetime) -> None:
        """Add a group as it was read."""
        people = frozenset(m.id for m in reading.items if m.is_person)
        why = "the group was deleted while it was read" if reading.gone else reading.why
        why += _strange(reading) if why else ""
        members, why = self._settled(picked.id, people, why)
        if not reading.closed:
            self.unanswered.add(picked.id)
        if picked.hidden and not people and not why:
            why = "its membership is hidden; grant the application permission Member.Read.Hidden"
        certificate = Certificate(
            reading.pages, reading.count, reading.independent, taken_at, complete=not why, why=why
        )
        self.groups[picked.id] = Group(self.source, picked.id, picked.name, members, certificate)
        self.read[picked.id] = people
        self._note(picked, reading)

    def _settled(self, group: str, people: frozenset[str], why: str) -> tuple[frozenset[str], str]:
        """Give the members of a group, and what is in doubt: whoever is in doubt stays as they were, strangers stay out."""
        members = frozenset(id_ for id_ in people if not self.is_left_out(id_))
        doubtful = members & self.people.doubts.keys()
        if not doubtful:
            return members, why
        stay = doubtful & self.before.get(group, frozenset()) & self.known.keys()
        first = min(doubtful)
        in_doubt = (
            f"the user {first} is in doubt ({self.people.doubts[first]}); whoever is in doubt is left as they were"
        )
        return (members - doubtful) | stay, why or in_doubt

    def _note(self, picked: Picked, reading: ListRead[Member]) -> None:
        inner = tuple(sorted(m.id for m in reading.items if m.kind == "group"))
        if picked.transitive and inner:
            self.nested[picked.id] = inner
        taken = {"user", "group", AGENT} if self.settings.agents == "include" else {"user", "group"}
        self.ignored.update(m.kind for m in reading.items if m.kind not in taken)
        self.ignored.update("guest" for m in reading.items if m.is_person and self._is_guest_left_out(m.id))

    def add_app(self, app_id: str, groups: Iterable[Group], cursor: AppCursor) -> None:
        """Add the groups of an application's roles, guests taken out as the settings say."""
        for group in groups:
            members, why = self._settled(group.id, group.members, group.certificate.why)
            certificate = replace(group.certificate, complete=not why, why=why)
            self.groups[group.id] = replace(group, members=members, certificate=certificate)
        self.apps[app_id] = cursor

    def rest(self, group: Group) -> None:
        """Leave a group alone that is in doubt, at this poll."""
        self.groups[group.id] = resting(group, self.was_again[group.id])
        self.rested.add(group.id)

    def keep(self, groups: Iterable[Group], was: EntraCursor, *, apps: Mapping[str, bool]) -> None:
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
        is_agent_left_out = self.settings.agents == "exclude" and id_ in self.people.agents
        return is_agent_left_out or self._is_guest_left_out(id_)

    def _is_guest_left_out(self, id_: str) -> bool:
        return self.settings.guests == "exclude" and id_ in self.people.guests

    def snapshot(self, taken_at: datetime) -> Snapshot:
        """Give the snapshot: everybody who is in a group, and every group."""
        needed = {id_ for group in self.groups.values() for id_ in group.members} | self.held
        people = {**self.known, **self.people.found}
        identities = tuple(people[id_] for id_ in sorted(needed & people.keys()))
        return Snapshot(self.source, identities, tuple(self.groups[id_] for id_ in sorted(self.groups)), taken_at)

    def cursor(self, made_for: str, *, groups: str, users: str) -> EntraCursor:
        """Give the cursor that goes with it."""
        again = dict.fromkeys(self.again, NEVER)
        again |= {g.id: self._read_in_vain(g) for g in self.groups.values() if not g.certificate.complete}
        again |= {id_: self.was_again[id_].passed() for id_ in self.rested}
        return EntraCursor(made_for, groups, users, again, self.nested, self.apps)

    def _read_in_vain(self, group: Group) -> Again:
        look = look_of(group.certificate.independent_count)
        before = self.was_again.get(group.id, NEVER)
        return before.failed(look, group.certificate.why, answered=group.id not in self.unanswered)


def look_of(count: int | None) -> str:
    """Say how a group looks from outside: Graph shows nothing but its count that moves with its members."""
    return f"{count}"


def _strange(reading: ListRead[Member]) -> str:
    """Name the kinds of members that are not known here and look like people."""
    kinds = sorted({m.kind for m in reading.items if m.named and not m.is_person})
    return f"; members of the kind {', '.join(kinds)} were left out" if kinds else ""


def _fields(group: Group) -> Mapping[str, object]:
    return {"id": group.id, "displayName": group.name}
