"""One look at a deployment: compile what is wanted, observe what is there, compare, and ask the guard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from syncd.errors import (
    TargetUnavailable,
)
from syncd.mapping.compile import compile_desired
from syncd.mapping.endings import Endings
from syncd.model import (
    EVERYTHING,
    Awaited,
    Change,
    Dag,
    DesiredState,
    MadeAccount,
    Note,
    ObservedState,
    Owned,
    Pause,
    Plan,
    Scope,
    User,
    key,
)
from syncd.plan.accounts import known_accounts, without_missing
from syncd.plan.diff import align, diff
from syncd.plan.doubted import doubt_note
from syncd.plan.effect import after as carried_out
from syncd.plan.modes import modes_of, within_modes
from syncd.plan.named import warned
from syncd.plan.on_people import effects_on_people
from syncd.plan.partly import who_loses, without_new
from syncd.plan.pauses import part, stopping
from syncd.plan.protected import owned_without, without_protected
from syncd.plan.rejected import without_rejected
from syncd.plan.renamed import (
    account_notes,
    held_by_us,
    left_by,
    renamed_accounts,
    renamed_roles,
    server_note,
    still_wanted,
)
from syncd.plan.rollback import only_touched, without_given
from syncd.plan.settle import (
    came_late,
    settled,
    with_more,
    without_others,
)
from syncd.ports import (
    TargetReader,
)
from syncd.reconcile.break_glass import watch_break_glass
from syncd.reconcile.contested import acts_since, yield_people, yield_to_others
from syncd.reconcile.dags import keep_vanished, know_dags, recall_dags
from syncd.reconcile.grants import take_grants
from syncd.reconcile.guarding import ask_guard, missing_admins
from syncd.reconcile.state import Comparison, FoundRenames, Pass, ThingsThere

_ABOUT_DAGS = frozenset({"selector_matches_nothing", "dag_pending"})
"""Notes that mean nothing in a pass over a few people, which does not ask for the DAGs."""


def first_look(
    this: Pass, reader: TargetReader, *, approvals: frozenset[str] = frozenset(), count: bool = False
) -> tuple[tuple[Dag, ...], Comparison]:
    """Look, list the DAGs and compare; where DAGs or roles cannot be listed, look at those alone who lose something."""
    if this.earlier is None:
        this.earlier = this.journal.memory.last_desired(this.facts)
    if this.scope.everything and this.earlier is not None:
        this.own = acts_since(this)
    with this.timed("look"):
        reader.look()
        this.break_glass = watch_break_glass(this, reader)
    try:
        with this.timed("look"):
            inventory = know_dags(this, reader)
        return inventory, see(this, reader, inventory=inventory, approvals=approvals, count=count)
    except TargetUnavailable as error:
        can_go_on = this.scope.everything and recall_dags(this)
        leaving = _who_loses(this, reader) if can_go_on else frozenset()
        if not leaving:
            raise
        this.emit("deployment_read_in_part", error=str(error), leaving=len(leaving))
        this.unread, this.scope = error, Scope(leaving)
        return (), see(this, reader, inventory=(), approvals=approvals)


def _who_loses(this: Pass, reader: TargetReader) -> frozenset[str]:
    return who_loses(compiled(this, reader, inventory=()), this.journal.holdings.owned(this.facts))


def see(
    this: Pass,
    reader: TargetReader,
    *,
    inventory: tuple[Dag, ...],
    approvals: frozenset[str] = frozenset(),
    count: bool = False,
) -> Comparison:
    """Compile, observe, compare and guard. `count` takes note of permissions that were taken back since the last pass."""
    began = this.world.clock()
    take_grants(this)
    with this.timed("compile"):
        wanted = compiled(this, reader, inventory=inventory)
    if not this.scope.everything:
        wanted = replace(wanted, notes=tuple(n for n in wanted.notes if n.code not in _ABOUT_DAGS))
    there = _observed(this, reader, wanted)
    this.emit("deployment_observed", users=len(there.observed.users), roles=len(there.observed.roles))
    with this.timed("diff"):
        desired, scope, known_as = _under_their_names(this, wanted, there)
        desired, there = _leaving_protected(this, desired, there)
        if this.scope.everything or this.scope.dags:
            desired = keep_vanished(this, reader, desired, there.observed, inventory)
            desired = yield_to_others(this, desired, there.observed, ours=there.owned.roles, count=count)
        desired = yield_people(this, reader, desired, there, count=count and this.undo is None)
        desired = without_given(desired, this.undo) if this.undo else desired
        plan, rejected = _without_rejected(this, _compared(this, reader, desired, there, scope=scope))
        plan = only_touched(plan, this.undo) if this.undo else plan
        people = _with_people(this, plan, there)
        guarded = ask_guard(this, plan, people, reader, desired=desired, inventory=inventory, approvals=approvals)
        in_list = frozenset(dag.id for dag in inventory) if this.scope.everything or this.scope.dags else None
        of = partial(effects_on_people, owned=people.owned, dialect=reader.dialect(), dags=in_list)
        effects = of(people.observed, plan.changes)
        held_effects = of(carried_out(people.observed, guarded.go), guarded.held.changes) if guarded.held else None
        pause = standing(this)
        go, paused = part(guarded.go, pause)
        paused_effects = of(carried_out(people.observed, go), paused) if paused else None
        guarded = replace(guarded, go=go)
    held = guarded.held.digest if guarded.held else None
    this.emit("plan_made", digest=plan.digest, changes=len(plan.changes), held=held)
    return Comparison(
        desired,
        there.observed,
        there.owned,
        plan,
        guarded,
        there.made,
        known_as,
        there.awaited,
        there.late,
        there.ends,
        there.renames,
        effects,
        held_effects,
        began,
        rejected,
        pause,
        paused,
        paused_effects,
    )


def standing(this: Pass) -> Pause | None:
    """Give the pause that stops changes on the deployment now; one that is only observed needs none."""
    pauses = this.journal.pauses.standing() if this.target.enforce else ()
    return stopping((pause for pause in pauses if pause.id != this.own_pause), this.target.deployment)


def _observed(this: Pass, reader: TargetReader, wanted: DesiredState) -> ThingsThere:
    scope, by_email = _resolve(this.scope, wanted), this.target.deployment.match_email
    # people whose account is found by e-mail may be owned under another name
    made = _made_accounts(this, wanted, scope)
    near = None if scope.usernames is None else scope.usernames | {account.name for account in made}
    owned = this.journal.holdings.owned(this.facts, usernames=None if by_email else near)
    with this.timed("observe"):
        # people whose account is found by e-mail can only be found by looking at everybody
        asked = EVERYTHING if by_email and not scope.dags else replace(scope, usernames=near)
        awaited = this.journal.ledger.awaited(this.facts)
        managed = _managed(wanted, owned, awaited)
        observed = reader.observe(asked, role_names=managed, once=owned.once, members=owned.members)
    late = came_late(awaited, observed, owned)
    ends = {left: end for left in this.journal.ledger.unsettled(this.facts) if (end := settled(left.change, observed))}
    renames, found = _renames(this, wanted, observed, owned, made=made)
    owned = with_more(owned, {0: found})
    owned = without_others(with_more(owned, late), [(left.change, end) for left, end in ends.items()])
    return ThingsThere(scope, observed, owned, made, awaited, late, ends, renames)


def _under_their_names(
    this: Pass, wanted: DesiredState, there: ThingsThere
) -> tuple[DesiredState, Scope, dict[str, str]]:
    """Let people and roles go by the names that they have on the server; gives who is known by another one, too."""
    observed, owned, by_email = there.observed, there.owned, this.target.deployment.match_email
    wanted = without_missing(wanted, observed, scope=there.scope)
    theirs = known_accounts(
        wanted,
        observed,
        made=there.made,
        ours=owned.users,
        scope=there.scope,
        match_email=by_email,
        naming=this.naming,
    )
    aligned = align(theirs, observed, match_email=by_email)
    desired = still_wanted(aligned, owned, there.renames.roles)
    notes = (
        *desired.notes,
        *account_notes(there.renames.accounts),
        *_server_notes(this),
        *this.break_glass,
        *this.rollout_notes,
    )
    return replace(desired, notes=notes), _renamed(there.scope, wanted, aligned), _known_as(wanted, aligned)


def _leaving_protected(this: Pass, desired: DesiredState, there: ThingsThere) -> tuple[DesiredState, ThingsThere]:
    """Want nothing of roles that the configuration protects, and own nothing of them."""
    protected = this.target.guard.protected_roles
    if not protected:
        return desired, there
    return without_protected(desired, protected), replace(there, owned=owned_without(there.owned, protected))


def _compared(this: Pass, reader: TargetReader, desired: DesiredState, there: ThingsThere, *, scope: Scope) -> Plan:
    plan = diff(
        desired,
        there.observed,
        owned=there.owned,
        deployment=this.target.deployment,
        scope=scope,
        service_user=reader.own_account(),
        earlier=this.earlier,
        made={account.name: account.who for account in there.made},
        ended=_endings(this, this.world.clock()).of,
    )
    plan = (
        without_new(plan, there.owned, built_in=this.naming.built_in_roles)
        if this.unread
        else warned(plan, breaks=reader.dialect().role_deletion_breaks)
    )
    plan = within_modes(plan, modes_of(desired, this.target.deployment))
    return replace(plan, notes=tuple(sorted({*plan.notes, *missing_admins(this, there.observed)})))


def _without_rejected(this: Pass, plan: Plan) -> tuple[Plan, tuple[Change, ...]]:
    if this.rejections is None:
        this.rejections = this.journal.inbox.rejections(this.name)
    return without_rejected(plan, this.rejections)


def _with_people(this: Pass, plan: Plan, there: ThingsThere) -> ThingsThere:
    """Let those whom a pass over DAGs does not look at, and who lose or gain by their roles, hold what they hold by us."""
    if not (this.scope.dags and any(change.subject == "role" and change.before for change in plan.changes)):
        return there
    owned = this.journal.holdings.owned(this.facts)
    known = {name: User(name, "", "", "", roles) for name, roles in owned.grants.items()}
    return replace(there, observed=replace(there.observed, users={**known, **there.observed.users}), owned=owned)


def _managed(desired: DesiredState, owned: Owned, awaited: Iterable[Awaited]) -> frozenset[str]:
    """Name the roles that are known by the mapping's name, whatever number they bear on the server.

    What we gave of a role that is not ours is ours to take, so such a role is one as long as somebody holds it by us.
    """
    given = frozenset().union(*owned.grants.values())
    return owned.roles | given | desired.roles.keys() | {a.change.name for a in awaited if a.change.subject == "role"}


def _renames(
    this: Pass, desired: DesiredState, observed: ObservedState, owned: Owned, *, made: tuple[MadeAccount, ...]
) -> tuple[FoundRenames, Owned]:
    """Find what was renamed by hand; only a look at everything can, and what one found is remembered of roles."""
    known = {new: old for new, old in this.journal.memory.renamed_roles(this.facts).items() if new not in desired.roles}
    if not observed.scope.everything or not this.scope.everything:
        return FoundRenames(known), Owned()
    seen, emails = this.journal.memory.roles_seen(this.facts), {account.name: account.email for account in made}
    users = {**(this.earlier.users if this.earlier else {}), **desired.users}
    roles = {
        **known,
        **renamed_roles(
            desired,
            observed,
            owned,
            earlier=this.earlier,
            seen=seen,
            naming=this.naming,
            known=known,
        ),
    }
    roles = {new: old for new, old in roles.items() if new in observed.roles}
    accounts = renamed_accounts(
        desired, observed, owned, email_of=lambda name: emails.get(name) or (users[name].email if name in users else "")
    )
    new_roles = {new: old for new, old in roles.items() if new not in known}
    held = with_more(held_by_us(observed, owned, new_roles), {0: left_by(accounts, desired, owned)})
    return FoundRenames(roles, accounts, held), held


def compiled(this: Pass, reader: TargetReader, *, inventory: tuple[Dag, ...]) -> DesiredState:
    return compile_desired(
        this.lines,
        this.directory,
        this.target.deployment,
        inventory=inventory,
        dialect=reader.dialect(),
        now=this.world.clock(),
        also=this.dags,
    )


def _made_accounts(this: Pass, desired: DesiredState, scope: Scope) -> tuple[MadeAccount, ...]:
    """List for whom accounts were made here: all of them, or as far as it concerns the people of the scope."""
    if scope.usernames is None:
        return this.journal.holdings.made_accounts(this.facts)
    people = [name for name in scope.usernames if name in desired.users]
    if not people:
        return ()
    named = desired.accounts & scope.usernames
    ids = {id_ for name in people for _, id_ in desired.whose.get(name, ())[:1]}
    return this.journal.holdings.made_accounts(
        this.facts, ids=ids, emails=[desired.users[name].email for name in people], names=named
    )


def _resolve(scope: Scope, desired: DesiredState) -> Scope:
    """Turn what people are called (account name or e-mail) into account names."""
    if scope.usernames is None:
        return scope
    found = {name for name, user in desired.users.items() if key(user.email) in scope.usernames}
    return replace(scope, usernames=scope.usernames | found)


def _renamed(scope: Scope, desired: DesiredState, aligned: DesiredState) -> Scope:
    """Add the names that people of the scope have on the server, where those are other ones."""
    if scope.usernames is None or desired is aligned:
        return scope
    emails = {key(desired.users[name].email) for name in scope.usernames & desired.users.keys()}
    also = {name for name, user in aligned.users.items() if key(user.email) in emails}
    return replace(scope, usernames=scope.usernames | also)


def _known_as(desired: DesiredState, aligned: DesiredState) -> dict[str, str]:
    """Give what the directory calls the people whose account was found under another name."""
    if desired is aligned:
        return {}
    left = {user.email.casefold(): name for name, user in desired.users.items() if name not in aligned.users}
    found = {name: left.get(user.email.casefold()) for name, user in aligned.users.items() if name not in desired.users}
    return {name: was for name, was in found.items() if was is not None}


def _server_notes(this: Pass) -> Iterator[Note]:
    if this.place.was and this.scope.everything:
        yield server_note(this.name, this.target.address, was=this.place.was)
    if this.doubt and this.scope.everything:
        yield doubt_note(this.doubt.why)


def _endings(this: Pass, now: datetime) -> Endings:
    whose = this.earlier.whose if this.earlier else {}
    return Endings(this.rules, this.directory, this.target.deployment, whose, now)
