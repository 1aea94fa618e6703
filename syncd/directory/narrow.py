"""A directory cut down to a few people, so that what the rules want of them is worked out without everybody else.

What compiling a narrowed directory gives those people is what compiling the whole one gives them. What nobody may lose
(`frozen`) is only the same where the directory `is_certain_for` the rules: a doubt about somebody else can freeze a role for all.

kept                                          | because
----------------------------------------------|------------------------------------------------------------
the people asked for, all accounts of each    | a person holds what all of their accounts are given
whoever would have the same account name      | two people with one account name get nothing
members of whom the source says nothing       | they freeze the roles of their group
who cannot be told from somebody else         | nothing is taken from them
every group, with its certificate and doubts  | they decide what may be taken
what sources say of nobody                    | the same
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from syncd.directory.doubt import unseen
from syncd.directory.group_names import GroupLookup
from syncd.directory.named_people import NOT_LOOKED_FOR, named_people, place_of
from syncd.directory.usernames import username_of
from syncd.model import (
    Deployment,
    Directory,
    FoundPerson,
    Group,
    Identity,
    Leaf,
    Members,
    PersonRef,
    Rule,
    conditions_of,
    givers,
    giving_sources,
    key,
    leaves,
    people_named,
)
from syncd.model import PersonKey as PersonKey
from syncd.model.names import is_plain, skeletons

_T = TypeVar("_T")
ATTRIBUTES: Final = "{where}"
"""In place of the id of a group: what a source tells of people besides. No group can be named so in a mapping."""
_KEPT = 32
"""Narrowed directories that are kept: deployments share them, one after the other."""


def changed(before: Directory, after: Directory) -> frozenset[PersonKey]:
    """Name everybody of whom one directory says something else than the other: who they are, or what they are in."""
    if before is after:
        return frozenset()
    found = set(before.identities.keys() ^ after.identities.keys())
    found |= {
        who
        for who, identity in after.identities.items()
        if (was := before.identities.get(who)) is not identity and was is not None and was != identity
    }
    for where in before.groups.keys() | after.groups.keys():
        found |= {(where[0], id_) for id_ in _moved(before.groups.get(where), after.groups.get(where))}
    joined = before.persons.keys() | after.persons.keys()
    found |= {who for who in joined if before.persons.get(who) != after.persons.get(who)}
    found |= before.mistaken.keys() ^ after.mistaken.keys()
    for where in _meant_anew(before, after):
        found |= {(where[0], id_) for d in (before, after) if (m := d.groups.get(where)) for id_ in m.members}
    found |= {who for ref in _found_anew(before, after) for d in (before, after) for who in _found(d, ref).who}
    return frozenset(found | _named_anew(before, after))


def _found_anew(before: Directory, after: Directory) -> frozenset[PersonRef]:
    """Name those whom a line names and who were found to be somebody else, or came into or out of doubt."""
    if before.named is after.named:
        return frozenset()
    return frozenset(
        ref for ref in before.named.keys() | after.named.keys() if before.named.get(ref) != after.named.get(ref)
    )


def _found(directory: Directory, ref: PersonRef) -> FoundPerson:
    return directory.named.get(ref, NOT_LOOKED_FOR)


def _meant_anew(before: Directory, after: Directory) -> frozenset[PersonKey]:
    """Name the groups that a name in a mapping came to mean, or meant before."""
    differ = {
        name for name in before.names.keys() | after.names.keys() if before.names.get(name) != after.names.get(name)
    }
    return frozenset((name[0], d.names[name]) for name in differ for d in (before, after) if name in d.names)


def _named_anew(before: Directory, after: Directory) -> set[PersonKey]:
    """Name people whose name came into or out of doubt, because a source of higher rank did."""
    was, is_ = _first_unseen(before), _first_unseen(after)
    if was == is_ and before.order == after.order:
        return set()
    low, high = sorted((was, is_))
    return {
        who
        for who in after.identities
        if low < _rank(_named_by(who, after), after.order) <= high or before.order != after.order
    }


def _first_unseen(directory: Directory) -> int:
    """Give the rank of the first source in which somebody may be who is not seen in it; one past the last: there is none."""
    return next((n for n, source in enumerate(directory.order) if unseen(directory, source)), len(directory.order))


def _named_by(who: PersonKey, directory: Directory) -> str:
    person = directory.persons.get(who)
    return person.accounts[0].source if person else who[0]


def _rank(source: str, order: tuple[str, ...]) -> int:
    return order.index(source) if source in order else len(order)


def _moved(before: Members | None, after: Members | None) -> frozenset[str]:
    """Name who joined or left a group; everybody in it where it came, went, has another name, or came into or out of doubt."""
    nobody: frozenset[str] = frozenset()
    was, is_ = (before.members if before else nobody), (after.members if after else nobody)
    if before is None or after is None or before.unknown != after.unknown or before.group.name != after.group.name:
        return was | is_
    if before is after or (before.group.members is after.group.members and before.stale == after.stale):
        return nobody
    return was ^ is_


def cleared(before: Directory, after: Directory) -> frozenset[PersonKey]:
    """Name what came out of doubt, so that people may have kept what it froze: groups, the places of names, and of attributes."""
    out = {where for where, m in after.groups.items() if not m.unknown and _was_unknown(before.groups.get(where))}
    found = {
        ref for ref in _found_anew(before, after) if _found(before, ref).is_open and not _found(after, ref).is_open
    }
    told = {(source, ATTRIBUTES) for source in _unread(before) - _unread(after)}
    told |= {(source, ATTRIBUTES) for source, _ in before.untold - after.untold}
    return frozenset(out | (_meant_anew(before, after) & after.groups.keys()) | set(map(place_of, found)) | told)


def _unread(directory: Directory) -> frozenset[str]:
    """Name the sources with people whose attributes were not read yet."""
    return frozenset(source for (source, _), identity in directory.identities.items() if _is_unread(identity))


def _is_unread(identity: Identity) -> bool:
    return identity.department is None or identity.user_type is None or identity.guest is None


def _was_unknown(was: Members | None) -> bool:
    return was is None or was.unknown


def renamed(before: Directory, after: Directory) -> bool:
    """Say whether other groups are there now, or under other names: a pattern may stand for others, whoever is in them."""
    if before.groups.keys() != after.groups.keys():
        return True
    return any(after.groups[where].group.name != members.group.name for where, members in before.groups.items())


def settled(before: Directory, after: Directory) -> bool:
    """Say whether a group was read whole that was not before: what it leaves nobody in doubt of may be given now."""
    return any(m.certified and not _was_certified(before.groups.get(where)) for where, m in after.groups.items())


def _was_certified(was: Members | None) -> bool:
    return was is not None and was.certified


class DirectoryView:
    """One directory, ready to be narrowed again and again. Threads may share one: at worst a thing is worked out twice."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._named: dict[str, Mapping[str, frozenset[PersonKey]]] = {}
        self._narrowed: dict[frozenset[PersonKey], Directory] = {}
        self._strangers: Mapping[PersonKey, frozenset[str]] | None = None
        self._certain: bool | None = None
        self._odd: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}
        self._groups: GroupLookup | None = None
        self._looked_for: tuple[tuple[Rule, ...], DirectoryView] | None = None

    def looked_for(self, rules: tuple[Rule, ...]) -> DirectoryView:
        """Find the people whom rules name one by one, where those are not the rules that the sources were read for."""
        files = (rule for rule in rules if not rule.grant)
        if all(ref in self.directory.named for rule in files for ref in people_named(rule.subject)):
            return self
        if self._looked_for is None or self._looked_for[0] is not rules:
            found = replace(self.directory, named=named_people(rules, self.directory))
            self._looked_for = rules, DirectoryView(found)
        return self._looked_for[1]

    @property
    def groups(self) -> GroupLookup:
        """Find its groups by id and by name."""
        self._groups = self._groups or GroupLookup(self.directory)
        return self._groups

    @property
    def is_certain(self) -> bool:
        """Say whether everything was read whole, and everybody in a group is known."""
        if self._certain is None:
            whole = self.directory
            read = not whole.failed and all(m.certified for m in whole.groups.values())
            read = read and not any(person.is_open for person in whole.named.values()) and not _unread(whole)
            self._certain = read and not any(self._of_strangers().values())
        return self._certain

    def is_certain_for(self, rules: Iterable[Rule]) -> bool:
        """Say whether it is certain, sources say of somebody what these rules ask of people, and groups are there of which
        rules leave it to others who is meant."""
        rules = tuple(rules)
        asks_untold = self.directory.untold and any(map(self._asks_what_is_untold, rules))
        return self.is_certain and not asks_untold and not any(map(self._lacks_a_group, rules))

    def _lacks_a_group(self, rule: Rule) -> bool:
        """Say whether a group is not there that decides, together with others, who is meant: some are in doubt, and not all."""
        if isinstance(rule.subject, Leaf):
            return False
        stand_for = set(givers(rule.subject)) if rule.pattern else set()
        return any(self.groups.find(leaf) is None for leaf in leaves(rule.subject) if leaf not in stand_for)

    def _asks_what_is_untold(self, rule: Rule) -> bool:
        sources = giving_sources(rule.subject, self.directory.read)
        asked = {(source, condition.attribute) for condition in conditions_of(rule.subject) for source in sources}
        return not self.directory.untold.isdisjoint(asked)

    def is_settled(self, where: PersonKey) -> bool:
        """Say whether it is known of everybody whether they are in a group."""
        members = self.directory.groups.get(where)
        return members is not None and members.certified and not self._of_strangers()[where]

    def closed(self, who: Iterable[PersonKey], deployment: Deployment) -> frozenset[PersonKey]:
        """Add the other accounts of these people, and whoever would share an account with one of them there."""
        return self._with_namesakes(self._whole(who), deployment.username)

    def narrowed(self, who: Iterable[PersonKey], deployment: Deployment) -> Directory:
        """Cut the directory down to these people, and whoever would share an account with one of them there."""
        wanted = self.closed(who, deployment).union(self.directory.mistaken)
        found = self._narrowed.get(wanted)
        if found is None:
            kept = self._narrowed if len(self._narrowed) < _KEPT else {}
            found = self._cut(wanted)
            self._narrowed = {**kept, wanted: found}
        return found

    def known_as(self, words: Iterable[str], deployment: Deployment) -> frozenset[PersonKey]:
        """Find people by account name or e-mail, in any letter case."""
        tables = self._names(deployment.username), self._names("{email}")
        nobody: frozenset[PersonKey] = frozenset()
        return nobody.union(*(named.get(key(word), nobody) for word in words for named in tables))

    def alike(self, forms: frozenset[str], deployment: Deployment) -> frozenset[PersonKey]:
        """Find people whose account names a database might take for names that have one of these skeletons."""
        named = self._names(deployment.username)
        if deployment.username not in self._odd:
            odd = ((name, skeletons(name)) for name in named if not is_plain(name))
            self._odd[deployment.username] = tuple(odd)
        words = {name for name, theirs in self._odd[deployment.username] if not theirs.isdisjoint(forms)}
        return frozenset[PersonKey]().union(*(named[word] for word in words | (forms & named.keys())))

    def names_of(self, who: Iterable[PersonKey], deployment: Deployment) -> frozenset[str]:
        """Give the keys of the account names that these people have there, if they have any."""
        identities = [identity for one in who if (identity := self.directory.identities.get(one))]
        return frozenset(key(username_of(i, deployment.username)) for i in identities) - {""}

    def _whole(self, who: Iterable[PersonKey]) -> frozenset[PersonKey]:
        """Add the other accounts of each person."""
        wanted = set(who)
        for one in tuple(wanted):
            if person := self.directory.persons.get(one):
                wanted |= {(i.source, i.id) for i in person.accounts}
        return frozenset(wanted)

    def _with_namesakes(self, who: frozenset[PersonKey], template: str) -> frozenset[PersonKey]:
        named = self._names(template)
        identities = [identity for one in who if (identity := self.directory.identities.get(one))]
        same = [named.get(key(username_of(identity, template)), frozenset()) for identity in identities]
        return self._whole(who.union(*same))

    def _names(self, template: str) -> Mapping[str, frozenset[PersonKey]]:
        """Say who would have each account name."""
        if template not in self._named:
            found: dict[str, set[PersonKey]] = defaultdict(set)
            for who, identity in self.directory.identities.items():
                found[key(username_of(identity, template))].add(who)
            found.pop("", None)  # no account name is nobody's name, not everybody's
            self._named[template] = {name: frozenset(several) for name, several in found.items()}
        return self._named[template]

    def _cut(self, who: frozenset[PersonKey]) -> Directory:
        whole = self.directory
        ids: dict[str, set[str]] = defaultdict(set)
        for source, id_ in who:
            ids[source].add(id_)
        strangers = self._of_strangers()
        groups = {where: _only(m, ids[where[0]] | strangers[where]) for where, m in whole.groups.items()}
        return replace(
            whole,
            identities=_some(whole.identities, who),
            groups=groups,
            persons=_some(whole.persons, who),
        )

    def _of_strangers(self) -> Mapping[PersonKey, frozenset[str]]:
        if self._strangers is None:
            self._strangers = _strangers(self.directory)
        return self._strangers


def _some(table: Mapping[PersonKey, _T], who: frozenset[PersonKey]) -> dict[PersonKey, _T]:
    return {one: table[one] for one in sorted(who & table.keys())}


def _only(members: Members, ids: set[str]) -> Members:
    group = members.group
    if not ids:
        return replace(members, group=_with(group, frozenset()), stale=frozenset())
    return replace(members, group=_with(group, group.members & ids), stale=members.stale & ids)


def _with(group: Group, members: frozenset[str]) -> Group:
    return replace(group, members=members)


def _strangers(directory: Directory) -> Mapping[PersonKey, frozenset[str]]:
    """Name, by group, the members of whom the source says nothing."""
    known: dict[str, set[str]] = defaultdict(set)
    for source, id_ in directory.identities:
        known[source].add(id_)
    return {where: m.members - known[where[0]] for where, m in directory.groups.items()}
