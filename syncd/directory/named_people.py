"""Whom mapping lines name one by one: by e-mail or account name, and from then on by the id that was found.

Addresses and logins change hands, ids do not. What is asked for by its id is that identity. Of what is asked for by a word,
in one source or in all:

remembered                  | who bears the word now   | then
----------------------------|--------------------------|-----------------------------------------------------------------
an id that is there         | it, or nobody            | it is meant; a note where the word is not theirs any more
an id that is there         | somebody else (too)      | it is meant, and nobody else (note `person_renamed`)
an id that is gone          | nobody                   | nobody is meant (note `person_missing`)
an id that is gone          | somebody                 | nobody, until the line names an id (note `person_recreated`)
nothing                     | one person               | they are meant, and their ids are remembered
nothing                     | several                  | nobody, until the line names an id (note `person_shared`)
nothing                     | one, by a chosen address | nobody, until the line names an id (note `person_unproven`)
nothing                     | nobody                   | nobody is meant (note `person_missing`)
the same four, where a source was not read whole       | nobody can say: nothing is given, and nothing taken
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.model import EVERYONE, Directory, FoundPerson, Identity, PersonKey, PersonRef, Rule, key, people_named

_PIN = "{person}"
"""Before the word under which an id is remembered, among the names of groups: no group can be named so in a mapping."""

NOT_LOOKED_FOR = FoundPerson(code="person_unread", text="who that is was not looked for yet", is_open=True)


def place_of(ref: PersonRef) -> PersonKey:
    """Say where it is remembered who is meant: a source, and what cannot be the id of a group there."""
    return ref.source, _PIN + (ref.id or ref.name or "")


def word_of(name: str) -> str | None:
    """Give the word for a person under which an id is remembered; None: it is the name of a group."""
    return name.removeprefix(_PIN) if name.startswith(_PIN) else None


def new_pins(directory: Directory) -> dict[tuple[str, str], str]:
    """Give what is to be remembered of who was found by a word and is not yet: by source and word, the id."""
    found = {
        (source, _PIN + ref.name): id_
        for ref, person in directory.named.items()
        if ref.id is None and ref.name is not None and not person.is_open
        for source, id_ in person.who
    }
    return {word: id_ for word, id_ in found.items() if directory.names.get(word) != id_}


def named_people(rules: Iterable[Rule], directory: Directory) -> Mapping[PersonRef, FoundPerson]:
    """Find everybody whom rules name one by one; whom timed grants name is found by id where it is asked (`person_by_id`)."""
    refs = dict.fromkeys(ref for rule in rules if not rule.grant for ref in people_named(rule.subject))
    if not refs:
        return {}
    search = _Search(directory, _by_word(directory.identities.values()))
    return {ref: search.by_id(ref) if ref.id is not None else search.by_word(ref, ref.name or "") for ref in refs}


def _by_word(identities: Iterable[Identity]) -> Mapping[str, list[Identity]]:
    found: dict[str, list[Identity]] = {}
    for identity in identities:
        for word in {key(identity.email), key(identity.login)} - {""}:
            found.setdefault(word, []).append(identity)
    return found


def person_by_id(ref: PersonRef, directory: Directory) -> FoundPerson:
    """Find who is named by an id, whether or not the sources were read for whoever names them."""
    return _Search(directory, {}).by_id(ref)


@dataclass(frozen=True, slots=True)
class _Search:
    directory: Directory
    bearers: Mapping[str, list[Identity]]

    def by_id(self, ref: PersonRef) -> FoundPerson:
        who = ref.source, ref.id or ""
        if (identity := self.directory.identities.get(who)) is not None:
            return FoundPerson(frozenset({who}), *_renamed(ref, [identity]))
        if why := self._unread(ref.source):
            return FoundPerson(frozenset({who}), "person_unread", f"{ref} is not known: {why}", is_open=True)
        return FoundPerson(frozenset(), *_missing(ref))

    def by_word(self, ref: PersonRef, word: str) -> FoundPerson:
        sources = (ref.source,) if ref.source else tuple(sorted(self._sources()))
        pinned = [(s, id_) for s in sources if (id_ := self.directory.names.get((s, _PIN + word)))]
        there = [identity for who in pinned if (identity := self.directory.identities.get(who))]
        if there:
            return FoundPerson(frozenset((i.source, i.id) for i in there), *_renamed(ref, there))
        why = next(
            (why for source in sources if (why := self._unread(source))), "" if sources else "no source was read"
        )
        if why:
            told = f"nobody can say who {ref} is: {why}"
            return FoundPerson(frozenset(pinned), "person_unread", told, is_open=True)
        return self._found(ref, [i for i in self.bearers.get(key(word), []) if i.source in sources], pinned)

    def _found(self, ref: PersonRef, bearers: list[Identity], pinned: list[PersonKey]) -> FoundPerson:
        """Say who is meant, where every source was read whole."""
        proven = [i for i in bearers if self._is_proven(i, ref.name or "")]
        if bearers and not proven:
            return _unproven(ref, bearers)
        bearers = proven
        ids = " or ".join(sorted(f"{{source: {i.source}, id: {i.id}}}" for i in bearers))
        if pinned and bearers:
            was = ", ".join(f"{source}:{id_}" for source, id_ in pinned)
            text = f"{ref} meant {was}, who is gone; somebody else has the name now, and gets nothing; write {ids}"
            return FoundPerson(frozenset(), "person_recreated", text, is_open=True)
        if not bearers:
            return FoundPerson(frozenset(), *_missing(ref))
        if len({self._person(i) for i in bearers}) > 1:
            text = f"{len(bearers)} people are called {ref}, and none of them gets anything; write {ids}"
            return FoundPerson(frozenset(), "person_shared", text, is_open=True)
        return FoundPerson(frozenset((i.source, i.id) for i in bearers))

    def _is_proven(self, identity: Identity, word: str) -> bool:
        """Say whether a word cannot be theirs by their own choice: a login, or an address of a domain their source answers for.

        Where no source is said to answer for a domain, every address is taken for true, as joining takes those of a first read.
        """
        if key(identity.login) == key(word) or not any(self.directory.domains.values()):
            return True
        return key(word).rpartition("@")[2] in self.directory.domains.get(identity.source, ())

    def _person(self, identity: Identity) -> PersonKey:
        person = self.directory.persons.get((identity.source, identity.id))
        first = person.accounts[0] if person else identity
        return first.source, first.id

    def _sources(self) -> frozenset[str]:
        return self.directory.read | self.directory.failed.keys()

    def _unread(self, source: str) -> str:
        """Say why somebody may be in a source who is not seen in it; empty: everybody there was read."""
        if source in self.directory.failed:
            return f"{source} could not be read"
        everybody = self.directory.groups.get((source, EVERYONE))
        if everybody is None or not everybody.certified:
            return f"not everybody in {source} was read"
        return ""


def _renamed(ref: PersonRef, there: list[Identity]) -> tuple[str, str]:
    """Say of a person who has another name than the line that the name has to be corrected."""
    if ref.name is None or any(key(ref.name) in {key(i.email), key(i.login)} for i in there):
        return "", ""
    now = " and ".join(sorted(f"{i} ({i.email})" if i.email else str(i) for i in there))
    return "person_renamed", f"who was {ref} is {now} now, and is meant all the same; correct the name"


def _unproven(ref: PersonRef, bearers: list[Identity]) -> FoundPerson:
    ids = " or ".join(sorted(f"{{source: {i.source}, id: {i.id}}}" for i in bearers))
    text = f"the e-mail of {ref} may have been chosen: its source does not answer for the domain (`email_domains`); write {ids}"
    return FoundPerson(frozenset((i.source, i.id) for i in bearers), "person_unproven", text, is_open=True)


def _missing(ref: PersonRef) -> tuple[str, str]:
    return "person_missing", f"there is nobody {ref}; correct the name, or take it out"
