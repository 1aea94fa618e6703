"""The tables of the inbox of holds; `schema` has all the others, and says how tables are made."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table

from syncd.store.columns import Id, Sentence, UtcTime, Words, id_column
from syncd.store.schema import metadata, partly

holds = Table(
    "holds",
    metadata,
    id_column(),
    Column("deployment", Words, nullable=False),
    Column("digest", Words, nullable=False, comment="of what is still held of it"),
    Column("state", Words, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("planned_at", UtcTime, nullable=False, comment="by the last plan in force over everything that held it"),
    Column("said_at", UtcTime, comment="when the state was last set by a person"),
    Column("run_id", Id, nullable=False, comment="of that plan; runs that say nothing are forgotten"),
    Column("why", Sentence, nullable=False),
    Column("number", Integer, nullable=False, comment="of changes"),
    Column("body", LargeBinary, nullable=False, comment="the changes: plans forget theirs"),
    Column("scope", Words, comment="null: everything"),
    Column("effects", LargeBinary, comment="on people, all of it together; null: not known"),
    Column("ended_at", UtcTime, comment="null: it is not over"),
    Column("superseded_by", Id, comment="the hold that is in its place"),
    Index("ix_holds_deployment_id", "deployment", "id"),
    Index("ix_holds_digest", "digest"),
)

partly("uq_holds_open", holds.c.deployment, holds.c.digest, unique=True, where=holds.c.ended_at.is_(None))

hold_words = Table(
    "hold_words",
    metadata,
    id_column(),
    Column("hold_id", Id, ForeignKey("holds.id"), nullable=False, index=True),
    Column("ruling", Words, nullable=False, comment="approve, reject or reopen"),
    Column("who", Words, nullable=False, comment="as who acts stands in the journal, without the reason"),
    Column("people", Words, nullable=False, comment="the names by which it is one person, as JSON"),
    Column("reason", Sentence, nullable=False),
    Column("origin", Words, nullable=False, comment="the road it came on"),
    Column("at", UtcTime, nullable=False),
)
