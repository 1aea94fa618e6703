"""Okta's filter expressions, as far as the lists of groups and users need them: and, or, brackets, comparisons."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Test = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r'\s*(\(|\)|"(?:[^"\\]|\\.)*"|[\w.]+)')
_COMPARE: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "sw": str.startswith,
}


class BadFilter(ValueError):
    """The expression is not one that Okta takes here."""


def parse_filter(text: str, *, properties: frozenset[str], ordered: frozenset[str] | None = None) -> Test:
    """Read an expression over the named properties; `profile.name` looks into the profile.

    `ordered` are those of them that can be compared by more than `eq`; None: all.

    Raises:
        BadFilter: it cannot be read, or names another property.
    """
    reader = _Reader(_tokens(text), properties, properties if ordered is None else ordered)
    test = reader.either()
    if reader.tokens:
        raise BadFilter(f"unexpected {reader.tokens[0]}")
    return test


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise BadFilter(f"unexpected {text[at]}")
        found.append(token.group(1))
        at = token.end()
    return found


class _Reader:
    def __init__(self, tokens: list[str], properties: frozenset[str], ordered: frozenset[str]) -> None:
        self.tokens = tokens
        self.properties = properties
        self.ordered = ordered

    def next(self) -> str:
        if not self.tokens:
            raise BadFilter("unexpected end")
        return self.tokens.pop(0)

    def either(self) -> Test:
        tests = [self.both()]
        while self.tokens and self.tokens[0].lower() == "or":
            self.next()
            tests.append(self.both())
        return lambda row: any(test(row) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.tokens and self.tokens[0].lower() == "and":
            self.next()
            tests.append(self.one())
        return lambda row: all(test(row) for test in tests)

    def one(self) -> Test:
        first = self.next()
        if first != "(":
            return self.comparison(first)
        test = self.either()
        if self.next() != ")":
            raise BadFilter("a bracket is not closed")
        return test

    def comparison(self, name: str) -> Test:
        word = self.next().lower()
        compare = _COMPARE.get(word)
        value = self.next()
        if word != "eq" and name not in self.ordered:
            raise BadFilter(f"{name} is only compared by eq")
        if name not in self.properties or compare is None or not value.startswith('"'):
            raise BadFilter(f"cannot filter by {name}")
        wanted = value[1:-1].replace('\\"', '"')
        return lambda row: compare(str(_value(row, name)), wanted)


def _value(row: Mapping[str, Any], name: str) -> Any:
    found: Any = row
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if found is not None else ""
