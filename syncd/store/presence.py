"""What the daemon keeps: which replicas live, what a person should see to, who asked for what, the last good files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, select, update

from syncd.ports import AlarmRow, GoodFiles, Use
from syncd.store import codec
from syncd.store.daemon_schema import alarms, replicas, uses
from syncd.store.engine import Database, insert
from syncd.store.schema import last_good
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

    def alarms(self) -> Mapping[tuple[str, str], AlarmRow]:
        with self._database.read() as connection:
            rows = connection.execute(select(alarms).order_by(alarms.c.kind, alarms.c.subject))
            return {(row.kind, row.subject): AlarmRow(row.text, row.since, row.notified_at) for row in rows}

    def save_alarm(
        self, kind: str, subject: str, text: str, *, since: datetime, notified_at: datetime, earlier: datetime | None
    ) -> bool:
        values = {"text": text, "since": since, "notified_at": notified_at}
        return self._database.commit(lambda c: _save_alarm(c, kind, subject, values=values, earlier=earlier))

    def clear_alarm(self, kind: str, subject: str) -> bool:
        gone = delete(alarms).where(*_is(kind, subject))
        return self._database.commit(lambda c: c.execute(gone).rowcount == 1)

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


def _save_alarm(
    connection: Connection, kind: str, subject: str, *, values: Mapping[str, object], earlier: datetime | None
) -> bool:
    """Keep an alarm, if nobody told it since `earlier`: of two replicas that look at the same time only one tells it."""
    if earlier is None:
        new = insert(connection, alarms).values({"kind": kind, "subject": subject, **values})
        return connection.execute(new.on_conflict_do_nothing().returning(alarms.c.kind)).first() is not None
    same = update(alarms).where(*_is(kind, subject), alarms.c.notified_at == earlier)
    return connection.execute(same.values(values)).rowcount == 1


def _is(kind: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    return alarms.c.kind == kind, alarms.c.subject == subject


@codec.reader("the last good files")
def _files_from(body: codec.Json) -> GoodFiles:
    codec.versioned(body, "config", "mappings")
    return GoodFiles(body["config"], dict(body["mappings"]))
