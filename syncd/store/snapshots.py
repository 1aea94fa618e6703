"""What sources said: the newest read of each, and a few before it.

A poll every few seconds mostly finds nothing new, or one person. So the newest read is kept decoded in memory, and what
changed since is written as a patch beside it:

what was saved                        | what is written
--------------------------------------|--------------------------------------
equal to the newest read, save times  | its times
a small change of the newest read     | its times and a patch
a large one, or nothing is known here | the whole; its times, if it is there from before

`saved` grows with every save of a source, so that a process sees whether another one has saved since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from syncd.model import Snapshot
from syncd.store import codec, evidence, past, patches
from syncd.store.engine import Database, insert
from syncd.store.schema import snapshot_patches, snapshots

KEPT = 5
"""How many different snapshots of a source are kept. Evaluation needs the newest; a few more let a person compare when a
source gave something strange. Who held what is answered from ownership, and what was said in the past from `past`, not from
these."""

_NEWEST_FIRST = snapshots.c.saved.desc(), snapshots.c.id.desc()

PATCHED = 0.25
"""How large all patches together may be, as a part of the whole, before the whole is written again."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The newest read as this process knows it. `patch` is the `saved` of the last patch in it, 0 where there is none;
    the sizes are those of the packed whole, and of all patches together."""

    id: int
    saved: int
    patch: int
    size: int
    patches_size: int
    snapshot: Snapshot


class Snapshots:
    """The newest read of each source, in the database and decoded in memory. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, _Known] = {}

    def last(self, source: str) -> Snapshot | None:
        with self._database.read() as connection:
            known = _load(connection, source, self._known.get(source))
        if known is None:
            return None
        self._known[source] = known
        return known.snapshot

    def save(self, snapshot: Snapshot, *, also: Callable[[Connection], None]) -> None:
        """Keep a read, and do `also` in the same transaction."""
        known = self._known.get(snapshot.source)
        self._known[snapshot.source] = self._save_change(known, snapshot, also) or self._save_whole(snapshot, also)

    def _save_change(
        self, known: _Known | None, snapshot: Snapshot, also: Callable[[Connection], None]
    ) -> _Known | None:
        """Write what changed; None where that is too much, or not all that was saved is known here."""
        patch = patches.patch_to(known.snapshot, snapshot) if known else None
        if known is None or patch is None:
            return None
        text = codec.dumps(patch)
        body = b"" if patches.is_empty(patch) else codec.pack(text)
        new = replace(known, saved=known.saved + 1, patches_size=known.patches_size + len(body), snapshot=snapshot)
        if body:
            new = replace(new, patch=new.saved)
        if body and new.patches_size > PATCHED * known.size:
            return None
        times = codec.pack(codec.times_to(snapshot))

        def work(connection: Connection) -> bool:
            is_newest = _move(connection, known, new, times=times)
            if is_newest:
                _add_patch(connection, new, body)
                if body:
                    evidence.read(connection, snapshot, new.saved, body=text, whole=False)
                    past.note(connection, past.SOURCE, snapshot.source, snapshot.taken_at, patch=body, whole=whole)
                also(connection)
            return is_newest

        def whole() -> bytes:
            return codec.pack(codec.snapshot_to(snapshot)[0])

        return new if self._database.commit(work) else None

    def _save_whole(self, snapshot: Snapshot, also: Callable[[Connection], None]) -> _Known:
        body, times = codec.snapshot_to(snapshot)  # a second for a large one: not while others wait to write
        packed = codec.pack(body)

        def work(connection: Connection) -> _Known:
            row = {
                "source": snapshot.source,
                "digest": codec.digest(body),
                "body": packed,
                "taken_at": snapshot.taken_at,
            }
            before = _digest(connection, snapshot.source)
            known = _put(connection, snapshot, row, times=codec.pack(times))
            if before != row["digest"]:
                evidence.read(connection, snapshot, known.saved, body=body, whole=True)
            past.note_whole(connection, past.SOURCE, snapshot.source, snapshot.taken_at, packed)
            also(connection)
            return known

        return self._database.commit(work, alone=True)


# --- reading ----------------------------------------------------------------------------------------------------------


def _load(connection: Connection, source: str, known: _Known | None) -> _Known | None:
    """Give the newest read, from what is known of it as far as that goes."""
    row = _newest(connection, source)
    if row is None:
        return None
    if known and (row.id, row.saved) == (known.id, known.saved):
        return known
    base = known if known and known.id == row.id and _is_there(connection, known) else None
    body = None if base else connection.execute(select(snapshots.c.body).where(snapshots.c.id == row.id)).scalar()
    after = _patches_after(connection, row.id, base.patch if base else 0)
    if (again := _newest(connection, source)) is None or (again.id, again.saved) != (row.id, row.saved):
        return _load(connection, source, known)  # PostgreSQL: somebody saved between two of our looks
    snapshot = base.snapshot if base else codec.untimed(codec.unpack(body or b""))
    for patch in after:
        snapshot = patches.patched(snapshot, codec.unpack(patch.body))
    return _Known(
        row.id,
        row.saved,
        after[-1].saved if after else base.patch if base else 0,
        row.size,
        (base.patches_size if base else 0) + sum(len(patch.body) for patch in after),
        codec.timed(snapshot, codec.unpack(row.times)),
    )


def _newest(connection: Connection, source: str) -> Row[int, int, bytes, int] | None:
    size = func.length(snapshots.c.body).label("size")
    mine = select(snapshots.c.id, snapshots.c.saved, snapshots.c.times, size).where(snapshots.c.source == source)
    return connection.execute(mine.order_by(*_NEWEST_FIRST).limit(1)).first()


def _digest(connection: Connection, source: str) -> str | None:
    """Give the digest of the newest read; None where it was patched since, or there is none."""
    patched = select(snapshot_patches.c.saved).where(snapshot_patches.c.snapshot_id == snapshots.c.id).exists()
    mine = select(snapshots.c.digest, patched).where(snapshots.c.source == source)
    row = connection.execute(mine.order_by(*_NEWEST_FIRST).limit(1)).first()
    return None if row is None or row[1] else str(row[0])


def _patches_after(connection: Connection, id_: int, saved: int) -> list[Row[Any]]:
    mine = snapshot_patches.c.snapshot_id == id_, snapshot_patches.c.saved > saved
    columns = snapshot_patches.c.saved, snapshot_patches.c.body
    return list(connection.execute(select(*columns).where(*mine).order_by(snapshot_patches.c.saved)))


def _is_there(connection: Connection, known: _Known) -> bool:
    """Say whether what is known is still a stage of its row: somebody may have gone back to the whole."""
    mine = snapshot_patches.c.snapshot_id == known.id, snapshot_patches.c.saved == known.patch
    return known.patch == 0 or connection.execute(select(snapshot_patches.c.saved).where(*mine)).first() is not None


# --- writing ----------------------------------------------------------------------------------------------------------


def _move(connection: Connection, known: _Known, new: _Known, *, times: bytes) -> bool:
    """Move the times of the newest read; False where that is not the known one any more."""
    row = _newest(connection, new.snapshot.source)
    if row is None or (row.id, row.saved) != (known.id, known.saved):
        return False
    same = snapshots.c.id == known.id, snapshots.c.saved == known.saved
    moved = {"saved": new.saved, "times": times, "last_seen_at": new.snapshot.taken_at}
    return connection.execute(update(snapshots).where(*same).values(moved)).rowcount == 1


def _add_patch(connection: Connection, new: _Known, body: bytes) -> None:
    if body:
        row = {"snapshot_id": new.id, "saved": new.saved, "body": body}
        connection.execute(insert(connection, snapshot_patches).values(row))


def _put(connection: Connection, snapshot: Snapshot, row: dict[str, object], *, times: bytes) -> _Known:
    """Write a whole; where it is there from before it only becomes the newest again."""
    newest = _newest(connection, snapshot.source)
    saved = newest.saved + 1 if newest else 1
    seen = {"saved": saved, "times": times, "last_seen_at": snapshot.taken_at}
    statement = insert(connection, snapshots).values(row | seen)
    statement = statement.on_conflict_do_update(index_elements=["source", "digest"], set_=seen)
    written = connection.execute(statement.returning(snapshots.c.id, func.length(snapshots.c.body))).one()
    connection.execute(delete(snapshot_patches).where(snapshot_patches.c.snapshot_id == written[0]))
    _forget_old(connection, snapshot.source)
    return _Known(written[0], saved, 0, written[1], 0, snapshot)


def _forget_old(connection: Connection, source: str) -> None:
    kept = select(snapshots.c.id).where(snapshots.c.source == source).order_by(snapshots.c.saved.desc()).limit(KEPT)
    ids: Iterable[int] = connection.execute(kept).scalars().all()
    connection.execute(delete(snapshots).where(snapshots.c.source == source, snapshots.c.id.not_in(ids)))
