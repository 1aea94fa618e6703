"""The tables of rollouts; `schema` has all the others, and says how tables are made."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, LargeBinary, Table

from syncd.store.columns import Sentence, UtcTime, Words, id_column
from syncd.store.schema import metadata

mapping_revisions = Table(
    "mapping_revisions",
    metadata,
    Column("revision", Words, primary_key=True, comment="hash of the mapping files"),
    Column("body", LargeBinary, nullable=False, comment="the files; kept while a deployment goes by them"),
    Column("at", UtcTime, nullable=False),
)
rollout = Table(
    "rollout",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("revision", Words, nullable=False, comment="the mapping that it goes by"),
    Column("began_at", UtcTime, nullable=False),
    Column(
        "reached_at", UtcTime, comment="since when all of it was read back; null: it was not, or is not so any more"
    ),
    Column("trouble", Sentence, nullable=False, comment="what halts the rollout there; empty: nothing"),
    Column("soaks", Boolean, nullable=False, comment="whether anything is other there than by the revision before"),
)
rollout_words = Table(
    "rollout_words",
    metadata,
    id_column(),
    Column("revision", Words, nullable=False),
    Column("verb", Words, nullable=False, comment="resume or skip"),
    Column("deployment", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("host", Words, nullable=False, comment="from where it was said"),
    Column("reason", Sentence, nullable=False),
    Column("at", UtcTime, nullable=False),
)
