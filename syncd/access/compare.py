"""What other mapping files would change: how a deployment would stand once it is as the ones say, and then as the others say.

Both ways go by the plan, so what is not ours stays, and nothing is taken on doubt, as in any pass. A deployment for which the two
say the same is not looked at, and of one for which they do not only those people are whom it can concern (`concerned.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.access.changed_lines import ChangedLines, changed_lines
from syncd.access.concerned import concerned, cut_down
from syncd.access.known import KnownDeployment
from syncd.access.standing import Standing, compiled, standing
from syncd.directory.narrow import DirectoryView
from syncd.mapping.expanded import expanded
from syncd.mapping.select import chosen
from syncd.model import (
    EVERYTHING,
    Adopt,
    Deployment,
    DesiredState,
    Directory,
    LastSeen,
    ObservedState,
    Owned,
    Plan,
    Role,
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


@dataclass(slots=True)
class RulesComparison:
    """Two sets of rules, ready to be compared on one deployment after the other; what is the same for all is worked out once."""

    old: Rules
    new: Rules
    view: DirectoryView
    now: datetime
    _views: tuple[DirectoryView, DirectoryView] = field(init=False)
    _unsure: dict[tuple[int, int], tuple[Rules, tuple[Rule, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._views = self.view.looked_for(self.old.bindings), self.view.looked_for(self.new.bindings)

    def on(self, known: KnownDeployment) -> Compared | None:
        """Say what the new rules change on a deployment; None where it was never looked at."""
        if known.seen is None or known.dialect is None:
            return None
        old, new = (self._meant(rules, known) for rules in (self.old, self.new))
        changed = changed_lines(old, new)
        lines = changed.here(known.deployment, self.now)
        ending = changed.unwanted(_there(known, known.seen, changed), known.deployment, self.now)
        if not lines and ending.isdisjoint(changed.roles):
            return Compared(known, Plan(known.name, EVERYTHING, ()), Effects())
        if not self._is_certain(old, new, known.deployment):
            return self.whole(known)
        return self._narrowed(known, known.seen, replace(lines, roles=lines.roles | ending)) or self.whole(known)

    def whole(self, known: KnownDeployment) -> Compared:
        """Compare all that is there and all that is wanted of a deployment that was looked at."""
        return _compared(known, *self._compiled(known, *(view.directory for view in self._views)))

    def _meant(self, rules: Rules, known: KnownDeployment) -> Rules:
        return meant(rules, self.view.directory, known, now=self.now)

    def _is_certain(self, old: Rules, new: Rules, deployment: Deployment) -> bool:
        """Say whether nothing is in doubt of what these rules say there: a doubt about one person can be one about all."""
        sides = tuple(zip(self._views, (old, new), strict=True))
        certain = all(view.is_certain for view, _ in sides)
        return certain and not any(chosen(self._unsure_of(view, rules), deployment) for view, rules in sides)

    def _unsure_of(self, view: DirectoryView, rules: Rules) -> tuple[Rule, ...]:
        """Give the rules of which it is not certain whom they mean; they are kept beside it, so that no others get their id."""
        which = id(view), id(rules)
        if which not in self._unsure:
            self._unsure[which] = rules, tuple(rule for rule in rules.bindings if not view.is_certain_for((rule,)))
        return self._unsure[which][1]

    def _narrowed(self, known: KnownDeployment, seen: LastSeen, lines: ChangedLines) -> Compared | None:
        """Compare what is there and wanted of those whom it can concern; None where others may keep roles by it."""
        whom = concerned(lines, self._views, known, seen)
        few = cut_down(known, seen, whom)
        old, new = self._compiled(few, *(view.narrowed(whom.people, known.deployment) for view in self._views))
        if (old.frozen, old.frozen_for) != (new.frozen, new.frozen_for):
            return None
        return replace(_compared(few, old, new), known=known)

    def _compiled(self, known: KnownDeployment, was: Directory, is_: Directory) -> tuple[DesiredState, DesiredState]:
        return compiled(self.old, was, known, now=self.now), compiled(self.new, is_, known, now=self.now)


def _there(known: KnownDeployment, seen: LastSeen, changed: ChangedLines) -> frozenset[str]:
    """Name the roles that are there, and ours or changed: what becomes of one that nobody wants hangs on whoever holds it, and
    on how far it says that syncd may go with it."""
    return (known.noted.owned.roles | changed.roles) & seen.roles.keys()


def compare(old: Rules, new: Rules, view: DirectoryView, known: KnownDeployment, *, now: datetime) -> Compared | None:
    """Say what other mapping files change on one deployment; None where it was never looked at."""
    return RulesComparison(old, new, view, now).on(known)


def _compared(known: KnownDeployment, old: DesiredState, new: DesiredState) -> Compared:
    """Go from where the old rules lead to where the new ones do."""
    assert known.seen is not None
    assert known.dialect is not None
    was = standing(old, known, scope=EVERYTHING)
    assert was.plan is not None
    there, mine = carried_out(was.observed, was.plan.changes), owned_after(was)
    now_on = standing(new, known, scope=EVERYTHING, after=there, owned=mine, earlier=was.desired)
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
    was, is_ = (meant(rules, directory, known, now=now) for rules in (old, new))
    return bool(changed_lines(was, is_).here(known.deployment, now))


def meant(rules: Rules, directory: Directory, known: KnownDeployment, *, now: datetime) -> Rules:
    """Give what rules say of a deployment, as if each line of a pattern was written by hand."""
    return expanded(rules, directory, known.deployment, dags=known.dags(now)).rules
