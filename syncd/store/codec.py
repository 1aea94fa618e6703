"""Values to JSON and back, one pair of functions per type.

The text is canonical: keys and sets are sorted, so equal values give equal text. Order within tuples means something and
is kept. It is pure ASCII: PostgreSQL keeps no NUL and no lone surrogate, and names may hold anything. Every body that
stands alone carries its version as `v`.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from syncd.errors import StoreError
from syncd.model import (
    EVERYTHING,
    Certificate,
    Change,
    DesiredState,
    Doubt,
    Group,
    Identity,
    Kept,
    Note,
    Permission,
    Plan,
    Reason,
    Role,
    Scope,
    Snapshot,
    User,
    What,
    Why,
)
from syncd.plan.because import why_of

VERSION = 1
UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""Stands where a time is not known yet."""

Json = Any
"""What `json.loads` gives; each reader below knows the shape it wants."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def dumps(value: Json) -> str:
    """Write canonical JSON; a value that JSON does not know is written as its text."""
    return _CANONICAL.encode(value)


def digest(text: str) -> str:
    """Tell a body from others."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


P = ParamSpec("P")
R = TypeVar("R")
_NOT_READ = (TypeError, KeyError, ValueError, IndexError, AttributeError, zlib.error)
"""What a reader raises that meets another shape than the one it knows."""


def reader(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a StoreError of whatever a reader meets that it does not know; `what` names the record.

    While replicas are upgraded one by one, the older ones meet records of the newer ones.
    """

    def decorated(read: Callable[P, R]) -> Callable[P, R]:
        @wraps(read)
        def reading(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return read(*args, **kwargs)
            except _NOT_READ as error:
                raise StoreError(_unknown(what)) from error

        return reading

    return decorated


def _unknown(what: str) -> str:
    return (
        f"the database holds a record ({what}) that this syncd cannot read: it was written by a newer syncd; "
        "upgrade this one (or the record is damaged)"
    )


@reader("JSON")
def loads(text: str | bytes) -> Json:
    return json.loads(text)


def pack(text: str) -> bytes:
    """Compress; level 1, because the higher ones cost three times the time for a tenth of the size."""
    return zlib.compress(text.encode("ascii"), 1)


@reader("compressed JSON")
def unpack(packed: bytes) -> Json:
    return loads(zlib.decompress(packed))


def versioned(body: Json, *keys: str) -> Json:
    """Give a body of the version that this program reads, with no other keys than these in it.

    Raises:
        StoreError: it is of another version, or has keys that nobody here knows.
    """
    if body["v"] != VERSION:
        raise StoreError(
            f"the database holds a record of version {body['v']}, and this syncd reads version {VERSION}: "
            "it was written by a newer syncd; upgrade this one"
        )
    if unknown := body.keys() - {"v", *keys}:
        raise StoreError(_unknown(f"with {', '.join(sorted(unknown))}"))
    return body


def time_to(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def time_from(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _until_to(value: datetime | None) -> str | None:
    return None if value is None else time_to(value)


def _until_from(text: str | None) -> datetime | None:
    return None if text is None else time_from(text)


# --- snapshots: what was said, and when, apart ------------------------------------------------------------------------


def snapshot_to(snapshot: Snapshot) -> tuple[str, str]:
    """Give a snapshot as two texts: everything but its times, and its times.

    Equal reads at different times so have the same first text.
    """
    body = {
        "v": VERSION,
        "source": snapshot.source,
        "identities": [identity_to(i) for i in snapshot.identities],
        "groups": [group_to(g) for g in snapshot.groups],
    }
    return dumps(body), times_to(snapshot)


def times_to(snapshot: Snapshot) -> str:
    """Give the second text of `snapshot_to`."""
    return dumps({"v": VERSION, "taken_at": time_to(snapshot.taken_at), **_times_to(snapshot.groups)})


@reader("a snapshot")
def snapshot_from(body: Json, times: Json) -> Snapshot:
    return timed(untimed(body), times)


@reader("a snapshot")
def untimed(body: Json) -> Snapshot:
    """Give a snapshot whose times are not known."""
    versioned(body, "source", "identities", "groups")
    return Snapshot(
        source=body["source"],
        identities=tuple(Identity(*fields) for fields in body["identities"]),
        groups=tuple(group_from(fields, UNKNOWN) for fields in body["groups"]),
        taken_at=UNKNOWN,
    )


@reader("times of a snapshot")
def timed(snapshot: Snapshot, times: Json) -> Snapshot:
    """Give a snapshot with these times."""
    versioned(times, "taken_at", "moments", "groups")
    moments = [time_from(t) for t in times["moments"]]
    groups = zip(snapshot.groups, times["groups"], strict=True)
    return replace(
        snapshot,
        groups=tuple(_taken(group, moments[at]) for group, at in groups),
        taken_at=time_from(times["taken_at"]),
    )


def _taken(group: Group, at: datetime) -> Group:
    is_same = group.certificate.taken_at == at
    return group if is_same else replace(group, certificate=replace(group.certificate, taken_at=at))


def _times_to(groups: Iterable[Group]) -> dict[str, Json]:
    """Thousands of groups share a few moments: each is written once and then named by its place."""
    moments: dict[datetime, int] = {}
    places = [moments.setdefault(g.certificate.taken_at, len(moments)) for g in groups]
    return {"moments": [time_to(moment) for moment in moments], "groups": places}


def identity_to(i: Identity) -> Json:
    fields = [i.source, i.id, i.login, i.email, i.given_name, i.family_name, i.active]
    return [*fields, i.employee_number] if i.employee_number else fields


def group_to(group: Group) -> Json:
    c = group.certificate
    certificate = [c.pages, c.count, c.independent_count, c.complete, c.why]
    return [group.source, group.id, group.name, sorted(group.members), certificate]


def group_from(fields: Json, taken_at: datetime) -> Group:
    source, id_, name, members, (pages, count, independent, complete, why) = fields
    certificate = Certificate(pages, count, independent, taken_at, complete, why)
    return Group(source, id_, name, frozenset(members), certificate)


def doubts_to(doubts: Iterable[Doubt]) -> Json:
    return {"v": VERSION, "doubts": [[d.group_id, d.group, _until_to(d.since), d.why] for d in doubts]}


@reader("doubts")
def doubts_from(body: Json) -> tuple[Doubt, ...]:
    fields = versioned(body, "doubts")["doubts"]
    return tuple(Doubt(id_, name, _until_from(since), why) for id_, name, since, why in fields)


# --- users, roles, changes --------------------------------------------------------------------------------------------


def thing_to(thing: User | Role | None) -> Json:
    match thing:
        case User():
            return {"v": VERSION, "user": _user_to(thing)}
        case Role():
            return {"v": VERSION, "role": _role_to(thing)}
        case None:
            return None


@reader("an account or a role")
def thing_from(body: Json) -> User | Role | None:
    if body is None:
        return None
    versioned(body, "user", "role")
    return _user_from(body["user"]) if "user" in body else _role_from(body["role"])


def _user_to(user: User) -> Json:
    return [user.username, user.email, user.first_name, user.last_name, sorted(user.roles)]


def _user_from(fields: Json) -> User:
    username, email, first_name, last_name, roles = fields
    return User(username, email, first_name, last_name, frozenset(roles))


def _role_to(role: Role) -> Json:
    return [role.name, sorted([p.action, p.resource] for p in role.permissions), role.unfinished]


def _role_from(fields: Json) -> Role:
    name, permissions, unfinished = fields
    return Role(name, frozenset(Permission(action, resource) for action, resource in permissions), unfinished)


def change_to(change: Change) -> Json:
    return {
        "v": VERSION,
        "before": thing_to(change.before),
        "after": thing_to(change.after),
        "because": because_to(change.because),
    }


@reader("a change")
def change_from(body: Json) -> Change:
    versioned(body, "before", "after", "because")
    return change_with(body["because"], thing_from(body["before"]), thing_from(body["after"]))


def change_with(because: Json, before: User | Role | None, after: User | Role | None) -> Change:
    """Build a change of what was read, and of its reasons, which were not."""
    bare = Change(before, after)
    return Change(before, after, because_from(because, lambda: (*bare.granted, *bare.revoked)))


def because_to(because: Iterable[Why]) -> Json:
    """Write reasons: the words only of those that do not follow from groups and lines."""
    return [
        ["", why.role, why.what.value, [_reason_to(r) for r in why.reasons]]
        if why.reasons
        else [why.text, why.role, why.what.value]
        for why in because
    ]


def because_from(body: Json, roles: Callable[[], Iterable[str]]) -> tuple[Why, ...]:
    """Read reasons. Up to version 0.1 a reason was a text, `role: why`: then `roles` gives those of the change."""
    known = sorted(roles(), key=len, reverse=True) if any(isinstance(fields, str) for fields in body) else ()
    return tuple(_why_from(fields, known) for fields in body)


def _why_from(fields: Json, roles: Iterable[str]) -> Why:
    if isinstance(fields, str):
        role = next((role for role in roles if fields.startswith(f"{role}: ")), "")
        return Why(fields.removeprefix(f"{role}: ") if role else fields, role)
    text, role, word, *rest = fields
    what = _WHATS.get(word, What.OTHER)
    if rest and rest[0]:
        return why_of(role, what, tuple(map(_reason_from, rest[0])))
    return Why(text, role, what)


_WHATS = {what.value: what for what in What}


# --- plans ------------------------------------------------------------------------------------------------------------


def scope_to(scope: Scope) -> Json:
    """Give null for everything, else the user names; with the DAGs beside them where it is about DAGs."""
    usernames = None if scope.usernames is None else sorted(scope.usernames)
    return {"usernames": usernames, "dags": sorted(scope.dags)} if scope.dags else usernames


@reader("a scope")
def scope_from(body: Json) -> Scope:
    match body:
        case None:
            return EVERYTHING
        case {"usernames": usernames, "dags": dags} if len(body) == 2:
            return Scope(None if usernames is None else frozenset(usernames), frozenset(dags))
        case [*usernames]:
            return Scope(frozenset(usernames))
        case _:
            raise TypeError(type(body))


def notes_to(notes: Iterable[Note]) -> Json:
    return [[n.code, n.text] for n in notes]


@reader("notes")
def notes_from(body: Json) -> tuple[Note, ...]:
    return tuple(Note(*fields) for fields in body)


def kept_to(kept: Iterable[Kept]) -> Json:
    return [[k.username, k.role, k.why] for k in kept]


@reader("what is kept")
def kept_from(body: Json) -> tuple[Kept, ...]:
    return tuple(Kept(*fields) for fields in body)


def plan_to(plan: Plan) -> Json:
    return {
        "v": VERSION,
        "deployment": plan.deployment,
        "scope": scope_to(plan.scope),
        "changes": [change_to(c) for c in plan.changes],
        "kept": kept_to(plan.kept),
        "notes": notes_to(plan.notes),
        "blocked": list(plan.blocked),
    }


@reader("a plan")
def plan_from(body: Json) -> Plan:
    versioned(body, "deployment", "scope", "changes", "kept", "notes", "blocked")
    return Plan(
        deployment=body["deployment"],
        scope=scope_from(body["scope"]),
        changes=tuple(change_from(c) for c in body["changes"]),
        kept=kept_from(body["kept"]),
        notes=notes_from(body["notes"]),
        blocked=tuple(body.get("blocked", ())),
    )


# --- desired states ---------------------------------------------------------------------------------------------------


_DESIRED = ("deployment", "users", "roles", "because", "reasons", "frozen", "frozen_users", "whose", "notes")


def desired_to(desired: DesiredState) -> Json:
    """Write a desired state; a reason stands once in a list and is named by its place (a quarter million grants share
    some hundred reasons)."""
    reasons: dict[Reason, int] = {}
    because = {
        user: {role: [reasons.setdefault(r, len(reasons)) for r in why] for role, why in sorted(roles.items())}
        for user, roles in sorted(desired.because.items())
    }
    return {
        "v": VERSION,
        "deployment": desired.deployment,
        "users": {name: _user_to(user) for name, user in desired.users.items()},
        "roles": {name: _role_to(role) for name, role in desired.roles.items()},
        "because": because,
        "reasons": [_reason_to(r) for r in reasons],
        "frozen": dict(desired.frozen),
        "frozen_users": dict(desired.frozen_users),
        "whose": {user: [list(who) for who in several] for user, several in sorted(desired.whose.items())},
        "notes": notes_to(desired.notes),
    }


@reader("a desired state")
def desired_from(body: Json) -> DesiredState:
    versioned(body, *_DESIRED)
    reasons = [_reason_from(fields) for fields in body["reasons"]]
    return DesiredState(
        deployment=body["deployment"],
        users={name: _user_from(fields) for name, fields in body["users"].items()},
        roles={name: _role_from(fields) for name, fields in body["roles"].items()},
        because=_because_from(body["because"], reasons),
        frozen=body["frozen"],
        frozen_users=body["frozen_users"],
        whose={user: tuple((source, id_) for source, id_ in who) for user, who in body.get("whose", {}).items()},
        notes=notes_from(body["notes"]),
    )


def _because_from(
    body: Mapping[str, Mapping[str, list[int]]], reasons: list[Reason]
) -> dict[str, dict[str, tuple[Reason, ...]]]:
    return {
        user: {role: tuple(reasons[place] for place in why) for role, why in roles.items()}
        for user, roles in body.items()
    }


def _reason_to(r: Reason) -> Json:
    return [r.source, r.group_id, r.group, r.at, _until_to(r.until), r.reason, r.stale]


def _reason_from(fields: Json) -> Reason:
    source, group_id, group, at, until, reason, stale = fields
    return Reason(source, group_id, group, at, _until_from(until), reason, stale)
