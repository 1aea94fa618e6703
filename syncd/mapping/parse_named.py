"""Whom a binding names one by one: people, and accounts that no directory has."""

from __future__ import annotations

from typing import Final

from syncd.mapping.keys import MOST_PEOPLE, PERSON
from syncd.mapping.reading import MappingReading, is_source, once
from syncd.model import Accounts, PersonRef, key
from syncd.text.document import Node, Scalar, Table

_FORMS: Final = "write an e-mail address or a login, or {source: ..., id: ..., name: ...}"


def read_people(reading: MappingReading, node: Node, what: str) -> tuple[PersonRef, ...] | None:
    """Read a list of people; None where one of them cannot be read. `what` names the key."""
    entries = reading.strict.items(node, what, at_least=1)
    if len(entries) > MOST_PEOPLE:
        reading.strict.wrong(
            node.at, f"{what} names {len(entries):,} people and may name {MOST_PEOPLE:,}; make them a group"
        )
        return None
    first: dict[tuple[str, str | None, str], PersonRef] = {}
    for entry in entries:
        ref = _person(reading, entry, what)
        if ref and first.setdefault((ref.source, ref.id, "" if ref.id else key(ref.name or "")), ref) is not ref:
            reading.strict.wrong(entry.at, f'"{ref}" is in this list twice; keep one')
    return tuple(first.values()) if entries and len(first) == len(entries) else None


def _person(reading: MappingReading, node: Node, what: str) -> PersonRef | None:
    strict = reading.strict
    if isinstance(node, Scalar):
        name = strict.text(node, f"an entry of {what}")
        return PersonRef(name=name) if name else None
    found = strict.record(node, f"an entry of {what}", known=PERSON.known, required=PERSON.required)
    if isinstance(node, Table) and not set(PERSON.some) & found.keys():
        strict.wrong(node.at, f"this does not name a person; {_FORMS}")
    source, identifier, name = (strict.text(found.get(k), f"`{k}`") for k in PERSON.known)
    if not source or not is_source(reading, source, found["source"].at) or not (identifier or name):
        return None
    return PersonRef(source, identifier, name)


def read_accounts(reading: MappingReading, node: Node) -> Accounts | None:
    """Read the names of accounts; None where one of them can be no account."""
    names = reading.strict.texts(node, "`accounts`")
    first: dict[str, str] = {}
    problems = len(reading.strict.problems)
    for name in names:
        if (other := first.setdefault(key(name.text), name.text)) != name.text:
            reading.strict.wrong(name.at, f'"{name.text}" is the same account as "{other}" in this list; keep one')
        for problem in once(naming.username_problem(name.text) for naming in reading.namings):
            reading.strict.wrong(name.at, f'"{name.text}" can be no account: {problem}')
    return Accounts(tuple(first.values())) if names and len(reading.strict.problems) == problems else None
