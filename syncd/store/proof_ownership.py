"""Holds what is ours against the chain: each row began with a change or with a record that says why, and so did its end.

row                      | then this says so
-------------------------|------------------------------------------------------------------------------
begun or ended by change | the change, of the same deployment and thing, made at that moment
begun or ended by none   | a record `ownership` of that moment that names the thing
older than such records  | the hash of all such rows, in the record of the upgrade or of the last pruning
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, true

from syncd.model import Kind, Status
from syncd.model.chain import Flaw
from syncd.store import codec
from syncd.store.chain import micros
from syncd.store.proof import ODD, facts_in
from syncd.store.pruning import Stub
from syncd.store.schema import INTENT, changes, ownership, plans, touches
from syncd.store.schema_records import records


def ownership_flaws(connection: Connection, pruned: Stub) -> Iterator[Flaw]:
    """Say which rows of what is ours nothing in the chain speaks of, or speaks of otherwise."""
    for what, chosen in _CONTRADICTED:
        for row in connection.execute(chosen):
            yield Flaw(0, f"{_thing(row)}: change {row.change} {what}: its row was edited or inserted")
    if unexplained(connection, through=pruned.through) != (pruned.owned_rows, pruned.owned_digest):
        for row, what in _unexplained(connection, after=pruned.through):
            if not pruned.owned_rows:
                yield Flaw(0, f"{_thing(row)} {what}, and no record says so: its row was edited or inserted")
        if pruned.owned_rows:
            why = f"{pruned.owned_rows} moments of what is ours have no record, as one of them says, and they are not as then"
            yield Flaw(0, f"{why}: a row of ownership was edited, removed or inserted")

    yield from _not_over(connection, after=pruned.through)
    yield from _removed(connection, after=pruned.through)


def unexplained(connection: Connection, *, through: int) -> tuple[int, str]:
    """Give how many beginnings and ends of what is ours have no record after this one, and the hash of them."""
    rows, hashed = 0, hashlib.sha256()
    for row, what in _unexplained(connection, after=through):
        rows += 1
        hashed.update(moment_text(row, what))
    return rows, hashed.hexdigest() if rows else ""


def moment_text(row: Any, what: str) -> bytes:
    """Give what is hashed; where this changes, what was hashed before does not fit."""
    facts = [what, row.id, row.deployment, row.kind, row.name, row.role, micros(row.moment)]
    return f"{codec.dumps(facts)}\n".encode("ascii")


def _thing(row: Any) -> str:
    of = f"{row.role} of {row.name}" if row.kind == "grant" else f"{row.kind} {row.name}"
    return f"ownership of {of} on {row.deployment}"


# --- by a change --------------------------------------------------------------------------------------------------------

_is_user = ownership.c.kind.in_(["user", "grant"])
_MADE_OR_OPEN: Final = [Status.APPLIED.value, Status.UNKNOWN.value, Status.PENDING.value, INTENT]


def _other_than(which: ColumnElement[Any], moment: ColumnElement[Any], wrong: ColumnElement[bool]) -> Select[Any]:
    """Choose the rows whose change is of something else, or of another moment."""
    found = ownership.join(changes, changes.c.id == which).join(plans, plans.c.id == changes.c.plan_id)
    elsewhere = or_(
        plans.c.deployment != ownership.c.deployment,
        and_(_is_user, changes.c.subject == "user", changes.c.name != ownership.c.name),
        and_(moment != changes.c.intent_at, moment != changes.c.moved_at, moment != changes.c.ended_at),
    )
    named = (ownership.c[name] for name in ("id", "deployment", "kind", "name", "role"))
    return select(*named, changes.c.id.label("change")).select_from(found).where(or_(elsewhere, wrong))


_CONTRADICTED: Final = (
    (
        "gave something else, or at another time",
        _other_than(
            ownership.c.change_id,
            ownership.c.since,
            or_(
                and_(ownership.c.kind == "role", or_(changes.c.subject != "role", changes.c.name != ownership.c.name)),
                and_(_is_user, changes.c.subject != "user"),
                and_(ownership.c.until.is_(None), changes.c.status.not_in(_MADE_OR_OPEN)),
            ),
        ),
    ),
    (
        "took something else, or at another time",
        _other_than(
            ownership.c.ended_by,
            ownership.c.until,
            or_(
                changes.c.status != Status.APPLIED.value,
                and_(ownership.c.kind == "role", changes.c.subject != "role"),
                and_(ownership.c.kind == "grant", changes.c.subject == "role", changes.c.name != ownership.c.role),
            ),
        ),
    ),
)


# --- by none ------------------------------------------------------------------------------------------------------------


class _Explained(NamedTuple):
    """What the records of one moment say: of things, of all grants of roles, and of everything."""

    things: frozenset[tuple[str, ...]]
    roles: frozenset[tuple[str, str]]
    all: bool

    def says(self, row: Any) -> bool:
        role = row.role if row.kind == "grant" else row.name if row.kind == "role" else None
        known = (row.deployment, row.kind, row.name, row.role) in self.things
        return self.all or known or (row.deployment, role) in self.roles


_NOTHING: Final = _Explained(frozenset(), frozenset(), False)
_NAMED = tuple(ownership.c[name] for name in ("id", "deployment", "kind", "name", "role"))
_BEGUN = (
    select(*_NAMED, ownership.c.since.label("moment"))
    .where(ownership.c.change_id.is_(None))
    .order_by(ownership.c.since, ownership.c.id)
)
_ENDED = (
    select(*_NAMED, ownership.c.until.label("moment"))
    .where(ownership.c.until.is_not(None), ownership.c.ended_by.is_(None))
    .order_by(ownership.c.until, ownership.c.id)
)
_TOLD = (
    select(records.c.about_id, records.c.line)
    .where(records.c.about.is_not(None), records.c.about == "ownership")
    .order_by(records.c.about_id, records.c.seq)
)


def _unexplained(connection: Connection, *, after: int) -> Iterator[tuple[Any, str]]:
    for chosen, what, key in ((_BEGUN, "began", "owned"), (_ENDED, "ended", "ended")):
        with connection.execute(chosen) as rows, connection.execute(_TOLD.where(records.c.seq > after)) as told:
            yield from ((row, what) for row in _not_said(rows, told, key))


def _not_said(rows: Iterable[Any], told: Iterable[Any], key: str) -> Iterator[Any]:
    by_moment = groupby(told, key=itemgetter(0))
    at, here = -1, _NOTHING
    for row in rows:
        moment = micros(row.moment)
        while at < moment and (found := next(by_moment, None)) is not None:
            at, here = int(found[0]), _explained((line for _, line in found[1]), key)
        if at != moment or not here.says(row):
            yield row


# --- what is missing ----------------------------------------------------------------------------------------------------


_is_open = ownership.c.until.is_(None)
_TAKEN: Final = (
    select(*_NAMED, changes.c.id.label("change"))
    .select_from(
        changes.join(plans, plans.c.id == changes.c.plan_id)
        .outerjoin(touches, and_(touches.c.change_id == changes.c.id, touches.c.verb == "revoke"))
        .join(
            ownership,
            and_(ownership.c.name == changes.c.name, ownership.c.deployment == plans.c.deployment, _is_open, _is_user),
        )
    )
    .where(
        changes.c.subject == "user",
        changes.c.status == Status.APPLIED.value,
        ownership.c.since < changes.c.moved_at,
        or_(
            changes.c.kind == Kind.DELETE.value,
            and_(touches.c.role.is_not(None), ownership.c.kind == "grant", ownership.c.role == touches.c.role),
        ),
    )
)


_ENDINGS: Final = (
    select(records.c.line)
    .where(records.c.about.is_not(None), records.c.about == "ownership", records.c.line.like('%"ended%'))
    .order_by(records.c.seq)
)


def _not_over(connection: Connection, *, after: int) -> Iterator[Flaw]:
    """Say what is ours although a change took it, or a record says that it is no more."""
    for row in connection.execute(_TAKEN):
        yield Flaw(0, f"{_thing(row)} is not over, and change {row.change} took it: its row was edited or inserted")
    for line in connection.execute(_ENDINGS.where(records.c.seq > after)).scalars().all():
        facts = facts_in(line)
        try:
            chosen = list(_ended_by(facts))
            at = datetime.fromisoformat(facts["at"])
        except ODD:  # of a record that was made unreadable the chain itself says so
            continue
        for which in chosen:
            for row in connection.execute(select(*_NAMED).where(_is_open, ownership.c.since < at, which)):
                yield Flaw(facts["seq"], f"{_thing(row)} is not over, and that is what it says: its row was edited")


def _ended_by(facts: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    there = ownership.c.deployment == facts["deployment"]
    for kind, name, role in facts.get("ended", ()):
        yield and_(there, ownership.c.kind == kind, ownership.c.name == name, ownership.c.role == role)
    for role in facts.get("ended_roles", ()):
        is_role = and_(ownership.c.kind == "role", ownership.c.name == role)
        yield and_(there, or_(is_role, and_(ownership.c.kind == "grant", ownership.c.role == role)))
    if facts.get("ended_all") is True:
        yield true()


def _removed(connection: Connection, *, after: int) -> Iterator[Flaw]:
    """Say what began by a record, and has no row. What a change began is not looked for: who loses such a row owns less."""
    with connection.execute(_BEGUN) as rows, connection.execute(_TOLD.where(records.c.seq > after)) as told:
        missing = list(_without_row(groupby(rows, key=lambda row: micros(row.moment)), told))
    for thing, moment in missing:
        if not _is_ours_at(connection, thing, moment):
            yield Flaw(0, f"{_thing(_Named(*thing))} was removed: a record says that it began")


def _without_row(begun: Iterator[tuple[int, Any]], told: Iterable[Any]) -> Iterator[tuple[tuple[str, ...], int]]:
    at, here = -1, frozenset[tuple[Any, ...]]()
    for moment, found in groupby(told, key=itemgetter(0)):
        said = _explained((line for _, line in found), "owned").things
        while at < moment and (rows := next(begun, None)) is not None:
            at = rows[0]
            here = frozenset((row.deployment, row.kind, row.name, row.role) for row in rows[1])
        yield from ((thing, moment) for thing in sorted(said - here if at == moment else said))


class _Named(NamedTuple):
    deployment: str
    kind: str
    name: str
    role: str


def _is_ours_at(connection: Connection, thing: tuple[str, ...], moment: int) -> bool:
    """Say whether it was ours already at that moment."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment)
    deployment, kind, name, role = thing
    same = (
        ownership.c.deployment == deployment,
        ownership.c.kind == kind,
        ownership.c.name == name,
        ownership.c.role == role,
    )
    lasts = ownership.c.since <= at, or_(_is_open, ownership.c.until >= at)
    return connection.execute(select(ownership.c.id).where(*same, *lasts).limit(1)).first() is not None


# --- what records say ---------------------------------------------------------------------------------------------------


def _explained(lines: Iterable[str], key: str) -> _Explained:
    things, roles, all_ = set(), set(), False
    for facts in map(facts_in, lines):
        try:
            where = facts["deployment"]
            things |= {(where, *thing) for thing in facts.get(key, ())}
            if key == "ended":
                roles |= {(where, role) for role in facts.get("ended_roles", ())}
                all_ = all_ or facts.get("ended_all") is True
        except ODD:  # of a record that was made unreadable the chain itself says so
            continue
    return _Explained(frozenset(things), frozenset(roles), all_)
