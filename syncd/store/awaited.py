"""What calls may still bring that were sent, and of which a look found nothing: the server may carry them out late.

A change that ended without being made leaves a row here, unless each of its calls was refused. When what it would bring
is seen, the change was made after all: then it is closed as applied, and what it brought is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update

from syncd.model import Awaited, Change, Kind, Owned, Status, User, key
from syncd.store import codec, ownership
from syncd.store.engine import insert
from syncd.store.schema import awaited, changes, steps

LATE = "found by looking: the call was carried out late"


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


def all_awaited(connection: Connection, deployment: str) -> tuple[Awaited, ...]:
    """List what may still come, oldest first."""
    columns = awaited.c.change_id, awaited.c.roles, awaited.c.since, changes.c.before, changes.c.after
    joined = select(*columns).join(changes, changes.c.id == awaited.c.change_id)
    rows = connection.execute(joined.where(awaited.c.deployment == deployment).order_by(awaited.c.change_id))
    return tuple(Awaited(r.change_id, _change(r), frozenset(codec.loads(r.roles)), r.since) for r in rows)


def _change(row: object) -> Change:
    before, after = (codec.thing_from(codec.loads(text)) for text in (row.before, row.after))  # type: ignore[attr-defined]
    return Change(before, after)


def came(connection: Connection, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
    """Close changes that were carried out late, and own what they brought."""
    for id_, things in found.items():
        ended = {"status": Status.APPLIED.value, "detail": LATE, "settled_by_looking": True, "moved_at": now}
        connection.execute(update(changes).where(changes.c.id == id_).values(ended))
        ownership.adopt(connection, deployment, ownership.things_of(things), now=now, change=id_)
    forget(connection, found)


def forget(connection: Connection, ids: Collection[int]) -> None:
    """Expect nothing more of these changes."""
    connection.execute(delete(awaited).where(awaited.c.change_id.in_(sorted(ids))))
