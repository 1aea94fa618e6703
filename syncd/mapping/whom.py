"""Sets of people of whom not everything is known, and what `any_of`, `all_of` and `none_of` make of them.

Of each person a set says "in", "out" or "unknown". That is kept as two sets, who is in for sure and who may be, so that
Kleene's or, and, not are unions, intersections and complements: no tree is walked for each of fifty thousand people.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncd.model import PersonKey


@dataclass(frozen=True, slots=True)
class Whom:
    """These people; or, with `but`, everybody but these."""

    who: frozenset[PersonKey] = frozenset()
    but: bool = False

    def __invert__(self) -> Whom:
        return Whom(self.who, not self.but)

    def __and__(self, other: Whom) -> Whom:
        match self.but, other.but:
            case False, False:
                return Whom(self.who & other.who)
            case False, True:
                return Whom(self.who - other.who)
            case True, False:
                return Whom(other.who - self.who)
        return Whom(self.who | other.who, but=True)

    def __or__(self, other: Whom) -> Whom:
        return ~(~self & ~other)

    def __contains__(self, person: object) -> bool:
        return (person in self.who) is not self.but

    def __bool__(self) -> bool:
        return self.but or bool(self.who)


NOBODY = Whom()
EVERYBODY = Whom(but=True)


@dataclass(frozen=True, slots=True)
class Membership:
    """Who is in for sure, and who is not out for sure."""

    sure: Whom
    may_be: Whom

    def __invert__(self) -> Membership:
        return Membership(~self.may_be, ~self.sure)

    def __and__(self, other: Membership) -> Membership:
        return Membership(self.sure & other.sure, self.may_be & other.may_be)

    def __or__(self, other: Membership) -> Membership:
        return Membership(self.sure | other.sure, self.may_be | other.may_be)

    @property
    def doubtful(self) -> Whom:
        return self.may_be & ~self.sure
