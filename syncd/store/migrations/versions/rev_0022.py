"""Revision 0022: what sources and lists of DAGs said in the past."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "past",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="source or dags"),
        sa.Column("name", sa.Text(), nullable=False, comment="of the source, or of the deployment"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="since when it said so"),
        sa.Column(
            "whole",
            sa.Boolean(),
            nullable=False,
            comment="false: what changed since the row before of this kind and name",
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past")),
    )
    op.create_index(op.f("ix_past_kind_name_id"), "past", ["kind", "name", "id"])
