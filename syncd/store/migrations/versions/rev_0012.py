"""Revision 0012: which roles the last pass saw, and which of ours seem to have another name now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "seen_roles",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False, comment="of the last pass over everything, as JSON"),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_seen_roles")),
    )
    op.create_table(
        "renamed_roles",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("old", sa.Text(), nullable=False, comment="the name under which it was ours"),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "new", name=op.f("pk_renamed_roles")),
    )
