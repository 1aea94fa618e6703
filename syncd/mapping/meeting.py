"""Who meets what `where` asks: ids of one source, found by the values of their attributes.

what the source says of somebody | they meet it                 | why
---------------------------------|------------------------------|--------------------------------------------------------------
one of the values                | yes                          |
another value, or none           | no                           |
it was not read yet              | perhaps                      | the snapshot was saved before attributes were read
nothing, and so of everybody     | perhaps                      | the source may not show it, as `untold` says
nothing: they are not known      | perhaps                      | a member of whom the source says nothing
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_

from syncd.model import Attribute, Condition, Identity, PersonKey, folded, value_of

_ByValue = Mapping[str | None, frozenset[str]]
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Meeting:
    """Ids of a source: of everybody who is known there, who meets something for sure, and who does or may."""

    known: frozenset[str]
    sure: frozenset[str]
    may_be: frozenset[str]

    @property
    def out(self) -> frozenset[str]:
        """Give who does not meet it, which is known."""
        return self.known - self.may_be

    def left(self, ids: frozenset[str]) -> frozenset[str]:
        """Leave out of these who does not meet it, which is known."""
        return (ids & self.may_be) | (ids - self.known)


class Attributes:
    """The people of a directory by what their sources say of them. Each attribute is looked at once."""

    def __init__(
        self, identities: Mapping[PersonKey, Identity], untold: Collection[tuple[str, Attribute]] = frozenset()
    ) -> None:
        self._identities = identities
        self._untold = untold
        self._values: dict[tuple[str, Attribute], _ByValue] = {}
        self._meeting: dict[tuple[str, tuple[Condition, ...]], Meeting] = {}

    def meeting(self, source: str, conditions: tuple[Condition, ...]) -> Meeting:
        """Give who in a source meets all of these conditions, of which there is one at least."""
        if (source, conditions) not in self._meeting:
            each = [self._of(source, condition) for condition in conditions]
            known = _NOBODY.union(*self._by_value(source, conditions[0].attribute).values())
            sure, may_be = (reduce(and_, some) for some in zip(*each, strict=True))
            self._meeting[source, conditions] = Meeting(known, sure, may_be)
        return self._meeting[source, conditions]

    def _of(self, source: str, condition: Condition) -> tuple[frozenset[str], frozenset[str]]:
        by_value = self._by_value(source, condition.attribute)
        sure = _NOBODY.union(*(by_value.get(folded(value), _NOBODY) for value in condition.values))
        return sure, sure | by_value.get(None, _NOBODY)

    def _by_value(self, source: str, attribute: Attribute) -> _ByValue:
        if (source, attribute) not in self._values:
            mine = (identity for identity in self._identities.values() if identity.source == source)
            found = _grouped(mine, attribute)
            if (source, attribute) in self._untold:
                found[None] |= found.pop("", _NOBODY)
            self._values[source, attribute] = found
        return self._values[source, attribute]


def _grouped(identities: Iterable[Identity], attribute: Attribute) -> defaultdict[str | None, frozenset[str]]:
    found: dict[str | None, set[str]] = defaultdict(set)
    for identity in identities:
        found[value_of(identity, attribute)].add(identity.id)
    return defaultdict(frozenset, {value: frozenset(ids) for value, ids in found.items()})
