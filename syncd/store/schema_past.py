"""The table of what sources and lists of DAGs said in the past; `schema` has the others, and says how tables are made."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, LargeBinary, Table

from syncd.store.columns import UtcTime, Words, id_column
from syncd.store.schema import metadata

past = Table(
    "past",
    metadata,
    id_column(),
    Column("kind", Words, nullable=False, comment="source or dags"),
    Column("name", Words, nullable=False, comment="of the source, or of the deployment"),
    Column("at", UtcTime, nullable=False, comment="since when it said so"),
    Column("whole", Boolean, nullable=False, comment="false: what changed since the row before of this kind and name"),
    Column("body", LargeBinary, nullable=False),
    Index("ix_past_kind_name_id", "kind", "name", "id"),
)
