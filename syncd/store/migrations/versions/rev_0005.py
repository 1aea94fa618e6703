"""Revision 0005: which plans are of the files in force, what counts towards the limits of an hour, whether a kept state was
reached, and permissions on DAGs that come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("plans", sa.Column("files", sa.Text(), comment="fingerprint of mappings and configuration"))
    op.add_column(
        "plans",
        sa.Column(
            "in_force",
            sa.Boolean(),
            nullable=False,
            server_default=sa.true(),
            comment="made to be applied, or from the same files as the last that was",
        ),
    )
    op.add_column(
        "changes",
        sa.Column("counts_for", sa.Text(), comment="the deployment whose limits it counts towards; null: none"),
    )
    op.add_column("changes", sa.Column("people", sa.Integer(), comment="how many people lose a role by it"))
    op.add_column("changes", sa.Column("permissions", sa.Integer(), comment="how many permissions a role loses by it"))
    where = sa.text("counts_for IS NOT NULL")
    op.create_index(
        "ix_changes_counts_for_moved_at",
        "changes",
        ["counts_for", "moved_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.add_column(
        "desired",
        sa.Column(
            "reached",
            sa.Boolean(),
            nullable=False,
            server_default=sa.true(),
            comment="whether run and time are those of a pass that held nothing back; false: there was none yet",
        ),
    )
    op.add_column(
        "losses",
        sa.Column(
            "back", sa.Boolean(), nullable=False, server_default=sa.true(), comment="seen there since it was counted"
        ),
    )
    op.create_table(
        "gains",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last", MOMENT, nullable=False),
        sa.Column("back", sa.Boolean(), nullable=False, comment="seen gone since it was counted"),
        sa.PrimaryKeyConstraint("deployment", "role", "action", "resource", name=op.f("pk_gains")),
    )
