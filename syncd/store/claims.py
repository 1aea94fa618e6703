"""Claims of the limits over several deployments: made and compared in one transaction, so that two passes cannot both slip under.

A claim counts as long as the lease under which it was made holds: its process is alive and nobody took the lease over. What was
begun counts by the journal; of a run whose claim counts, what it began after making it is in the claim. So a claim needs no end
of its own: a pass that ends, well or by a kill, leaves what it really did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, or_, select, text

from syncd.plan.areas import Moved, together
from syncd.ports import MovedThere, PassClaim
from syncd.store import codec
from syncd.store.counted import MAYBE_DONE
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared
from syncd.store.processes import Process
from syncd.store.schema import accounts, changes, leases, ownership, plans
from syncd.store.schema_claims import claims, managed

_LOCK = 7_305_812
"""Any number will do: the advisory lock under which claims are made on PostgreSQL. SQLite's writers are alone anyway."""
SILENT = timedelta(hours=1)
"""A lease that was not renewed for so long holds no claim any more, on whichever host its process was."""


class DatabaseClaims:
    """Implements `ports.Claims`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def moved_since(
        self, since: datetime, *, deployment: str = "", run: int = 0, but: Collection[int] = ()
    ) -> MovedThere:
        with self._database.read() as connection:
            return _moved(connection, since, (deployment, run), but, now=self._database.now(connection))

    def claim(
        self, claim: PassClaim, *, since: datetime, but: Collection[int] = (), fits: Callable[[MovedThere], bool]
    ) -> bool:
        place = claim.lease.name, claim.run
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            now = self._database.now(connection)
            is_fitting = fits(_moved(connection, since, place, but, now=now))
            _forget(connection, place, claim.lease.fence)
            if is_fitting and claim.moved:
                connection.execute(insert(connection, claims).values(_row(connection, claim, now)))
            return is_fitting

    def people(self, deployments: Collection[str]) -> int:
        with self._database.read() as connection:
            return int(connection.execute(_people, {"among": sorted(deployments)}).scalar_one())

    def rights(self, deployments: Collection[str]) -> int:
        noted = select(func.sum(managed.c.rights)).where(managed.c.deployment.in_(sorted(deployments)))
        with self._database.read() as connection:
            return int(connection.execute(noted).scalar() or 0)

    def note_rights(self, deployment: str, rights: int, *, now: datetime) -> None:
        [*known] = self._database.rows(_noted, at=deployment)
        if known and known[0][0] == rights:
            return
        new = {"rights": rights, "at": now}
        self._database.commit(
            lambda c: c.execute(
                insert(c, managed)
                .values(new | {"deployment": deployment})
                .on_conflict_do_update(index_elements=["deployment"], set_=new)
            )
        )


_noted = Prepared(select(managed.c.rights).where(managed.c.deployment == bindparam("at")), "at")
_theirs = and_(accounts.c.deployment == ownership.c.deployment, accounts.c.name == ownership.c.name)
_people = (
    select(func.count(func.distinct(func.coalesce(accounts.c.source + ":" + accounts.c.person, ownership.c.name))))
    .select_from(ownership.outerjoin(accounts, _theirs))
    .where(
        ownership.c.kind == "grant",
        ownership.c.until.is_(None),
        ownership.c.deployment.in_(bindparam("among", expanding=True)),
    )
)
_claimed = select(
    claims,
    leases.c.fence.label("fence_now"),
    *(leases.c[name] for name in ("held", "host", "pid_space", "pid", "process_started", "renewed_at")),
).join(leases, leases.c.deployment == claims.c.deployment)
_done = (
    select(
        changes.c.id,
        changes.c.counts_for,
        plans.c.run_id,
        changes.c.subject,
        changes.c.name,
        changes.c.people,
        changes.c.gainers,
        changes.c.lost_rights,
        changes.c.rights,
        changes.c.persons,
    )
    .join(plans, plans.c.id == changes.c.plan_id)
    .where(changes.c.counts_for.is_not(None), changes.c.moved_at >= bindparam("since"))
    .where(or_(*(changes.c.status == status for status in MAYBE_DONE)))
)
_done_since = Prepared(_done, "since")


def _moved(
    connection: Connection, since: datetime, mine: tuple[str, int], but: Collection[int], *, now: datetime
) -> dict[str, Moved]:
    standing = [
        row for row in connection.execute(_claimed) if (row.deployment, row.run_id) != mine and _counts(row, now)
    ]
    later = {(row.deployment, row.run_id): row.after_change for row in standing}
    found: dict[str, list[Moved]] = {}
    for row in standing:
        found.setdefault(row.deployment, []).append(_claim_moves(row))
    for id_, deployment, run, *counted in _done_since.rows(connection, since=since):
        if id_ not in but and id_ <= later.get((deployment, run), id_):
            found.setdefault(deployment, []).append(_change_moved(id_, *counted))
    return {deployment: together(each) for deployment, each in found.items()}


def _counts(row: Row[Any], now: datetime) -> bool:
    """Say whether a claim's lease still holds, whoever has it."""
    process = Process(row.host, row.pid_space, row.pid, row.process_started)
    return bool(row.held) and row.fence == row.fence_now and row.renewed_at > now - SILENT and not process.is_gone()


def _claim_moves(row: Row[Any]) -> Moved:
    losers, gainers = claimed_persons(row.persons)
    return Moved(losers, gainers, row.lost_rights, row.rights)


@codec.reader("whom a pass is about to move")
def claimed_persons(packed: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """Unpack who is about to lose, and who to gain, as a claim keeps them."""
    losers, gainers = codec.unpack(packed)
    return frozenset(losers), frozenset(gainers)


def _change_moved(
    id_: int,
    subject: str,
    name: str,
    people: int | None,
    gainers: int | None,
    lost: int | None,
    given: int | None,
    persons: str | None,
) -> Moved:
    """Give what a change moved; of whom nobody noted who they are, each counts as another person."""
    who = frozenset(codec.loads(persons)) if persons else frozenset(_unnamed(id_, subject, name, people, gainers))
    none = frozenset[str]()
    return Moved(who if people else none, who if gainers else none, lost or 0, given or 0)


def _unnamed(id_: int, subject: str, name: str, people: int | None, gainers: int | None) -> Iterator[str]:
    if subject == "user":
        yield name
        return
    yield from (f"{id_}.{n}" for n in range(max(people or 0, gainers or 0)))


def _forget(connection: Connection, place: tuple[str, int], fence: int) -> None:
    """Delete the claim of this run, and those there of leases of before."""
    deployment, run = place
    here = claims.c.deployment == deployment
    connection.execute(delete(claims).where(here, or_(claims.c.run_id == run, claims.c.fence < fence)))


def _row(connection: Connection, claim: PassClaim, now: datetime) -> dict[str, object]:
    last = connection.execute(select(func.max(changes.c.id))).scalar() or 0
    moved = claim.moved
    return {
        "deployment": claim.lease.name,
        "run_id": claim.run,
        "fence": claim.lease.fence,
        "at": now,
        "after_change": last,
        "persons": codec.pack(codec.dumps([sorted(moved.losers), sorted(moved.gainers)])),
        "lost_rights": moved.lost,
        "rights": moved.given,
    }
