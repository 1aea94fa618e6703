"""What calls may still bring that were sent, and of which a look found nothing: the server may carry them out late.

A change that ended without being made leaves a row here, unless each of its calls was refused. When what it would bring
is seen, the change was made after all: then it is closed as applied, and what it brought is ours.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, exists, select

from syncd.model import Change, Kind, User, key
from syncd.store import codec, ownership
from syncd.store.engine import insert
from syncd.store.schema import awaited, steps


def expect(connection: Connection, deployment: str, change: Change, *, id_: int, now: datetime) -> None:
    """Keep what a change may still bring, unless nothing was sent of it that was not refused, or it only takes."""
    if change.after is None or not _was_sent(connection, id_):
        return
    roles: Collection[str] = ()
    if isinstance(change.after, User):
        mine = ownership.owned(connection, deployment, usernames=frozenset({key(change.name)})).grants
        roles = sorted(change.after.roles & mine.get(key(change.name), frozenset()))
    if roles or change.kind is Kind.CREATE:
        row = {"change_id": id_, "deployment": deployment, "roles": codec.dumps(roles), "since": now}
        connection.execute(insert(connection, awaited).values(row).on_conflict_do_nothing())


def _was_sent(connection: Connection, id_: int) -> bool:
    sent = select(exists().where(steps.c.change_id == id_, steps.c.refused.is_(False)))
    return bool(connection.execute(sent).scalar_one())
