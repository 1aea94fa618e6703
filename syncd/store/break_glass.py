"""What was last seen of break-glass accounts, and the record of each use."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from syncd.model import KeptSignIns, SignIns
from syncd.store import chain
from syncd.store.daemon_schema import break_glass
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared


class DatabaseBreakGlass:
    """Implements `ports.BreakGlass`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, deployment: str) -> Mapping[str, KeptSignIns]:
        rows = self._database.rows(_seen, at=deployment)
        return {
            name: KeptSignIns(SignIns(times, failed, last), since, noticed, noticed_at)
            for name, times, failed, last, since, noticed, noticed_at in rows
        }

    def keep(self, deployment: str, found: Mapping[str, KeptSignIns]) -> None:
        self._database.commit(lambda c: _keep(c, deployment, found))


_columns = (
    break_glass.c.name,
    break_glass.c.times,
    break_glass.c.failed,
    break_glass.c.last,
    break_glass.c.since,
    break_glass.c.noticed,
    break_glass.c.noticed_at,
)
_seen = Prepared(select(*_columns).where(break_glass.c.deployment == bindparam("at")), "at")


def _keep(connection: Connection, deployment: str, found: Mapping[str, KeptSignIns]) -> None:
    for name, kept in sorted(found.items()):
        new = {
            "times": kept.said.times,
            "failed": kept.said.failed,
            "last": kept.said.last,
            "since": kept.since,
            "noticed": kept.noticed,
            "noticed_at": kept.noticed_at,
        }
        first = insert(connection, break_glass).values({"deployment": deployment, "name": name, **new})
        connection.execute(first.on_conflict_do_update(index_elements=["deployment", "name"], set_=new))
        if kept.noticed_at is not None and kept.noticed_at == kept.since:
            facts = {"deployment": deployment, "name": name, "what": chain.said(kept.noticed)}
            chain.append(connection, "break_glass_used", now=kept.since, facts=facts)
