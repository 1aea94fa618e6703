"""The table of the journal's records, each chained to the one before; `model.chain` says how, `store.chain` writes it."""

from __future__ import annotations

from sqlalchemy import Column, Table

from syncd.store.columns import Id, Words
from syncd.store.schema import metadata, partly

records = Table(
    "records",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False, comment="without gaps; the order in which was committed"),
    Column(
        "line", Words, nullable=False, comment="what is hashed: JSON that begins with number and hash of the one before"
    ),
    Column("hash", Words, nullable=False, comment="SHA-256 of the line"),
    Column("about", Words, comment="the table of what it is about; null: it is about none"),
    Column("about_id", Id),
)

partly(
    "ix_records_about_about_id_seq",
    records.c.about,
    records.c.about_id,
    records.c.seq,
    where=records.c.about.is_not(None),
)
