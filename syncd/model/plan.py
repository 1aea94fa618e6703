"""What is to be done on a deployment, and how each change of it ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncd.model.deployment import Role, User
from syncd.model.names import key
from syncd.model.notes import Note
from syncd.model.rules import Permission
from syncd.model.state import Reason, Scope


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
    GRANT_ENDED = "grant_ended"
    NOT_NOW = "not_now"
    DEACTIVATED = "deactivated"
    RENAMED = "renamed"
    LEFT_OUT = "left_out"
    NOT_KNOWN = "not_known"
    NOT_GIVEN = "not_given"
    OTHER = "other"


@dataclass(frozen=True, slots=True, order=True)
class Why:
    """One reason of a change: in words, and of which role it speaks (empty: of the change as a whole).

    `reasons` are the groups and mapping lines that give the role, or gave it; none where no line did, and of a change that
    was recorded before they were kept.
    """

    text: str
    role: str = ""
    what: What = What.OTHER
    reasons: tuple[Reason, ...] = field(default=(), compare=False)

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
    """How one change ended.

    beside      roles that the account lost meanwhile by another hand than ours
    unanswered  the server gave no good answer to anything, or is not asked any more because of that
    """

    change: Change
    status: Status
    detail: str = ""
    beside: tuple[str, ...] = ()
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """A change that was sent and was not found to be made: the server may still carry it out.

    `roles` are those that the account would then have by us.
    """

    change_id: int
    change: Change
    roles: frozenset[str]
    since: datetime


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
