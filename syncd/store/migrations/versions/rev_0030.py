"""Revision 0030: rollouts of the mapping in waves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mapping_revisions",
        sa.Column("revision", sa.Text(), nullable=False, comment="hash of the mapping files"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the files; kept while a deployment goes by them"),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_mapping_revisions")),
    )
    op.create_table(
        "rollout",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False, comment="the mapping that it goes by"),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column(
            "reached_at", MOMENT, comment="since when all of it was read back; null: it was not, or is not so any more"
        ),
        sa.Column("trouble", sa.Text(), nullable=False, comment="what halts the rollout there; empty: nothing"),
        sa.Column(
            "soaks", sa.Boolean(), nullable=False, comment="whether anything is other there than by the revision before"
        ),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_rollout")),
    )
    op.create_table(
        "rollout_words",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False, comment="resume or skip"),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False, comment="from where it was said"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollout_words")),
    )
