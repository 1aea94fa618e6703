"""Revision 0027: what was last seen of break-glass accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "break_glass",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as the configuration has it"),
        sa.Column("times", sa.Integer(), comment="how often it signed in; null: never, or that is not told"),
        sa.Column("failed", sa.Integer(), comment="how often it failed to since"),
        sa.Column("last", sa.Text(), nullable=False, comment="when it last did, as the deployment writes it"),
        sa.Column("since", MOMENT, nullable=False, comment="when that was first seen"),
        sa.Column("noticed", sa.Text(), nullable=False, comment="what was found when that changed last"),
        sa.Column("noticed_at", MOMENT),
        sa.PrimaryKeyConstraint("deployment", "name", name=op.f("pk_break_glass")),
    )
