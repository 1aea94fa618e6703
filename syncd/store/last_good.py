"""The texts of the configuration and the mapping files that a daemon last used, so that a restart can go on with them.

They hold no secrets: the configuration only says where those are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from syncd.store import codec
from syncd.store.engine import insert
from syncd.store.schema import last_good


@dataclass(frozen=True, slots=True)
class GoodFiles:
    """What stood in the files: the configuration, and each mapping file by the name that people are shown."""

    config: str
    mappings: Mapping[str, str]


def keep(connection: Connection, path: str, files: GoodFiles, *, now: datetime) -> None:
    body = codec.pack(codec.dumps({"v": codec.VERSION, "config": files.config, "mappings": dict(files.mappings)}))
    new = {"body": body, "at": now}
    statement = insert(connection, last_good).values({"path": path} | new)
    connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=new))


def find(connection: Connection, path: str) -> tuple[GoodFiles, datetime] | None:
    row = connection.execute(select(last_good.c.body, last_good.c.at).where(last_good.c.path == path)).one_or_none()
    return None if row is None else (_files_from(codec.unpack(row.body)), row.at)


@codec.reader("the last good files")
def _files_from(body: codec.Json) -> GoodFiles:
    codec.versioned(body, "config", "mappings")
    return GoodFiles(body["config"], dict(body["mappings"]))
