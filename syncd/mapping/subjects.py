"""From a rule to the people whom it means.

A group alone gives its members their roles, and so does each of what `any_of` lists at the top. What else is made of groups
is asked of each person, with a doubt in it that is never decided to their loss, nor to their gain:

what is known of a group, or of everybody  | who is in it for sure | who may be in it     | who may be in it, under `none_of`
-------------------------------------------|-----------------------|----------------------|----------------------------------
it was read whole                          | its members           | its members          | its members
read in part or not at all, once whole     | those who were seen   | and those of then    | everybody
never read whole                           | those who were seen   | everybody            | everybody
it is not there, or which it is is unclear | nobody                | everybody            | everybody
it has members of whom nothing is known    | its members           | and whoever is not known in that source

`where` leaves those in it who were read to meet it. Of whom that is not known it is not known whether they are in it.
Under `none_of` it asks nothing.

Whose account there is inactive is in no group by it; under `none_of` they are in it all the same: to be locked out is no way
to get what the group keeps from its members. Who is in for sure gets the roles; who only may be keeps what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_

from syncd.directory.group_names import GroupLookup
from syncd.mapping.diagnostics import Diagnostics, some
from syncd.mapping.groups import FoundGroup, found_group
from syncd.mapping.meeting import Attributes, Meeting
from syncd.mapping.named import as_group, found_person
from syncd.mapping.whom import EVERYBODY, NOBODY, Membership, Whom
from syncd.model import (
    Accounts,
    AllOf,
    AnyOf,
    Condition,
    Directory,
    Doubted,
    FoundPerson,
    Leaf,
    Members,
    Person,
    PersonKey,
    PersonRef,
    Rule,
    Subject,
    Where,
    Without,
    alternatives,
    conditions_of,
    givers,
    leaves,
    people_named,
)

Asked = tuple[Condition, ...]
"""What `where` asks."""


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A rule and a group of which it gives the members its roles."""

    rule: Rule
    members: Members


def bind(rules: Iterable[Rule], directory: Directory, diagnostics: Diagnostics) -> tuple[Bound, ...]:
    """Find the people of each rule, by the groups that give them its roles; note and freeze what is in doubt."""
    lookup, people = GroupLookup(directory), PeopleSets(directory)
    return tuple(
        bound
        for rule in rules
        for part in alternatives(rule.subject)
        if not isinstance(part, Accounts)
        for bound in (
            _plain(rule, part, lookup, diagnostics)
            if isinstance(part, Leaf)
            else _composed(rule, part, lookup, people, diagnostics)
        )
    )


def _plain(rule: Rule, leaf: Leaf, lookup: GroupLookup, diagnostics: Diagnostics) -> Iterator[Bound]:
    found = found_group(rule, leaf, lookup, diagnostics)
    if found.members is None or found.members.unknown:
        diagnostics.freeze(rule.roles, found.doubt)
    if found.members is not None:
        yield Bound(rule, found.members)


def _composed(
    rule: Rule, part: Subject, lookup: GroupLookup, people: PeopleSets, diagnostics: Diagnostics
) -> Iterator[Bound]:
    gives = set(givers(part))
    found = {
        leaf: found_group(rule, leaf, lookup, diagnostics, takes=leaf not in gives)
        for leaf in dict.fromkeys(leaves(part))
    }
    given = frozenset(people_named(part, giving=True))
    named = {
        ref: found_person(rule, ref, lookup.directory, diagnostics, takes=ref not in given)
        for ref in dict.fromkeys(people_named(part))
    }
    conditions = conditions_of(part)
    whom = _Reckoning(found, people, named).of(part)
    if whom.doubtful:
        by = [members for leaf in gives if (members := found[leaf].members)]
        by += [members for ref in given for members in as_group(ref, named[ref])]
        doubts = (
            *(group.doubt for group in found.values()),
            *(one.text for one in named.values() if one.is_open),
            *_unread(rule, people.unread(by, conditions), people.untold(conditions), diagnostics),
        )
        why = next(filter(None, doubts), _NOT_TOLD)
        only = None if whom.doubtful == EVERYBODY else people.doubted(whom.doubtful)
        diagnostics.freeze(rule.roles, why, only=only)
    for leaf in found:
        members = found[leaf].members
        if leaf in gives and members is not None:
            yield Bound(rule, people.only(members, whom.sure, conditions))
    for ref in sorted(given, key=str):
        for members in as_group(ref, named[ref]):
            yield Bound(rule, people.only(members, whom.sure, conditions))


def _unread(
    rule: Rule, whom: Mapping[str, frozenset[str]], untold: Mapping[str, str], diagnostics: Diagnostics
) -> tuple[str, ...]:
    """Tell of whom, by source, nobody can say whether they meet what is asked; gives it as doubts."""
    roles, told = ", ".join(rule.roles), []
    for source, ids in sorted(whom.items()):
        if attribute := untold.get(source):
            code, why = "attribute_untold", f"nobody in {source} has `{attribute}`, so it may be hidden from syncd"
            effect = (
                f"nobody is given {roles} by it, or loses what it gave; let syncd see it, or take `{attribute}` out"
            )
        else:
            who = some(f"{source}:{id_}" for id_ in ids)
            code, why = "attribute_unread", f"{source} was not read since it is asked what a line asks of {who}"
            effect = f"none of them is given {roles} by it, or loses what it gave"
        diagnostics.note(code, f"{rule.at}: {why}; {effect}")
        told.append(why)
    return tuple(told)


_NOT_TOLD = "a group has members of whom its source says nothing"


class PeopleSets:
    """The people of a directory as sets. A person is named by the first of their accounts."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[str, frozenset[str]] = {}
        self._inactive: dict[str, frozenset[str]] = {}
        self._attributes = Attributes(directory.identities, directory.untold)

    def named(self, source: str, ids: Iterable[str]) -> Whom:
        """Give the people whose accounts these are."""
        persons = self._directory.persons
        if not persons:
            return Whom(frozenset((source, id_) for id_ in ids))
        return Whom(frozenset(_first(persons, (source, id_)) for id_ in ids))

    def known(self, source: str) -> frozenset[str]:
        """Give the ids of everybody of whom a source says something."""
        if source not in self._known:
            self._known[source] = frozenset(id_ for of, id_ in self._directory.identities if of == source)
        return self._known[source]

    def of(self, who: Iterable[PersonKey]) -> Whom:
        """Give the people to whom these identities belong."""
        return Whom(frozenset(_first(self._directory.persons, one) for one in who))

    def active(self, who: Iterable[PersonKey]) -> frozenset[PersonKey]:
        """Leave out identities that are inactive, or not there."""
        there = self._directory.identities
        return frozenset(one for one in who if one in there and there[one].active)

    def unread(self, groups: Iterable[Members], conditions: Asked) -> Mapping[str, frozenset[str]]:
        """Say, by source, of which active members it was not read yet whether they meet conditions."""
        found: dict[str, frozenset[str]] = {}
        for members in groups:
            source = members.group.source
            if met := self.meeting(source, conditions):
                them = (members.members & met.may_be) - met.sure - self.inactive(source)
                found[source] = found.get(source, frozenset()) | them
        return {source: ids for source, ids in found.items() if ids}

    def untold(self, conditions: Asked) -> Mapping[str, str]:
        """Say, by source, which attribute that is asked it says of nobody."""
        asked = [condition.attribute for condition in conditions]
        return {source: attribute for source, attribute in sorted(self._directory.untold) if attribute in asked}

    def meeting_of(self, who: frozenset[PersonKey], conditions: Asked) -> tuple[frozenset[PersonKey], ...]:
        """Give those of some identities who meet conditions for sure, and those who do or may."""
        if not conditions:
            return who, who
        met = {source: self._attributes.meeting(source, conditions) for source, _ in who}
        sure = frozenset(one for one in who if one[1] in met[one[0]].sure)
        return sure, frozenset(one for one in who if met[one[0]].left(frozenset({one[1]})))

    def inactive(self, source: str) -> frozenset[str]:
        if source not in self._inactive:
            there = self._directory.identities
            self._inactive[source] = frozenset(id_ for id_ in self.known(source) if not there[source, id_].active)
        return self._inactive[source]

    def meeting(self, source: str, conditions: Asked) -> Meeting | None:
        """Say who in a source meets conditions; None where nothing is asked."""
        return self._attributes.meeting(source, conditions) if conditions else None

    def only(self, members: Members, whom: Whom, conditions: Asked = ()) -> Members:
        """Give a group with no more in it than these people, by active accounts that meet conditions, and nobody who is there
        no more."""
        group, persons = members.group, self._directory.persons
        seen = group.members - self.inactive(group.source)
        seen = seen & asked.sure if (asked := self.meeting(group.source, conditions)) else seen
        ids = frozenset(id_ for id_ in seen if _first(persons, (group.source, id_)) in whom)
        return replace(members, group=replace(group, members=ids), stale=frozenset())

    def doubted(self, whom: Whom) -> Doubted:
        """Say whom a doubt about these people is about, by all of their accounts."""
        persons, identities = self._directory.persons, self._directory.identities
        if whom.but:
            return Doubted(frozenset(), frozenset(), self._others(whom))
        accounts = [_accounts(persons, who) for who in whom.who]
        sources = reduce(and_, (frozenset(source for source, _ in these) for these in accounts))
        are_known = whom.who <= identities.keys()
        return Doubted(frozenset().union(*accounts), sources, self._others(whom) if are_known else frozenset())

    def _others(self, whom: Whom) -> frozenset[PersonKey]:
        persons = self._directory.persons
        return frozenset(who for who in self._directory.identities if _first(persons, who) not in whom)


def _first(persons: Mapping[PersonKey, Person], who: PersonKey) -> PersonKey:
    person = persons.get(who)
    return (person.accounts[0].source, person.accounts[0].id) if person else who


def _accounts(persons: Mapping[PersonKey, Person], who: PersonKey) -> frozenset[PersonKey]:
    person = persons.get(who)
    return frozenset((i.source, i.id) for i in person.accounts) if person else frozenset({who})


@dataclass(frozen=True, slots=True)
class _Reckoning:
    """Works out who is meant, of the groups and the people that were found."""

    found: Mapping[Leaf, FoundGroup]
    people: PeopleSets
    named: Mapping[PersonRef, FoundPerson]

    def of(self, subject: Subject, *, takes: bool = False, asked: Asked = ()) -> Membership:
        match subject:
            case AnyOf(of):
                return reduce(or_, (self.of(one, takes=takes, asked=asked) for one in of))
            case AllOf(of):
                return reduce(and_, (self.of(one, takes=takes, asked=asked) for one in of))
            case Where(whole, conditions):
                return self.of(whole, takes=takes, asked=conditions)
            case Without(whole, none_of):
                return self.of(whole, takes=takes, asked=asked) & ~self.of(AnyOf(none_of), takes=not takes)
            case Accounts():
                return Membership(NOBODY, NOBODY)
            case PersonRef():
                return self._person(self.named[subject], takes=takes, asked=asked)
        members = self.found[subject].members
        return self._taking(subject.source, members) if takes else self._giving(subject.source, members, asked)

    def _person(self, found: FoundPerson, *, takes: bool, asked: Asked) -> Membership:
        who = found.who if takes or found.is_open else self.people.active(found.who)
        sure, may_be = self.people.meeting_of(who, asked)
        if found.is_open:
            return Membership(NOBODY, self.people.of(may_be) if found.who else EVERYBODY)
        return Membership(self.people.of(sure), self.people.of(may_be))

    def _giving(self, source: str, members: Members | None, asked: Asked) -> Membership:
        out, met = self.people.inactive(source), self.people.meeting(source, asked)
        seen = members.group.members - out if members else frozenset[str]()
        seen = seen & met.sure if met else seen
        sure = self.people.named(source, seen)
        if members is None or members.unknown:
            out = out | met.out if met else out
            return Membership(sure, ~self.people.named(source, out - seen) | sure)
        there = members.members - out
        may_be = self.people.named(source, met.left(there) if met else there)
        return Membership(sure, may_be | self._strangers(source, members))

    def _taking(self, source: str, members: Members | None) -> Membership:
        if members is None:
            return Membership(NOBODY, EVERYBODY)
        sure = self.people.named(source, members.group.members)
        return Membership(sure, sure | self._strangers(source, members) if members.certified else EVERYBODY)

    def _strangers(self, source: str, members: Members) -> Whom:
        """Give whoever may be a member of whom the source says nothing: all who are not known there."""
        known = self.people.known(source)
        return NOBODY if members.members <= known else ~self.people.named(source, known)
