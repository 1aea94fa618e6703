"""From what people hold on some deployments to bindings that give just that: the fewest groups, then one by one.

a group                                              | then
-----------------------------------------------------|-----------------------------------------------------------
all whom a binding of it would give an account hold  | the role is bound to it, the one of most people first
some of them do not, or have no account              | it is not bound: the first plan would give them something

Who holds a role by no such group is listed as a person, or by account where no source knows anybody of that name. What cannot
be said so, as of people who are inactive at their source, is told and left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.directory.usernames import username_of
from syncd.mapping.adopt_dags import NOWHERE, LiveDeployment
from syncd.mapping.adopt_roles import by_one_another, infer_role, of_nothing
from syncd.mapping.compile import compile_desired
from syncd.mapping.diagnostics import some
from syncd.model import (
    Accounts,
    Directory,
    FoundPerson,
    Group,
    GroupRef,
    Lookalikes,
    PersonRef,
    RoleDefinition,
    Rule,
    Rules,
    Subject,
    key,
)
from syncd.model.subjects import EVERYONE
from syncd.plan.diff import align
from syncd.text.characters import unseen


@dataclass(slots=True)
class Adopted:
    """What was inferred: roles, whom each is given to on which deployments, and what no line says, in sentences."""

    roles: dict[str, RoleDefinition] = field(default_factory=dict)
    given: dict[Subject, dict[str, set[str]]] = field(default_factory=dict)
    """Subject -> role -> deployments."""
    left: list[str] = field(default_factory=list)

    def give(self, subject: Subject, role: str, deployment: str) -> None:
        self.given.setdefault(subject, {}).setdefault(role, set()).add(deployment)


def adopt(lives: Iterable[LiveDeployment], directory: Directory, *, now: datetime) -> Adopted:
    """Say in mapping rules what people hold."""
    lives, found = tuple(lives), Adopted()
    refused = _define(lives, found)
    covering = _Covering(directory, now, found)
    for live in lives:
        covering.cover(live, refused)
    return found


def _define(lives: tuple[LiveDeployment, ...], found: Adopted) -> Mapping[tuple[str, str], str]:
    """Define every role that somebody holds; says by deployment and role where that cannot be done, and why."""
    refused: dict[tuple[str, str], str] = {}
    held = {(live.name, role) for live in lives for role in _holders(live)}
    for role in sorted({role for _, role in held}):
        among = [
            live for live in lives if (live.name, role) in held and role not in live.deployment.naming.built_in_roles
        ]
        there = [live for live in among if role in live.observed.roles]
        refused |= {(live.name, role): "it cannot be read" for live in among if live not in there}
        definition, problems = infer_role(role, there)
        refused |= {(name, role): why for name, why in problems.items()}
        if definition is not None:
            found.roles[role] = definition
            found.left += [said for live in there if live.name not in problems and (said := _of_nothing(role, live))]
    found.roles = by_one_another(found.roles)
    found.left += filter(None, map(_held_by_nobody, lives))
    return refused


def _of_nothing(role: str, live: LiveDeployment) -> str:
    """Tell what a role has on DAGs that are not there, which no line says; empty: nothing."""
    if not (gone := of_nothing(role, live)):
        return ""
    return (
        f"{live.name}: {role} also has {some(map(str, gone))} on DAGs that are not there: that is left as it is, and the role "
        'is not syncd\'s as long as it has more than this file says; with adopt = "declared" it goes'
    )


def _held_by_nobody(live: LiveDeployment) -> str:
    """Name the roles that nobody holds, which no line says; empty: there are none."""
    roles = live.observed.roles.keys() - live.deployment.naming.built_in_roles - _holders(live).keys()
    return f"{live.name}: nobody holds {some(roles)}: left as it is" if roles else ""


def _holders(live: LiveDeployment) -> Mapping[str, set[str]]:
    """Give the accounts (by key) that hold each role, but those that syncd never touches."""
    untouchable = Lookalikes((*live.deployment.protected, *filter(None, (live.own_account,))))
    found: dict[str, set[str]] = defaultdict(set)
    for name, user in live.observed.users.items():
        if user.username not in untouchable:
            for role in user.roles:
                found[role].add(name)
    return found


def _reach(live: LiveDeployment, directory: Directory, now: datetime) -> Mapping[Subject, frozenset[str]]:
    """Give the accounts (by key) that a binding of each group would give something here, where that is beyond doubt."""
    certified = (m.group for m in directory.groups.values() if m.certified and m.group.id != EVERYONE)
    found = {ref: _given_by(ref, live, directory, now) for ref in map(_ref, certified)}
    return {ref: accounts for ref, accounts in found.items() if accounts}


def _given_by(subject: Subject, live: LiveDeployment, directory: Directory, now: datetime) -> frozenset[str]:
    role = min(live.deployment.naming.built_in_roles)
    rules = Rules({}, (Rule(subject, (role,), (), NOWHERE),))
    desired = compile_desired(
        rules, as_named(directory, [subject]), live.deployment, inventory=(), dialect=live.dialect, now=now
    )
    aligned = align(desired, live.observed, match_email=live.deployment.match_email)
    is_doubtful = desired.frozen or desired.undecided or desired.frozen_users
    return frozenset() if is_doubtful else frozenset(aligned.users)


def _given_to_each(
    refs: Iterable[PersonRef], live: LiveDeployment, directory: Directory, now: datetime
) -> Mapping[PersonRef, set[str]]:
    """Give the accounts (by key) that a binding of each person would give something here; all are asked for at once."""
    whose = {f"{number}": ref for number, ref in enumerate(refs)}
    roles = {name: RoleDefinition(name, "", (), (), NOWHERE) for name in whose}
    rules = Rules(roles, tuple(Rule(ref, (name,), (), NOWHERE) for name, ref in whose.items()))
    named = as_named(directory, whose.values())
    desired = compile_desired(rules, named, live.deployment, inventory=(), dialect=live.dialect, now=now)
    aligned = align(desired, live.observed, match_email=live.deployment.match_email)
    doubtful = (
        desired.frozen.keys()
        | desired.frozen_for.keys()
        | {role for user in desired.undecided.values() for role in user.roles}
    )
    found: dict[PersonRef, set[str]] = defaultdict(set)
    for name, user in aligned.users.items():
        for role in user.roles - doubtful if name not in desired.frozen_users else ():
            found[whose[role]].add(name)
    return found


def as_named(directory: Directory, subjects: Iterable[Subject]) -> Directory:
    """Give the directory as it is once people are found by the ids under which it knows them."""
    found = {s: FoundPerson(frozenset({(s.source, s.id)})) for s in subjects if isinstance(s, PersonRef) and s.id}
    return replace(directory, named={**directory.named, **found}) if found else directory


def _ref(group: Group) -> GroupRef:
    return GroupRef(group.source, group.id, group.name)


def _names(directory: Directory, live: LiveDeployment) -> Mapping[str, list[PersonRef]]:
    """Give every account (by key) that somebody whom a source knows might have, with those whose it may be."""
    found: dict[str, list[PersonRef]] = defaultdict(list)
    by_email = {key(user.email): name for name, user in live.observed.users.items()}
    for identity in directory.identities.values():
        ref = PersonRef(identity.source, identity.id, identity.login or None)
        found[key(username_of(identity, live.deployment.username))].append(ref)
        if live.deployment.match_email and (name := by_email.get(key(identity.email))):
            found[name].append(ref)
    return found


@dataclass(frozen=True, slots=True)
class _Here:
    """What is known of one deployment: whom a binding of each group, and of each person alone, would give something.

    `known` are those whose each account (by key) may be.
    """

    live: LiveDeployment
    reach: Mapping[Subject, frozenset[str]]
    known: Mapping[str, list[PersonRef]]
    alone: Mapping[PersonRef, set[str]]


def _here(live: LiveDeployment, directory: Directory, now: datetime) -> _Here:
    known = _names(directory, live)
    holding = {name for holders in _holders(live).values() for name in holders}
    refs = dict.fromkeys(ref for name in sorted(holding & known.keys()) for ref in known[name])
    return _Here(live, _reach(live, directory, now), known, _given_to_each(refs, live, directory, now))


@dataclass(slots=True)
class _Covering:
    """Says of one deployment after the other by what lines its people hold what they hold."""

    directory: Directory
    now: datetime
    found: Adopted

    def cover(self, live: LiveDeployment, refused: Mapping[tuple[str, str], str]) -> None:
        here = _here(live, self.directory, self.now)
        for role, holders in sorted(_holders(live).items()):
            if why := refused.get((live.name, role)):
                self.found.left.append(f"{live.name}: {role}, which {_people(holders)}, is left as it is: {why}")
                continue
            left = holders - self._by_groups(here, role, holders)
            by_themselves = {name for name in left if self._by_name(here, role, name)}
            if people := left - by_themselves:
                said = f"{live.name}: {_people(live.observed.users[name].username for name in people)} {role}"
                why = self._inactive(people, here.known) or _nearest(here.reach, people, holders)
                self.found.left.append(f"{said} by no line, and it is left as it is; {why}")

    def _inactive(self, people: set[str], known: Mapping[str, list[PersonRef]]) -> str:
        """Say that none of these people can log in; empty: somebody can."""
        refs = [ref for name in people for ref in known.get(name, ())]
        if not refs or any(self.directory.identities[ref.source, ref.id or ""].active for ref in refs):
            return ""
        return f"they are inactive in {some({ref.source for ref in refs})}"

    def _by_groups(self, here: _Here, role: str, holders: set[str]) -> set[str]:
        """Bind a role to groups until nobody is left whom one more would cover; gives who is covered."""
        covered: set[str] = set()
        fitting = {ref: people for ref, people in here.reach.items() if people <= holders}
        while fitting:
            ref = max(fitting, key=lambda ref: (len(fitting[ref] - covered), repr(ref)))
            if not (people := fitting.pop(ref)) - covered:
                break
            covered |= people
            self.found.give(ref, role, here.live.name)
        return covered

    def _by_name(self, here: _Here, role: str, name: str) -> bool:
        """Give a role to a person whose account this is, or to the account where no source knows anybody of that name."""
        username = here.live.observed.users[name].username
        is_sayable = not (here.live.deployment.naming.username_problem(username) or unseen(username))
        theirs = (ref for ref in here.known.get(name, ()) if here.alone.get(ref) == {name})
        subject = Accounts((username,)) if name not in here.known and is_sayable else next(theirs, None)
        if subject is not None:
            self.found.give(subject, role, here.live.name)
        return subject is not None


def _nearest(reach: Mapping[Subject, frozenset[str]], people: set[str], holders: set[str]) -> str:
    """Name the group that comes nearest to saying why some people hold a role."""
    near = [
        (len(members & people), -len(members - holders), str(ref)) for ref, members in reach.items() if members & people
    ]
    if not near:
        return "they are in no group that is known"
    shared, others, name = max(near)
    return f"{shared} of them are in {name}, of whose members {-others} do not hold it"


def _people(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 3:,} more" if len(shown) > 3 else ""
    return f"{', '.join(shown[:3])}{more} {'holds' if len(shown) == 1 else 'hold'}"
