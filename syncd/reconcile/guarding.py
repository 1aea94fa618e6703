"""Asking the guard about a plan: what its limits and rules need to know, gathered from the journal and the mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from syncd.mapping.compile import compile_desired
from syncd.mapping.granted import with_grants
from syncd.mapping.privileged import privileges
from syncd.model import Change, Dag, DesiredState, Dialect, Kind, Note, ObservedState, Plan, key
from syncd.plan.given import NOTHING_GAINED, Everywhere, Gains, gains, gains_of_people, grown_on
from syncd.plan.guard import WINDOW, Guarded, guard
from syncd.plan.guard_rules import Admins, Privileged
from syncd.plan.lost import Losses, losses, losses_of_people
from syncd.plan.named import signs
from syncd.plan.settle import planned_again, without_unmade
from syncd.ports import TargetReader
from syncd.reconcile.areas import judged, whom_it_moves
from syncd.reconcile.state import Comparison, Pass, ThingsThere


def ask_guard(
    this: Pass,
    plan: Plan,
    there: ThingsThere,
    reader: TargetReader,
    *,
    desired: DesiredState,
    inventory: tuple[Dag, ...],
    approvals: frozenset[str],
) -> Guarded:
    """Part a plan into what may go and what is held, by the limits and rules of the deployment and what the journal knows."""
    named = _named(this, plan) if plan.scope.everything else frozenset()
    # Whoever writes has the lease, so between this question and the apply nobody else takes anything there, but those
    # whom this pass lets go ahead, and they count what it took.
    again = planned_again(plan, [(left.id, left.change, end) for left, end in there.ends.items()])
    since, ledger = this.world.clock() - WINDOW, this.journal.ledger
    measured = _gains(this, plan, there, reader.dialect(), inventory=inventory)
    lost = _losses(this, plan, there, reader.dialect(), inventory=inventory)
    this.whose = desired.whose
    judge = partial(
        guard,
        plan,
        there.observed,
        this.target.limits,
        owned=there.owned,
        approvals=approvals,
        lately=ledger.taken_since(this.name, since, but=again),
        named=named,
        gains=measured,
        losses=lost,
        whom=whom_it_moves(this, plan, there),
        doubt=this.doubt.why if this.doubt else "",
        timed=_timed(this, desired),
        in_use=_by_files_in_use(this, reader, inventory) if this.doubt and this.is_behind else None,
        privileged=_privileged(this, plan, there, desired) if this.target.guard.holds_unmarked else None,
        admins=_admins(this, plan, there.observed, own=reader.own_account()),
        own=there.observed.users.get(key(reader.own_account() or "")),
        given_lately=ledger.given_since(this.name, since, but=again) if measured else NOTHING_GAINED,
    )
    return judged(this, bool(measured or lost), again, lambda areas: judge(areas=areas))


def too_much_by_now(this: Pass, seen: Comparison, rest: Iterable[Change]) -> frozenset[Change]:
    """Say what of the changes that are left is over a limit by now, with what was done by others who were let go first. What is
    not is claimed anew."""
    counting = frozenset(seen.guarded.counting)
    left = tuple(change for change in rest if change in counting)
    if not left:
        return frozenset()
    since, ledger = this.world.clock() - WINDOW, this.journal.ledger
    owned, measure = (
        this.journal.holdings.owned(this.facts),
        seen.guarded.measure,
    )  # what was given since is managed by now
    if measure.gains:
        measure = replace(measure, gains=replace(measure.gains, everybody=lambda: owned.grants))
    judge = partial(
        guard,
        replace(seen.plan, changes=left),
        seen.observed,
        this.target.limits,
        owned=owned,
        lately=ledger.taken_since(this.name, since),
        given_lately=ledger.given_since(this.name, since),
        measure=measure,
    )
    may_go = frozenset(judged(this, True, (), lambda areas: judge(areas=areas)).go)
    return frozenset(change for change in left if change not in may_go)


def _losses(
    this: Pass, plan: Plan, there: ThingsThere, dialect: Dialect, *, inventory: tuple[Dag, ...]
) -> Losses | None:
    """Say by what the rights that a plan takes are counted; None: it takes nothing."""
    if not any(change.revoked or change.kind is Kind.DELETE for change in plan.changes):
        return None
    scope, on_all = there.observed.scope, frozenset(dialect.everywhere.values())
    if not (scope.everything or scope.dags) and (seen := this.journal.looks.roles(this.facts)) is not None:
        return losses_of_people(seen, on_all, lambda: this.journal.holdings.owned(this.facts).grants)
    return losses(plan.changes, there.observed, everywhere=Everywhere(on_all, len(inventory)))


def _gains(this: Pass, plan: Plan, there: ThingsThere, dialect: Dialect, *, inventory: tuple[Dag, ...]) -> Gains | None:
    """Say by what the gains of a plan are measured; None: there are none, or no pass over everything was made there yet."""
    gives = any(change.after is not None and change.granted for change in plan.changes)
    if not gives or this.journal.memory.roles_seen(this.facts) is None:
        return None
    owned = without_unmade(there.owned, ((left.change, end) for left, end in there.ends.items()))
    scope, on_all = there.observed.scope, frozenset(dialect.everywhere.values())
    if not (scope.everything or scope.dags) and (seen := this.journal.looks.roles(this.facts)) is not None:
        return gains_of_people(owned, seen, on_all, lambda: this.journal.holdings.owned(this.facts).grants)
    grown = grown_on(plan.changes)
    return gains(
        plan.changes,
        there.observed,
        owned=owned,
        wanted=this.earlier.roles if this.earlier else {},
        new_dags=grown - {dag.id for dag in this.journal.looks.dags(this.facts)} if grown else (),
        everywhere=Everywhere(on_all, len(inventory)),
    )


def _timed(this: Pass, desired: DesiredState) -> Mapping[str, frozenset[str]]:
    """Give by key the roles that only timed grants give of before the database was in doubt; none, where it is not."""
    if this.doubt is None:
        return {}
    grants, since = this.journal.grants.active(this.name, now=this.world.clock()), this.doubt.since
    old = frozenset(grant.place for grant in grants if grant.given and grant.given.at <= since)
    return {
        name: frozenset(role for role, reasons in roles.items() if all(reason.at in old for reason in reasons))
        for name, roles in desired.because.items()
    }


def _by_files_in_use(this: Pass, reader: TargetReader, inventory: tuple[Dag, ...]) -> DesiredState:
    """Give what the mapping files in use want there, and what people are given for a time."""
    now = this.world.clock()
    rules = with_grants(this.world.rules, this.journal.grants.active(this.name, now=now), deployment=this.name)
    dialect, deployment = reader.dialect(), this.target.deployment
    return compile_desired(
        rules, this.directory, deployment, inventory=inventory, dialect=dialect, now=now, also=this.dags
    )


def _privileged(this: Pass, plan: Plan, there: ThingsThere, desired: DesiredState) -> Privileged | None:
    """Say what the rule about roles that administer asks; None: the plan gives nothing."""
    if not any(change.after is not None and change.granted for change in plan.changes):
        return None
    rules, naming = this.rules, this.naming
    found = privileges(rules, [naming])
    return Privileged(
        found.roles,
        found.marked,
        found.lines,
        desired.because,
        without_unmade(there.owned, ((left.change, end) for left, end in there.ends.items())).grants,
        naming.is_privileged,
    )


def _admins(this: Pass, plan: Plan, observed: ObservedState, *, own: str | None) -> Admins | None:
    """Say what the rules about administrators ask; None: nobody stops being one. Of whom it does not look at, a pass asks what
    was seen last."""
    rules, roles = this.target.guard, this.naming.admin_roles
    asked = Admins(roles, None, rules.min_admins, frozenset(map(key, rules.required_admins)))
    if not any(asked.is_lost(change) for change in plan.changes):
        return None
    users = observed.users
    if not observed.scope.everything:
        seen = this.journal.looks.last(this.facts)
        if seen is None:
            return asked
        users = {**seen.users, **users}
    now = frozenset(name for name, user in users.items() if not roles.isdisjoint(user.roles)) - {key(own or "")}
    return replace(asked, now=now)


def missing_admins(this: Pass, observed: ObservedState) -> Iterator[Note]:
    """Say who should be an administrator and is none, in a look at everybody."""
    roles = this.naming.admin_roles
    for name in sorted(this.target.guard.required_admins) if observed.scope.everything else ():
        user = observed.users.get(key(name))
        if user is None or roles.isdisjoint(user.roles):
            what = f"{name} is not {' or '.join(sorted(roles))}" if user else f"there is no account {name}"
            yield Note(
                "admin_missing", f"{what}, and required_admins names it; make it one, or take it out of the list"
            )


def _named(this: Pass, plan: Plan) -> frozenset[str]:
    return signs(plan, this.journal.memory.losses(this.facts) + this.journal.memory.gains(this.facts), this.naming)
