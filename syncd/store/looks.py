"""What was seen last of each deployment: in parts, each written only where it is another one than before.

A look at everything brings all parts; one at a few people a row for each of them, which counts over the part until everybody
is looked at again. What another process saw later already stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, or_, select, update

from syncd.model import Dag, LastSeen, Learned, Role, SeenDags, Sighting, VanishedDag
from syncd.plan.given import LateRoles, SeenRoles
from syncd.store import codec, past
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared
from syncd.store.schema_looks import look_people, looks

ABILITIES, DAGS, ROLES, PEOPLE = "abilities", "dags", "roles", "people"
_Parts = Mapping[str, tuple[str, datetime]]
"""By part: the digest of what is kept, and when it was last seen so."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One part that a look brought."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        return codec.digest(self.text)


class DatabaseLooks:
    """Implements `ports.Looks`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: dict[str, tuple[tuple[str, ...], SeenRoles]] = {}
        """By deployment what rights were counted, and the digests of abilities, DAGs and roles by which that is so."""

    def keep(self, deployment: str, look: Sighting) -> None:
        parts = tuple(_parts(look))
        known = {part: (digest, at) for part, digest, at in self._database.rows(_digests, at=deployment)}
        changed = [p for p in parts if p.name not in known or known[p.name][0] != p.digest]
        rows = list(_rows(deployment, look))

        def work(connection: Connection) -> None:
            _keep_parts(connection, deployment, parts, known=_known(connection, deployment), now=look.at)
            _keep_people(connection, deployment, rows, look=look)

        self._database.commit(work, alone=bool(changed))

    def last(self, deployment: str) -> LastSeen | None:
        found = {part: (body, at) for part, body, at in self._database.rows(_bodies, at=deployment)}
        if not {ABILITIES, DAGS, ROLES, PEOPLE} <= found.keys():
            return None
        read = {part: codec.unpack(body) for part, (body, _) in found.items()}
        users, unclear = codec.people_from(read[PEOPLE])
        for name, body in self._database.rows(_people, at=deployment):
            codec.person_over(name, codec.loads(body), users, unclear)
        learned, own = codec.abilities_from(read[ABILITIES])
        return LastSeen(
            deployment,
            Learned(learned),
            users,
            codec.roles_from(read[ROLES]),
            codec.dags_from(read[DAGS]),
            people_at=found[PEOPLE][1],
            roles_at=found[ROLES][1],
            dags_at=found[DAGS][1],
            own_account=own,
            unclear=unclear,
            vanished=codec.vanished_from(read[DAGS]),
        )

    def listed(self, deployment: str) -> SeenDags | None:
        found = {part: (body, at) for part, body, at in self._database.rows(_short_bodies, at=deployment)}
        if not {ABILITIES, DAGS, ROLES, PEOPLE} <= found.keys():
            return None
        learned, _ = codec.abilities_from(codec.unpack(found[ABILITIES][0]))
        seen_at = min(at for part, (_, at) in found.items() if part != ABILITIES)
        return SeenDags(Learned(learned), codec.dags_from(codec.unpack(found[DAGS][0])), seen_at)

    def dags(self, deployment: str) -> tuple[Dag, ...]:
        return next((codec.dags_from(codec.unpack(body)) for body in self._listings(deployment)), ())

    def roles(self, deployment: str) -> SeenRoles | None:
        digests = {part: digest for part, digest, _ in self._database.rows(_digests, at=deployment)}
        if not {ABILITIES, DAGS, ROLES, PEOPLE} <= digests.keys():
            return None
        now = digests[ABILITIES], digests[DAGS], digests[ROLES]
        known_by, seen = self._counted.get(deployment, ((), None))
        if seen is None or known_by != now:
            seen = SeenRoles({}, len(self.dags(deployment)), {})
            self._counted[deployment] = now, seen
        return replace(seen, roles=LateRoles(lambda: self._roles(deployment)))  # those are much to keep

    def _roles(self, deployment: str) -> dict[str, Role]:
        [body] = (body for part, body, _ in self._database.rows(_bodies, at=deployment) if part == ROLES)
        return codec.roles_from(codec.unpack(body))

    def vanished(self, deployment: str) -> tuple[VanishedDag, ...]:
        return next((codec.vanished_from(codec.unpack(body)) for body in self._listings(deployment)), ())

    def _listings(self, deployment: str) -> Iterator[bytes]:
        return (body for part, body, _ in self._database.rows(_bodies, at=deployment) if part == DAGS)


def _parts(look: Sighting) -> Iterator[_Part]:
    """Give the parts that a look brought: those that it looked at whole."""
    observed = look.observed
    yield _Part(ABILITIES, codec.dumps(codec.abilities_to(look.learned, look.own_account)))
    if look.dags is not None:
        yield _Part(DAGS, codec.dumps(codec.dags_to(look.dags, look.vanished)))
    if observed.scope.everything or observed.scope.dags:
        yield _Part(ROLES, codec.dumps(codec.roles_to(observed.roles)))
    if observed.scope.everything:
        yield _Part(PEOPLE, codec.dumps(codec.people_to(observed)))


def _rows(deployment: str, look: Sighting) -> Iterator[dict[str, Any]]:
    """Give a row for each of the people whom a look at a few was about."""
    for name in sorted(look.observed.scope.usernames or ()):
        body = codec.dumps(codec.person_to(name, look.observed))
        yield {"deployment": deployment, "name": name, "body": body, "at": look.at}


def _known(connection: Connection, deployment: str) -> _Parts:
    return {part: (digest, at) for part, digest, at in _digests.rows(connection, at=deployment)}


def _keep_parts(
    connection: Connection, deployment: str, parts: tuple[_Part, ...], *, known: _Parts, now: datetime
) -> None:
    """Write the parts that are other ones than before, and of the rest only that they were seen again."""
    for part in parts:
        digest, at = known.get(part.name, ("", now))
        if at > now:
            continue
        if digest == part.digest:
            same = looks.c.deployment == deployment, looks.c.part == part.name
            connection.execute(update(looks).where(*same).values(at=now))
            continue
        new = {"digest": part.digest, "body": codec.pack(part.text), "at": now}
        if part.name == DAGS:
            _note_dags(connection, deployment, part, packed=new["body"], now=now)
        row = insert(connection, looks).values(new | {"deployment": deployment, "part": part.name})
        connection.execute(row.on_conflict_do_update(index_elements=["deployment", "part"], set_=new))


def _note_dags(connection: Connection, deployment: str, part: _Part, *, packed: Any, now: datetime) -> None:
    """Note what changed in the list of DAGs, ahead of its being kept."""
    here = looks.c.deployment == deployment, looks.c.part == DAGS
    before = connection.execute(select(looks.c.body).where(*here)).scalar()
    if before is None:
        past.note_whole(connection, past.DAGS, deployment, now, packed)
        return
    patch = codec.dags_patch(codec.unpack(before), codec.loads(part.text))
    if patch is not None:
        body = codec.pack(codec.dumps(patch))
        past.note(connection, past.DAGS, deployment, now, patch=body, whole=lambda: packed)


def _keep_people(connection: Connection, deployment: str, rows: list[dict[str, Any]], *, look: Sighting) -> None:
    here = look_people.c.deployment == deployment
    if look.observed.scope.everything:
        connection.execute(delete(look_people).where(here, look_people.c.at <= look.at))
    for row in rows:
        new = {"body": row["body"], "at": row["at"]}
        kept = insert(connection, look_people).values(row)
        is_older = look_people.c.at <= look.at
        connection.execute(kept.on_conflict_do_update(index_elements=["deployment", "name"], set_=new, where=is_older))


_here = looks.c.deployment == bindparam("at")
_digests = Prepared(select(looks.c.part, looks.c.digest, looks.c.at).where(_here), "at")
_bodies = Prepared(select(looks.c.part, looks.c.body, looks.c.at).where(_here), "at")
_short = case((or_(looks.c.part == ABILITIES, looks.c.part == DAGS), looks.c.body))
_short_bodies = Prepared(select(looks.c.part, _short, looks.c.at).where(_here), "at")
_people = Prepared(
    select(look_people.c.name, look_people.c.body)
    .where(look_people.c.deployment == bindparam("at"))
    .order_by(look_people.c.name),
    "at",
)
