"""Revision 0032: rights that are lost, whom changes move, what passes are about to move, and how many rights are managed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "changes",
        sa.Column(
            "lost_rights",
            sa.Integer(),
            nullable=True,
            comment="how many permissions people lose by it, each counted for each person",
        ),
    )
    op.add_column(
        "changes",
        sa.Column(
            "persons",
            sa.Text(),
            nullable=True,
            comment="who loses or gains a role by it, as JSON; null: no limit asked about them",
        ),
    )
    op.create_table(
        "claims",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("run_id", _ID, nullable=False, autoincrement=False),
        sa.Column(
            "fence",
            _ID,
            nullable=False,
            comment="of the lease under which it was made: it counts as long as that holds",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_change", _ID, nullable=False, comment="what the run changes later is in the claim"),
        sa.Column("persons", sa.LargeBinary(), nullable=False, comment="who would lose a role, and who gain one"),
        sa.Column("lost_rights", _ID, nullable=False),
        sa.Column("rights", _ID, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "run_id", name=op.f("pk_claims")),
    )
    op.create_table(
        "managed",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column(
            "rights",
            _ID,
            nullable=False,
            comment="that people have there by us, each permission of each person",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_managed")),
    )
