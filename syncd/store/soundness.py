"""Says what is wrong with a database: its pages, its tables, what it keeps, and what has to be true of the journal.

Only looks: nothing is upgraded, repaired or locked. What is right of each rule is in the query that finds where it is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Select, func, inspect, select

from syncd.errors import StoreError
from syncd.model import Status
from syncd.store import codec, migrations
from syncd.store.cells import WORD_RULES, Rule, cell_rules, undecodable
from syncd.store.claims import claimed_persons
from syncd.store.daemon_schema import EVERY_TABLE
from syncd.store.engine import Database
from syncd.store.rollouts import files_in
from syncd.store.schema import (
    INTENT,
    PLANNED,
    REVISION,
    awaited,
    changes,
    desired,
    last_good,
    ownership,
    recoveries,
    seen_roles,
    snapshot_patches,
    snapshots,
    steps,
)
from syncd.store.schema_claims import claims
from syncd.store.schema_inbox import hold_words, holds
from syncd.store.schema_looks import look_people, looks
from syncd.store.schema_past import past
from syncd.store.schema_rollout import mapping_revisions

EXAMPLES: Final = 5
"""So many places at most are named of one thing that is wrong."""
_PAGE: Final = 1_000
"""So many bodies are read at a time."""


@dataclass(frozen=True, slots=True)
class Unsound:
    """One thing that is wrong: in which table or part, how often, and the first places."""

    where: str
    what: str
    count: int
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = ", ".join(self.places) + (", ..." if self.count > len(self.places) else "")
        return f"{self.where}: {self.what}" + (f" ({self.count}: {named})" if self.places else "")


def unsound(database: Database) -> tuple[Unsound, ...]:
    """Examine a database; empty: nothing is wrong. What is damaged so that it cannot be read on ends the examination there.

    Raises:
        StoreError: it cannot be reached, or is none of this program.
    """
    return _pages(database) or _tables(database) or tuple(_contents(database))


def _pages(database: Database) -> tuple[Unsound, ...]:
    if not database.is_sqlite:
        return ()
    with database.read() as connection:
        said = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA integrity_check({EXAMPLES})")]
        lost = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
    damaged = [Unsound("file", line, 1) for line in said if line != "ok"]
    return (*damaged, *(Unsound(table, "a row belongs to one that is not there", 1) for table in sorted(set(lost))))


def _tables(database: Database) -> tuple[Unsound, ...]:
    found = migrations.revision(database)
    if found != REVISION:
        what = f"it is at revision {found or 'none'}, and this syncd works with {REVISION}: syncd db upgrade"
        return (Unsound("tables", what, 1),)
    with database.read() as connection:
        there = inspect(connection)
        names = set(there.get_table_names())
        missing = [t.name for t in EVERY_TABLE.sorted_tables if t.name not in names]
        short = {
            t.name: sorted({c.name for c in t.columns} - {c["name"] for c in there.get_columns(t.name)})
            for t in EVERY_TABLE.sorted_tables
            if t.name in names
        }
    gone = [Unsound(name, "the table is not there", 1) for name in missing]
    return (*gone, *(Unsound(n, f"has no column {', '.join(cs)}", 1) for n, cs in short.items() if cs))


def _contents(database: Database) -> Iterator[Unsound]:
    if odd := tuple(_cells(database)):  # what is none of its kind can break whatever reads on
        yield from odd
        return
    yield from _broken(database, (*_RULES, *WORD_RULES))
    for body in _BODIES:
        if bad := tuple(_unreadable(database, body)):
            yield Unsound(
                body.where, "what is kept cannot be read, or is not what its digest says", len(bad), bad[:EXAMPLES]
            )


def _cells(database: Database) -> Iterator[Unsound]:
    if not database.is_sqlite:
        return
    yield from _broken(database, cell_rules())
    with database.read() as connection:
        found = sorted(undecodable(connection))
    for (table, column), rows in groupby(found, key=itemgetter(0, 1)):
        places = tuple(str(row) for _, _, row in rows)
        yield Unsound(table, f"{column} is no text, as its bytes are not UTF-8", len(places), places[:EXAMPLES])


def _broken(database: Database, rules: Iterable[Rule]) -> Iterator[Unsound]:
    """Say where rows break a rule."""
    for where, what, query in rules:
        with database.read() as connection:
            if places := list(connection.execute(query.limit(EXAMPLES)).scalars()):
                count = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
                yield Unsound(where, what, count, tuple(map(str, places)))


# --- what has to be true of the journal -------------------------------------------------------------------------------

_began = changes.c.intent_at.is_not(None)
_made_or_open = [Status.APPLIED.value, Status.UNKNOWN.value, Status.PENDING.value, INTENT]
_brought_by, _ended_by = changes.alias("brought_by"), changes.alias("ended_by")

_RULES: Final[tuple[tuple[str, str, Select[Any]], ...]] = (
    (
        "changes",
        "it is said to be made, and was never announced",
        select(changes.c.id).where(changes.c.status.in_(_made_or_open), ~_began),
    ),
    (
        "changes",
        "it was announced, and is said to be only planned",
        select(changes.c.id).where(changes.c.status == PLANNED, _began),
    ),
    (
        "changes",
        "nobody knows a status of this name",
        select(changes.c.id).where(changes.c.status.not_in([INTENT, PLANNED, *(s.value for s in Status)])),
    ),
    (
        "steps",
        "a call of a change that was never announced",
        select(steps.c.id).join(changes, changes.c.id == steps.c.change_id).where(~_began),
    ),
    (
        "ownership",
        "it is owned by a change that was not made",
        select(ownership.c.id)
        .join(_brought_by, _brought_by.c.id == ownership.c.change_id)
        .where(ownership.c.until.is_(None), _brought_by.c.status.not_in(_made_or_open)),
    ),
    (
        "ownership",
        "its end has a change, and no time",
        select(ownership.c.id).where(ownership.c.until.is_(None), ownership.c.ended_by.is_not(None)),
    ),
    (
        "ownership",
        "it was ended by a change that was not made",
        select(ownership.c.id)
        .join(_ended_by, _ended_by.c.id == ownership.c.ended_by)
        .where(_ended_by.c.status != Status.APPLIED.value),
    ),
)


# --- what is kept as a body -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Body:
    """Bodies of one table: what names a row, what is read of it, and what has to be possible with that."""

    where: str
    key: tuple[Column[Any], ...]
    columns: tuple[Column[Any], ...]
    read: Callable[[Row[Any]], object]


def _with_digest(row: Row[Any]) -> None:
    if codec.digest(codec.dumps(codec.unpack(row.body))) != row.digest:
        raise StoreError("it is not what its digest says")


def _of_change(row: Row[Any]) -> None:
    codec.change_with(
        codec.loads(row.because), *(codec.thing_from(codec.loads(text)) for text in (row.before, row.after))
    )


def _of_hold(row: Row[Any]) -> None:
    codec.unpack(row.body)
    codec.loads(row.why)
    codec.scope_from(codec.loads(row.scope or "null"))
    if row.effects is not None:
        codec.effects_from(codec.unpack(row.effects))


_BODIES: Final = (
    _Body("desired", (desired.c.deployment,), (desired.c.digest, desired.c.body), _with_digest),
    _Body("looks", (looks.c.deployment, looks.c.part), (looks.c.digest, looks.c.body), _with_digest),
    _Body("snapshots", (snapshots.c.id,), (snapshots.c.digest, snapshots.c.body), _with_digest),
    _Body(
        "snapshot_patches",
        (snapshot_patches.c.snapshot_id, snapshot_patches.c.saved),
        (snapshot_patches.c.body,),
        lambda row: codec.unpack(row.body),
    ),
    _Body("last_good", (last_good.c.path,), (last_good.c.body,), lambda row: codec.unpack(row.body)),
    _Body(
        "look_people",
        (look_people.c.deployment, look_people.c.name),
        (look_people.c.body,),
        lambda row: codec.loads(row.body),
    ),
    _Body("holds", (holds.c.id,), (holds.c.body, holds.c.why, holds.c.scope, holds.c.effects), _of_hold),
    _Body("hold_words", (hold_words.c.id,), (hold_words.c.people,), lambda row: codec.loads(row.people)),
    _Body("recoveries", (recoveries.c.id,), (recoveries.c.answers,), lambda row: codec.loads(row.answers)),
    _Body("awaited", (awaited.c.change_id,), (awaited.c.roles,), lambda row: codec.loads(row.roles)),
    _Body("seen_roles", (seen_roles.c.deployment,), (seen_roles.c.names,), lambda row: codec.loads(row.names)),
    _Body(
        "mapping_revisions",
        (mapping_revisions.c.revision,),
        (mapping_revisions.c.body,),
        lambda row: files_in(row.body),
    ),
    _Body(
        "claims", (claims.c.deployment, claims.c.run_id), (claims.c.persons,), lambda row: claimed_persons(row.persons)
    ),
    _Body("past", (past.c.id,), (past.c.body,), lambda row: codec.unpack(row.body)),
    _Body("changes", (changes.c.id,), (changes.c.before, changes.c.after, changes.c.because), _of_change),
)


def _unreadable(database: Database, body: _Body) -> Iterator[str]:
    with database.read() as connection:
        for row in _streamed(connection, body):
            try:
                body.read(row)
            except StoreError:
                yield " ".join(str(row._mapping[column]) for column in body.key)


def _streamed(connection: Connection, body: _Body) -> Iterator[Row[Any]]:
    asked = select(*body.key, *body.columns).order_by(*body.key).execution_options(yield_per=_PAGE)
    return iter(connection.execute(asked))
