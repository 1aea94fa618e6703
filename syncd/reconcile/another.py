"""Whether another installation works on the deployment of a pass: what this look finds of it is kept, and it is told."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.model import DesiredState, ObservedState
from syncd.plan.another import (
    RivalSign,
    another_installation,
    done_alike,
    newly_given,
    second_roles,
    undone,
)
from syncd.plan.contested import off_dags
from syncd.plan.rivals import not_by_logins
from syncd.reconcile.state import Pass, ThingsThere


def find_rivals(this: Pass, desired: DesiredState, there: ThingsThere) -> None:
    """Keep what a look at everything finds of another installation; only the first look of a pass that counts does."""
    if found := tuple(_signs(this, desired, there)):
        this.journal.memory.note_signs(this.name, found, now=this.world.clock())
        this.emit("another_installation_signs", kinds=[sign.kind.value for sign in found])


def rival(this: Pass) -> str:
    """Say why another installation most likely works there too; empty: nothing says so."""
    return another_installation(this.journal.memory.signs(this.facts), now=this.world.clock())


def _signs(this: Pass, desired: DesiredState, there: ThingsThere) -> Iterator[RivalSign]:
    at, observed, earlier = this.world.clock(), there.observed, this.earlier
    if earlier is None or not observed.scope.everything:
        return
    yield from second_roles(observed, this.journal.memory.roles_seen(this.facts), at=at)
    yield from undone(_gone(this, desired, observed), off_dags(this.came), at=at)
    newly = newly_given(desired, observed, earlier, there.owned, built_in=this.naming.built_in_roles)
    if newly and (last := this.journal.looks.last(this.facts)):
        yield from done_alike(newly, last.users, at=at)


def _gone(this: Pass, desired: DesiredState, observed: ObservedState) -> Iterator[str]:
    yield from off_dags(this.gone)
    for grant in not_by_logins(this.taken, desired, observed):
        yield f"{grant.role} from {grant.username}"
