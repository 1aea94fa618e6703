"""Revision 0019: records, each chained to the one before; what was done until now is chained as it is found."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
BATCH = 1_000
_DUMPS = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

records = sa.table("records", *(sa.column(name) for name in ("seq", "line", "hash", "about", "about_id")))
steps = sa.table("steps", *(sa.column(name) for name in ("id", "change_id", "call", "answer", "refused")))
plans = sa.table(
    "plans",
    *(sa.column(name) for name in ("id", "run_id", "deployment", "digest", "approved", "approved_by", "files")),
)
runs = sa.table("runs", *(sa.column(name) for name in ("id", "by", "host", "command")))
_WORDS = ("subject", "kind", "name", "fingerprint", "because", "status", "detail")
changes = sa.table(
    "changes",
    *(sa.column(name) for name in ("id", "plan_id", *_WORDS)),
    sa.column("settled_by_looking", sa.Boolean),
    sa.column("intent_at", MOMENT),
    sa.column("moved_at", MOMENT),
)


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column(
            "seq", ID, autoincrement=False, nullable=False, comment="without gaps; the order in which was committed"
        ),
        sa.Column(
            "line",
            sa.Text(),
            nullable=False,
            comment="what is hashed: JSON that begins with number and hash of the one before",
        ),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the line"),
        sa.Column("about", sa.Text(), nullable=True, comment="the table of what it is about; null: it is about none"),
        sa.Column("about_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_records")),
    )
    condition = sa.text("about IS NOT NULL")
    columns = ["about", "about_id", "seq"]
    op.create_index(
        "ix_records_about_about_id_seq", "records", columns, sqlite_where=condition, postgresql_where=condition
    )
    _chain()


def _chain() -> None:
    """Chain what was begun, some at a time, so that a journal of any size fits in memory."""
    seq, prev = 0, "0" * 64
    for batch in _begun():
        rows = []
        for change, facts in batch:
            seq += 1
            line = f'{{"seq":{seq},"prev":"{prev}",{_DUMPS(facts)[1:]}'
            prev = hashlib.sha256(line.encode("ascii")).hexdigest()
            rows.append({"seq": seq, "line": line, "hash": prev, "about": "change", "about_id": change})
        op.bulk_insert(records, rows)


def _begun() -> Iterator[list[tuple[int, dict[str, Any]]]]:
    joined = changes.join(plans, plans.c.id == changes.c.plan_id).join(runs, runs.c.id == plans.c.run_id)
    of_plan = (plans.c.run_id, plans.c.deployment, plans.c.digest, plans.c.approved, plans.c.approved_by, plans.c.files)
    chosen = sa.select(changes, *of_plan, runs.c.by, runs.c.host, runs.c.command).select_from(joined)
    chosen = chosen.where(changes.c.status.not_in(["planned", "held"])).order_by(changes.c.id).limit(BATCH)
    after = 0
    while found := op.get_bind().execute(chosen.where(changes.c.id > after)).all():
        calls = _calls([row.id for row in found])
        yield [(row.id, _facts(row, calls[row.id])) for row in found]
        after = found[-1].id


def _calls(ids: list[int]) -> dict[int, list[list[Any]]]:
    calls: dict[int, list[list[Any]]] = defaultdict(list)
    mine = sa.select(steps).where(steps.c.change_id.in_(ids)).order_by(steps.c.id)
    for row in op.get_bind().execute(mine):
        calls[row.change_id].append([row.id, row.call, row.answer, bool(row.refused)])
    return calls


def _facts(row: Any, calls: list[list[Any]]) -> dict[str, Any]:
    of_plan = ("deployment", "digest", "approved", "approved_by", "files", "by", "host", "command")
    return {name: getattr(row, name) for name in (*of_plan, "subject", "name", "status", "detail")} | {
        "about": ["change", row.id],
        "kind": "earlier",
        "at": _text(row.moved_at),
        "intent_at": _text(row.intent_at) if row.intent_at else None,
        "plan": row.plan_id,
        "run": row.run_id,
        "change": row.kind,
        "because": _reasons(row.because),
        "content": row.fingerprint,
        "by_looking": row.settled_by_looking,
        "calls": calls,
    }


def _reasons(text: str) -> Any:
    """A row that was damaged before is chained as it stands: it ends no upgrade."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return str(text)


def _text(moment: datetime) -> str:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
