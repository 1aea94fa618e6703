"""Revision 0016: what was seen last of each deployment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False, comment="abilities, dags, roles or people"),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was last seen so"),
        sa.PrimaryKeyConstraint("deployment", "part", name=op.f("pk_looks")),
    )
    op.create_table(
        "look_people",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as Airflow compares it"),
        sa.Column(
            "body",
            sa.Text(),
            nullable=False,
            comment="the account as it was seen after everybody was; null: there was none",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "name", name=op.f("pk_look_people")),
    )
