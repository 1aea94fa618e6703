"""What earlier passes left open, what was there before, and what is noted of a look before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncd.model import (
    Adopt,
    Change,
    DesiredState,
    Kind,
    MadeAccount,
    Naming,
    Owned,
    is_place_of_grant,
    key,
)
from syncd.plan.gone import taken_by_others
from syncd.plan.modes import modes_of
from syncd.plan.settle import will_not_come
from syncd.reconcile.state import Comparison, Pass

SETTLED = "found by looking"


def remember_renames(this: Pass, seen: Comparison) -> None:
    """Keep what was found to be renamed, and what people hold by it; forget what is renamed no more."""
    known = this.journal.memory.renamed_roles(this.facts)
    if seen.renames.held.grants:  # first: what people hold by a new name is only looked for until that is remembered
        this.journal.holdings.adopt(this.name, seen.renames.held)
    if found := {new: old for new, old in seen.renames.roles.items() if new not in known}:
        this.journal.memory.remember_renamed(this.name, found, now=this.world.clock())
        this.emit("roles_renamed", names=found)
    if this.scope.everything and (gone := known.keys() - seen.renames.roles.keys()):
        this.journal.memory.forget_renamed(this.name, gone)


def remember_accounts(this: Pass, seen: Comparison) -> None:
    """Note for whom accounts are about to be made, and for whom those are that were made and go by the same name."""
    whose, known = seen.desired.whose, {a.name: a for a in seen.made}
    new = [key(c.name) for c in seen.guarded.go if c.subject == "user" and c.kind is Kind.CREATE]
    ours = [name for name in seen.owned.users & seen.desired.users.keys() if seen.plan.scope.covers(name)]
    there = {**seen.desired.users, **seen.observed.users}
    made = [MadeAccount(name, whose[name][0], key(there[name].email)) for name in {*new, *ours} & whose.keys()]
    changed = [account for account in made if known.get(account.name) != account]
    this.journal.holdings.remember_accounts(this.name, changed, now=this.world.clock())


def settle(this: Pass, seen: Comparison) -> None:
    """Close what nobody knows the end of by what is on the server now, and take note of what came late."""
    now = this.world.clock()
    for late in seen.late:
        this.emit("change_came_late", change=late)
    if seen.late:
        this.journal.ledger.came(this.name, seen.late, now=now)
    rest = [late for late in seen.awaited if late.change_id not in seen.late]
    if over := will_not_come(rest, seen.observed, now=now):
        this.journal.ledger.forget_awaited(over)
    for left, end in seen.ends.items():
        change = left.change
        this.journal.ledger.settle(left.id, end.status, f"{SETTLED}: {end.detail}", now=now, final=end.final)
        facts = {"status": end.status.value, "detail": end.detail}
        this.emit("change_settled", subject=change.subject, name=change.name, **facts)


def adopt(this: Pass, seen: Comparison) -> None:
    """Mark as ours what was there before and is as the mapping says, where the deployment lets us."""
    policy = this.target.deployment.adopt
    if policy is Adopt.NEVER:
        return
    observed = modes_of(seen.desired, this.target.deployment).observed
    found = _without(_adoptable(seen, declared=policy is Adopt.DECLARED), observed)
    if found.roles or found.grants:
        this.journal.holdings.adopt(this.name, found)


def _without(found: Owned, roles: frozenset[str]) -> Owned:
    """Leave out roles that are only looked at."""
    grants = {name: rest for name, held in found.grants.items() if (rest := held - roles)}
    return replace(found, roles=found.roles - roles, grants=grants)


def disown(this: Pass, seen: Comparison) -> None:
    """Own no more what another hand took and no line gives; only a look at everything says so."""
    if not this.scope.everything or not seen.observed.scope.everything:
        return
    still = [left.change for left in this.journal.ledger.unsettled(this.facts)]
    still += [late.change for late in this.journal.ledger.awaited(this.facts)]
    renamed = {*seen.renames.roles.values(), *seen.renames.accounts.values()}
    gone = taken_by_others(
        seen.desired, seen.observed, seen.owned, earlier=this.earlier, renamed=renamed, unsettled=still
    )
    gone = replace(gone, members=_gone_members(seen, still, this.naming))
    if gone == Owned():
        return
    this.journal.holdings.disown(this.name, gone, now=this.world.clock())
    this.journal.installation.mark()  # an older copy would own it again
    this.emit(
        "disowned",
        users=sorted(gone.users),
        roles=sorted(gone.roles),
        grants={name: sorted(roles) for name, roles in gone.grants.items()},
        members=sorted(gone.members),
    )


def _gone_members(seen: Comparison, still: Iterable[Change], naming: Naming) -> frozenset[str]:
    """Name second roles that are not there, and that no call is on its way to make: a role of such a name would be another's."""
    roles = {change.name for change in still if change.subject == "role"}
    gone = seen.owned.members - seen.observed.members
    return frozenset(name for name in gone if not any(naming.is_second(name, role) for role in roles))


def _for_a_time(desired: DesiredState, name: str) -> frozenset[str]:
    """Name the roles that only timed grants give somebody: what they had of them before that stays theirs at its end."""
    because = desired.because.get(name, {})
    return frozenset(role for role, whys in because.items() if whys and all(is_place_of_grant(why.at) for why in whys))


def _adoptable(seen: Comparison, *, declared: bool) -> Owned:
    desired, observed, owned = seen.desired, seen.observed, seen.owned
    roles = frozenset(
        name
        for name, role in desired.roles.items()
        if name not in owned.roles and name in observed.roles and (declared or observed.roles[name] == role)
    )
    grants = {}
    for name, want in desired.users.items():
        have = observed.users.get(name)
        found = (have.roles & want.roles) - owned.grants.get(name, frozenset()) if have else frozenset()
        found -= _for_a_time(desired, name)
        if found and seen.plan.scope.covers(name):
            grants[name] = frozenset(found)
    return Owned(roles=roles, grants=grants)
