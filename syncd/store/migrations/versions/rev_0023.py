"""Revision 0023: the inbox of holds, and what people said of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.store.columns import Id

revision = "0023"
down_revision = "0022"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("id", Id, nullable=False, autoincrement=True),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="of what is still held of it"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column(
            "planned_at", MOMENT, nullable=False, comment="by the last plan in force over everything that held it"
        ),
        sa.Column("said_at", MOMENT, comment="when the state was last set by a person"),
        sa.Column("run_id", Id, nullable=False, comment="of that plan; runs that say nothing are forgotten"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="of changes"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the changes: plans forget theirs"),
        sa.Column("ended_at", MOMENT, comment="null: it is not over"),
        sa.Column("superseded_by", Id, comment="the hold that is in its place"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_deployment_id", "holds", ["deployment", "id"])
    op.create_index("ix_holds_digest", "holds", ["digest"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_holds_open", "holds", ["deployment", "digest"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "hold_words",
        sa.Column("id", Id, nullable=False, autoincrement=True),
        sa.Column("hold_id", Id, nullable=False),
        sa.Column("ruling", sa.Text(), nullable=False, comment="approve, reject or reopen"),
        sa.Column("who", sa.Text(), nullable=False, comment="as who acts stands in the journal, without the reason"),
        sa.Column("people", sa.Text(), nullable=False, comment="the names by which it is one person, as JSON"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, comment="the road it came on"),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_hold_words_hold_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_words")),
    )
    op.create_index(op.f("ix_hold_words_hold_id"), "hold_words", ["hold_id"])
