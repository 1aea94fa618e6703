"""Revision 0011: the files that a daemon last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "last_good",
        sa.Column("path", sa.Text(), nullable=False, comment="the configuration file of a daemon"),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="the texts of it and of its mapping files, as they were last used",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_last_good")),
    )
