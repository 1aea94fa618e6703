"""What other hands do against a pass: taken note of, and yielded to; see plan/contested.py."""

from __future__ import annotations

from dataclasses import replace

from syncd.errors import TargetUnavailable
from syncd.model import DesiredState, LoggedEdit, ObservedState
from syncd.plan import another
from syncd.plan.contested import ByRole, give_way, given_back, taken_back
from syncd.plan.modes import modes_of
from syncd.plan.own_acts import OwnActs, own_acts
from syncd.plan.rivals import YIELD_AFTER, likely_culprits, taken_grants, tallied, yield_grants
from syncd.plan.witnesses import said_of_grants, said_of_permissions, who_took
from syncd.ports import TargetReader
from syncd.reconcile.another import find_rivals, rival
from syncd.reconcile.state import Pass, ThingsThere


def yield_to_others(
    this: Pass, desired: DesiredState, observed: ObservedState, *, ours: frozenset[str], count: bool
) -> DesiredState:
    """Want nothing for now that another hand undoes each time. `count` takes note of what it undid since the last pass."""
    journal, now = this.journal, this.world.clock()
    if count and this.scope.everything:
        this.gone, this.came = contest(this, desired, observed, ours=ours, own=this.own)
    losses, gains = journal.memory.losses(this.facts), journal.memory.gains(this.facts)
    return give_way(desired, observed, losses=losses, gains=gains, now=now, never=this.naming.is_privileged)


def contest(
    this: Pass, desired: DesiredState, observed: ObservedState, *, ours: frozenset[str], own: OwnActs
) -> tuple[ByRole, ByRole]:
    """Take note of what another hand took or gave since the last pass, and of what was put right; where the mode lets us.
    Gives what it took and gave, by role."""
    modes = modes_of(desired, this.target.deployment)
    ours = frozenset() if modes.add_only else ours - modes.kept
    wanted = {name: role for name, role in desired.roles.items() if name not in modes.observed}
    desired = replace(desired, roles=wanted) if modes.observed else desired
    memory, now, earlier = this.journal.memory, this.world.clock(), this.earlier
    losses = taken_back(desired, observed, earlier=earlier, losses=memory.losses(this.facts), now=now, own=own)
    gains = given_back(desired, observed, earlier=earlier, ours=ours, gains=memory.gains(this.facts), now=now, own=own)
    memory.contest(this.name, losses=losses, gains=gains, now=now)
    return losses.counted, gains.counted


def acts_since(this: Pass) -> OwnActs:
    """Say what we ourselves did there since the last pass that reached what was wanted."""
    return own_acts(this.journal.ledger.done_since_reached(this.facts))


def yield_people(
    this: Pass, reader: TargetReader, desired: DesiredState, there: ThingsThere, *, count: bool
) -> DesiredState:
    """Want no grant for now that another hand takes each time. `count` takes note of those that it took since the last pass."""
    memory, now, observed = this.journal.memory, this.world.clock(), there.observed
    if count and this.scope.everything and observed.scope.everything:
        this.taken = taken = taken_grants(desired, observed, this.earlier, ours=there.owned.grants)
        this.culprits = _culprits(this, reader, desired, observed)
        find_rivals(this, desired, there)
        memory.contest_grants(this.name, tallied(taken, memory.lost_grants(this.name), observed, now=now), now=now)
    why = rival(this)
    after = another.YIELD_AFTER if why else YIELD_AFTER
    notes = (another.note(why),) if why and this.scope.everything else ()
    desired = replace(desired, notes=(*desired.notes, *notes))
    return yield_grants(desired, observed, memory.lost_grants(this.facts), now=now, after=after)


def _culprits(this: Pass, reader: TargetReader, desired: DesiredState, observed: ObservedState) -> tuple[str, ...]:
    """Say who took what from people, and from roles: as the log of the server says, else who most likely did."""
    edits = _edits(this, reader) if this.taken or this.gone or this.came else ()
    known = who_took(this.taken, edits, desired)
    others = likely_culprits(this.taken - known.keys(), desired, observed)
    return (*said_of_grants(known), *said_of_permissions(this.gone, this.came, edits), *others)


def _edits(this: Pass, reader: TargetReader) -> tuple[LoggedEdit, ...]:
    """Ask the server's own log for edits since the last look; where it cannot be read, nothing is known of them."""
    last = this.journal.looks.listed(this.facts)
    if last is None:
        return ()
    try:
        return reader.edits(last.at) or ()
    except TargetUnavailable as error:
        this.emit("event_log_unread", error=str(error))
        return ()


def put_right(this: Pass, observed: ObservedState) -> None:
    """Take note of the grants that are there again, so that they can be counted anew."""
    memory, now = this.journal.memory, this.world.clock()
    memory.contest_grants(this.name, tallied(frozenset(), memory.lost_grants(this.name), observed, now=now), now=now)
