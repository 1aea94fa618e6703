"""Names in an order that nobody has: an order about them does nothing, which must not read as done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from syncd.directory.usernames import username_of
from syncd.model import Dag, Identity, key
from syncd.reconcile.state import Comparison, Pass
from syncd.reconcile.world import World
from syncd.text.strict import did_you_mean

MOST_HINTS = 20_000
"""Among more names than that none is looked for that is close: it would take seconds."""


def strangers(world: World, words: Collection[str]) -> tuple[str, ...]:
    """Say of each of these words that no source calls a person so, and syncd gave nothing to an account of that name.

    Asked after the sources were read; it reads what they said last, and what is owned on the deployments of this world.
    """
    if not words:
        return ()
    people = [
        identity
        for source in world.sources
        if (snapshot := world.journal.readings.last_snapshot(source.name))
        for identity in snapshot.identities
    ]
    known = {key(name) for identity in people for name in _names(world, identity)}
    unknown = [word for word in sorted(words) if key(word) not in known]
    ours = _ours(world, frozenset(map(key, unknown)))
    close = {name for i in people for name in (i.login, i.email) if name} if len(people) <= MOST_HINTS else set()
    return tuple(
        f'no source knows "{word}", and syncd gave nothing to an account of that name; nothing was done'
        f"{did_you_mean(word, close)}"
        for word in unknown
        if key(word) not in ours
    )


def strange_dags(this: Pass, inventory: Iterable[Dag], seen: Comparison) -> dict[str, str]:
    """Give the DAGs that a pass is about and the server has not, nor any role anything on them, each with what was meant."""
    if not this.scope.dags or this.unread is not None:
        return {}
    there = {dag.id for dag in inventory}
    held = {p.dag for role in seen.observed.roles.values() for p in role.permissions}
    return {dag: did_you_mean(dag, there) for dag in sorted(this.scope.dags - there - held)}


def _names(world: World, identity: Identity) -> Iterator[str]:
    """Give what a person may be called by: at the source, and as an account."""
    yield from (identity.id, identity.login, identity.email)
    for template in {target.deployment.username for target in world.targets}:
        yield username_of(identity, template)


def _ours(world: World, names: frozenset[str]) -> frozenset[str]:
    """Name those of which syncd made the account, or gave it something, on any deployment."""
    found: set[str] = set()
    for target in world.targets if names else ():
        facts = world.journal.places.place(target.deployment.name, target.address).facts
        owned = world.journal.holdings.owned(facts, usernames=names)
        found |= {key(user) for user in owned.users} | set(owned.grants)
    return frozenset(found)
