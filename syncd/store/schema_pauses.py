"""The table of pauses; `schema` has all the others, and says how tables are made."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table

from syncd.store.columns import Sentence, UtcTime, Words, id_column
from syncd.store.schema import metadata

pauses = Table(
    "pauses",
    metadata,
    id_column(),
    Column("label", Words, nullable=False, comment="which label is meant; empty: the fleet; name: one deployment"),
    Column("value", Words, nullable=False),
    Column("removals_only", Boolean, nullable=False),
    Column("reason", Sentence, nullable=False),
    Column("by", Words, nullable=False),
    Column("host", Words, nullable=False, comment="from where it was asked"),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, comment="null: until somebody ends it"),
    Column("ended_at", UtcTime, comment="when somebody ended it before its time"),
    Column("ended_by", Words),
    Column("ended_reason", Sentence),
)
Index(
    "ix_pauses_open",
    pauses.c.until,
    sqlite_where=pauses.c.ended_at.is_(None),
    postgresql_where=pauses.c.ended_at.is_(None),
)
