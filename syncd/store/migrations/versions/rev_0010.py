"""Revision 0010: which providers want to be left alone, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "rests",
        sa.Column("provider", sa.Text(), nullable=False, comment="whom a source asks: an org, a tenant of a cloud"),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="before which it said that it does not want to be asked",
        ),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_rests")),
    )
