"""Revision 0033: what became of ownership by no change of ours is chained; what was until now is hashed into one record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

MOMENT = sa.DateTime(timezone=True)
_DUMPS = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

records = sa.table("records", *(sa.column(name) for name in ("seq", "line", "hash", "about", "about_id")))
ownership = sa.table(
    "ownership",
    *(sa.column(name) for name in ("id", "deployment", "kind", "name", "role", "change_id", "ended_by")),
    sa.column("since", MOMENT),
    sa.column("until", MOMENT),
)


def upgrade() -> None:
    rows, hashed = 0, hashlib.sha256()
    for facts in _moments():
        rows += 1
        hashed.update(f"{_DUMPS(facts)}\n".encode("ascii"))
    if rows:
        _append({"owned_rows": rows, "owned_digest": hashed.hexdigest()})


def _moments() -> Iterator[list[Any]]:
    """Give each beginning and each end that no change brought."""
    has_ended = ownership.c.until.is_not(None)
    for what, moment, chosen in (
        ("began", ownership.c.since, ownership.c.change_id.is_(None)),
        ("ended", ownership.c.until, sa.and_(has_ended, ownership.c.ended_by.is_(None))),
    ):
        found = sa.select(ownership, moment.label("moment")).where(chosen).order_by(moment, ownership.c.id)
        for row in op.get_bind().execute(found):
            at = row.moment if row.moment.tzinfo else row.moment.replace(tzinfo=UTC)
            yield [
                what,
                row.id,
                row.deployment,
                row.kind,
                row.name,
                row.role,
                (at - _EPOCH) // timedelta(microseconds=1),
            ]


def _append(facts: dict[str, Any]) -> None:
    newest = sa.select(records.c.seq, records.c.hash).order_by(records.c.seq.desc()).limit(1)
    last = op.get_bind().execute(newest).one_or_none()
    seq, prev = (last.seq + 1, last.hash) if last else (1, "0" * 64)
    told = facts | {"at": datetime.now(UTC).isoformat(), "kind": "ownership_earlier", "about": ["ownership_earlier", 1]}
    line = f'{{"seq":{seq},"prev":"{prev}",{_DUMPS(told)[1:]}'
    hashed = hashlib.sha256(line.encode("ascii")).hexdigest()
    op.bulk_insert(records, [{"seq": seq, "line": line, "hash": hashed, "about": "ownership_earlier", "about_id": 1}])
