"""What other mapping files would change: how a deployment would stand once it is as the ones say, and then as the others say.

Both ways go by the plan, so what is not ours stays, and nothing is taken on doubt, as in any pass. A deployment for which the two
say the same is not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import lru_cache

from syncd.access.known import KnownDeployment
from syncd.access.standing import Standing, compiled, standing
from syncd.directory.narrow import DirectoryView
from syncd.mapping.expanded import expanded
from syncd.mapping.select import chosen
from syncd.model import (
    EVERYTHING,
    Adopt,
    At,
    Directory,
    ObservedState,
    Owned,
    Plan,
    Role,
    RoleDefinition,
    Rule,
    Rules,
    User,
    key,
)
from syncd.plan.effect import after as carried_out
from syncd.plan.on_people import Effects, effects_on_people


@dataclass(frozen=True, slots=True)
class Compared:
    """What is changed on one deployment: the plan from what the old files lead to, and what it does to people."""

    known: KnownDeployment
    plan: Plan
    effects: Effects


def compare(old: Rules, new: Rules, view: DirectoryView, known: KnownDeployment, *, now: datetime) -> Compared | None:
    """Say what other mapping files change on a deployment; None where it was never looked at."""
    if known.seen is None or known.dialect is None:
        return None
    if not concerns(old, new, view.directory, known, now=now):
        return Compared(known, Plan(known.name, EVERYTHING, ()), Effects())
    was = standing(compiled(old, view.looked_for(old.bindings).directory, known, now=now), known, scope=EVERYTHING)
    assert was.plan is not None
    there, mine = carried_out(was.observed, was.plan.changes), owned_after(was)
    wanted = compiled(new, view.looked_for(new.bindings).directory, known, now=now)
    now_on = standing(wanted, known, scope=EVERYTHING, after=there, owned=mine, earlier=was.desired)
    assert now_on.plan is not None
    dags = frozenset(dag.id for dag in known.seen.dags)
    effects = effects_on_people(there, now_on.plan.changes, owned=mine, dialect=known.dialect, dags=dags)
    return Compared(known, now_on.plan, effects)


def owned_after(was: Standing) -> Owned:
    """Say what is ours once a plan was carried out: what was and is still there, what it gave, and what it adopted."""
    assert was.plan is not None
    there: ObservedState = carried_out(was.observed, was.plan.changes)
    adopts = was.known.deployment.adopt is not Adopt.NEVER
    given = {key(c.name): frozenset(c.granted) for c in was.plan.changes if c.subject == "user"}
    grants = {}
    for name, user in there.users.items():
        wanted = was.desired.users[name].roles if adopts and name in was.desired.users else frozenset()
        grants[name] = (was.owned.grants.get(name, frozenset()) | given.get(name, frozenset()) | wanted) & user.roles
    made = {key(c.name) for c in was.plan.changes if c.before is None and isinstance(c.after, User)}
    roles = {c.name for c in was.plan.changes if c.before is None and isinstance(c.after, Role)}
    roles |= {name for name, role in was.desired.roles.items() if adopts and there.roles.get(name) == role}
    return Owned(
        (was.owned.users | made) & there.users.keys(),
        (was.owned.roles | roles) & there.roles.keys(),
        {name: held for name, held in grants.items() if held},
        was.owned.once,
    )


# --- whether it is about a deployment at all --------------------------------------------------------------------------


def concerns(old: Rules, new: Rules, directory: Directory, known: KnownDeployment, *, now: datetime) -> bool:
    """Say whether two sets of rules say different things of a deployment, wherever that stands in which file."""
    was, is_ = (expanded(rules, directory, known.deployment, dags=known.dags(now)).rules for rules in (old, new))
    return Counter(_said(was, known)) != Counter(_said(is_, known))


def _said(rules: Rules, known: KnownDeployment) -> Iterator[object]:
    """Give what rules say of a deployment, without the places where it stands."""
    bindings = chosen(rules.bindings, known.deployment)
    named = {role for rule in bindings for role in rule.roles}
    yield from map(_bare, bindings)
    yield from (_bare(rules.roles[role]) for role in sorted(named & rules.roles.keys()))


@lru_cache(maxsize=10_000)
def _bare(value: Rule | RoleDefinition) -> object:
    """Do as `without_places`: of each line once, however many deployments it is for."""
    return without_places(value)


def without_places(value: object) -> object:
    """Give what a value of the rules says, without its places in files, to be compared."""
    if isinstance(value, At):
        return None
    if is_dataclass(value):
        return type(value).__name__, *(without_places(getattr(value, field.name)) for field in fields(value))
    return tuple(map(without_places, value)) if isinstance(value, tuple) else value
