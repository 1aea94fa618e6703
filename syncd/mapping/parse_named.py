"""Whom a binding names one by one: accounts that no directory has."""

from __future__ import annotations

from syncd.mapping.reading import MappingReading, once
from syncd.model import Accounts, key
from syncd.text.document import Node


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
