"""Revision 0013: at which address each deployment was last worked on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "servers",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False, comment="where it was last worked on"),
        sa.Column(
            "was",
            sa.Text(),
            comment="where before, where something is ours; null: somebody said whether it is the same server",
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="since when it has this address"),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_servers")),
    )
