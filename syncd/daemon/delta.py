"""What a new directory, or the time, changes: for whom, and on which deployment what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.directory.expand import expand
from syncd.directory.group_names import GroupLookup
from syncd.directory.named_people import place_of
from syncd.directory.narrow import ATTRIBUTES, DirectoryView, PersonKey, changed, cleared, renamed, settled
from syncd.mapping.compile import compile_desired
from syncd.mapping.select import chooses
from syncd.mapping.when import is_on
from syncd.model import (
    Deployment,
    DesiredState,
    Dialect,
    Directory,
    Leaf,
    Level,
    Rule,
    Rules,
    alternatives,
    conditions_of,
    leaves,
    people_named,
)

_NO_DIALECT = Dialect(frozenset(), {level: (frozenset(), frozenset()) for level in Level})
"""Who holds which role does not depend on how a server spells what is in it."""


@dataclass(frozen=True, slots=True)
class DirectoryDelta:
    """What a poll changed: for these people, and groups that came out of doubt, so that a look at everybody is due."""

    before: DirectoryView
    after: DirectoryView
    who: frozenset[PersonKey]
    cleared: frozenset[PersonKey] = frozenset()


def between(before: DirectoryView | None, after: DirectoryView) -> DirectoryDelta | None:
    """Say what a new directory changes; None where nothing. Before the first one everything was in doubt."""
    if before is None:
        return DirectoryDelta(after, after, frozenset(), frozenset(after.directory.groups))
    who, clear = changed(before.directory, after.directory), cleared(before.directory, after.directory)
    moved = who or clear or settled(before.directory, after.directory) or renamed(before.directory, after.directory)
    return DirectoryDelta(before, after, who, clear) if moved else None


def out_of_doubt(moved: DirectoryDelta, rules: Rules) -> frozenset[PersonKey]:
    """Name the groups that left a doubt behind them, so that a look at everybody is due.

    A group alone gives what it gives also while it is in doubt. What is made of several gives nobody anything that a doubt
    about one of them could deny, so everybody may be given something once there is none.
    """
    meant = expand(rules, moved.after.directory).rules
    parts = (part for rule in meant.bindings for part in alternatives(rule.subject) if not isinstance(part, Leaf))
    asked = {leaf for part in parts for leaf in leaves(part)}
    lookup = GroupLookup(moved.after.directory)
    found = {(m.group.source, m.group.id) for leaf in asked if (m := lookup.find(leaf))}
    return moved.cleared | {g for g in found if moved.after.is_settled(g) and not moved.before.is_settled(g)}


def released(moved: DirectoryDelta, rules: Rules, deployments: Sequence[Deployment]) -> frozenset[str]:
    """Name the deployments on which nobody could lose roles of a pattern before, and people can now."""
    before, after = (expand(rules, view.directory).held_back for view in (moved.before, moved.after))
    free = {one.rule for one in before} - {one.rule for one in after}
    return frozenset(d.name for d in deployments if any(chooses(rule, d) for rule in free))


def by_patterns(moved: DirectoryDelta, rules: Rules) -> frozenset[PersonKey]:
    """Name everybody in a group for which a pattern says something else than before: another group can change that."""
    before, after = (_made(expand(rules, view.directory).rules) for view in (moved.before, moved.after))
    directories = moved.before.directory, moved.after.directory
    groups = [d.groups[where] for where in _groups_of(before ^ after, moved) for d in directories if where in d.groups]
    return frozenset((members.group.source, id_) for members in groups for id_ in members.members)


def _made(rules: Rules) -> frozenset[Rule]:
    return frozenset(rule for rule in rules.bindings if rule.captured)


def _groups_of(rules: Iterable[Rule], moved: DirectoryDelta) -> frozenset[PersonKey]:
    lookups = GroupLookup(moved.before.directory), GroupLookup(moved.after.directory)
    refs = {ref for rule in rules for ref in rule.groups}
    found = (lookup.find(ref) for lookup in lookups for ref in refs) if refs else ()
    return frozenset((members.group.source, members.group.id) for members in found if members)


def wanted(
    view: DirectoryView, who: frozenset[PersonKey], rules: Rules, deployment: Deployment, *, now: datetime
) -> DesiredState:
    """Work out what the rules want of these people on one deployment; of roles, no more than who holds them.

    Which owners, folders and tags DAGs have says nothing of who is given the roles for them.
    """
    directory = view.narrowed(who, deployment)
    return compile_desired(rules, directory, deployment, inventory=(), dialect=_NO_DIALECT, now=now, also=None)


@dataclass(frozen=True, slots=True)
class DeploymentDelta:
    """What changes for people on one deployment. `loss`: somebody loses something."""

    usernames: frozenset[str]
    earlier: DesiredState
    loss: bool


def deployment_delta(before: DesiredState, after: DesiredState) -> DeploymentDelta | None:
    """Compare what was wanted of some people with what is; None where it is the same."""
    names = before.users.keys() | after.users.keys()
    was = {name: _roles(before, name) for name in names}
    is_ = {name: _roles(after, name) for name in names}
    # They lose what was frozen for them too. Who is inactive is only said where something is frozen.
    left = after.inactive.keys() - before.inactive.keys() if before.frozen else frozenset()
    moved = frozenset(name for name in names if was[name] != is_[name]) | left
    if not moved:
        return None
    return DeploymentDelta(moved, before, loss=bool(left) or any(was[name] - is_[name] for name in moved))


def _roles(state: DesiredState, name: str) -> frozenset[str]:
    return state.users[name].roles if name in state.users else frozenset()


def deployment_deltas(
    moved: DirectoryDelta,
    rules: Rules,
    deployments: Sequence[Deployment],
    *,
    now: datetime,
    before_at: datetime | None = None,
) -> dict[str, DeploymentDelta]:
    """Say for whom on which deployment something changes.

    What changes is the directory, or the time: `before_at` (default: `now`) is when the one before held.
    """
    found: dict[str, DeploymentDelta] = {}
    moved_who = moved.who | by_patterns(moved, rules)
    for deployment in deployments:
        who = moved.before.closed(moved_who, deployment) | moved.after.closed(moved_who, deployment)
        was = wanted(moved.before, who, rules, deployment, now=before_at or now)
        is_ = wanted(moved.after, who, rules, deployment, now=now)
        if (change := deployment_delta(was, is_)) is not None:
            found[deployment.name] = change
    return found


def concerned(
    groups: frozenset[PersonKey], rules: Rules, directory: Directory, deployments: Sequence[Deployment]
) -> frozenset[str]:
    """Name the deployments with a rule for one of these groups, or places of names."""
    named = {(source, m.group.name) for source, id_ in groups if (m := directory.groups.get((source, id_)))}
    named |= {name for name, id_ in directory.names.items() if (name[0], id_) in groups}
    asking = any(id_ == ATTRIBUTES for _, id_ in groups)
    rules_ = [
        rule
        for rule in expand(rules, directory).rules.bindings
        if any((ref.source, ref.id) in groups or (ref.source, ref.name) in named for ref in rule.groups)
        or any(place_of(ref) in groups for ref in people_named(rule.subject))
        or (conditions_of(rule.subject) and asking)
    ]
    return frozenset(d.name for d in deployments if any(chooses(rule, d) for rule in rules_))


def turned(
    view: DirectoryView, rules: Rules, *, since: datetime, now: datetime
) -> tuple[frozenset[PersonKey], tuple[Rule, ...]]:
    """Find the rules that began or stopped to give something after `since`, and who is in their groups; of timed grants says
    `grants` that."""
    directory = view.directory
    lines = (rule for rule in expand(rules, directory).rules.bindings if not rule.grant)
    over = tuple(rule for rule in lines if is_on(rule, since) != is_on(rule, now))
    refs = [ref for rule in over for ref in rule.groups]
    ids = {(ref.source, ref.id) for ref in refs}
    names = {(ref.source, ref.name) for ref in refs}
    ids |= {
        (source, directory.names[source, name]) for source, name in names if name and (source, name) in directory.names
    }
    groups = [m for where, m in directory.groups.items() if where in ids or (where[0], m.group.name) in names]
    by_name = (
        directory.named[ref].who for rule in over for ref in people_named(rule.subject) if ref in directory.named
    )
    return frozenset((m.group.source, id_) for m in groups for id_ in m.members).union(*by_name), over
