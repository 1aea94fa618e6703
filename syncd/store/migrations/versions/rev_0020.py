"""Revision 0020: which database it is, how much was done with it, and what people said where that was in doubt."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    installation = op.create_table(
        "installation",
        sa.Column("id", sa.Text(), nullable=False, comment="of chance: tells this database from every other one"),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("number", NUMBER, nullable=False, comment="of the last mark"),
        sa.Column(
            "doubt", sa.Text(), comment="why it may not be the one that was worked with last; null: nobody doubts it"
        ),
        sa.Column("doubt_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "marks",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column(
            "word", sa.Text(), nullable=False, comment="of chance: tells work from other work under the same number"
        ),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_marks")),
    )
    op.create_index("ix_marks_at", "marks", ["at"])
    op.create_table(
        "recoveries",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("truth", sa.Text(), nullable=False, comment="what a person said"),
        sa.Column("doubt", sa.Text(), nullable=False, comment="of which doubt"),
        sa.Column("answers", sa.Text(), nullable=False, comment="the ids of databases that it speaks of, as JSON"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recoveries")),
    )
    op.bulk_insert(installation, [{"id": uuid4().hex, "made_at": datetime.now(UTC), "number": 0}])
