"""Revision 0029: a hold says what a plan was about and what it does to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("holds", sa.Column("scope", sa.Text(), comment="null: everything"))
    op.add_column(
        "holds", sa.Column("effects", sa.LargeBinary(), comment="on people, all of it together; null: not known")
    )
