"""Revision 0002: how each source was last read, and which group each name in a mapping means."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "group_names",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False, comment="the group that a mapping means by this name"),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="the OS user"),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_group_names")),
    )
    op.create_table(
        "readings",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", sa.LargeBinary(), nullable=True, comment="where an incremental read goes on"),
        sa.Column("full_at", MOMENT, nullable=True, comment="the last read of everything"),
        sa.Column("read_at", MOMENT, nullable=True, comment="the last read that gave an answer"),
        sa.Column("doubts", sa.LargeBinary(), nullable=True, comment="groups that it did not read whole"),
        sa.Column("failed_at", MOMENT, nullable=True, comment="the first failure since"),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_readings")),
    )
