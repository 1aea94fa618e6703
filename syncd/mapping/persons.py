"""Which identities of different sources are one person.

key (any case) | identities with it in one source | then
---------------|----------------------------------|------------------------------------------------------------
empty          | any                              | each stands alone
not empty      | one at most, in every source     | they are one person
not empty      | two or more, in any source       | nobody knows who is who: each stands alone, and nothing is taken from them
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter

from syncd.model import Directory, Identity, Joining, JoinKey, Note, Person

_KEYS: Mapping[JoinKey, Callable[[Identity], str]] = {
    JoinKey.EMAIL: attrgetter("email"),
    JoinKey.ID: attrgetter("id"),
    JoinKey.EMPLOYEE_NUMBER: attrgetter("employee_number"),
}
_WORDS = {JoinKey.EMAIL: "e-mail", JoinKey.ID: "id", JoinKey.EMPLOYEE_NUMBER: "employee number"}


def with_persons(directory: Directory, joining: Joining) -> Directory:
    """Find the people who are known in several sources; in which order sources were read makes no difference."""
    alike = _alike(directory.identities.values(), joining)
    persons, mistaken = {}, {}
    notes = []
    for value, several in alike.items():
        if len({i.source for i in several}) == len(several):
            person = Person(tuple(sorted(several, key=lambda i: _rank(i, joining))))
            persons.update({(i.source, i.id): person for i in several})
        else:
            notes.append(_ambiguous(value, several, joining.key))
            mistaken.update({(i.source, i.id): notes[-1].text for i in several})
    order = () if joining.key is JoinKey.NONE else joining.precedence
    noted = tuple(sorted({*directory.notes, *notes}))
    return replace(directory, persons=persons, mistaken=mistaken, order=order, notes=noted)


def _alike(identities: Iterable[Identity], joining: Joining) -> dict[str, list[Identity]]:
    """Give the identities that share a key with one of another source; nothing where there is but one source."""
    key_of = _KEYS.get(joining.key)
    known = list(identities)
    if key_of is None or len({i.source for i in known}) < 2:
        return {}
    found: dict[str, list[Identity]] = {}
    for identity in known:
        if value := key_of(identity).strip().casefold():
            found.setdefault(value, []).append(identity)
    return {value: several for value, several in found.items() if len({i.source for i in several}) > 1}


def _rank(identity: Identity, joining: Joining) -> tuple[int, str]:
    order = joining.precedence
    return (order.index(identity.source) if identity.source in order else len(order), identity.source)


def _ambiguous(value: str, several: Iterable[Identity], key: JoinKey) -> Note:
    who = " and ".join(sorted(f"{i} (id {i.id})" for i in several))
    return Note(
        "join_ambiguous",
        f'{who} have one {_WORDS[key]}, "{value}", and two of them are of one source, so nobody knows who is who: each '
        "stands alone, and nothing is taken from them; correct it at the source, or join by another key",
    )


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
