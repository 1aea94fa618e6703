"""Revision 0014: which roles the last pass over everything found to hold no more than the mapping says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    said = "what those meant that held no more than that, as JSON by name; null: nobody looked"
    op.add_column("seen_roles", sa.Column("sound", sa.Text(), comment=said))
