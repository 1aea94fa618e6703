"""Asking the limits over several deployments: what counts there already, whose accounts are meant, and the claim of a pass."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache, partial

from syncd.errors import DeploymentBusy
from syncd.model import Dialect, PersonKey, Plan
from syncd.plan.areas import Moved, Movers, SoFar, fits, together
from syncd.plan.effect import stayers
from syncd.plan.given import Everywhere
from syncd.plan.guard import WINDOW, Guarded
from syncd.plan.limits import LimitArea
from syncd.plan.lost import Losses
from syncd.ports import MovedThere, PassClaim
from syncd.reconcile.state import Comparison, Pass, ThingsThere

TRIES = 8
"""So often a pass judges anew because others claimed something in the meantime, and then leaves it to the next pass."""


def areas_here(this: Pass) -> tuple[LimitArea, ...]:
    """Give the areas that the deployment is in."""
    return tuple(area for area in this.world.areas if this.name in area.deployments)


def whom_it_moves(this: Pass, plan: Plan, there: ThingsThere) -> Movers | None:
    """Say how to tell whose an account is; None: there are no limits over several deployments."""
    if not areas_here(this):
        return None
    made = {account.name: account.who for account in there.made}
    earlier = this.earlier.whose if this.earlier else {}

    def person(name: str) -> str:
        for who in (made.get(name), *this.whose.get(name, ())[:1], *earlier.get(name, ())[:1]):
            if who is not None:
                return _one_word(this, who)
        return name

    return Movers(cache(person), cache(partial(stayers, there.observed, plan.changes)))


def _one_word(this: Pass, who: PersonKey) -> str:
    """Tell a person by the first of their identities, so that it is the same whichever of them names an account."""
    person = this.directory.persons.get(who)
    accounts = [(one.source, one.id) for one in person.accounts] if person else [who]
    return ":".join(min(accounts))


def judged(
    this: Pass, there_is: bool, again: Collection[int], judge: Callable[[tuple[SoFar, ...]], Guarded]
) -> Guarded:
    """Judge a plan with what counts in each area, and claim what may go, so that who judges at the same time counts it.

    `there_is` says whether the plan has anything that could count.

    Raises:
        DeploymentBusy: others claimed something each time.
    """
    areas = areas_here(this)
    if not areas or not there_is:
        return judge(())
    since = this.world.clock() - WINDOW
    for _ in range(TRIES):
        moved = this.journal.claims.moved_since(since, deployment=this.name, run=this.run, but=again)
        guarded = judge(_so_far(this, areas, moved))
        if this.lease is None or _claims(this, guarded.moves, again=again):
            return guarded
    raise DeploymentBusy(
        f"{this.name}: others use the limits over several deployments just now; the next pass decides anew"
    )


def note_managed(this: Pass, seen: Comparison, dialect: Dialect, *, dags: int) -> None:
    """Note how many rights people have there by us, for the share of those that are lost or given in an area."""
    if areas_here(this):
        roles, everywhere = seen.observed.roles, Everywhere(frozenset(dialect.everywhere.values()), dags)
        rights = Losses(roles, roles, everywhere=everywhere).managed(seen.owned.grants)
        this.journal.claims.note_rights(this.name, rights, now=this.world.clock())


def _claims(this: Pass, moved: Moved, *, again: Collection[int]) -> bool:
    assert this.lease is not None, "only who has the lease claims"
    areas, since = areas_here(this), this.world.clock() - WINDOW
    return this.journal.claims.claim(
        PassClaim(this.run, this.lease, moved),
        since=since,
        but=again,
        fits=lambda found: fits(moved, _so_far(this, areas, found)),
    )


def _so_far(this: Pass, areas: tuple[LimitArea, ...], moved: MovedThere) -> tuple[SoFar, ...]:
    claims = this.journal.claims
    return tuple(
        SoFar(
            area,
            together(found for name, found in moved.items() if name in area.deployments),
            cache(partial(claims.people, area.deployments)),
            cache(partial(claims.rights, area.deployments)),
        )
        for area in areas
    )
