"""Which identities of different sources are one person: joined by a key that they share, and not on its word alone.

Whoever can set an e-mail address could become somebody else by it. So a join counts that was there when both sources were
first read, or that somebody accepted; a new one only where nobody can choose the key. Of identities with one key (any case;
empty: each stands alone):

they are                                      | then
----------------------------------------------|-------------------------------------------------------------------------
known to be one person                        | they are, whoever else has the key
one at most in every source, and one of the   | one person, from now on: a source is taken as it is found when it is
sources was never read before                 | read for the first time
the same, of sources that all answer for the  | one person, from now on: nobody can choose such an address
domain of this e-mail                         |
the same, otherwise                           | each stands alone until somebody says that they are one
two or more in one source                     | each stands alone; and where nobody could ever tell who is who, nothing is
                                              | taken from them
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter

from syncd.model import Directory, Identity, Joining, JoinKey, KnownPersons, Note, Person, PersonKey, key

_KEYS: Mapping[JoinKey, Callable[[Identity], str]] = {
    JoinKey.EMAIL: attrgetter("email"),
    JoinKey.ID: attrgetter("id"),
    JoinKey.EMPLOYEE_NUMBER: attrgetter("employee_number"),
}
_WORDS = {JoinKey.EMAIL: "e-mail", JoinKey.ID: "id", JoinKey.EMPLOYEE_NUMBER: "employee number"}
_NOBODY_KNOWS = ""
"""The name of the person of identities that could not be told apart when they were first seen."""
_TOLD = 20
"""So many joins that wait are told one by one."""


def with_persons(
    directory: Directory, joining: Joining, known: KnownPersons = KnownPersons(), *, read: Iterable[str] = ()
) -> Directory:
    """Find the people who are known in several sources; in which order sources were read makes no difference.

    `read` are the sources that were read: whole, or not for the first time. From now on a join with them is a new one.
    """
    found = _Found(joining, known)
    for value, several in sorted(_alike(directory.identities.values(), joining).items()):
        found.take(value, several)
    order = () if joining.key is JoinKey.NONE else joining.precedence
    seen = frozenset(read) - known.sources if joining.key is not JoinKey.NONE else frozenset()
    return replace(
        directory,
        persons=found.persons,
        mistaken=found.mistaken,
        order=order,
        notes=tuple(sorted({*directory.notes, *found.notes, *_waiting_notes(found.waiting, joining.key)})),
        joins=KnownPersons(found.joins, seen),
        waiting=tuple(found.waiting),
    )


@dataclass(slots=True)
class _Found:
    """Collects while identities are joined, key by key."""

    joining: Joining
    known: KnownPersons
    persons: dict[PersonKey, Person] = field(default_factory=dict)
    joins: dict[PersonKey, str] = field(default_factory=dict)
    waiting: list[tuple[Identity, ...]] = field(default_factory=list)
    mistaken: dict[PersonKey, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def take(self, value: str, several: list[Identity]) -> None:
        """Say who of these identities, which share a key, is one person."""
        together = _known_together(several, self.known)
        new = [i for i in several if not any(i in one for one in together)]
        for one in together:
            self._join(one)
        if not new:
            return
        if len(together) == 1:
            new = self._add(value, together[0], new)
        elif not together and _one_of_each(new) and self._is_trusted(value, new):
            self._join(new)
            return
        if together and new:
            self._stand_alone(value, new, beside=together[0])
        elif new:
            self._tell_apart(value, new)

    def _add(self, value: str, person: list[Identity], new: list[Identity]) -> list[Identity]:
        """Add to a person whom nobody has to ask about; gives who is left."""
        fits = [i for i in new if _one_of_each([*person, *(n for n in new if n.source == i.source)])]
        if fits and self._is_trusted(value, [*person, *fits]):
            self._join([*person, *fits])
            return [i for i in new if i not in fits]
        return new

    def _stand_alone(self, value: str, new: list[Identity], *, beside: list[Identity]) -> None:
        """Let those who share the key of a known person stand alone, and ask whether they are the same."""
        for identity in new:
            if _one_of_each([*beside, identity]):
                self.waiting.append(tuple(sorted((*beside, identity), key=self._rank)))
            else:
                self.notes.append(_not_the_same(value, beside, identity, self.joining.key))

    def _tell_apart(self, value: str, new: list[Identity]) -> None:
        if waits := _one_of_each(new):
            self.waiting.append(tuple(sorted(new, key=self._rank)))
        else:
            self.notes.append(_ambiguous(value, new, self.joining.key))
        if (not waits and self._is_first_sight(new)) or self._is_of_nobody(new):
            why = _unclear(value, new, self.joining.key)
            self.mistaken.update({_who(i): why for i in new})
            self.joins.update({_who(i): _NOBODY_KNOWS for i in new if _who(i) not in self.known.persons})

    def _is_of_nobody(self, several: Iterable[Identity]) -> bool:
        """Say whether one of them could not be told from others from the first: what they hold may be anybody's of them."""
        return any(self.known.persons.get(_who(i)) == _NOBODY_KNOWS for i in several)

    def _join(self, several: list[Identity]) -> None:
        person = Person(tuple(sorted(several, key=self._rank)))
        self.persons.update({_who(i): person for i in several})
        names = sorted({name for i in several if (name := self.known.persons.get(_who(i)))})
        kept = [name for name in names if sum(self.known.persons.get(_who(i)) == name for i in several) > 1]
        name = kept[0] if kept else name_of(person)
        self.joins.update({_who(i): name for i in several if self.known.persons.get(_who(i)) != name})

    def _is_trusted(self, value: str, several: list[Identity]) -> bool:
        joining = self.joining
        if joining.accept_new or self._is_first_sight(several):
            return True
        _, sign, domain = value.rpartition("@")
        answered = all(domain in joining.domains.get(i.source, ()) for i in several)
        return joining.key is JoinKey.EMAIL and bool(sign) and answered

    def _is_first_sight(self, several: Iterable[Identity]) -> bool:
        return any(i.source not in self.known.sources for i in several)

    def _rank(self, identity: Identity) -> tuple[int, str]:
        order = self.joining.precedence
        return (order.index(identity.source) if identity.source in order else len(order), identity.source)


def name_of(person: Person) -> str:
    """Name a person for the database, after the first of their identities."""
    return min(f"{i.source}:{i.id}" for i in person.accounts)


def _who(identity: Identity) -> PersonKey:
    return identity.source, identity.id


def _one_of_each(several: Iterable[Identity]) -> bool:
    return all(number == 1 for number in Counter(i.source for i in several).values())


def _known_together(several: Iterable[Identity], known: KnownPersons) -> list[list[Identity]]:
    """Group those who are known to be one person; who is known to be one with nobody here is in no group."""
    by_name: dict[str, list[Identity]] = {}
    for identity in several:
        if name := known.persons.get(_who(identity)):
            by_name.setdefault(name, []).append(identity)
    return [by_name[name] for name in sorted(by_name) if len(by_name[name]) > 1 and _one_of_each(by_name[name])]


def _alike(identities: Iterable[Identity], joining: Joining) -> dict[str, list[Identity]]:
    """Give the identities that share a key with one of another source; nothing where there is but one source."""
    key_of = _KEYS.get(joining.key)
    known = list(identities)
    if key_of is None or len({i.source for i in known}) < 2:
        return {}
    found: dict[str, list[Identity]] = {}
    for identity in known:
        if value := key(key_of(identity).strip()):
            found.setdefault(value, []).append(identity)
    return {value: several for value, several in found.items() if len({i.source for i in several}) > 1}


# --- what people are told ---------------------------------------------------------------------------------------------


def _named(identity: Identity) -> str:
    return f"{identity} (id {identity.id})"


def _unclear(value: str, several: Iterable[Identity], key: JoinKey) -> str:
    return (
        f'{" and ".join(sorted(map(_named, several)))} have one {_WORDS[key]}, "{value}", and nobody knows who is who'
    )


def _ambiguous(value: str, several: Iterable[Identity], key: JoinKey) -> Note:
    who = " and ".join(sorted(map(_named, several)))
    return Note(
        "join_ambiguous",
        f'{who} have one {_WORDS[key]}, "{value}", and two of them are of one source, so nobody knows who is who: each '
        "stands alone; correct it at the source, or join by another key",
    )


def _not_the_same(value: str, person: Iterable[Identity], other: Identity, key: JoinKey) -> Note:
    who = " and ".join(sorted(map(_named, person)))
    return Note(
        "join_ambiguous",
        f'{_named(other)} has the {_WORDS[key]} "{value}" of {who}, who are known to be one person: it stands alone; '
        "correct it at the source",
    )


def _waiting_notes(waiting: Iterable[tuple[Identity, ...]], key: JoinKey) -> Iterator[Note]:
    several = sorted(waiting, key=lambda these: sorted(map(_who, these)))
    for these in several[:_TOLD]:
        who = " and ".join(map(_named, these))
        command = " ".join(f"{i.source}:{i.id}" for i in these)
        yield Note(
            "person_joined",
            f"{who} have one {_WORDS[key]} now and had not before: each stands alone until somebody says that they are one "
            f"person: syncd accept-person {command}",
        )
    if (rest := len(several) - _TOLD) > 0:
        text = f"{rest:,} more pairs of accounts have one {_WORDS[key]} now and had not before; see docs/sources.md"
        yield Note("person_joined", text)


def login_identity(accounts: tuple[Identity, ...], source: str) -> Identity | None:
    """Give the identity that names the account: of this source, or the first where none is asked for."""
    if not source:
        return accounts[0]
    return next((i for i in accounts if i.source == source), None)


def described(login: Identity, accounts: Iterable[Identity]) -> Identity:
    """Describe a person: the names by precedence, the e-mail as where they log in; gaps are filled from the others."""
    ordered = tuple(accounts)
    named = next((i for i in ordered if i.given_name.strip() or i.family_name.strip()), login)
    email = login.email or next(_emails(ordered), "")
    return replace(login, email=email, given_name=named.given_name, family_name=named.family_name)


def _emails(accounts: Iterable[Identity]) -> Iterator[str]:
    return (i.email for i in accounts if i.email)
