"""Rollouts in the database: which mapping revision each deployment goes by, and the files of those revisions.

A revision is written down, with its files, before the first call that follows from it, so that every process and every
restart goes by the same. What became of it is a record of the journal's chain, as is what people say.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy import insert as plain_insert

from syncd.model import RolloutRecord, RolloutRow, RolloutVerb, RolloutWord
from syncd.store import chain, codec
from syncd.store.engine import Database, insert
from syncd.store.schema_rollout import mapping_revisions, rollout, rollout_words

_ROW = tuple(rollout.c)
_rows = select(*_ROW).order_by(rollout.c.deployment)
_words = select(*tuple(rollout_words.c)[1:]).order_by(rollout_words.c.id)


class DatabaseRollouts:
    """Implements `ports.Rollouts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self) -> RolloutRecord:
        with self._database.read() as connection:
            rows = {row.deployment: row for row in map(_row, connection.execute(_rows))}
            words = tuple(map(_word, connection.execute(_words)))
            return RolloutRecord(rows, words, self._database.now(connection))

    def files(self, revision: str) -> Mapping[str, bytes] | None:
        asked = select(mapping_revisions.c.body).where(mapping_revisions.c.revision == revision)
        with self._database.read() as connection:
            body = connection.execute(asked).scalar_one_or_none()
        return None if body is None else files_in(body)

    def begin(self, deployment: str, revision: str, files: Mapping[str, bytes], *, soaks: bool) -> RolloutRow:
        body = codec.pack(codec.dumps(_files_to(files)))

        def work(connection: Connection) -> RolloutRow:
            now = self._database.now(connection)
            kept = insert(connection, mapping_revisions).values(revision=revision, body=body, at=now)
            connection.execute(kept.on_conflict_do_nothing())
            row = {"revision": revision, "began_at": now, "reached_at": None, "trouble": "", "soaks": soaks}
            made = insert(connection, rollout).values({"deployment": deployment} | row)
            made = made.on_conflict_do_update(index_elements=["deployment"], set_=row)
            found = _row(connection.execute(made.returning(*_ROW)).one())
            connection.execute(delete(rollout_words).where(rollout_words.c.revision != revision))
            _forget_files(connection, but=revision)
            _told(connection, found, "begun", now)
            return found

        return self._database.commit(work, alone=True)

    def note(self, deployment: str, revision: str, trouble: str) -> RolloutRow | None:
        def work(connection: Connection) -> RolloutRow | None:
            now = self._database.now(connection)
            is_new = [rollout.c.trouble != trouble] + ([] if trouble else [rollout.c.reached_at.is_(None)])
            mine = rollout.c.deployment == deployment, rollout.c.revision == revision, or_(*is_new)
            new = {"trouble": trouble, "reached_at": None if trouble else now}
            row = connection.execute(update(rollout).where(*mine).values(new).returning(*_ROW)).one_or_none()
            if row is None:
                return None
            found = _row(row)
            _told(connection, found, "halted" if trouble else "reached", now)
            return found

        return self._database.commit(work)

    def leave(self, deployment: str) -> None:
        mine = rollout.c.deployment == deployment
        with self._database.read() as connection:
            if connection.execute(select(rollout.c.deployment).where(mine)).first() is None:
                return

        def work(connection: Connection) -> None:
            for row in map(_row, connection.execute(delete(rollout).where(mine).returning(*_ROW)).all()):
                _told(connection, row, "left", self._database.now(connection))
            _forget_files(connection)

        self._database.commit(work)

    def say(self, verb: RolloutVerb, revision: str, deployments: Collection[str], *, by: str, reason: str) -> None:
        host = socket.gethostname()

        def work(connection: Connection) -> None:
            now = self._database.now(connection)
            said = {"revision": revision, "verb": verb.value, "by": by, "host": host, "reason": reason, "at": now}
            for name in sorted(deployments):
                row = {"deployment": name, **said}
                id_ = connection.execute(plain_insert(rollout_words).values(row).returning(rollout_words.c.id))
                facts = {"deployment": name, "revision": revision, "by": by, "host": host, "reason": chain.said(reason)}
                about = chain.Subject("rollout", int(id_.scalar_one()))
                chain.append(connection, f"rollout_{verb.value}", now=now, about=about, facts=facts)

        self._database.commit(work)


def _told(connection: Connection, row: RolloutRow, what: str, now: datetime) -> None:
    facts = {"deployment": row.deployment, "revision": row.revision, "state": what, "why": chain.said(row.trouble)}
    chain.append(connection, "rollout", now=now, facts=facts)


def _forget_files(connection: Connection, but: str = "") -> None:
    used = mapping_revisions.c.revision.not_in(select(rollout.c.revision))
    connection.execute(delete(mapping_revisions).where(used, mapping_revisions.c.revision != but))


def _row(row: Any) -> RolloutRow:
    deployment, revision, began_at, reached_at, trouble, soaks = row
    return RolloutRow(deployment, revision, began_at, reached_at, trouble, bool(soaks))


@codec.reader("what somebody said of a rollout")
def _word(row: Any) -> RolloutWord:
    revision, verb, *rest = row
    return RolloutWord(revision, RolloutVerb(verb), *rest)


def _files_to(files: Mapping[str, bytes]) -> codec.Json:
    return {"v": codec.VERSION, "files": {name: base64.b64encode(text).decode() for name, text in files.items()}}


@codec.reader("the mapping files of a revision")
def files_in(packed: bytes) -> dict[str, bytes]:
    """Unpack the files of a revision, as they are kept."""
    body = codec.versioned(codec.unpack(packed), "files")
    return {name: base64.b64decode(text, validate=True) for name, text in body["files"].items()}
