"""Revision 0025: pauses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

MOMENT = sa.DateTime(timezone=True)
IS_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "label", sa.Text(), nullable=False, comment="which label is meant; empty: the fleet; name: one deployment"
        ),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("removals_only", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False, comment="from where it was asked"),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, comment="null: until somebody ends it"),
        sa.Column("ended_at", MOMENT, comment="when somebody ended it before its time"),
        sa.Column("ended_by", sa.Text()),
        sa.Column("ended_reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pauses")),
    )
    op.create_index("ix_pauses_open", "pauses", ["until"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
