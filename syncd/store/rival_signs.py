"""Signs of another installation, as looks at everything found them: see plan/another.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, Table, bindparam, delete, select

from syncd.plan.another import WINDOW, RivalSign, Sign
from syncd.store.columns import UtcTime, Words
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared
from syncd.store.schema import metadata

rival_signs = Table(
    "rival_signs",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("things", Integer, nullable=False),
    Column("said", Words, nullable=False, comment="some of them, for people"),
)

_columns = rival_signs.c.kind, rival_signs.c.things, rival_signs.c.said, rival_signs.c.at
_known = Prepared(
    select(*_columns).where(rival_signs.c.deployment == bindparam("here")).order_by(rival_signs.c.at), "here"
)


def signs(database: Database, deployment: str) -> tuple[RivalSign, ...]:
    """List what was found at a deployment, the oldest first."""
    return tuple(RivalSign(Sign(kind), *what) for kind, *what in database.rows(_known, here=deployment))


def note_signs(connection: Connection, deployment: str, found: Iterable[RivalSign], *, now: datetime) -> None:
    """Write down what a look found, and forget what is old."""
    old = delete(rival_signs).where(rival_signs.c.deployment == deployment, rival_signs.c.at <= now - WINDOW)
    connection.execute(old)
    for sign in found:
        new = {"things": sign.things, "said": sign.said}
        row = {"deployment": deployment, "kind": sign.kind.value, "at": sign.at, **new}
        connection.execute(
            insert(connection, rival_signs)
            .values(row)
            .on_conflict_do_update(index_elements=list(rival_signs.primary_key), set_=new)
        )
