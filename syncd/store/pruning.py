"""Records that are old are taken out of the chain, and a record of that stays in it: how far, with which hash, and what the
journal's rows were that these records spoke of. So what is left can be proven as before, and what went belongs to it for ever.
"""

from __future__ import annotations

import json
import socket
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, delete, func, or_, select

from syncd.store import chain, codec
from syncd.store.chain import Subject
from syncd.store.processes import os_user
from syncd.store.schema import awaited, changes, is_unsettled
from syncd.store.schema_records import records

BATCH: Final = 5_000
"""How many records are deleted in one transaction."""


class Stub(NamedTuple):
    """What stands for what was pruned: the last record that was, with its hash; how many of the journal's changes have no record
    any more, and the hash of their rows; and the same of the beginnings and ends of what is ours."""

    through: int
    hash: str
    rows: int
    digest: str
    owned_rows: int = 0
    owned_digest: str = ""


NOTHING_PRUNED: Final = Stub(0, "0" * 64, 0, "")


def stub(connection: Connection) -> Stub:
    """Give the newest; its own text is a record of the chain. What is ours since before that was chained the upgrade says."""
    facts, earlier = _newest(connection, "pruned"), _newest(connection, "ownership_earlier")
    owned = facts if facts and "owned_rows" in facts else earlier
    of_owned = (owned["owned_rows"], owned["owned_digest"]) if owned else (0, "")
    if not facts:
        return NOTHING_PRUNED._replace(owned_rows=of_owned[0], owned_digest=of_owned[1])
    return Stub(facts["about"][1], facts["hash"], facts["rows"], facts["digest"], *of_owned)


def _newest(connection: Connection, about: str) -> dict[str, Any] | None:
    mine = records.c.about.is_not(None), records.c.about == about
    line = connection.execute(select(records.c.line).where(*mine).order_by(records.c.about_id.desc()).limit(1)).scalar()
    return json.loads(line) if line else None


def last_before(connection: Connection, before: datetime) -> int:
    """Give the last record that may go: it and all before it are older, and no change has one that goes and one that stays, or
    may yet get one."""
    seq = _older(connection, before)
    of_change = (
        select(records.c.about_id, func.min(records.c.seq).label("first"), func.max(records.c.seq).label("last"))
        .where(records.c.about.is_not(None), records.c.about == "change")
        .group_by(records.c.about_id)
        .subquery()
    )
    is_open = or_(
        of_change.c.about_id.in_(select(changes.c.id).where(is_unsettled)),
        of_change.c.about_id.in_(select(awaited.c.change_id)),
    )
    while True:  # each turn goes further back, and none of a chain goes on beyond its first record
        across = and_(of_change.c.first <= seq, or_(of_change.c.last > seq, is_open))
        first = connection.execute(select(func.min(of_change.c.first)).where(across)).scalar()
        if first is None:
            return seq
        seq = int(first) - 1


def _older(connection: Connection, before: datetime) -> int:
    """Give the number of the last record before the first that is not older; clocks differ, so each is looked at."""
    last = 0
    for seq, line in connection.execute(select(records.c.seq, records.c.line).order_by(records.c.seq)):
        if datetime.fromisoformat(json.loads(line)["at"]) >= before:
            break
        last = seq
    return last


def hash_at(connection: Connection, seq: int) -> str:
    return str(connection.execute(select(records.c.hash).where(records.c.seq == seq)).scalar_one())


def record(connection: Connection, made: Stub, *, now: datetime) -> None:
    """Write down what is about to be pruned, and by whom."""
    facts: dict[str, Any] = {"hash": made.hash, "rows": made.rows, "digest": made.digest}
    facts |= {"owned_rows": made.owned_rows, "owned_digest": made.owned_digest}
    who = {"by": os_user(), "host": socket.gethostname()}
    chain.append(connection, "pruned", now=now, about=Subject("pruned", made.through), facts=facts | who)


def delete_some(connection: Connection, through: int) -> int:
    """Delete the oldest records up to this one, some of them; gives how many."""
    oldest = select(records.c.seq).where(records.c.seq <= through).order_by(records.c.seq).limit(BATCH)
    return int(connection.execute(delete(records).where(records.c.seq.in_(oldest))).rowcount)


def rows_text(row: Any, calls: list[list[Any]]) -> bytes:
    """Give what is hashed of a change whose records were pruned; where this changes, what was pruned before does not fit."""
    return f"{codec.dumps([list(row), calls])}\n".encode("ascii")
