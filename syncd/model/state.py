"""What is wanted of a deployment, what it says, and what of that is ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.model.deployment import Role, User
from syncd.model.names import key
from syncd.model.notes import Note
from syncd.model.people import PersonKey
from syncd.model.rules import RoleMode
from syncd.model.subjects import EVERYONE


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a person holds a role: the group and the line; without a source it is the account itself that the line names.

    `stale` means that only an older read says so.
    `during` names the hours of the line, `owner` who answers for it, `ticket` where it was asked for; each as it was then.
    """

    source: str
    group_id: str
    group: str
    at: str
    until: datetime | None = None
    reason: str = ""
    stale: bool = False
    during: str = ""
    owner: str = ""
    ticket: str = ""

    def __str__(self) -> str:
        said = self.at, self.reason, self.ticket, self.owner and f"owner {self.owner}"
        named = f"{self.source}:{self.group}" if self.source else self.group
        named = f"everyone in {self.source}" if self.group_id == EVERYONE else named
        return f"{named} ({', '.join(filter(None, said))})"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a person holds. The reasons take no part in equality; people need all of them."""

    username: str
    role: str
    because: tuple[Reason, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pass is about: everything, or these people (by user name), or what roles hold on these DAGs; nothing else."""

    usernames: frozenset[str] | None = None
    dags: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        return self.usernames is None and not self.dags

    def covers(self, username: str) -> bool:
        return self.everything or key(username) in (self.usernames or ())

    @classmethod
    def people(cls, usernames: Iterable[str]) -> Scope:
        return cls(frozenset(key(u) for u in usernames))

    @classmethod
    def of_dags(cls, dags: Iterable[str]) -> Scope:
        return cls(frozenset(), frozenset(dags))

    def __str__(self) -> str:
        if self.everything:
            return "everything"
        return ", ".join([*sorted(self.usernames or ()), *(f"DAG {dag}" for dag in sorted(self.dags))])


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Doubted:
    """Whom a doubt is about.

    who      identities (source, id) that may be them
    sources  sources in which everybody whom it is about has one of those identities: nobody has two of one source
    others   identities that are known to be of somebody else
    """

    who: frozenset[PersonKey]
    sources: frozenset[str] = frozenset()
    others: frozenset[PersonKey] = frozenset()

    @classmethod
    def about(cls, who: frozenset[PersonKey]) -> Doubted:
        """Give a doubt about people of whom no more is known than one identity of each."""
        sources = frozenset(source for source, _ in who)
        return cls(who, sources if len(sources) == 1 else frozenset())

    def may_be(self, who: PersonKey | None) -> bool:
        """Say whether an account that was made for this identity may be of one of them; None: that was not noted."""
        return who is None or who in self.who or not (who[0] in self.sources or who in self.others)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the mapping wants of one deployment. `users` and `because` are keyed by `key(username)`.

    `because[user][role]` holds every reason for a grant. `whose[user]` holds the identities of the person, (source, id),
    the one that names the account first. `frozen` names the roles that nobody may lose
    now, with the reason; `frozen_users` (by key) the accounts that lose nothing now, because it is not clear whose they are.
    `undecided` (by key) are accounts under a name that a source which was not read whole may yet decide otherwise: they are
    given nothing more now. `inactive` (by key) are people whom the source they log in with shows as inactive, with that
    reason: a frozen role is not kept for them. `frozen_for` names, for roles that are frozen because of some people
    only, whom the doubts are about.
    """

    deployment: str
    users: Mapping[str, User]
    roles: Mapping[str, Role]
    because: Mapping[str, Mapping[str, tuple[Reason, ...]]]
    frozen: Mapping[str, str] = field(default_factory=dict)
    frozen_users: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    whose: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    undecided: Mapping[str, User] = field(default_factory=dict)
    inactive: Mapping[str, str] = field(default_factory=dict)
    frozen_for: Mapping[str, tuple[Doubted, ...]] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()
    """Accounts (by key) that no directory has and a mapping line names: they are never made, and never deleted."""
    exclusive: Mapping[str, bool] = field(default_factory=dict)
    """Of roles that say it themselves, whether people who hold them by another hand lose them."""
    modes: Mapping[str, RoleMode] = field(default_factory=dict)
    """Of roles of mapping files, wanted here or not, that are not in mode `full`."""

    def grants(self) -> Iterator[Grant]:
        """Give every grant with its reasons, sorted by user and role."""
        for name in sorted(self.because):
            for role in sorted(self.because[name]):
                yield Grant(self.users[name].username, role, self.because[name][role])


@dataclass(frozen=True, slots=True)
class MadeAccount:
    """An account that syncd made: for which identity (source, id), and its e-mail; name and e-mail as `key` gives them."""

    name: str
    who: tuple[str, str]
    email: str


@dataclass(frozen=True, slots=True)
class ObservedState:
    """What one deployment said. `users` is keyed by `key(username)`; with a scope it holds just those people.

    `leftovers` are roles that syncd emptied of people and that the server cannot delete, each with what to do. `unclear` says,
    by key, of which account names it is not clear whose they are, and why; `users` does not have those. `members` are second
    roles of ours that are there, `namesakes` roles that another hand made under such a name.
    """

    deployment: str
    users: Mapping[str, User]
    roles: Mapping[str, Role]
    scope: Scope = EVERYTHING
    leftovers: Mapping[str, str] = field(default_factory=dict)
    unclear: Mapping[str, str] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    namesakes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Owned:
    """What syncd owns on one deployment: accounts it made, roles, and grants (key(username) -> roles).

    `once` are roles that were owned and are no more: what a server could not delete of them is still recognised. `members`
    are the second roles that we made beside one, or were about to make, by the names that they have on the server.
    """

    users: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    once: frozenset[str] = frozenset()
    people: int | None = None
    accounts: int | None = None
    """How many people have grants, and how many accounts syncd made; None: as many as are named, which then is all."""
    members: frozenset[str] = frozenset()
