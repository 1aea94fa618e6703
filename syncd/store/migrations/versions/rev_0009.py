"""Revision 0009: user names are one name where only A to Z differ, and not where all that Unicode folds does.

`straße` and `strasse` are two accounts to an Airflow. What each change was about is known, and so is what it brought; what was
adopted, and no change brought, keeps the name it was kept under.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from string import ascii_uppercase

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

BATCH = 5_000
_SMALL = {ord(great): great.lower() for great in ascii_uppercase}

_changes = sa.table("changes", *map(sa.column, ("id", "plan_id", "subject", "name", "before", "after")))
_plans = sa.table("plans", *map(sa.column, ("id", "deployment")))
_ownership = sa.table("ownership", *map(sa.column, ("id", "kind", "name", "change_id")))
_accounts = sa.table("accounts", *map(sa.column, ("deployment", "name")))


def upgrade() -> None:
    connection = op.get_bind()
    new = dict(_renamed(connection))
    _rename_things(connection, {id_: (old, name) for id_, (_, old, name) in new.items()})
    _rename_accounts(connection, new.values())


def _renamed(connection: sa.Connection) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Give, by the id of each change of an account that has another name now, its deployment, the old and the new name."""
    last = 0
    columns = _changes.c.id, _changes.c.name, _changes.c.before, _changes.c.after, _plans.c.deployment
    while True:
        rows = connection.execute(
            sa.select(*columns)
            .join_from(_changes, _plans, _plans.c.id == _changes.c.plan_id)
            .where(_changes.c.subject == "user", _changes.c.id > last)
            .order_by(_changes.c.id)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        last = rows[-1].id
        for row in rows:
            name = _name(row.after or row.before)
            if name != row.name:
                yield row.id, (row.deployment, row.name, name)


def _name(body: str) -> str:
    return str(json.loads(body)["user"][0]).translate(_SMALL)


def _rename_things(connection: sa.Connection, new: Mapping[int, tuple[str, str]]) -> None:
    for id_, (old, name) in new.items():
        connection.execute(sa.update(_changes).where(_changes.c.id == id_).values(name=name))
        brought = _ownership.c.change_id == id_, _ownership.c.name == old, _ownership.c.kind != "role"
        connection.execute(sa.update(_ownership).where(*brought).values(name=name))


def _rename_accounts(connection: sa.Connection, new: Iterable[tuple[str, str, str]]) -> None:
    """Rename an account that was made for somebody, where only one name can be meant."""
    meant: dict[tuple[str, str], set[str]] = {}
    for deployment, old, name in new:
        meant.setdefault((deployment, old), set()).add(name)
    for (deployment, old), names in meant.items():
        if len(names) == 1:
            this = _accounts.c.deployment == deployment, _accounts.c.name == old
            connection.execute(sa.update(_accounts).where(*this).values(name=names.pop()))
