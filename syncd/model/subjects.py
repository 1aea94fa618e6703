"""Whom a binding is for: groups, everybody in a source, and what is made of them by `any_of`, `all_of`, `where` and `none_of`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from syncd.model.conditions import Condition
from syncd.model.named import PersonRef

EVERYONE: Final = "*"
"""Id and name of the group that everybody in a source makes: no provider gives such an id, and no mapping may write it."""


@dataclass(frozen=True, slots=True)
class GroupRef:
    """How a mapping names a group: by id, by name, or by both. Where both are given the id decides."""

    source: str
    id: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.source}:{self.name or self.id}"


@dataclass(frozen=True, slots=True)
class Everyone:
    """Whoever can log in at a source: those in its own complete list, which a snapshot holds as a group."""

    source: str

    @property
    def id(self) -> str | None:
        return EVERYONE

    @property
    def name(self) -> str | None:
        return None

    def __str__(self) -> str:
        return f"everyone in {self.source}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Who is in one of these at least."""

    of: tuple[Subject, ...]

    def __str__(self) -> str:
        return " or ".join(map(_inner, self.of))


@dataclass(frozen=True, slots=True)
class AllOf:
    """Who is in each of these."""

    of: tuple[Subject, ...]

    def __str__(self) -> str:
        return " and ".join(map(_inner, self.of))


@dataclass(frozen=True, slots=True)
class Without:
    """Who is in the one, and in none of the others."""

    subject: Subject
    none_of: tuple[Subject, ...]

    def __str__(self) -> str:
        return f"{_inner(self.subject)} but not {' or '.join(map(_inner, self.none_of))}"


@dataclass(frozen=True, slots=True)
class Where:
    """Who is meant by an account of which all of this is so."""

    subject: Subject
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return f"{_inner(self.subject)} where {' and '.join(map(str, self.conditions))}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of a deployment that no directory has, by their names: no source is asked who they are."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'account' if len(self.names) == 1 else 'accounts'} {', '.join(self.names)}"


Leaf = GroupRef | Everyone
Subject = Leaf | PersonRef | AnyOf | AllOf | Where | Without | Accounts


def leaves(subject: Subject) -> Iterator[Leaf]:
    """Give every group that is asked of sources to know who is meant, what is taken out too, from left to right."""
    return (end for end in _ends(subject) if isinstance(end, Leaf))


def givers(subject: Subject) -> Iterator[Leaf]:
    """Give the groups by which somebody is meant, without those that take out."""
    return (end for end in _ends(subject, giving=True) if isinstance(end, Leaf))


def people_named(subject: Subject, *, giving: bool = False) -> Iterator[PersonRef]:
    """Give everybody who is named one by one; with `giving`, without those that are taken out."""
    return (end for end in _ends(subject, giving=giving) if isinstance(end, PersonRef))


def giving_sources(subject: Subject, every: Iterable[str]) -> frozenset[str]:
    """Give the sources by whose accounts somebody is meant; who is named without a source may be in any of `every`."""
    refs = tuple(people_named(subject, giving=True))
    found = {leaf.source for leaf in givers(subject)} | {ref.source for ref in refs if ref.source}
    return frozenset(found.union(every) if any(not ref.source for ref in refs) else found)


def _ends(subject: Subject, *, giving: bool = False) -> Iterator[Leaf | PersonRef]:
    match subject:
        case Accounts():
            return
        case AnyOf(of) | AllOf(of):
            for one in of:
                yield from _ends(one, giving=giving)
        case Where(whole):
            yield from _ends(whole, giving=giving)
        case Without(whole, none_of):
            for one in (whole, *(() if giving else none_of)):
                yield from _ends(one, giving=giving)
        case _:
            yield subject


def alternatives(subject: Subject) -> Iterator[Subject]:
    """Give what `any_of` lists at the top: each is as good as a binding of its own."""
    match subject:
        case AnyOf(of):
            for one in of:
                yield from alternatives(one)
        case Where(whole, conditions):
            for one in alternatives(whole):
                yield Where(one, conditions)
        case _:
            yield subject


def conditions_of(subject: Subject) -> tuple[Condition, ...]:
    """Give what is asked of the accounts by which somebody is meant; nothing: to be in a group is enough."""
    match subject:
        case Where(_, conditions):
            return conditions
        case Without(whole):
            return conditions_of(whole)
    return ()


def _inner(subject: Subject) -> str:
    return str(subject) if isinstance(subject, Leaf | PersonRef) else f"({subject})"
