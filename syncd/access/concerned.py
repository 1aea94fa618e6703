"""Whom changed lines can concern on one deployment, and the deployment cut down to those.

What comparing the cut one gives those people is what comparing the whole one gives them, and the others it gives nothing: the two
sides want the same of them. It is so only where nothing is in doubt, as a doubt about somebody else can keep a role for all.

who is concerned                                            | because
------------------------------------------------------------|---------------------------------------------------------
who is in, or named by, a changed line                      | it gives them something, takes them out, or did
who is given a role that changes, by any line               | they have it in the end, or had it
who holds a role that changes, by whatever hand             | the role changes under them
who holds a role of ours that neither side wants            | it ends once nobody does
an account that a line names on one side alone              | the same
whoever could have, or has, an account of the same name or  | people and accounts find one another by name, by e-mail,
e-mail, or one that was made for one of these, and so on    | and by whom an account was made for
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from syncd.access.changed_lines import ChangedLines
from syncd.access.known import KnownDeployment, Noted
from syncd.directory.narrow import DirectoryView
from syncd.directory.usernames import username_of
from syncd.model import Deployment, LastSeen, Owned, PersonKey, Rule, User, key, leaves, people_named
from syncd.model.names import is_plain, skeletons


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom a change can concern on one deployment: identities of people, and accounts by the key of their name."""

    people: frozenset[PersonKey]
    accounts: frozenset[str]


def concerned(lines: ChangedLines, views: Iterable[DirectoryView], known: KnownDeployment, seen: LastSeen) -> Concerned:
    """Find whom changed lines can concern, in the directory as either side looks at it, and among what was seen."""
    views = tuple(dict.fromkeys(views))
    people = frozenset[PersonKey]().union(*(_meant(_deciding(lines), view) for view in views))
    accounts = lines.accounts | _holders(seen.users, lines.roles)
    while True:
        closed = people.union(*(view.closed({*people, *view.directory.mistaken}, known.deployment) for view in views))
        names, mails = _names_and_mails(closed, views, known.deployment)
        accounts |= names | _accounts_of(closed, names, mails, known=known, seen=seen)
        forms = frozenset[str]().union(*map(skeletons, accounts))
        words = {*mails, *accounts, *(seen.users[name].email for name in accounts & seen.users.keys())}
        people = closed.union(account.who for account in known.noted.made if account.name in accounts)
        for view in views:
            people |= view.known_as(words, known.deployment) | view.alike(forms, known.deployment)
        if people == closed:
            return Concerned(people, accounts)


def _deciding(lines: ChangedLines) -> Iterator[Rule]:
    """Give the rules that are changed, and those that give a role which is."""
    yield from lines.lines
    for role in lines.roles & lines.given.keys():
        for rules in lines.given[role]:
            yield from rules


def _meant(rules: Iterable[Rule], view: DirectoryView) -> frozenset[PersonKey]:
    """Name everybody who is in what rules name, those too whom it takes out."""
    lookup, directory = view.groups, view.directory
    found = set[PersonKey]()
    for rule in dict.fromkeys(rules):
        groups = filter(None, map(lookup.find, leaves(rule.subject)))
        found.update((members.group.source, id_) for members in groups for id_ in members.members)
        named = (directory.named.get(ref) for ref in people_named(rule.subject))
        found.update(who for person in named if person for who in person.who)
    return frozenset(found)


def _holders(users: Mapping[str, User], roles: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name, user in users.items() if not roles.isdisjoint(user.roles)) if roles else frozenset()


def _accounts_of(
    people: frozenset[PersonKey],
    names: frozenset[str],
    mails: frozenset[str],
    *,
    known: KnownDeployment,
    seen: LastSeen,
) -> frozenset[str]:
    """Find the accounts that people of these names and e-mails have: by what may pass for them, or as made for one of them."""
    forms = frozenset[str]().union(*map(skeletons, names))
    there = {name for name, user in seen.users.items() if key(user.email) in mails or _passes(name, forms)}
    return frozenset(there | {account.name for account in known.noted.made if account.who in people})


def _names_and_mails(
    people: frozenset[PersonKey], views: Iterable[DirectoryView], deployment: Deployment
) -> tuple[frozenset[str], frozenset[str]]:
    """Give the names of accounts that people would have, and their e-mails, those too that are made up for them."""
    names, mails = set[str](), set[str]()
    for view in views:
        for who in people & view.directory.identities.keys():
            identity = view.directory.identities[who]
            username = username_of(identity, deployment.username)
            account = deployment.naming.account(identity, username, frozenset())
            names.add(key(username))
            mails.update((key(identity.email), key(account.email)))
    return frozenset(names - {""}), frozenset(mails - {""})


def _passes(name: str, forms: frozenset[str]) -> bool:
    """Say whether a database might take the name of an account, given by its key, for one that has one of these skeletons."""
    return name in forms if is_plain(name) else not skeletons(name).isdisjoint(forms)


def cut_down(known: KnownDeployment, seen: LastSeen, whom: Concerned) -> KnownDeployment:
    """Leave of a deployment only what is known of these people and accounts; its roles and DAGs stay."""
    noted, these = known.noted, whom.accounts
    users = {name: seen.users[name] for name in seen.users if name in these}
    unclear = {name: why for name, why in seen.unclear.items() if name in these}
    grants = {name: noted.owned.grants[name] for name in sorted(these & noted.owned.grants.keys())}
    owned = Owned(noted.owned.users & these, noted.owned.roles, grants, noted.owned.once, members=noted.owned.members)
    made = tuple(account for account in noted.made if account.name in these)
    return replace(known, noted=Noted(replace(seen, users=users, unclear=unclear), owned, made))
