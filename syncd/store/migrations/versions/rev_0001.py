"""Revision 0001: what the first syncd keeps.

A migration is written in plain types, knows nothing of schema.py, and is never edited after a release.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def partial(name: str, table: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "capabilities",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_capabilities")),
    )
    op.create_table(
        "leases",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("fence", ID, nullable=False, comment="grows with every taking; tells a holder from the one before"),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="the OS user"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column(
            "pid_space", sa.Text(), nullable=False, comment="within which a pid means one process; empty: unknown"
        ),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Text(), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.Column("renewed_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_leases")),
    )
    op.create_table(
        "losses",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "role", "action", "resource", name=op.f("pk_losses")),
    )
    op.create_table(
        "runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="the OS user"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("saved", ID, nullable=False, comment="order of saving within a source; clocks can go back"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("times", sa.LargeBinary(), nullable=False, comment="the times of the last equal read"),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_index("uq_snapshots_source_digest", "snapshots", ["source", "digest"], unique=True)
    op.create_table(
        "desired",
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_desired_run_id")),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_desired")),
    )
    op.create_table(
        "plans",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("held_digest", sa.Text(), nullable=True),
        sa.Column("held_why", sa.Text(), nullable=True),
        sa.Column("approved", sa.Text(), nullable=True, comment="the digest of held effects that a person let pass"),
        sa.Column("approved_by", sa.Text(), nullable=True, comment="the OS user"),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_plans_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_deployment_id", "plans", ["deployment", "id"])
    op.create_index(op.f("ix_plans_run_id"), "plans", ["run_id"])
    op.create_table(
        "changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="a role name, or a user name as Airflow compares it"),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="finds the row of a change within its plan"),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("intent_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("moved_at", MOMENT, nullable=False, comment="when the status was last set"),
        sa.Column("settled_by_looking", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_changes_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_moved_at", "changes", ["moved_at"])
    op.create_index("ix_changes_name", "changes", ["name"])
    op.create_index("ix_changes_plan_id_fingerprint", "changes", ["plan_id", "fingerprint"])
    partial("ix_changes_unsettled", "changes", ["plan_id"], where="status IN ('intent', 'unknown')")
    op.create_table(
        "ownership",
        sa.Column("id", ID, nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="user, role or grant"),
        sa.Column("name", sa.Text(), nullable=False, comment="a role name, or a user name as Airflow compares it"),
        sa.Column("role", sa.Text(), nullable=False, comment="of a grant"),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("change_id", ID, nullable=True, comment="what brought it; null: adopted"),
        sa.Column("until", MOMENT, nullable=True, comment="null: still owned"),
        sa.Column("ended_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["change_id"], ["changes.id"], name=op.f("fk_ownership_change_id")),
        sa.ForeignKeyConstraint(["ended_by"], ["changes.id"], name=op.f("fk_ownership_ended_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ownership")),
    )
    partial("ix_ownership_change_id", "ownership", ["change_id"], where="change_id IS NOT NULL")
    op.create_index("ix_ownership_deployment_role", "ownership", ["deployment", "role"])
    partial("ix_ownership_ended_by", "ownership", ["ended_by"], where="ended_by IS NOT NULL")
    op.create_index("ix_ownership_name", "ownership", ["name"])
    partial(
        "uq_ownership_open", "ownership", ["deployment", "kind", "name", "role"], where="until IS NULL", unique=True
    )
    op.create_table(
        "steps",
        sa.Column("id", ID, nullable=False),
        sa.Column("change_id", ID, nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["change_id"], ["changes.id"], name=op.f("fk_steps_change_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
    )
    op.create_index(op.f("ix_steps_change_id"), "steps", ["change_id"])
    op.create_table(
        "touches",
        sa.Column("change_id", ID, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "verb", sa.Text(), nullable=False, comment="grant or revoke, for people; change, for the role itself"
        ),
        sa.ForeignKeyConstraint(["change_id"], ["changes.id"], name=op.f("fk_touches_change_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("change_id", "role", name=op.f("pk_touches")),
    )
    op.create_index("ix_touches_role", "touches", ["role"])
