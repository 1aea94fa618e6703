"""People under other words: the same person has the same word throughout one file, and nobody can tell who it is without the key.

what            | becomes
----------------|----------------------------------------------------------------------------------------------
an e-mail       | a word, at the same domain: conditions of mapping files ask for it
a department    | a word, and so a user type; but what conditions of mapping files ask for stays
a login, an id  | a word; one that is an e-mail as above
an account      | what the template of the deployment makes of the new login, id or e-mail; else a word
names of people | the word of the id
what the mapping files, or the configuration, name themselves | itself: it stands there for everybody to read
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from syncd.access.known import LastKnown, Noted, SourcesSaid
from syncd.directory.named_people import word_of
from syncd.directory.usernames import username_of
from syncd.model import Deployment, Group, Identity, KnownPersons, LastSeen, MadeAccount, Snapshot, User, folded, key

_LETTERS = 14
"""Of a word: 56 bits, so that no two of a million people meet in one by chance (one in 70,000)."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Gives everybody another word. `kept` are the words, by key, that stay as they are."""

    secret: bytes
    kept: frozenset[str] = frozenset()

    def of(self, text: str) -> str:
        """Give the word for a login, an id or an e-mail, whatever its letter case; "" stays."""
        if not text or key(text) in self.kept:
            return text
        local, at, domain = text.rpartition("@")
        return f"{self._word(local)}@{domain}" if at and local else self._word(text)

    def _word(self, text: str) -> str:
        return "p" + hmac.new(self.secret, key(text).encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:_LETTERS]


def pseudonymised(
    known: LastKnown, deployments: Iterable[Deployment], *, secret: bytes, kept: Collection[str] = ()
) -> LastKnown:
    """Give what is known with other words for everybody; `kept` are words of people that stay."""
    words = Pseudonyms(secret, frozenset(map(key, kept)))
    said = known.said
    people = [identity for snapshot in said.snapshots.values() for identity in snapshot.identities]
    named = {deployment.name: deployment for deployment in deployments}
    noted = {
        name: _noted(one, words, _accounts(people, named[name], words))
        for name, one in known.noted.items()
        if name in named
    }
    return LastKnown(_said(said, words), noted)


def _said(said: SourcesSaid, words: Pseudonyms) -> SourcesSaid:
    snapshots = {name: _snapshot(snapshot, words) for name, snapshot in said.snapshots.items()}
    persons = {(source, words.of(id_)): _person(who, words) for (source, id_), who in said.persons.persons.items()}
    names = {
        where: words.of(id_) if word_of(where[1]) else id_
        for where, id_ in said.names.items()
        if _stays(where[1], words)
    }
    return replace(said, snapshots=snapshots, names=names, persons=KnownPersons(persons, said.persons.sources))


def _stays(name: str, words: Pseudonyms) -> bool:
    """Say whether what a name means may be told: of a person, only where the mapping files name them still."""
    word = word_of(name)
    return word is None or key(word) in words.kept


def _person(who: str, words: Pseudonyms) -> str:
    """Give another name to who several identities are; nobody knows who the empty one is."""
    return words.of(who) if who else who


def _snapshot(snapshot: Snapshot, words: Pseudonyms) -> Snapshot:
    identities = tuple(map(partial(identity_of, words=words), snapshot.identities))
    return replace(snapshot, identities=identities, groups=tuple(_group(g, words) for g in snapshot.groups))


def identity_of(identity: Identity, words: Pseudonyms) -> Identity:
    """Give somebody other words for all that tells who they are."""
    word = words.of(identity.id)
    return replace(
        identity,
        id=word,
        login=words.of(identity.login),
        email=words.of(identity.email),
        given_name=word if identity.given_name else "",
        family_name="",
        employee_number=words.of(identity.employee_number),
        department=identity.department and words.of(folded(identity.department)),
        user_type=identity.user_type and words.of(folded(identity.user_type)),
    )


def _group(group: Group, words: Pseudonyms) -> Group:
    return replace(group, members=frozenset(map(words.of, group.members)))


# --- one deployment ---------------------------------------------------------------------------------------------------


def _accounts(people: Iterable[Identity], deployment: Deployment, words: Pseudonyms) -> Mapping[str, str]:
    """Say, by key, what the accounts are called that people have there by the template."""
    found = {
        key(name): username_of(identity_of(one, words), deployment.username)
        for one in people
        if (name := username_of(one, deployment.username))
    }
    return {**found, **{key(name): name for name in deployment.protected}}


def _noted(noted: Noted, words: Pseudonyms, accounts: Mapping[str, str]) -> Noted:
    seen, owned = noted.seen, noted.owned
    own = {} if seen is None or seen.own_account is None else {key(seen.own_account): seen.own_account}
    named = _Accounts(words, {**accounts, **own})
    made = [MadeAccount(named.key(m.name), (m.who[0], words.of(m.who[1])), words.of(m.email)) for m in noted.made]
    mine = replace(
        owned,
        users=frozenset(map(named.key, owned.users)),
        grants={named.key(name): roles for name, roles in owned.grants.items()},
    )
    return Noted(None if seen is None else _seen(seen, named), mine, tuple(made))


@dataclass(frozen=True, slots=True)
class _Accounts:
    """What accounts of one deployment are called."""

    words: Pseudonyms
    known: Mapping[str, str]

    def name(self, account: str) -> str:
        return self.known.get(key(account)) or self.words.of(account)

    def key(self, account: str) -> str:
        return key(self.name(account))


def _seen(seen: LastSeen, named: _Accounts) -> LastSeen:
    users = {named.key(name): _user(user, named) for name, user in seen.users.items()}
    unclear = {named.key(name): "it is not clear which account that is" for name in seen.unclear}
    return replace(seen, users=users, unclear=unclear)


def _user(user: User, named: _Accounts) -> User:
    name = named.name(user.username)
    return User(name, named.words.of(user.email), named.words.of(user.first_name), "-", user.roles)
