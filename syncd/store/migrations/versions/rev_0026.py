"""Revision 0026: what people were given for a time, and by whose word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "timed_grants",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="the id that the source has for them"),
        sa.Column("called", sa.Text(), nullable=False, comment="what they were called when it was asked for"),
        sa.Column("lasts_s", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_from", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, comment="until when it waits for another person's word; null: it needs none"),
        sa.Column("given_by", sa.Text()),
        sa.Column("given_from", sa.Text()),
        sa.Column("given_at", MOMENT, comment="null: it gives nothing yet"),
        sa.Column("until", MOMENT),
        sa.Column("ended_by", sa.Text()),
        sa.Column("ended_from", sa.Text()),
        sa.Column("ended_at", MOMENT, comment="null: nobody ended it, nor was its end written down"),
        sa.Column("ended_why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timed_grants")),
    )
    still = sa.text("ended_at IS NULL")
    op.create_index("ix_timed_grants_open", "timed_grants", ["id"], sqlite_where=still, postgresql_where=still)
