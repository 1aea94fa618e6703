"""What syncd owns, since when and by which change: rows are ended, not deleted, so that the past can be asked.

A row is written with the intent, before the call: after a crash syncd may own something that it did not make, and never
the other way round. Only where the change turns out not to have happened is the row deleted: it never was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from syncd.model import Change, Kind, Owned, key
from syncd.store import chain
from syncd.store.engine import insert_for
from syncd.store.prepared import Prepared
from syncd.store.schema import changes, is_unsettled, ownership

BATCH = 5_000
"""How many things are adopted in one transaction: other writers wait for a fraction of a second, not for all of it."""
TOLD_AT_ONCE = 100
"""How many things one record names: so that no line of the journal is very long."""


class Thing(NamedTuple):
    """One owned thing: `kind` is user, role, member or grant; `role` is empty but for grants."""

    kind: str
    name: str
    role: str = ""


def owned(connection: Connection, deployment: str, *, usernames: frozenset[str] | None = None) -> Owned:
    """Give what is owned now; with `usernames` only these people's accounts and grants, and how many there are in all."""
    users: set[str] = set()
    roles: set[str] = set()
    members: set[str] = set()
    grants: defaultdict[str, set[str]] = defaultdict(set)
    for which in _of_whom(usernames):
        rows = connection.execute(
            _open(ownership.c.kind, ownership.c.name, ownership.c.role, at=deployment).where(which)
        )
        for kind, name, role in rows:  # streamed: a quarter million rows in a list keep the garbage collector busy
            if kind == "grant":
                grants[name].add(role)
            else:
                {"user": users, "role": roles, "member": members}[kind].add(name)
    return Owned(
        frozenset(users),
        frozenset(roles),
        {name: frozenset(held) for name, held in grants.items()},
        _once(connection, deployment) - roles,
        None if usernames is None else _number(connection, deployment, "grant"),
        None if usernames is None else _number(connection, deployment, "user"),
        frozenset(members),
    )


def _of_whom(usernames: frozenset[str] | None) -> Iterator[ColumnElement[bool]]:
    """Choose the rows to read, in several statements where one would have too many parameters."""
    if usernames is None:
        yield true()
        return
    yield ownership.c.kind.in_(["role", "member"])
    wanted = sorted(usernames)
    for start in range(0, len(wanted), BATCH):
        yield and_(ownership.c.kind.in_(["user", "grant"]), ownership.c.name.in_(wanted[start : start + BATCH]))


def _number(connection: Connection, deployment: str, kind: str) -> int:
    names = _open(func.count(ownership.c.name.distinct()), at=deployment).where(ownership.c.kind == kind)
    return int(connection.execute(names).scalar_one())


def _open(*columns: ColumnElement[Any], at: str) -> Select[Any]:
    return select(*columns).where(ownership.c.deployment == at, ownership.c.until.is_(None))


def _once(connection: Connection, deployment: str) -> frozenset[str]:
    mine = ownership.c.deployment == deployment, ownership.c.role == ""  # what is no grant: an index finds it
    ended = ownership.c.kind == "role", ownership.c.until.is_not(None)
    return frozenset(connection.execute(select(ownership.c.name).where(*mine, *ended).distinct()).scalars())


def things_of(found: Owned) -> list[Thing]:
    """List what is owned, sorted."""
    things = [Thing("user", key(name)) for name in found.users]
    things += [Thing("role", name) for name in found.roles]
    things += [Thing("member", name) for name in found.members]
    things += [Thing("grant", key(name), role) for name, roles in found.grants.items() for role in roles]
    return sorted(things)


def adopt(
    connection: Connection,
    deployment: str,
    found: Iterable[Thing],
    *,
    now: datetime,
    change: int | None = None,
    cause: str = "adopted",
) -> None:
    """Own things that were found there; `change` is the one that brought them, where one of ours did, else `cause` says why."""
    things = list(found)
    _mark(connection, deployment, things, change=change, now=now)
    if change is None:
        _record(connection, deployment, cause, "owned", things, now=now)


def _record(
    connection: Connection, deployment: str, cause: str, what: str, things: Sequence[Thing], *, now: datetime
) -> None:
    """Chain why things are ours, or ours no more, that no change gave or took."""
    for start in range(0, len(things), TOLD_AT_ONCE):
        some = [list(thing) for thing in things[start : start + TOLD_AT_ONCE]]
        record(connection, {"deployment": deployment, "cause": cause, what: some}, now=now)


def record(connection: Connection, facts: Mapping[str, object], *, now: datetime) -> None:
    """Chain what became of ownership at a moment, by which its records are found."""
    chain.append(connection, "ownership", now=now, about=chain.Subject("ownership", chain.micros(now)), facts=facts)


def disown_role(connection: Connection, deployment: str, role: str, *, now: datetime) -> None:
    """Own a role and the grants of it no more, though nobody lost them."""
    still = ownership.c.deployment == deployment, ownership.c.until.is_(None)
    these = or_(_is("role", role), and_(ownership.c.kind == "grant", ownership.c.role == role))
    connection.execute(update(ownership).where(*still, these).values(until=now))
    record(connection, {"deployment": deployment, "cause": "left_to_another", "ended_roles": [role]}, now=now)


def disown(
    connection: Connection, deployment: str, gone: Iterable[Thing], *, now: datetime, cause: str = "another_hand"
) -> None:
    """Own no more what another hand took."""
    still = ownership.c.deployment == deployment, ownership.c.until.is_(None)
    things = list(gone)
    _record(connection, deployment, cause, "ended", things, now=now)
    for thing in things:
        which = _is(thing.kind, thing.name), ownership.c.role == thing.role
        connection.execute(update(ownership).where(*still, *which).values(until=now))


def mark_brought(connection: Connection, deployment: str, change: Change, *, id_: int, now: datetime) -> None:
    """Own what a change brings: with its intent, and again when it is proven."""
    _mark(connection, deployment, brought(change), change=id_, now=now)


def unmark(connection: Connection, id_: int) -> None:
    """Forget what only this change, which did not happen, marked as owned."""
    _unmark.run(connection, which=id_)


def end_taken(connection: Connection, deployment: str, change: Change, *, id_: int, now: datetime) -> None:
    """Own no more what a change took away.

    subject | kind   | taken
    role    | delete | the role and every grant of it
    user    | delete | the account and every grant it had
    user    | update | the grants of the roles that are gone
    """
    name, ended = key(change.name), {"at": deployment, "until": now, "ended_by": id_}
    if change.subject == "role":
        if change.kind is Kind.DELETE:
            _end_role.run(connection, which=change.name, **ended)
    elif change.kind is Kind.DELETE:
        _end_account.run(connection, which=name, **ended)
    else:
        _end_grant.run_each(connection, (ended | {"which": name, "gone": role} for role in change.revoked))


def brought(change: Change) -> list[Thing]:
    """Name what a change brings: an account or a role when it is created, and the roles that a person is given."""
    if change.subject == "role":
        return [Thing("role", change.name)] if change.kind is Kind.CREATE else []
    name = key(change.name)
    grants = [Thing("grant", name, role) for role in change.granted]
    return [Thing("user", name), *grants] if change.kind is Kind.CREATE else grants


def _is(kind: str, name: str | ColumnElement[str]) -> ColumnElement[bool]:
    return and_(ownership.c.kind == kind, ownership.c.name == name)


_which: ColumnElement[Any] = bindparam("which")
_end = update(ownership).where(ownership.c.deployment == bindparam("at"), ownership.c.until.is_(None))
_is_grant = ownership.c.kind == "grant"
_set = "at", "until", "ended_by", "which"
_end_role = Prepared(_end.where(or_(_is("role", _which), and_(_is_grant, ownership.c.role == _which))), *_set)
_end_account = Prepared(_end.where(or_(_is("user", _which), _is("grant", _which))), *_set)
_end_grant = Prepared(_end.where(_is("grant", _which), ownership.c.role == bindparam("gone")), *_set, "gone")
_unmark = Prepared(delete(ownership).where(ownership.c.change_id == _which, ownership.c.until.is_(None)), "which")


def _mark(
    connection: Connection, deployment: str, things: Iterable[Thing], *, change: int | None, now: datetime
) -> None:
    """Own things that are not owned yet. A claim whose change is still open gives way: that change may prove not to have
    happened, and would then take the claim with it."""
    marked = {"deployment": deployment, "change_id": change, "since": now}
    _claim.run_each(connection, (marked | thing._asdict() for thing in things))


def _claiming(dialect: str) -> sqlite.Insert | postgresql.Insert:
    statement = insert_for(dialect, ownership)
    unproven = ownership.c.change_id.in_(select(changes.c.id).where(is_unsettled))
    return statement.on_conflict_do_update(
        index_elements=["deployment", "kind", "name", "role"],
        index_where=ownership.c.until.is_(None),
        set_={"change_id": statement.excluded.change_id, "since": statement.excluded.since},
        where=unproven,
    )


_claim = Prepared(_claiming, "deployment", "kind", "name", "role", "change_id", "since")
