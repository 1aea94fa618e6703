"""How a deployment stands: what mapping files want of it, what was seen of it last, and the plan from the one to the other.

It is what a pass over the deployment would plan if nothing had changed there since it was seen. What a pass remembers of other
hands beside (permissions that are taken back again and again, roles that were renamed) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.access.known import NO_DIALECT, KnownDeployment
from syncd.directory.narrow import DirectoryView
from syncd.mapping.compile import compile_desired
from syncd.model import (
    EVERYTHING,
    Change,
    DesiredState,
    Dialect,
    Directory,
    ObservedState,
    Owned,
    PersonKey,
    Plan,
    Rules,
    Scope,
    key,
)
from syncd.plan.accounts import known_accounts, without_missing
from syncd.plan.allowed import EVERY_DAG, LevelReader, Levels
from syncd.plan.diff import align, diff
from syncd.plan.modes import modes_of, within_modes
from syncd.plan.rejected import Rejection, without_rejected


@dataclass(frozen=True, slots=True)
class Standing:
    """How one deployment stands. Where it was never looked at, nothing is there, and there is no plan."""

    known: KnownDeployment
    desired: DesiredState
    observed: ObservedState
    plan: Plan | None
    owned: Owned
    scope: Scope = EVERYTHING
    rejected: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By account (by key) and role what is left out of the plan, with who rejected it."""

    @property
    def name(self) -> str:
        return self.known.name

    @property
    def dialect(self) -> Dialect:
        return self.known.dialect or NO_DIALECT

    def levels(self, role: str, dag: str, *, wanted: bool = False) -> Levels:
        """Say what a role gives on a DAG, as it is there, or with `wanted` as it should be; () where it gives nothing."""
        first, second = (self.desired, self.observed) if wanted else (self.observed, self.desired)
        found = first.roles.get(role) or second.roles.get(role)
        if found is None:
            return ()
        about = frozenset(p for p in found.permissions if p.dag is None or p.dag == dag)
        given = LevelReader(self.dialect).levels(about, all_of=found.permissions)
        return given.get(dag) or given.get(EVERY_DAG) or ()

    def permissions(self, role: str, dag: str) -> tuple[str, ...]:
        """Name what a role has on a DAG, on it alone or on every DAG, sorted."""
        found = self.observed.roles.get(role) or self.desired.roles.get(role)
        everywhere = frozenset(self.dialect.everywhere.values())
        return tuple(sorted(str(p) for p in found.permissions if p.dag == dag or p in everywhere)) if found else ()

    @property
    def accounts(self) -> frozenset[str]:
        """Name the accounts, by key, that the plan is about: there, or wanted."""
        names = {*self.observed.users, *self.desired.users, *self.desired.undecided}
        return frozenset(name for name in names if self.scope.covers(name))


def stand(
    rules: Rules,
    view: DirectoryView,
    known: KnownDeployment,
    *,
    now: datetime,
    about: Iterable[PersonKey] | None = None,
    named: Iterable[str] = (),
) -> Standing:
    """Compare what is wanted of a deployment with what was seen there; `about`: only of these people, and whoever has an account
    that is `named` so."""
    view = view.looked_for(rules.bindings)
    if about is None:
        return standing(compiled(rules, view.directory, known, now=now), known, scope=EVERYTHING)
    who = frozenset(about) | view.known_as(named, known.deployment)
    directory = view.narrowed(who, known.deployment) if view.is_certain_for(rules.bindings) else view.directory
    names = view.names_of(view.closed(who, known.deployment), known.deployment)
    return standing(compiled(rules, directory, known, now=now), known, scope=Scope.people({*names, *map(key, named)}))


def compiled(rules: Rules, directory: Directory, known: KnownDeployment, *, now: datetime) -> DesiredState:
    """Work out what the rules want of a deployment, as it was seen last."""
    dags = known.seen.dags if known.seen else ()
    dialect = known.dialect or NO_DIALECT
    also = known.dags(now)
    return compile_desired(rules, directory, known.deployment, inventory=dags, dialect=dialect, now=now, also=also)


def standing(
    wanted: DesiredState,
    known: KnownDeployment,
    *,
    scope: Scope,
    after: ObservedState | None = None,
    owned: Owned | None = None,
    earlier: DesiredState | None = None,
) -> Standing:
    """Compare what is wanted with what was seen, or with what is there `after` something else, with what is `owned` then.

    `earlier` is asked why people held what they lose."""
    seen, noted = known.seen, known.noted
    mine = noted.owned if owned is None else owned
    if seen is None:
        return Standing(known, wanted, ObservedState(known.name, {}, {}), None, mine, scope)
    there, deployment = after or seen.observed(), known.deployment
    by_email = deployment.match_email
    wanted = without_missing(wanted, there, scope=scope)
    theirs = known_accounts(
        wanted, there, made=noted.made, ours=mine.users, scope=scope, naming=deployment.naming, match_email=by_email
    )
    desired = align(theirs, there, match_email=by_email)
    made = {account.name: account.who for account in noted.made}
    plan = diff(
        desired,
        there,
        owned=mine,
        deployment=deployment,
        scope=scope,
        service_user=seen.own_account,
        made=made,
        earlier=earlier,
    )
    plan = within_modes(plan, modes_of(desired, deployment))
    plan, left = without_rejected(plan, noted.rejections)
    return Standing(known, desired, there, plan, mine, scope, _rejected(left, noted.rejections))


def _rejected(left: Iterable[Change], rejections: Iterable[Rejection]) -> Mapping[tuple[str, str], str]:
    """Say of what was left out, by account and role, who rejected it."""
    moves = {
        e: (key(e[2]), e[3]) for c in left for e in c.effects if c.subject == "user" and e[0] in ("grant", "revoke")
    }
    return {moves[e]: f"{one.name}, rejected {one.by}" for one in rejections for e in one.effects & moves.keys()}
