"""Finds what no table should have in it: a time that is none, text that is bytes, words of which nobody knows the meaning.

PostgreSQL keeps its columns to their types; SQLite takes anything anywhere, so there each cell is asked what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Select,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from syncd.model import RolloutVerb
from syncd.plan.rulings import HoldRuling, HoldState
from syncd.ports import Truth
from syncd.store.columns import UtcTime, Words
from syncd.store.daemon_schema import EVERY_TABLE, silences
from syncd.store.daemon_schema import timed_grants as grants
from syncd.store.schema import installation, marks, ownership, recoveries
from syncd.store.schema_inbox import hold_words, holds
from syncd.store.schema_pauses import pauses
from syncd.store.schema_rollout import rollout_words

Rule = tuple[str, str, Select[Any]]
"""In which table, what is wrong, and the query that finds the rows where it is."""

_TIME: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*"


_ROW: Final[ColumnElement[Any]] = literal_column("rowid")


def cell_rules() -> Iterator[Rule]:
    """Give for each table of SQLite what its cells have to be."""
    for table in EVERY_TABLE.sorted_tables:
        for column in table.columns:
            is_odd, what = _odd(column)
            yield (
                table.name,
                f"{column.name} {what}",
                select(_ROW).select_from(table).where(column.is_not(None), is_odd),
            )


def undecodable(connection: Connection) -> Iterator[tuple[str, str, int]]:
    """Name table, column and row of each text of SQLite that is none, as its bytes are not UTF-8."""
    for table in EVERY_TABLE.sorted_tables:
        for column in (each for each in table.columns if isinstance(each.type, Words)):
            cell: ColumnElement[Any] = literal_column(f'"{column.name}"')
            beyond_ascii = func.typeof(cell) == "text", cell.op("GLOB")("*[^ -~]*")
            asked = select(_ROW, cast(cell, LargeBinary)).select_from(table).where(*beyond_ascii)
            for row, content in connection.execute(asked):
                if not _is_utf8(content):
                    yield table.name, column.name, row


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _odd(column: Column[Any]) -> tuple[ColumnElement[bool], str]:
    cell: ColumnElement[Any] = literal_column(f'"{column.table.name}"."{column.name}"')
    kind = func.typeof(cell)
    match column.type:
        case UtcTime():
            return or_(kind != "text", cell.op("NOT GLOB")(_TIME), func.julianday(cell).is_(None)), "is no time"
        case Words():
            return kind != "text", "is no text"
        case Boolean():
            return cell.not_in([0, 1]), "is neither true nor false"
        case LargeBinary():
            return kind != "blob", "is no body"
        case Integer():
            return kind != "integer", "is no number"
        case _:
            raise AssertionError(column.type)


def _ends(at: ColumnElement[Any], by: ColumnElement[Any]) -> ColumnElement[bool]:
    return at.is_(None) != by.is_(None)


_open, _over = holds.c.ended_at.is_(None), [HoldState.PASSED, HoldState.SUPERSEDED, HoldState.GONE]
WORD_RULES: Final[tuple[Rule, ...]] = (
    (
        "timed_grants",
        "what was said of it does not go together: who said it, when, and its end",
        select(grants.c.id).where(
            or_(
                _ends(grants.c.given_at, grants.c.given_by),
                _ends(grants.c.given_at, grants.c.until),
                _ends(grants.c.ended_at, grants.c.ended_by),
                and_(grants.c.given_at.is_(None), grants.c.expires_at.is_(None)),
            )
        ),
    ),
    (
        "timed_grants",
        "its times are in no order, or it lasts no time",
        select(grants.c.id).where(
            or_(
                grants.c.lasts_s <= 0,
                grants.c.until <= grants.c.given_at,
            )
        ),
    ),
    (
        "timed_grants",
        "it does not say who asked, for whom, of what or where",
        select(grants.c.id).where(
            or_(*(grants.c[name] == "" for name in ("asked_by", "person", "role", "deployment")))
        ),
    ),
    ("pauses", "its end is before it began", select(pauses.c.id).where(pauses.c.until <= pauses.c.since)),
    (
        "pauses",
        "it does not say who paused or ended it, or when",
        select(pauses.c.id).where(or_(pauses.c.by == "", _ends(pauses.c.ended_at, pauses.c.ended_by))),
    ),
    ("holds", "nobody knows a state of this name", select(holds.c.id).where(holds.c.state.not_in(list(HoldState)))),
    (
        "holds",
        "by its state it is over and has no end, or the other way round",
        select(holds.c.id).where(holds.c.state.in_(list(HoldState)), _open == holds.c.state.in_(_over)),
    ),
    (
        "holds",
        "it is approved or rejected, and nobody said so",
        select(holds.c.id).where(
            holds.c.state.in_([HoldState.APPROVED, HoldState.REJECTED]),
            ~select(hold_words.c.id).where(hold_words.c.hold_id == holds.c.id).exists(),
        ),
    ),
    (
        "hold_words",
        "nobody knows a word of this name, or who said it",
        select(hold_words.c.id).where(or_(hold_words.c.ruling.not_in(list(HoldRuling)), hold_words.c.who == "")),
    ),
    (
        "rollout_words",
        "nobody knows a word of this name, or who said it",
        select(rollout_words.c.id).where(or_(rollout_words.c.verb.not_in(list(RolloutVerb)), rollout_words.c.by == "")),
    ),
    (
        "silences",
        "it ends before it began, or nobody said it",
        select(silences.c.id).where(or_(silences.c.until <= silences.c.at, silences.c.by == "")),
    ),
    (
        "recoveries",
        "nobody knows a truth of this name",
        select(recoveries.c.id).where(recoveries.c.truth.not_in(list(Truth))),
    ),
    (
        "marks",
        "it counts further than the database does",
        select(marks.c.number).where(marks.c.number > select(installation.c.number).scalar_subquery()),
    ),
    (
        "ownership",
        "nobody knows a thing of this kind",
        select(ownership.c.id).where(
            or_(
                ownership.c.kind.not_in(["user", "role", "member", "grant"]),
                (ownership.c.kind == "grant") != (ownership.c.role != ""),
            )
        ),
    ),
)
