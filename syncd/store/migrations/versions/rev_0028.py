"""Revision 0028: grants of people that another hand took, and how often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "lost_grants",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as Airflow compares it"),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.Column("back", sa.Boolean(), nullable=False, comment="seen there since it was counted"),
        sa.PrimaryKeyConstraint("deployment", "name", "role", name=op.f("pk_lost_grants")),
    )
