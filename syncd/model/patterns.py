"""Patterns on the names of groups: `airflow-{team}-{level}` fits a name, and what it captures there fills other texts.

What DAGs of a deployment have, their owners, folders and tags, fills texts in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

MOST_EXPANSIONS: Final = 500
"""So many groups one pattern may be for: each may bring a role to every deployment."""
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_USE: Final = re.compile(rf"(?<!\$)\{{({_NAME})(?:\|([a-z]*))?\}}")
CASES: Final = ("lower", "upper")
"""What can be asked for behind the name of a variable: `{team|lower}`."""

Values = Mapping[str, str]


def variables(text: str) -> frozenset[str]:
    """Name the variables that a text uses."""
    return frozenset(use[1] for use in _USE.finditer(text)) if "{" in text else frozenset()


def filled(text: str, values: Values) -> str:
    """Put values into a text, in the case that is asked for; a variable without a value stays as it is."""
    return _USE.sub(lambda use: _value(use, values), text) if "{" in text else text


def _value(use: re.Match[str], values: Values) -> str:
    value = values.get(use[1])
    if value is None:
        return use[0]
    return value.lower() if use[2] == "lower" else value.upper() if use[2] == "upper" else value


def as_glob(text: str) -> str:
    """Give a glob that fits whatever a text, which is no glob itself, can become."""
    return "*".join(re.sub(r"[*?\[]", r"[\g<0>]", literal) for literal in _literals(text))


def widened(glob: str) -> str:
    """Give a glob that fits whatever a glob with variables in it can fit."""
    return _USE.sub("*", glob)


@dataclass(frozen=True, slots=True)
class GroupPattern:
    """Groups of a source, by their names. Each variable stands for one character at least.

    Where a name could be parted in several ways, each variable takes as much as it can, the left one first.

    captures  what stands for what, by variable: (variable, (value, value in its place)); other values stand for themselves
    unless    globs for names that are not meant
    """

    source: str
    text: str
    captures: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    unless: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Name the variables from left to right."""
        return _parted(self.text)[1]

    def values(self, name: str) -> Values | None:
        """Give what the variables stand for in the name of a group; None: it is not meant."""
        found = self._captured(name)
        if found is None or any(fnmatchcase(name, glob) for glob in self.unless):
            return None
        instead = {variable: dict(values) for variable, values in self.captures}
        return {variable: instead.get(variable, {}).get(value, value) for variable, value in found.items()}

    def _captured(self, name: str) -> dict[str, str] | None:
        (beginning, *between, end), named = _parted(self.text)
        if not (name.startswith(beginning) and name.endswith(end)):
            return None
        inner, found = name[len(beginning) : len(name) - len(end)], []
        # From the right, each literal as far right as it can be: so the variables before it get the most. One look at each.
        for literal in reversed(between):
            place = inner.rfind(literal, 1, max(len(inner) - 1, 0))
            if place < 0:
                return None
            found.append(inner[place + len(literal) :])
            inner = inner[:place]
        return dict(zip(named, [inner, *reversed(found)], strict=True)) if inner else None


KINDS: Final = ("owner", "folder", "tag")
"""What is found of DAGs, which is also the name of the variable: `folder` is the first one of the file's path."""


@dataclass(frozen=True, slots=True)
class FoundValue:
    """Each value of one kind that the DAGs of a deployment have.

    captures  what stands for what: (value, value in its place); other values stand for themselves
    unless    globs for values that are not meant
    """

    kind: str
    captures: tuple[tuple[str, str], ...] = ()
    unless: tuple[str, ...] = ()

    def values(self, found: Iterable[str]) -> frozenset[str]:
        """Give what the variable stands for, where these are found."""
        instead = dict(self.captures)
        meant = (value for value in found if not any(fnmatchcase(value, glob) for glob in self.unless))
        return frozenset(instead.get(value, value) for value in meant)


@lru_cache(maxsize=256)
def _parted(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give what stands around and between the variables of a text, and the variables: once for all the names of a source."""
    return tuple(_literals(text)), tuple(use[1] for use in _USE.finditer(text))


def _literals(text: str) -> Iterator[str]:
    start = 0
    for use in _USE.finditer(text):
        yield text[start : use.start()]
        start = use.end()
    yield text[start:]
