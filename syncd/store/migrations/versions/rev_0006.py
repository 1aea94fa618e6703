"""Revision 0006: who is known to be one person, in several sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "persons",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "person", sa.Text(), nullable=False, comment="the same for all their identities; empty: nobody knows"
        ),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="the OS user"),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_persons")),
    )
    op.create_table(
        "joined_sources",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="what people of this source were joined by"),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_joined_sources")),
    )
