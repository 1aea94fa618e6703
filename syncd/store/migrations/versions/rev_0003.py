"""Revision 0003: what a running daemon needs: its replicas, alarms, who asked for what, patches of snapshots, and indexes
for upkeep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "snapshot_patches",
        sa.Column("snapshot_id", ID, nullable=False),
        sa.Column("saved", ID, nullable=False, comment="as in snapshots; patches are applied in this order"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="what changed since the patch before"),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshots.id"], name=op.f("fk_snapshot_patches_snapshot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "saved", name=op.f("pk_snapshot_patches")),
    )
    op.create_table(
        "replicas",
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column(
            "until", MOMENT, nullable=False, comment="when it counts as gone, unless it says before that it lives"
        ),
        sa.PrimaryKeyConstraint("replica", name=op.f("pk_replicas")),
    )
    op.create_table(
        "alarms",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("notified_at", MOMENT, nullable=False, comment="when somebody was last told"),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_alarms")),
    )
    op.create_table(
        "uses",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False, comment="the name of a token, or an OS user"),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=False, comment="an HTTP status"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uses")),
    )
    op.create_index(op.f("ix_uses_at"), "uses", ["at"])
    op.create_index(op.f("ix_runs_started_at"), "runs", ["started_at"])
    op.create_index(op.f("ix_plans_deployment_everything_id"), "plans", ["deployment", "everything", "id"])
