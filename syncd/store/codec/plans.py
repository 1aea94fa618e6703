"""Plans: accounts and roles before and after a change, its reasons, and what else is kept of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from syncd.model import EVERYTHING, Change, Kept, Note, Permission, Reason, Role, Scope, User, What, Why, permission_on
from syncd.plan.because import why_of
from syncd.store.codec.text import VERSION, Json, reader, until_from, until_to, versioned

# --- accounts and roles -----------------------------------------------------------------------------------------------


def thing_to(thing: User | Role | None) -> Json:
    match thing:
        case User():
            return {"v": VERSION, "user": user_to(thing)}
        case Role():
            return {"v": VERSION, "role": role_to(thing)}
        case None:
            return None


@reader("an account or a role")
def thing_from(body: Json) -> User | Role | None:
    if body is None:
        return None
    versioned(body, "user", "role")
    return user_from(body["user"]) if "user" in body else role_from(body["role"])


def user_to(user: User) -> Json:
    return [user.username, user.email, user.first_name, user.last_name, sorted(user.roles)]


def user_from(fields: Json) -> User:
    username, email, first_name, last_name, roles = fields
    return User(username, email, first_name, last_name, frozenset(roles))


def role_to(role: Role) -> Json:
    return [role.name, sorted(map(permission_to, role.permissions)), role.unfinished]


def role_from(fields: Json) -> Role:
    name, permissions, unfinished = fields
    return Role(name, frozenset(permission_from(*parts) for parts in permissions), unfinished)


_ON_DAGS = (("DAG:", ""), ("DAG Run:", "runs"))
"""How a resource says by itself which DAG it is on. What was written before a permission knew that is read so, and what
says it so is still written without more words: older replicas read it, and equal roles have the texts that they had."""


def permission_to(p: Permission) -> Json:
    spelt = permission_on(p.action, p.resource, _ON_DAGS)
    is_plain = p.dag is None or (p.dag, p.part) == (spelt.dag, spelt.part)
    return [p.action, p.resource] if is_plain else [p.action, p.resource, p.dag, p.part]


def permission_from(action: str, resource: str, *on: str) -> Permission:
    if not on:
        return permission_on(action, resource, _ON_DAGS)
    dag, part = on
    if not (isinstance(dag, str) and isinstance(part, str)):
        raise ValueError(on)
    return Permission(action, resource, dag, part)


def change_with(because: Json, before: User | Role | None, after: User | Role | None) -> Change:
    """Build a change of what was read, and of its reasons, which were not."""
    bare = Change(before, after)
    return Change(before, after, because_from(because, lambda: (*bare.granted, *bare.revoked)))


def because_to(because: Iterable[Why]) -> Json:
    """Write reasons: the words only of those that do not follow from groups and lines."""
    return [
        ["", why.role, why.what.value, [reason_to(r) for r in why.reasons]]
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
        return why_of(role, what, tuple(map(reason_from, rest[0])))
    return Why(text, role, what)


_WHATS = {what.value: what for what in What}


def reason_to(r: Reason) -> Json:
    """Write what a line says besides only where it says it: older replicas read the others."""
    besides = [r.during, r.owner, r.ticket]
    known = [r.source, r.group_id, r.group, r.at, until_to(r.until), r.reason, r.stale]
    return [*known, *besides] if any(besides) else known


def reason_from(fields: Json) -> Reason:
    source, group_id, group, at, until, reason, stale, *besides = fields
    during, owner, ticket = besides or ("", "", "")
    return Reason(source, group_id, group, at, until_from(until), reason, stale, during, owner, ticket)


# --- what else is kept of a plan --------------------------------------------------------------------------------------


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
