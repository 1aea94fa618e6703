"""Revision 0018: what counts towards the limits on what is given within an hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("changes", sa.Column("gainers", sa.Integer(), comment="how many people gain a role by it"))
    counted = "how many permissions people gain by it, each counted for each person"
    op.add_column("changes", sa.Column("rights", sa.Integer(), comment=counted))
