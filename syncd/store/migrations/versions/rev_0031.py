"""Revision 0031: signs of another installation that works on the same deployment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "rival_signs",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("things", sa.Integer(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False, comment="some of them, for people"),
        sa.PrimaryKeyConstraint("deployment", "kind", "at", name=op.f("pk_rival_signs")),
    )
