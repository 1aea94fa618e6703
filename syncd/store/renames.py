"""Which roles a deployment had at the last pass over everything, and which of ours seem to have another name now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from syncd.store import codec
from syncd.store.engine import insert
from syncd.store.schema import renamed_roles, seen_roles


def roles_seen(connection: Connection, deployment: str) -> frozenset[str] | None:
    """Name the roles of the last pass; None where none was kept."""
    names = connection.execute(select(seen_roles.c.names).where(seen_roles.c.deployment == deployment)).scalar()
    return None if names is None else frozenset(codec.loads(names))


def sound_roles(connection: Connection, deployment: str) -> Mapping[str, str]:
    """Give what the roles meant that held no more than that."""
    text = connection.execute(select(seen_roles.c.sound).where(seen_roles.c.deployment == deployment)).scalar()
    return codec.loads(text) if text else {}


def save_roles_seen(
    connection: Connection, deployment: str, names: Collection[str], *, sound: Mapping[str, str]
) -> None:
    new = {"names": codec.dumps(sorted(names)), "sound": codec.dumps(dict(sound))}
    statement = insert(connection, seen_roles).values(new | {"deployment": deployment})
    connection.execute(statement.on_conflict_do_update(index_elements=["deployment"], set_=new))


def all_renamed(connection: Connection, deployment: str) -> Mapping[str, str]:
    """Give by the new name the old one."""
    rows = connection.execute(select(renamed_roles).where(renamed_roles.c.deployment == deployment))
    return {row.new: row.old for row in rows}


def remember(connection: Connection, deployment: str, renames: Mapping[str, str], *, now: datetime) -> None:
    for new, old in sorted(renames.items()):
        row = {"deployment": deployment, "new": new, "old": old, "at": now}
        connection.execute(insert(connection, renamed_roles).values(row).on_conflict_do_nothing())


def forget(connection: Connection, deployment: str, names: Collection[str]) -> None:
    """Forget that these new names stand for anything."""
    here = renamed_roles.c.deployment == deployment
    connection.execute(delete(renamed_roles).where(here, renamed_roles.c.new.in_(sorted(names))))
