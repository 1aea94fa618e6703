"""The tables of the desired-state database: what was read, wanted, owned, planned, done and who may write; those that a running
daemon keeps for itself are in `daemon_schema`.

Bodies are canonical JSON from `codec`; those that can be large are compressed. `REVISION` is the newest migration: a test
holds the two and the tables together. Revisions are numbers of four digits, so that older and newer can be told apart.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    false,
    literal_column,
)

from syncd.store.columns import Id, Sentence, UtcTime, Words, id_column

REVISION = "0033"
VERSION_TABLE = "syncd_revision"

INTENT = "intent"
PLANNED = "planned"
"""The two states of a change that no outcome has: to be made, and about to be made."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partly(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> None:
    """Index some of the rows of a table."""
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


# --- what sources said, what deployments should be and can do ---------------------------------------------------------

snapshots = Table(
    "snapshots",
    metadata,
    id_column(),
    Column("source", Words, nullable=False),
    Column("digest", Words, nullable=False),
    Column("saved", Id, nullable=False, comment="order of saving within a source; clocks can go back"),
    Column("body", LargeBinary, nullable=False),
    Column("times", LargeBinary, nullable=False, comment="the times of the last equal read"),
    Column("taken_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Index("uq_snapshots_source_digest", "source", "digest", unique=True),
)

snapshot_patches = Table(
    "snapshot_patches",
    metadata,
    Column("snapshot_id", Id, ForeignKey("snapshots.id", ondelete="CASCADE"), primary_key=True),
    Column("saved", Id, primary_key=True, comment="as in snapshots; patches are applied in this order"),
    Column("body", LargeBinary, nullable=False, comment="what changed since the patch before"),
)

last_good = Table(
    "last_good",
    metadata,
    Column("path", Words, primary_key=True, comment="the configuration file of a daemon"),
    Column(
        "body", LargeBinary, nullable=False, comment="the texts of it and of its mapping files, as they were last used"
    ),
    Column("at", UtcTime, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("source", Words, primary_key=True),
    Column("cursor", LargeBinary, comment="where an incremental read goes on"),
    Column("full_at", UtcTime, comment="the last read of everything"),
    Column("read_at", UtcTime, comment="the last read that gave an answer"),
    Column("doubts", LargeBinary, comment="groups that it did not read whole"),
    Column("failed_at", UtcTime, comment="the first failure since"),
    Column("failure", Sentence),
)

rests = Table(
    "rests",
    metadata,
    Column("provider", Words, primary_key=True, comment="whom a source asks: an org, a tenant of a cloud"),
    Column("until", UtcTime, nullable=False, comment="before which it said that it does not want to be asked"),
)

group_names = Table(
    "group_names",
    metadata,
    Column("source", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("group_id", Words, nullable=False, comment="the group that a mapping means by this name"),
    Column("at", UtcTime, nullable=False),
    Column("by", Words, nullable=False, comment="the OS user"),
)

persons = Table(
    "persons",
    metadata,
    Column("source", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("person", Words, nullable=False, comment="the same for all their identities; empty: nobody knows"),
    Column("at", UtcTime, nullable=False),
    Column("by", Words, nullable=False, comment="the OS user"),
)

joined_sources = Table(
    "joined_sources",
    metadata,
    Column("source", Words, primary_key=True),
    Column("key", Words, nullable=False, comment="what people of this source were joined by"),
    Column("at", UtcTime, nullable=False),
)

desired = Table(
    "desired",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("digest", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("run_id", Id, ForeignKey("runs.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column(
        "reached",
        Boolean,
        nullable=False,
        comment="whether run and time are those of a pass that held nothing back; false: there was none yet",
    ),
)

capabilities = Table(
    "capabilities",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("body", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
)


def _contested(name: str, back: str) -> Table:
    """Make a table that counts how often another hand changed a permission."""
    return Table(
        name,
        metadata,
        Column("deployment", Words, primary_key=True),
        Column("role", Words, primary_key=True),
        Column("action", Words, primary_key=True),
        Column("resource", Words, primary_key=True),
        Column("times", Integer, nullable=False),
        Column("last", UtcTime, nullable=False),
        Column("back", Boolean, nullable=False, comment=back),
    )


losses = _contested("losses", "seen there since it was counted")
gains = _contested("gains", "seen gone since it was counted")

# --- what was meant and done ------------------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    id_column(),
    Column("command", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("by", Words, nullable=False, comment="the OS user"),
    Column("host", Words, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("exit_code", Integer),
    Column("summary", Sentence),
    Index("ix_runs_started_at", "started_at"),
)

plans = Table(
    "plans",
    metadata,
    id_column(),
    Column("run_id", Id, ForeignKey("runs.id"), nullable=False, index=True),
    Column("deployment", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("everything", Boolean, nullable=False),
    Column("digest", Words, nullable=False),
    Column("kept", Words, nullable=False),
    Column("notes", Sentence, nullable=False),
    Column("held_digest", Words),
    Column("held_why", Sentence),
    Column("approved", Words, comment="the digest of held effects that a person let pass"),
    Column("approved_by", Words, comment="the OS user"),
    Column("made_at", UtcTime, nullable=False),
    Column("files", Words, comment="fingerprint of mappings and configuration"),
    Column(
        "in_force", Boolean, nullable=False, comment="made to be applied, or from the same files as the last that was"
    ),
    Index("ix_plans_deployment_id", "deployment", "id"),
    Index("ix_plans_deployment_everything_id", "deployment", "everything", "id"),
)

changes = Table(
    "changes",
    metadata,
    id_column(),
    Column("plan_id", Id, ForeignKey("plans.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("subject", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False, comment="a role name, or a user name as Airflow compares it"),
    Column("fingerprint", Words, nullable=False, comment="finds the row of a change within its plan"),
    Column("before", Words),
    Column("after", Words),
    Column("because", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("detail", Sentence, nullable=False),
    Column("intent_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("moved_at", UtcTime, nullable=False, comment="when the status was last set"),
    Column("settled_by_looking", Boolean, nullable=False),
    Column("counts_for", Words, comment="the deployment whose limits it counts towards; null: none"),
    Column("people", Integer, comment="how many people lose a role by it"),
    Column("permissions", Integer, comment="how many permissions a role loses by it"),
    Column("gainers", Integer, comment="how many people gain a role by it"),
    Column("rights", Integer, comment="how many permissions people gain by it, each counted for each person"),
    Column("lost_rights", Integer, comment="how many permissions people lose by it, each counted for each person"),
    Column("persons", Words, comment="who loses or gains a role by it, as JSON; null: no limit asked about them"),
    Index("ix_changes_plan_id_fingerprint", "plan_id", "fingerprint"),
    Index("ix_changes_name", "name"),
    Index("ix_changes_moved_at", "moved_at"),
)

is_unsettled = changes.c.status.in_([literal_column("'intent'"), literal_column("'unknown'")])
"""Literals, because neither database uses a partial index where the value is a parameter."""

partly("ix_changes_unsettled", changes.c.plan_id, where=is_unsettled)
_for = changes.c.counts_for
partly("ix_changes_counts_for_moved_at", _for, changes.c.moved_at, where=_for.is_not(None))

touches = Table(
    "touches",
    metadata,
    Column("change_id", Id, ForeignKey("changes.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Words, primary_key=True),
    Column("verb", Words, nullable=False, comment="grant or revoke, for people; change, for the role itself"),
    Index("ix_touches_role", "role"),
)

steps = Table(
    "steps",
    metadata,
    id_column(),
    Column("change_id", Id, ForeignKey("changes.id"), nullable=False, index=True),
    Column("call", Sentence, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("answer", Sentence),
    Column("answered_at", UtcTime),
    Column("refused", Boolean, nullable=False, server_default=false(), comment="nothing was done and nothing will be"),
)

awaited = Table(
    "awaited",
    metadata,
    Column("change_id", Id, ForeignKey("changes.id"), primary_key=True, comment="whose call may still be carried out"),
    Column("deployment", Words, nullable=False, index=True),
    Column("roles", Words, nullable=False, comment="that the account would have by us then, as JSON"),
    Column("since", UtcTime, nullable=False),
)

# --- what is ours, and since when -------------------------------------------------------------------------------------

ownership = Table(
    "ownership",
    metadata,
    id_column(),
    Column("deployment", Words, nullable=False),
    Column(
        "kind", Words, nullable=False, comment="user, role, grant, or member: a second role that we made beside one"
    ),
    Column("name", Words, nullable=False, comment="a role name, or a user name as Airflow compares it"),
    Column("role", Words, nullable=False, comment="of a grant"),
    Column("since", UtcTime, nullable=False),
    Column("change_id", Id, ForeignKey("changes.id"), comment="what brought it; null: adopted"),
    Column("until", UtcTime, comment="null: still owned"),
    Column("ended_by", Id, ForeignKey("changes.id")),
    Index("ix_ownership_name", "name"),
    Index("ix_ownership_deployment_role", "deployment", "role"),
)

_key = ownership.c.deployment, ownership.c.kind, ownership.c.name, ownership.c.role
partly("uq_ownership_open", *_key, unique=True, where=ownership.c.until.is_(None))
partly("ix_ownership_change_id", ownership.c.change_id, where=ownership.c.change_id.is_not(None))
partly("ix_ownership_ended_by", ownership.c.ended_by, where=ownership.c.ended_by.is_not(None))

accounts = Table(
    "accounts",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("name", Words, primary_key=True, comment="as Airflow compares it"),
    Column("source", Words, nullable=False),
    Column("person", Words, nullable=False, comment="the id that the source has for them"),
    Column("email", Words, nullable=False, comment="without regard to case"),
    Column("at", UtcTime, nullable=False),
    Index("ix_accounts_person", "person"),
    Index("ix_accounts_email", "email"),
)

seen_roles = Table(
    "seen_roles",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("names", Words, nullable=False, comment="of the last pass over everything, as JSON"),
    Column(
        "sound", Words, comment="what those meant that held no more than that, as JSON by name; null: nobody looked"
    ),
)

renamed_roles = Table(
    "renamed_roles",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("new", Words, primary_key=True),
    Column("old", Words, nullable=False, comment="the name under which it was ours"),
    Column("at", UtcTime, nullable=False),
)

servers = Table(
    "servers",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("address", Words, nullable=False, comment="where it was last worked on"),
    Column(
        "was", Words, comment="where before, where something is ours; null: somebody said whether it is the same server"
    ),
    Column("since", UtcTime, nullable=False, comment="since when it has this address"),
)

# --- which database it is: see `installation` ---------------------------------------------------------------------------

installation = Table(
    "installation",
    metadata,
    Column("id", Words, primary_key=True, comment="of chance: tells this database from every other one"),
    Column("made_at", UtcTime, nullable=False),
    Column("number", Id, nullable=False, comment="of the last mark"),
    Column("doubt", Sentence, comment="why it may not be the one that was worked with last; null: nobody doubts it"),
    Column("doubt_at", UtcTime),
)

marks = Table(
    "marks",
    metadata,
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("word", Words, nullable=False, comment="of chance: tells work from other work under the same number"),
    Column("at", UtcTime, nullable=False),
    Index("ix_marks_at", "at"),
)

recoveries = Table(
    "recoveries",
    metadata,
    id_column(),
    Column("at", UtcTime, nullable=False),
    Column("by", Words, nullable=False),
    Column("truth", Words, nullable=False, comment="what a person said"),
    Column("doubt", Sentence, nullable=False, comment="of which doubt"),
    Column("answers", Words, nullable=False, comment="the ids of databases that it speaks of, as JSON"),
)

# --- who may write ----------------------------------------------------------------------------------------------------

leases = Table(
    "leases",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("fence", Id, nullable=False, comment="grows with every taking; tells a holder from the one before"),
    Column("held", Boolean, nullable=False),
    Column("by", Words, nullable=False, comment="the OS user"),
    Column("host", Words, nullable=False),
    Column("pid_space", Words, nullable=False, comment="within which a pid means one process; empty: unknown"),
    Column("pid", Integer, nullable=False),
    Column("process_started", Words, nullable=False),
    Column("taken_at", UtcTime, nullable=False),
    Column("renewed_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("wanted_until", UtcTime, comment="an urgent writer waits for it; the holder gives way between two changes"),
)
