"""Limits over several deployments together, the fleet or those of a label: people count once there, wherever it is.

What counts in an area is what the plan moves, and what was moved within the last hour on any of its deployments, or is about to
be by passes that others make just now, without a person's word:

with all of that                                | then
------------------------------------------------|---------------------------------------------------------------------------
the plan adds nobody, and no rights             | goes: whoever leaves one deployment after the other is one person
up to the floor                                 | goes
above the floor, within the count and the share | goes
above the floor, more than count or share       | what the plan adds is held; what it does to those who are counted goes
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from syncd.model import Change, key
from syncd.plan.given import Gained
from syncd.plan.guard_rules import KeptBack
from syncd.plan.limits import LimitArea
from syncd.plan.taken import Taken
from syncd.plan.used import Used

People = frozenset[str]


@dataclass(frozen=True, slots=True)
class Moved:
    """Movers a change, or many together, take a role from or give one, by person; and how many rights they take and give."""

    losers: People = frozenset()
    gainers: People = frozenset()
    lost: int = 0
    given: int = 0

    def __bool__(self) -> bool:
        return self != NOBODY_MOVED

    def __or__(self, other: Moved) -> Moved:
        return Moved(
            self.losers | other.losers, self.gainers | other.gainers, self.lost + other.lost, self.given + other.given
        )


NOBODY_MOVED = Moved()


def together(each: Iterable[Moved]) -> Moved:
    """Count many as one."""
    several = tuple(each)
    return Moved(
        frozenset[str]().union(*(m.losers for m in several)),
        frozenset[str]().union(*(m.gainers for m in several)),
        sum(m.lost for m in several),
        sum(m.given for m in several),
    )


@dataclass(frozen=True, slots=True)
class Movers:
    """Says whom a change moves. `person` tells by an account's key whose it is, the same on every deployment; `stay` gives by
    role, by key, who holds it before and after a plan."""

    person: Callable[[str], str]
    stay: Callable[[str], Iterable[str]]

    def of(self, change: Change, took: Taken, gave: Gained) -> Moved:
        """Give what one change does, of which it is known how much it takes and gives."""
        if change.subject == "user":
            who = frozenset({self.person(key(change.name))})
        else:
            who = frozenset(map(self.person, self.stay(change.name))) if took.people or gave.people else frozenset()
        none: People = frozenset()
        return Moved(who if took.people else none, who if gave.people else none, took.rights, gave.rights)


@dataclass(frozen=True, slots=True)
class SoFar:
    """An area, and what counts there already. `people` and `rights` say how many syncd manages on its deployments."""

    area: LimitArea
    moved: Moved = NOBODY_MOVED
    people: Callable[[], int] = lambda: 0
    rights: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class _Ask:
    """One limit of an area: `adds` is what the plan adds to what is counted there `before`."""

    words: str
    adds: int
    before: int
    total: Callable[[], int]
    most: int
    share: float
    floor: int
    part: Callable[[Moved], bool]
    """Whether a change adds something."""
    gives: bool = False

    @property
    def whole(self) -> int:
        return self.adds + self.before

    def why(self, area: str) -> str:
        """Say what is too much; empty: nothing is."""
        if not self.adds or self.whole <= self.floor:
            return ""
        lately = f", after {self.before:,} within the last hour" if self.before else ""
        if self.whole > self.most:
            return f"in {area} {self.adds:,} {self.words}{lately}: the limit of {area} is {self.most:,}"
        if self.whole > self.share * (total := self.total()):
            return f"in {area} {self.adds:,} of {total:,} {self.words}{lately}: the limit of {area} is {self.share:.0%}"
        return ""

    def most_now(self) -> int:
        return max(self.floor, min(self.most, int(self.share * self.total())))


def _asks(moved: Moved, so_far: SoFar) -> Iterator[_Ask]:
    limits, before = so_far.area.limits, so_far.moved
    people, rights = so_far.people, so_far.rights
    losers, gainers = moved.losers - before.losers, moved.gainers - before.gainers
    yield _Ask(
        "people lose a role",
        len(losers),
        len(before.losers),
        lambda: people() + len(before.losers),
        limits.removals,
        limits.share,
        limits.floor,
        lambda m: bool(m.losers & losers),
    )
    yield _Ask(
        "rights are lost (one permission of one person each)",
        moved.lost,
        before.lost,
        lambda: rights() + before.lost,
        limits.lost_rights,
        limits.share,
        limits.lost_right_floor,
        lambda m: bool(m.lost),
    )
    yield _Ask(
        "people gain a role",
        len(gainers),
        len(before.gainers),
        lambda: people() + len(gainers),
        limits.gains,
        limits.gain_share,
        limits.gain_floor,
        lambda m: bool(m.gainers & gainers),
        gives=True,
    )
    yield _Ask(
        "rights are given (one permission of one person each)",
        moved.given,
        before.given,
        lambda: rights() + moved.given,
        limits.rights,
        limits.gain_share,
        limits.right_floor,
        lambda m: bool(m.given),
        gives=True,
    )


def area_rulings(each: Sequence[tuple[Change, Moved]], areas: Iterable[SoFar]) -> Iterator[KeptBack]:
    """Give what the limits of the areas keep back of a plan."""
    whole = together(moved for _, moved in each)
    for so_far in areas:
        for ask in _asks(whole, so_far):
            if why := ask.why(so_far.area.name):
                yield _kept_back(why, each, ask)


def _kept_back(why: str, each: Iterable[tuple[Change, Moved]], ask: _Ask) -> KeptBack:
    over = {id(change) for change, moved in each if ask.part(moved)}
    if ask.gives:
        return KeptBack(why, gives=lambda change: frozenset(change.granted) if id(change) in over else frozenset())
    return KeptBack(why, takes=lambda change: id(change) in over)


def fits(moved: Moved, areas: Iterable[SoFar]) -> bool:
    """Say whether what is about to be moved is within the limits of all the areas."""
    return not any(ask.why(so_far.area.name) for so_far in areas for ask in _asks(moved, so_far))


def area_uses(each: Iterable[Moved], areas: Iterable[SoFar]) -> Iterator[Used]:
    """Say how much of each limit of the areas a plan would use."""
    whole = together(each)
    for so_far in areas:
        for ask in _asks(whole, so_far):
            if ask.adds:
                yield Used(so_far.area.name, ask.words, ask.adds, ask.before, ask.most_now())
