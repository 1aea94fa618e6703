"""Revision 0021: an alarm is kept before somebody is told of it, and until its end was told, so that many are one message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("alarms") as alarms:
        alarms.alter_column(
            "notified_at",
            existing_type=MOMENT,
            nullable=True,
            comment="when somebody was last told; null: nobody was yet",
        )
        alarms.add_column(sa.Column("cleared_at", MOMENT, comment="since when its cause is gone; null: it lasts"))
        alarms.add_column(
            sa.Column(
                "is_bundled",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
                comment="whether it was last told together with others",
            )
        )
    with op.batch_alter_table("alarms") as alarms:
        alarms.alter_column("is_bundled", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)
