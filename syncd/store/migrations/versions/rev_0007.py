"""Revision 0007: an urgent writer can say that it waits for a lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    wanted = "an urgent writer waits for it; the holder gives way between two changes"
    op.add_column("leases", sa.Column("wanted_until", sa.DateTime(timezone=True), nullable=True, comment=wanted))
