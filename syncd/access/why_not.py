"""Why somebody does not have something: the smallest changes that would give it.

A change is a few edits: join a group that a line gives it to, leave one that takes out, become active, be of the department (or
what else) that a line asks for, add a line for a group that they are in, add a role. All of one edit are tried first, then all of
two, then of three: the first number that gives it is shown, so nothing smaller does. Each is tried by working out what the rules
give once it is made. Of several roles those come first that give least, of several groups those that are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations
from typing import Final

from syncd.access.edits import NEW, Activate, Bind, Define, Describe, Edit, Ground, JoinGroup, LeaveGroup
from syncd.access.known import KnownDeployment
from syncd.access.standing import compiled
from syncd.mapping.select import chooses
from syncd.model import (
    EVERYONE,
    Attribute,
    DesiredState,
    Directory,
    GroupRef,
    Leaf,
    Level,
    PersonKey,
    Role,
    Rule,
    Rules,
    conditions_of,
    folded,
    value_of,
)
from syncd.plan.allowed import EVERY_DAG, LevelReader

MOST_EDITS: Final = 3
MOST_TRIES: Final = 3_000
"""So many changes are tried in all; what would need more than that is said not to be found."""
MOST_ROLES: Final = 8
MOST_GROUPS: Final = 3
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Goal:
    """What somebody should have: a role, or a level on a DAG."""

    role: str = ""
    dag: str = ""
    level: Level = Level.VIEW


@dataclass(frozen=True, slots=True)
class Wish:
    """Who should have what, on which deployment; `who` are all identities of the person, `sizes` says how many are in a group."""

    who: tuple[PersonKey, ...]
    goal: Goal
    known: KnownDeployment
    now: datetime
    sizes: Mapping[PersonKey, int] = field(default_factory=dict)


def is_given(wish: Wish, basis: Ground) -> bool:
    """Say whether the rules give somebody what they should have."""
    desired = compiled(basis.rules, basis.directory, wish.known, now=wish.now)
    mine = [name for name, who in desired.whose.items() if set(who) & set(wish.who) and name in desired.users]
    held = frozenset[str]().union(*(desired.users[name].roles for name in mine))
    return not held.isdisjoint(roles_that_give(wish, desired))


def roles_that_give(wish: Wish, desired: DesiredState) -> list[str]:
    """Name the roles there that give it, those that have the least first."""
    if wish.goal.role:
        return [wish.goal.role]
    there = wish.known.seen.roles if wish.known.seen else {}
    roles = {**there, **desired.roles}
    giving = [name for name, role in roles.items() if _gives(wish, role)]
    return sorted(giving, key=lambda name: (name not in desired.roles, len(roles[name].permissions), name))


def _gives(wish: Wish, role: Role) -> bool:
    assert wish.known.dialect is not None
    dag = wish.goal.dag
    about = frozenset(p for p in role.permissions if p.dag is None or p.dag == dag)
    given = LevelReader(wish.known.dialect).levels(about, all_of=role.permissions)
    return wish.goal.level in (given.get(dag) or given.get(EVERY_DAG) or ())


def why_not(wish: Wish, basis: Ground) -> list[tuple[Edit, ...]]:
    """Give the smallest changes that give somebody what they should have, each as its edits; nothing where none was found.

    It is not given already, which `is_given` says.
    """
    giving = roles_that_give(wish, _every_role(wish, basis.rules))
    edits = list(dict.fromkeys(_edits(wish, basis, giving)))
    new = frozenset(edit.role for edit in edits if isinstance(edit, Define))
    small = Ground(_about(basis.rules, wish, giving), basis.directory)
    tries = 0
    for number in range(1, MOST_EDITS + 1):
        found: list[tuple[Edit, ...]] = []
        for some in combinations(edits, number):
            if not _fits(some, new):
                continue
            tries += 1
            if tries > MOST_TRIES or len(found) == SHOWN:
                break
            if is_given(wish, small.after(some)) and is_given(wish, basis.after(some)):
                found.append(some)
        if found:
            return found
    return []


def _fits(edits: Sequence[Edit], new: frozenset[str]) -> bool:
    """Say whether edits go together: a role that is new is made where it is bound, and bound where it is made."""
    made = {edit.role for edit in edits if isinstance(edit, Define)}
    bound = {edit.role for edit in edits if isinstance(edit, Bind)}
    return made == bound & new


def _every_role(wish: Wish, rules: Rules) -> DesiredState:
    """Spell out every role of the mapping files there, bound or not."""
    group = GroupRef("", "", "")
    everything = replace(rules, bindings=(Rule(group, tuple(rules.roles), (), NEW),) if rules.roles else ())
    return compiled(everything, Directory({}, {}), wish.known, now=wish.now)


def _about(rules: Rules, wish: Wish, giving: Iterable[str]) -> Rules:
    """Leave out what is not for the deployment, and gives none of these roles."""
    wanted = frozenset(giving)
    chosen = (r for r in rules.bindings if chooses(r, wish.known.deployment) and not wanted.isdisjoint(r.roles))
    lines = tuple(replace(r, roles=tuple(role for role in r.roles if role in wanted)) for r in chosen)
    return replace(rules, bindings=lines, roles={n: role for n, role in rules.roles.items() if n in wanted})


# --- what could be done -----------------------------------------------------------------------------------------------


def _edits(wish: Wish, basis: Ground, giving: Sequence[str]) -> Iterator[Edit]:
    """Give all edits that could help, those first that change least."""
    directory = basis.directory
    for who in wish.who:
        if not directory.identities[who].active:
            yield Activate(who, str(directory.identities[who]))
    lines = _about(basis.rules, wish, giving).bindings
    for rule in sorted(lines, key=lambda line: min(map(giving.index, line.roles))):
        yield from _of_groups(wish, directory, rule)
        yield from _of_attributes(wish, directory, rule)
    groups = sorted(_smallest_of(wish, directory))[:MOST_GROUPS]
    # of the roles of the target those that give it would give far more: a line for one is not what is meant
    asked = {wish.goal.role} & wish.known.deployment.naming.built_in_roles
    bindable = [role for role in giving if role in (basis.rules.roles.keys() - basis.rules.made) or role in asked]
    for role in bindable[:MOST_ROLES]:
        yield from (Bind(role, where, name, wish.known.name) for _, where, name in groups)
    if wish.goal.dag and not bindable:
        yield from _of_a_role(wish, basis.rules, groups)


def _of_groups(wish: Wish, directory: Directory, rule: Rule) -> Iterator[Edit]:
    """Give the ways into the groups of a rule, and out of them."""
    ids = dict(wish.who)
    for ref in rule.groups:
        for where, members in directory.groups.items():
            if ref.source not in ids or not _means(ref, where, members.group.name, directory):
                continue
            who = (ref.source, ids[ref.source])
            kind = LeaveGroup if who[1] in members.members else JoinGroup
            yield kind(who, where, members.group.name)


def _of_attributes(wish: Wish, directory: Directory, rule: Rule) -> Iterator[Edit]:
    """Give what sources would have to say of the person so that they meet what a rule asks; an address is not to be changed."""
    for condition in conditions_of(rule.subject):
        wanted = sorted(condition.values)
        if condition.attribute is Attribute.EMAIL_DOMAIN:
            continue
        for identity in (directory.identities[who] for who in wish.who):
            if value_of(identity, condition.attribute) not in set(map(folded, wanted)):
                yield Describe((identity.source, identity.id), str(identity), condition.attribute, wanted[0])


def _means(ref: Leaf, where: PersonKey, name: str, directory: Directory) -> bool:
    if not isinstance(ref, GroupRef) or where[0] != ref.source:
        return False
    if ref.id is not None:
        return where[1] == ref.id
    pinned = directory.names.get((ref.source, ref.name or ""))
    return where[1] == pinned if pinned else name == ref.name


def _smallest_of(wish: Wish, directory: Directory) -> Iterator[tuple[int, PersonKey, str]]:
    """Give the groups that the person is in with their sizes: a line for a small one gives it to few others."""
    mine = set(wish.who)
    for where, members in directory.groups.items():
        if where[1] != EVERYONE and any((where[0], id_) in mine for id_ in members.group.members):
            yield wish.sizes.get(where, len(members.members)), where, members.group.name


def _of_a_role(wish: Wish, rules: Rules, groups: Iterable[tuple[int, PersonKey, str]]) -> Iterator[Edit]:
    """Give a role for just this DAG, and the lines that bind it."""
    role = f"{wish.goal.level.value}-{wish.goal.dag}"[:60]
    if role in rules.roles or wish.known.deployment.naming.role_problem(role):
        return
    yield Define(role, wish.goal.level, wish.goal.dag)
    yield from (Bind(role, where, name, wish.known.name) for _, where, name in groups)
