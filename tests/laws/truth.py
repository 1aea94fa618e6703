"""What is so, whatever anybody says of it: people, groups, rules, deployments, and who should hold what.

Nothing of syncd is imported here. `due` is a second, naive answer to the question that the mapping answers, made from what
a process was told last; the laws compare with it what people hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

SOURCES: Final = ("okta", "people")
"""The most trusted first. They are joined by e-mail."""
ROLES: Final = {"fin": ("trigger", "finance"), "plat": ("view", "infra"), "see": ("view", "daily")}
"""Roles of the mapping: level, and the tag of the DAGs that it is on."""
BUILT_IN: Final = frozenset({"Admin", "Op", "User", "Viewer", "Public"})


def lower(name: str) -> str:
    return name.casefold()


# --- directories ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Face:
    """A person as one source knows them."""

    id: str
    login: str
    email: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Team:
    """A group as it was told: who was seen in it, who may be in it besides, and whether it was ever read whole."""

    name: str
    sure: frozenset[str]
    perhaps: frozenset[str] = frozenset()
    known: bool = True

    @property
    def members(self) -> frozenset[str]:
        return self.sure | self.perhaps


@dataclass(frozen=True, slots=True)
class Telling:
    """What one source said, or is."""

    people: Mapping[str, Face] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)


UNTOLD: Final = Telling()
"""Stands for a source that was never read: it is this very object that is asked for."""


@dataclass(frozen=True, slots=True)
class Line:
    """A binding of the mapping: a group by its name, a role, the deployments, and until when."""

    source: str
    team: str
    role: str
    sites: frozenset[str]
    until: float | None = None
    privileged: bool = False
    """Whether it says that it is meant where its role administers."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A role that somebody was given for a time, by a number; `left`: their source once said that they were gone."""

    number: int
    source: str
    id: str
    role: str
    site: str
    until: float
    revoked: bool = False
    left: bool = False

    @property
    def who(self) -> tuple[str, str]:
        return self.source, self.id


@dataclass(frozen=True, slots=True)
class Site:
    """A deployment, as its configuration says."""

    name: str
    preset: str
    username: str = "{login}"
    login_source: str = ""
    match_email: bool = False
    delete_leavers: bool = False
    remove_manual: bool = False
    adopt: str = "matching"
    protected: frozenset[str] = frozenset()
    removals: int = 50
    share: float = 0.10
    floor: int = 5
    env: str = "test"


# --- who should hold what ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Due:
    """Who should hold what on one deployment, by the account's name; what may stay because of a doubt; and whose it is."""

    roles: dict[str, set[str]] = field(default_factory=dict)
    perhaps: dict[str, set[str]] = field(default_factory=dict)
    frozen_roles: set[str] = field(default_factory=set)
    frozen_accounts: set[str] = field(default_factory=set)
    strangers: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """What members are given of whom their source says nothing: they lose none of it."""
    suspended: set[str] = field(default_factory=set)
    """Accounts of people who are inactive where they log in: they lose whatever a group in doubt would let them keep."""
    emails: dict[str, str] = field(default_factory=dict)
    """Of those who should hold something, by the account's name."""
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Source and id of who names the account, by its name."""
    meant: dict[str, set[str]] = field(default_factory=dict)
    """Roles that administer, by the account's name, where a line says that it is meant, or they are given for a time."""
    lines_for: set[str] = field(default_factory=set)
    """Roles that a line gives to anybody there: of others nobody's account is in doubt."""

    def names(self, account: str, email: str, who: tuple[str, str] | None) -> set[str]:
        """Give the names under which somebody may be wanted whose account this is: by name, by e-mail, as made for them."""
        alike = {name for name, theirs in self.emails.items() if email and lower(theirs) == lower(email)}
        return {account} | alike | {name for name, owner in self.owners.items() if owner == who}

    def may_gain(self, names: set[str], role: str) -> bool:
        """Say whether a line gives it, perhaps."""
        return any(role in self.roles.get(n, ()) or role in self.perhaps.get(n, ()) for n in names)

    def is_meant(self, names: set[str], role: str) -> bool:
        """Say whether a line, or a word, that gives a role that administers says so."""
        return any(role in self.meant.get(name, ()) for name in names)

    def without(self, ungiven: set[tuple[str, str]]) -> Due:
        """Give the same where somebody said of these (account, role) that nobody shall get them: they may, but need not."""
        refused = {name: {role for who, role in ungiven if who == lower(name)} for name in self.roles}
        roles = {name: roles - refused[name] for name, roles in self.roles.items()}
        perhaps = self.perhaps | {name: self.perhaps.get(name, set()) | r for name, r in refused.items() if r}
        return replace(self, roles=roles, perhaps=perhaps)

    def must_keep(self, account: str, role: str) -> bool:
        return role in self.roles.get(account, ())

    def in_doubt(self, account: str, role: str) -> str:
        """Say why somebody may not lose a role now although no line surely gives it; empty where they may."""
        unclear = account in self.frozen_accounts and role in self.lines_for
        if account in self.suspended and not unclear:
            return ""
        if role in self.perhaps.get(account, ()):
            return "may be in the group still"
        if role in self.frozen_roles:
            return "a group of the role, or somebody in it, is not known"
        return "it is not clear whose account it is" if unclear else ""


_Who = tuple[str, str]
Joins = Mapping[_Who, str]


class _Gift(NamedTuple):
    """What somebody is given: a role, whether that is sure, and whether it is meant where it administers."""

    role: str
    sure: bool
    meant: bool


def due(
    site: Site,
    lines: Iterable[Line],
    told: Mapping[str, Telling],
    pins: Mapping[tuple[str, str], str],
    *,
    joins: Joins,
    now: float,
    lent: Iterable[Lent] = (),
) -> Due:
    """Work out in the simplest way who should hold what there.

    `pins` is which group a name means; `joins` who is known to be one person, by a name; an empty one: nobody could tell;
    `lent` what people were given for a time, in force or not.
    """
    found = Due()
    given = _given(site, lines, told, pins, now=now, found=found)
    for grant in lent:
        if grant.site == site.name and not grant.revoked and grant.until > now:
            found.lines_for.add(grant.role)
            given.setdefault(grant.who, []).append(_Gift(grant.role, not grant.left, True))
    owners: dict[str, set[_Who]] = {}
    for accounts, alone in _persons(told, joins):
        if alone:
            found.frozen_accounts.add(lower(_name(accounts[0][1], site)))
        roles = [gift for source, face in accounts if face.active for gift in given.get((source, face.id), ())]
        _hold(site, told, accounts, roles, found=found, owners=owners)
    for name, several in owners.items():
        if len(several) > 1:
            found.frozen_accounts.add(name)
            for table in (found.roles, found.perhaps, found.meant):
                table.pop(name, None)
            found.emails.pop(name, None)
            found.owners.pop(name, None)
    return found


def _given(
    site: Site,
    lines: Iterable[Line],
    told: Mapping[str, Telling],
    pins: Mapping[tuple[str, str], str],
    *,
    now: float,
    found: Due,
) -> dict[_Who, list[_Gift]]:
    """Give what each identity is given by lines."""
    given: dict[_Who, list[_Gift]] = {}
    for line in lines:
        if site.name not in line.sites or (line.until is not None and line.until <= now):
            continue
        found.lines_for.add(line.role)
        telling = told[line.source]
        team = telling.teams.get(pins.get((line.source, line.team), ""))
        if team is None or not team.known:
            found.frozen_roles.add(line.role)
        if team is None:
            continue
        for member in team.members:
            gift = _Gift(line.role, member in team.sure, line.privileged)
            given.setdefault((line.source, member), []).append(gift)
            if member not in telling.people:
                found.strangers.setdefault((line.source, member), set()).add(line.role)
    return given


def _persons(told: Mapping[str, Telling], joins: Joins) -> Iterator[tuple[list[tuple[str, Face]], bool]]:
    """Give the identities of each person in order, and whether nobody knows if they are one person."""
    by_email: dict[str, list[tuple[str, Face]]] = {}
    for source in SOURCES:
        for face in told[source].people.values():
            by_email.setdefault(lower(face.email) or f"{source}:{face.id}", []).append((source, face))
    for several in by_email.values():
        yield from _told_apart(several, joins)


def _told_apart(several: list[tuple[str, Face]], joins: Joins) -> Iterator[tuple[list[tuple[str, Face]], bool]]:
    """Part those who have one e-mail: who is known to be one person is; else they are, if there is one of each source."""
    if len({source for source, _ in several}) == len(several):
        yield several, False
        return
    names = [joins.get((source, face.id), "") for source, face in several]
    known = {name for name in names if name and names.count(name) > 1}
    # Somebody can come to be known as one person with two accounts of another source, one after the other: "accounts
    # of one source are never merged", so where both have the e-mail again "each account stands alone".
    sources = [(source, name) for (source, _), name in zip(several, names, strict=True)]
    known -= {name for source, name in sources if sources.count((source, name)) > 1}
    for name in known:
        yield [one for one, of in zip(several, names, strict=True) if of == name], False
    nobody = any(joins.get((source, face.id)) == "" for source, face in several) and len({s for s, _ in several}) > 1
    for one, of in zip(several, names, strict=True):
        if of not in known:
            yield [one], nobody


def _hold(
    site: Site,
    told: Mapping[str, Telling],
    accounts: list[tuple[str, Face]],
    roles: list[_Gift],
    *,
    found: Due,
    owners: dict[str, set[_Who]],
) -> None:
    wanted = [a for a in accounts if a[0] == site.login_source] if site.login_source else accounts[:1]
    found.suspended.update(lower(_name(face, site)) for _, face in wanted if not face.active)
    if not wanted or not roles:
        _freeze_unnamed(site, told, roles, found=found)
        return
    source, login = wanted[0]
    if not site.login_source:
        higher = SOURCES[: SOURCES.index(source)]
        if any(told[other] is UNTOLD for other in higher):  # their name may be another one
            found.frozen_roles.update(gift.role for gift in roles)
            return
    name = lower(_name(login, site))
    if not login.active or name in site.protected:
        return
    owners.setdefault(name, set()).add((source, login.id))
    found.owners[name] = (source, login.id)
    found.emails[name] = login.email
    for role, sure, meant in roles:
        (found.roles if sure else found.perhaps).setdefault(name, set()).add(role)
        if meant:
            found.meant.setdefault(name, set()).add(role)


def _freeze_unnamed(site: Site, told: Mapping[str, Telling], roles: list[_Gift], *, found: Due) -> None:
    """Keep what people may hold under a name that a source would say which was not read whole."""
    telling = told.get(site.login_source)
    if telling is UNTOLD or (telling and any(not team.known for team in telling.teams.values())):
        found.frozen_roles.update(gift.role for gift in roles)


def _name(face: Face, site: Site) -> str:
    return site.username.format(id=face.id, login=face.login, email=face.email)


# --- the directories themselves ---------------------------------------------------------------------------------------


class World:
    """The directories as they are, and the mapping as it is written. Only the moves change it."""

    def __init__(self) -> None:
        self.sources: dict[str, Telling] = {name: Telling() for name in SOURCES}
        self.lines: tuple[Line, ...] = ()
        self._number = 0

    def new_id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number:03}"

    def put(self, source: str, face: Face) -> None:
        now = self.sources[source]
        self.sources[source] = replace(now, people={**now.people, face.id: face})

    def remove(self, source: str, id_: str) -> None:
        """Delete a person, out of every group too."""
        now = self.sources[source]
        people = {other: face for other, face in now.people.items() if other != id_}
        teams = {i: replace(team, sure=team.sure - {id_}) for i, team in now.teams.items()}
        self.sources[source] = Telling(people, teams)

    def put_team(self, source: str, id_: str, team: Team) -> None:
        now = self.sources[source]
        self.sources[source] = replace(now, teams={**now.teams, id_: team})

    def remove_team(self, source: str, id_: str) -> None:
        now = self.sources[source]
        self.sources[source] = replace(now, teams={i: team for i, team in now.teams.items() if i != id_})
