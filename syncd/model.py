"""The nouns of a sync: frozen values that every other module passes around.

Nothing here reads, writes, logs or knows the time. Methods only derive. Mappings are never changed after they were
handed to a value. User names are looked up by `key()`, because Airflow compares them without regard to case; names that
are not surely the same, and not surely different either, are found by `Lookalikes`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from string import ascii_uppercase
from unicodedata import category, normalize

BUILT_IN_ROLES = frozenset({"Admin", "Op", "User", "Viewer", "Public"})
"""Roles that Airflow itself defines. They may be given and taken, never edited or deleted: the API does not protect them."""


_SMALL = {ord(great): great.lower() for great in ascii_uppercase}


def key(username: str) -> str:
    """Give the form in which two user names are one name on every database below an Airflow: A to Z count as a to z.

    Airflow asks its database for `lower(username) = lower(?)`. More than A to Z is folded by some databases and not by
    others (SQLite: nothing else; PostgreSQL: letters with case; MySQL: accents too), so for more than that see `skeletons`.
    """
    return username.lower() if username.isascii() else username.translate(_SMALL)


_PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_IGNORED = frozenset({"Mn", "Me", "Cf", "Cc"})
"""Unicode categories that collations give no weight: accents, and marks that nobody sees."""


def skeletons(name: str) -> frozenset[str]:
    """Give what is left of a name without all that some database may ignore: case, accents, width, blanks at the end.

    Two names that share a skeleton may be one name to a database, or two: only the server knows. Most names have one; a
    name with ß has two, because some collations take it for s and others for ss.
    """
    if name.isascii():
        return frozenset({name.lower().rstrip()})
    return frozenset(map(_skeleton, {name, name.replace("ß", "s").replace("ẞ", "s")}))


def _skeleton(name: str) -> str:
    folded = normalize("NFKD", normalize("NFKD", name).casefold())
    return "".join(c for c in folded if category(c) not in _IGNORED).translate(_PLAIN).rstrip()


class Lookalikes:
    """Names by their skeletons: finds those that a database might take for another name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, list[str]] = {}
        for name in names:
            for skeleton in skeletons(name):
                self._names.setdefault(skeleton, []).append(name)

    def __contains__(self, name: str) -> bool:
        return any(skeleton in self._names for skeleton in skeletons(name))

    def of(self, name: str) -> tuple[str, ...]:
        """Give the names that share a skeleton with this one, sorted."""
        return tuple(sorted({found for skeleton in skeletons(name) for found in self._names.get(skeleton, ())}))


# --- what sources say -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as one source knows them. `id` never changes; login and e-mail do."""

    source: str
    id: str
    login: str
    email: str
    given_name: str
    family_name: str
    active: bool = True
    employee_number: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.login or self.id}"


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
        return f"{self.source}:{self.name or self.id}"


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
    held over    | just read, plus the last certified read  | only who is in neither
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


Who = tuple[str, str]
"""Source and id of an identity."""


@dataclass(frozen=True, slots=True)
class KnownPersons:
    """What the database knows of joins: `persons` gives each identity that was joined the name of its person (any text,
    the same for all of them; empty where nobody could tell who it is), `sources` the sources of which everybody was joined
    once by the present key."""

    persons: Mapping[Who, str] = field(default_factory=dict)
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


# --- what mapping files say -------------------------------------------------------------------------------------------


class Level(StrEnum):
    """What a person may do with a DAG. Each level includes the ones before it."""

    VIEW = "view"
    TRIGGER = "trigger"
    EDIT = "edit"

    @property
    def included(self) -> tuple[Level, ...]:
        ordered = tuple(Level)
        return ordered[: ordered.index(self) + 1]


@dataclass(frozen=True, slots=True)
class At:
    """A place in a mapping file."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class DagSelector:
    """Which DAGs a level is for: ids by glob, tags, owners. Filled kinds must all match; within a kind one is enough."""

    level: Level
    at: At
    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """Airflow's own words: an action on a resource, as in `can_read` on `DAG:sales`."""

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role as a mapping file defines it, before a deployment's DAGs are known."""

    name: str
    description: str
    dags: tuple[DagSelector, ...]
    permissions: tuple[tuple[Permission, At], ...]
    at: At


@dataclass(frozen=True, slots=True)
class GroupRef:
    """How a mapping names a group: by id, by name, or by both. Where both are given the id decides."""

    source: str
    id: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.source}:{self.name or self.id}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One binding: the members of a group hold these roles on the deployments that the labels choose.

    `deployments` is a tuple of (label, accepted values); all of them must match; empty means every deployment. The label
    `name` is the deployment's own name. `until` has a time zone; the rule gives nothing from that moment on.
    """

    group: GroupRef
    roles: tuple[str, ...]
    deployments: tuple[tuple[str, frozenset[str]], ...]
    at: At
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Every mapping file together."""

    roles: Mapping[str, RoleDefinition]
    bindings: tuple[Rule, ...]


# --- what deployments are ---------------------------------------------------------------------------------------------


class Adopt(StrEnum):
    """What syncd makes its own of things that it finds on a deployment and did not put there.

    never     nothing: what was there before stays for ever unless a person removes it
    matching  a grant that a mapping line gives as well, and a role that already is exactly as the mapping says
    declared  the same, and every role that a mapping file defines, whatever permissions it has
    """

    NEVER = "never"
    MATCHING = "matching"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What mapping evaluation and planning know of a deployment before they look at it.

    `username` is the template of account names (`okta_{id}`, `{id}`, `{login}`, `{email}`). `login_source` is the source
    whose identity fills it in; empty: the first in precedence that knows the person.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    username: str = "{login}"
    match_email: bool = False
    delete_leavers: bool = False
    remove_manual_grants: bool = False
    """Whether people who hold a role that syncd owns, and whom no mapping line gives it, lose it."""
    adopt: Adopt = Adopt.MATCHING
    protected: frozenset[str] = frozenset()
    """User names that are never touched, nor is any that a database might take for one of them."""
    login_source: str = ""


@dataclass(frozen=True, slots=True)
class Dag:
    """A DAG as a deployment lists it."""

    id: str
    tags: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a deployment spells what a role must contain: data, made by the adapter from what it found out by looking.

    `every_role` is in each custom role (Airflow adds it by itself). `levels` gives for each level the permissions that
    are not bound to a DAG, and those that are, as templates with `{dag}`. A level does not repeat the levels it includes.
    `everywhere` gives for such a template the permission that has it on every DAG, where there is one.
    """

    every_role: frozenset[Permission]
    levels: Mapping[Level, tuple[frozenset[Permission], frozenset[Permission]]]
    everywhere: Mapping[Permission, Permission] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """A role and all its permissions. `unfinished` is only ever true of an observed role: a change of it was cut off."""

    name: str
    permissions: frozenset[Permission]
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """An account, in Airflow's words."""

    username: str
    email: str
    first_name: str
    last_name: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a person holds a role: the group and the line. `stale` means that only an older read says so."""

    source: str
    group_id: str
    group: str
    at: str
    until: datetime | None = None
    reason: str = ""
    stale: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.group} ({self.at})"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a person holds. The reasons take no part in equality; people need all of them."""

    username: str
    role: str
    because: tuple[Reason, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something a person should know that is not a change. `code` is fixed, `text` says what and what to do."""

    code: str
    text: str


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
class DesiredState:
    """What the mapping wants of one deployment. `users` and `because` are keyed by `key(username)`.

    `because[user][role]` holds every reason for a grant. `whose[user]` holds the identities of the person, (source, id),
    the one that names the account first; it is not kept in the database. `frozen` names the roles that nobody may lose
    now, with the reason; `frozen_users` (by key) the accounts that lose nothing now, because it is not clear whose they are.
    `undecided` (by key) are accounts under a name that a source which was not read whole may yet decide otherwise: they are
    given nothing more now. `inactive` (by key) are people whom the source they log in with shows as inactive, with that
    reason: a frozen role is not kept for them. `frozen_for` names, for roles that are frozen because of just these
    identities (source, id), whom the doubt is about: an account that was made for another one of that source is not theirs.
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
    frozen_for: Mapping[str, frozenset[Who]] = field(default_factory=dict)

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

    `leftovers` are roles that syncd emptied of people and that the server cannot delete. `unclear` says, by key, of which
    account names it is not clear whose they are, and why; `users` does not have those.
    """

    deployment: str
    users: Mapping[str, User]
    roles: Mapping[str, Role]
    scope: Scope = EVERYTHING
    leftovers: tuple[str, ...] = ()
    unclear: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owned:
    """What syncd owns on one deployment: accounts it made, roles, and grants (key(username) -> roles).

    `once` are roles that were owned and are no more: what a server could not delete of them is still recognised.
    """

    users: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    once: frozenset[str] = frozenset()
    people: int | None = None
    accounts: int | None = None
    """How many people have grants, and how many accounts syncd made; None: as many as are named, which then is all."""


# --- what is to be done -----------------------------------------------------------------------------------------------


class Kind(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class What(StrEnum):
    """What a reason of a change says: a role is given, or what gave it ended, and how."""

    GIVEN = "given"
    LEFT_GROUP = "left_group"
    GROUP_GONE = "group_gone"
    LINE_GONE = "line_gone"
    BINDING_ENDED = "binding_ended"
    DEACTIVATED = "deactivated"
    RENAMED = "renamed"
    NOT_KNOWN = "not_known"
    NOT_GIVEN = "not_given"
    OTHER = "other"


@dataclass(frozen=True, slots=True, order=True)
class Why:
    """One reason of a change: in words, and of which role it speaks (empty: of the change as a whole)."""

    text: str
    role: str = ""
    what: What = What.OTHER

    def __str__(self) -> str:
        return f"{self.role}: {self.text}" if self.role else self.text


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan: a thing before and after. Everything else is derived from the pair.

    `because` is for people and takes no part in equality.
    """

    before: User | Role | None
    after: User | Role | None
    because: tuple[Why, ...] = field(default=(), compare=False)

    @property
    def thing(self) -> User | Role:
        thing = self.after or self.before
        assert thing is not None
        return thing

    @property
    def subject(self) -> str:
        return "user" if isinstance(self.thing, User) else "role"

    @property
    def name(self) -> str:
        return self.thing.username if isinstance(self.thing, User) else self.thing.name

    @property
    def kind(self) -> Kind:
        if self.before is None:
            return Kind.CREATE
        return Kind.DELETE if self.after is None else Kind.UPDATE

    @property
    def granted(self) -> tuple[str, ...]:
        """What is there after and not before: role names of a user, permissions of a role; sorted."""
        return tuple(sorted(_parts(self.after) - _parts(self.before)))

    @property
    def revoked(self) -> tuple[str, ...]:
        """What is there before and not after, sorted."""
        return tuple(sorted(_parts(self.before) - _parts(self.after)))

    @property
    def effects(self) -> tuple[tuple[str, str, str, str], ...]:
        """What the change does, as (verb, subject, name, detail), sorted: the part that is approved and hashed."""
        name = key(self.name) if self.subject == "user" else self.name
        found = [("grant", self.subject, name, part) for part in self.granted]
        found += [("revoke", self.subject, name, part) for part in self.revoked]
        if self.kind is not Kind.UPDATE:
            found.append((self.kind.value, self.subject, name, ""))
        if isinstance(self.before, Role) and self.before.unfinished and self.after is not None:
            found.append(("finish", self.subject, name, ""))
        return tuple(sorted(found))


def _parts(thing: User | Role | None) -> frozenset[str]:
    match thing:
        case User():
            return thing.roles
        case Role():
            return frozenset(str(p) for p in thing.permissions)
        case None:
            return frozenset()


def digest(deployment: str, changes: Iterable[Change]) -> str:
    """Hash the effects of changes on one deployment: 12 hexadecimal digits, whatever the order, the reasons, the reading."""
    effects = sorted(effect for change in changes for effect in change.effects)
    return hashlib.sha256(json.dumps([deployment, effects]).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A grant that would go, were its group's read certified."""

    username: str
    role: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one pass would do on one deployment, in the order in which it is safe to do it.

    `blocked` names what should change and cannot be touched, because it is not clear which account or role that is.
    """

    deployment: str
    scope: Scope
    changes: tuple[Change, ...]
    kept: tuple[Kept, ...] = ()
    notes: tuple[Note, ...] = ()
    blocked: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return digest(self.deployment, self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)


@dataclass(frozen=True, slots=True)
class Held:
    """Changes that a limit keeps back on a deployment. `digest` approves them there; `why` names limit and numbers."""

    changes: tuple[Change, ...]
    why: tuple[str, ...]
    deployment: str

    @property
    def digest(self) -> str:
        return digest(self.deployment, self.changes)


class Status(StrEnum):
    """How one change ended. `unknown` means that no answer came: the next look settles it."""

    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    SKIPPED = "skipped"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one change ended. `beside` are roles that the account lost meanwhile by another hand than ours."""

    change: Change
    status: Status
    detail: str = ""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Awaited:
    """A change that was sent and was not found to be made: the server may still carry it out.

    `roles` are those that the account would then have by us.
    """

    change_id: int
    change: Change
    roles: frozenset[str]
    since: datetime


# --- what a deployment can do -----------------------------------------------------------------------------------------


class Patch(StrEnum):
    """What PATCH of a role does: measured to differ between releases of Airflow's FAB provider."""

    REPLACES = "replaces"
    ADDS = "adds"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


class Delete(StrEnum):
    WORKS = "works"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one deployment's API can do, each ability found by looking at answers, none assumed from a version alone.

    `patch_role` and `delete_role` stay `unknown` until a change needs them: looking does not write. `fab_version` is None
    where the account may not read it. `page_limit` is the most rows the server gives at once. `session` says whether a
    session cookie spares the password hash of every call. `service_user` is the account syncd runs as, where known.
    """

    generation: int
    version: str
    auth_manager: str
    fab_version: str | None = None
    roles_credential: str = ""
    users_credential: str = ""
    dags_credential: str = ""
    patch_role: Patch = Patch.UNKNOWN
    delete_role: Delete = Delete.UNKNOWN
    users_readable: bool = True
    dag_run_resources: bool = True
    page_limit: int | None = None
    session: bool = False
    service_user: str | None = None

    @property
    def fingerprint(self) -> str:
        """Tell servers apart whose learned abilities may differ."""
        return f"{self.version}+fab-{self.fab_version or '?'}"


CLOCK_SKEW_S = 60
"""Servers tell time to the second, and an answer takes a while; identity providers allow some minutes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an examination found out about one thing. `ok` is None where it cannot be known, or is no more than advice."""

    subject: str
    check: str
    ok: bool | None
    detail: str

    @classmethod
    def of_clock(cls, subject: str, server: datetime | None, *, now: datetime) -> Finding:
        """Compare a server's clock with ours; signatures and tokens stop working when they are minutes apart."""
        if server is None:
            return cls(subject, "clock", None, "the server does not say what time it is")
        seconds = round((server - now).total_seconds())
        ahead = "ahead of" if seconds > 0 else "behind"
        close = abs(seconds) <= CLOCK_SKEW_S
        told = "agrees with ours" if close else f"is {abs(seconds)} s {ahead} ours; set the clock of this machine right"
        return cls(subject, "clock", close, f"the server's clock {told}")


@dataclass(frozen=True, slots=True)
class Loss:
    """How often a permission that a pass had read back was gone at a later one (or there, of those that come back).

    `back` says that it was put right since it was last counted; until then it is the same loss.
    """

    role: str
    permission: Permission
    times: int
    last: datetime
    back: bool = True
