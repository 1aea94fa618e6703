"""Revision 0004: for whom each account was made that syncd made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as Airflow compares it"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="the id that the source has for them"),
        sa.Column("email", sa.Text(), nullable=False, comment="without regard to case"),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "name", name=op.f("pk_accounts")),
    )
    op.create_index(op.f("ix_accounts_person"), "accounts", ["person"])
    op.create_index(op.f("ix_accounts_email"), "accounts", ["email"])
