"""What sources say: identities, groups, and how far a read of them can be trusted; and the people that are joined of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncd.model.conditions import Attribute, folded
from syncd.model.named import FoundPerson, PersonRef
from syncd.model.notes import Note
from syncd.model.subjects import EVERYONE


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as one source knows them. `id` never changes; login and e-mail do.

    What the source does not say of them is "" (of `guest`: False); None is what nobody read yet.
    """

    source: str
    id: str
    login: str
    email: str
    given_name: str
    family_name: str
    active: bool = True
    employee_number: str = ""
    department: str | None = ""
    user_type: str | None = ""
    guest: bool | None = False

    def __str__(self) -> str:
        return f"{self.source}:{self.login or self.id}"


def value_of(identity: Identity, attribute: Attribute) -> str | None:
    """Give what a source says of somebody, as `folded` does; "": it says nothing; None: it was not read."""
    match attribute:
        case Attribute.DEPARTMENT:
            said = identity.department
        case Attribute.USER_TYPE:
            said = identity.user_type
        case Attribute.GUEST:
            said = None if identity.guest is None else str(identity.guest)
        case Attribute.EMAIL_DOMAIN:
            said = identity.email.rpartition("@")[2] if "@" in identity.email else ""
    return None if said is None else folded(said)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why a read may, or may not, remove access.

    `count` is the number of members read, `independent_count` the number the provider states by another way (None where
    it offers none). `why` says what is missing when `complete` is false.
    """

    pages: int
    count: int
    independent_count: int | None
    taken_at: datetime
    complete: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group and the ids of its members, nested groups already flattened where that was asked for."""

    source: str
    id: str
    name: str
    members: frozenset[str]
    certificate: Certificate

    def __str__(self) -> str:
        return f"everyone in {self.source}" if self.id == EVERYONE else f"{self.source}:{self.name or self.id}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one source said in one read."""

    source: str
    identities: tuple[Identity, ...]
    groups: tuple[Group, ...]
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Members:
    """A group as mapping evaluation sees it after this read was laid over the last certified one.

    state        | members                                  | may a person lose access by not being in it?
    certified    | as just read                             | yes
    carried over | just read, plus the last certified read  | only who is in neither
    unknown      | as just read; no certified read exists   | no, nobody
    """

    group: Group
    stale: frozenset[str] = frozenset()
    """Members that only the last certified read knows."""
    certified: bool = True
    unknown: bool = False
    why: str = ""
    since: datetime | None = None
    """When the group was last read whole, where this read was not."""

    @property
    def members(self) -> frozenset[str]:
        return self.group.members | self.stale


@dataclass(frozen=True, slots=True)
class Doubt:
    """A group whose last read may take nothing from anybody. `since`: when it was last read whole; None: never."""

    group_id: str
    group: str
    since: datetime | None
    why: str

    @property
    def called(self) -> str:
        return "everyone" if self.group_id == EVERYONE else self.group or self.group_id


class JoinKey(StrEnum):
    """What makes identities of different sources one person. Compared without regard to case; nothing joins nothing."""

    EMAIL = "email"
    ID = "id"
    EMPLOYEE_NUMBER = "employee_number"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Joining:
    """How identities of several sources become people. `precedence` holds every source, the most trusted first.

    `domains` are, by source, the domains of e-mail addresses (in lower case) that it answers for: nobody there can choose
    such an address. `accept_new` takes every new join for true, whoever can set the key.
    """

    key: JoinKey = JoinKey.EMAIL
    precedence: tuple[str, ...] = ()
    domains: Mapping[str, frozenset[str]] = field(default_factory=dict)
    accept_new: bool = False


BY_EMAIL = Joining()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an identity in several sources, in the order of precedence; at most one of each source."""

    accounts: tuple[Identity, ...]


PersonKey = tuple[str, str]
"""Source and id of an identity."""


@dataclass(frozen=True, slots=True)
class KnownPersons:
    """What the database knows of joins: `persons` gives each identity that was joined the name of its person (any text,
    the same for all of them; empty where nobody could tell who it is), `sources` the sources of which everybody was joined
    once by the present key."""

    persons: Mapping[PersonKey, str] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Directory:
    """All sources joined: people by (source, id), groups by (source, id), and which sources failed, with the reason.

    names    for (source, name): the id of the group that a mapping first meant by that name
    persons  by (source, id): who is known in several sources; nobody else is in it
    mistaken by (source, id): who cannot be told from somebody else, and why
    order    sources that are joined, the most trusted first; empty where none are
    notes    what was found while joining
    read     sources that gave an answer, now or before: of any other nobody can say that something is not in it
    joins    what is to be remembered of who is one person, where that is new
    waiting  identities that have the key in common and are not one person until somebody says so
    named    who was found by the names under which mapping lines name people one by one
    domains  by source: the domains of e-mail addresses that it answers for, as in `Joining`
    untold   attributes, by source, that it says of nobody: whether anybody has one cannot be told from what it does not show
    read_at  by source: when that was read which is here of it, as evidence; it makes no two directories differ
    """

    identities: Mapping[tuple[str, str], Identity]
    groups: Mapping[tuple[str, str], Members]
    failed: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    persons: Mapping[tuple[str, str], Person] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    mistaken: Mapping[tuple[str, str], str] = field(default_factory=dict)
    read: frozenset[str] = frozenset()
    joins: KnownPersons = KnownPersons()
    waiting: tuple[tuple[Identity, ...], ...] = ()
    named: Mapping[PersonRef, FoundPerson] = field(default_factory=dict)
    domains: Mapping[str, frozenset[str]] = field(default_factory=dict)
    untold: frozenset[tuple[str, Attribute]] = frozenset()
    read_at: Mapping[str, datetime] = field(default_factory=dict, compare=False)
