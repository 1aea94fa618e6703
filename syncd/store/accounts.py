"""For whom the accounts were made that syncd made: by the id of the person, because logins and e-mails change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, true

from syncd.model import MadeAccount, key
from syncd.store.engine import insert
from syncd.store.schema import accounts

BATCH = 500
"""How many names or e-mails are asked for in one statement."""


def made_accounts(
    connection: Connection, deployment: str, *, ids: Collection[str] | None, emails: Collection[str]
) -> tuple[MadeAccount, ...]:
    """List the accounts made there, sorted by name: all of them, or those made for these ids of people or with these
    e-mails (of any source and letter case: a few too many). E-mails are kept as `key` gives them."""
    found: dict[str, MadeAccount] = {}
    for which in _choices(ids, emails):
        columns = accounts.c.name, accounts.c.source, accounts.c.person, accounts.c.email
        rows = connection.execute(select(*columns).where(accounts.c.deployment == deployment, which))
        found |= {row.name: MadeAccount(row.name, (row.source, row.person), row.email) for row in rows}
    return tuple(found[name] for name in sorted(found))


def _choices(ids: Collection[str] | None, emails: Collection[str]) -> Iterator[ColumnElement[bool]]:
    if ids is None:
        yield true()
        return
    for column, wanted in ((accounts.c.person, sorted(ids)), (accounts.c.email, sorted({key(e) for e in emails}))):
        for start in range(0, len(wanted), BATCH):
            yield column.in_(wanted[start : start + BATCH])


def remember_accounts(connection: Connection, deployment: str, made: Iterable[MadeAccount], *, now: datetime) -> None:
    """Keep for whom accounts are made; of a name that is known already, for whom it is from now on."""
    rows = [
        {
            "deployment": deployment,
            "name": account.name,
            "source": account.who[0],
            "person": account.who[1],
            "email": account.email,
            "at": now,
        }
        for account in sorted(made, key=lambda account: account.name)
    ]
    if rows:
        statement = insert(connection, accounts)
        new = {column: statement.excluded[column] for column in ("source", "person", "email", "at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["deployment", "name"], set_=new), rows)
