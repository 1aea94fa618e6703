"""What the daemon keeps: which replicas live, what a person should see to, who asked for what, the last good files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from syncd.ports import Acknowledged, AlarmKey, AlarmRow, GoodFiles, Silence, Use
from syncd.store import codec
from syncd.store.daemon_schema import alarms, replicas, uses
from syncd.store.engine import Database, insert
from syncd.store.schema import last_good
from syncd.store.silences import acknowledge, acknowledged_of, add, end, lasting
from syncd.store.upkeep import upkeep


class DatabasePresence:
    """Implements `ports.Presence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- replicas: each says that it lives before its time runs out ---------------------------------------------------

    def beat(self, replica: str, *, ttl: timedelta) -> tuple[str, ...]:
        return self._database.commit(lambda c: _beat(c, replica, ttl=ttl, now=self._database.now(c)))

    def leave(self, replica: str) -> None:
        self._database.commit(lambda c: c.execute(delete(replicas).where(replicas.c.replica == replica)))

    def living(self) -> tuple[str, ...]:
        with self._database.read() as connection:
            alive = select(replicas.c.replica).where(replicas.c.until > self._database.now(connection))
            return tuple(sorted(connection.execute(alive).scalars()))

    # --- alarms: they outlive the daemon, which must not tell them again ----------------------------------------------

    def alarms(self) -> Mapping[AlarmKey, AlarmRow]:
        with self._database.read() as connection:
            rows = connection.execute(select(alarms).order_by(alarms.c.kind, alarms.c.subject))
            return {(row.kind, row.subject): _alarm_of(row) for row in rows}

    def save_alarms(self, changed: Mapping[AlarmKey, tuple[AlarmRow, AlarmRow | None]]) -> frozenset[AlarmKey]:
        # in one order, so that two replicas do not wait for each other
        return self._database.commit(
            lambda c: frozenset(
                key for key, (row, kept) in sorted(changed.items()) if _save_alarm(c, key, row, kept=kept)
            )
        )

    def clear_alarms(self, keys: Collection[AlarmKey]) -> frozenset[AlarmKey]:
        def work(connection: Connection) -> frozenset[AlarmKey]:
            gone = (delete(alarms).where(*_is(key)) for key in sorted(keys))
            return frozenset(
                key for key, each in zip(sorted(keys), gone, strict=True) if connection.execute(each).rowcount
            )

        return self._database.commit(work)

    # --- what people say of alarms ------------------------------------------------------------------------------------

    def silences(self) -> tuple[Silence, ...]:
        with self._database.read() as connection:
            return lasting(connection, now=self._database.now(connection))

    def acknowledge(self, key: AlarmKey, since: datetime, said: Acknowledged) -> bool:
        return self._database.commit(lambda c: acknowledge(c, key, since, said))

    def silence(self, silence: Silence, *, now: datetime) -> int:
        return self._database.commit(lambda c: add(c, silence, now=now))

    def unsilence(self, id_: int, *, by: str, now: datetime) -> bool:
        return self._database.commit(lambda c: end(c, id_, by=by, now=now))

    # --- uses of the API ----------------------------------------------------------------------------------------------

    def record_use(self, who: str, what: str, answer: int, *, now: datetime, detail: str = "") -> None:
        row = {"at": now, "who": who, "what": what, "answer": answer, "detail": detail}
        self._database.commit(lambda c: c.execute(insert(c, uses), row))

    def uses(self, limit: int, *, offset: int = 0) -> tuple[Use, ...]:
        newest = select(uses).order_by(uses.c.id.desc()).limit(limit).offset(offset)
        with self._database.read() as connection:
            rows = connection.execute(newest)
            return tuple(Use(row.id, row.at, row.who, row.what, row.answer, row.detail) for row in rows)

    # --- the last good files, so that a restart can go on with them: they hold no secrets, only where those are -------

    def keep_files(self, path: str, files: GoodFiles, *, now: datetime) -> None:
        text = codec.dumps({"v": codec.VERSION, "config": files.config, "mappings": dict(files.mappings)})
        new = {"body": codec.pack(text), "at": now}

        def work(connection: Connection) -> None:
            statement = insert(connection, last_good).values({"path": path} | new)
            connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=new))

        self._database.commit(work, alone=True)

    def last_files(self, path: str) -> tuple[GoodFiles, datetime] | None:
        mine = select(last_good.c.body, last_good.c.at).where(last_good.c.path == path)
        with self._database.read() as connection:
            row = connection.execute(mine).one_or_none()
        return None if row is None else (_files_from(codec.unpack(row.body)), row.at)

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def upkeep(self, *, before: datetime) -> Mapping[str, int]:
        return upkeep(self._database, before=before)


def _beat(connection: Connection, replica: str, *, ttl: timedelta, now: datetime) -> tuple[str, ...]:
    """Note that a replica lives for so long from now, and name all that do; forget those whose time is over."""
    statement = insert(connection, replicas).values(replica=replica, since=now, until=now + ttl)
    again = {"until": statement.excluded.until}
    connection.execute(statement.on_conflict_do_update(index_elements=["replica"], set_=again))
    connection.execute(delete(replicas).where(replicas.c.until <= now))
    return tuple(sorted(connection.execute(select(replicas.c.replica)).scalars()))


def _save_alarm(connection: Connection, key: AlarmKey, row: AlarmRow, *, kept: AlarmRow | None) -> bool:
    """Keep an alarm, if nobody told it since `kept`: of two replicas that look at the same time only one tells it."""
    values = {"text": row.text, "since": row.since, "notified_at": row.notified_at, "cleared_at": row.cleared_at}
    values |= {"is_bundled": row.is_bundled}
    if kept is None:
        new = insert(connection, alarms).values({"kind": key[0], "subject": key[1], **values})
        return connection.execute(new.on_conflict_do_nothing().returning(alarms.c.kind)).first() is not None
    same = update(alarms).where(*_is(key), alarms.c.notified_at == kept.notified_at)
    return connection.execute(same.values(values)).rowcount == 1


def _alarm_of(row: Row[Any]) -> AlarmRow:
    said = acknowledged_of(row)
    return AlarmRow(row.text, row.since, row.notified_at, row.cleared_at, row.is_bundled, said)


def _is(key: AlarmKey) -> tuple[ColumnElement[bool], ...]:
    return alarms.c.kind == key[0], alarms.c.subject == key[1]


@codec.reader("the last good files")
def _files_from(body: codec.Json) -> GoodFiles:
    codec.versioned(body, "config", "mappings")
    return GoodFiles(body["config"], dict(body["mappings"]))
