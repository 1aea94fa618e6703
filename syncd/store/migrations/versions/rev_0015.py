"""Revision 0015: since when each deployment fails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "failures",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="when the first of them failed"),
        sa.Column("times", sa.Integer(), nullable=False, comment="how many passes in a row"),
        sa.Column(
            "next_try_at", sa.DateTime(timezone=True), comment="by the daemon that failed last; null: nobody said"
        ),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_failures")),
    )
