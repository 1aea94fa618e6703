"""Revision 0024: who sees to an alarm, and which alarms are not told for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

MOMENT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    since = "since when somebody sees to it; null: nobody said so"
    op.add_column("alarms", sa.Column("acknowledged_at", MOMENT, comment=since))
    op.add_column("alarms", sa.Column("acknowledged_by", sa.Text()))
    op.add_column("alarms", sa.Column("acknowledged_reason", sa.Text()))
    op.create_table(
        "silences",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="the OS user"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="which alarms are not told; empty, as those below: it is not asked for",
        ),
        sa.Column("alarm", sa.Text(), nullable=False, comment="the id of one alarm"),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False, comment="of a deployment"),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
