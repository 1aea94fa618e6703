"""Revision 0008: what calls that nobody knows the end of may still bring."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    refused: sa.Column[bool] = sa.Column(
        "refused",
        sa.Boolean(),
        nullable=False,
        server_default=sa.false(),
        comment="nothing was done and nothing will be",
    )
    op.add_column("steps", refused)
    op.create_table(
        "awaited",
        sa.Column("change_id", ID, nullable=False, comment="whose call may still be carried out"),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False, comment="that the account would have by us then, as JSON"),
        sa.Column("since", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["change_id"], ["changes.id"], name=op.f("fk_awaited_change_id")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_awaited")),
    )
    op.create_index(op.f("ix_awaited_deployment"), "awaited", ["deployment"])
