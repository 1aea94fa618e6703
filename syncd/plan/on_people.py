"""What changes do to people, all of them together: who loses and who gains which role, and by it what on which DAGs.

What a person may do is what their roles allow together: who loses a role and has the same by another one loses nothing on
a DAG. Of what is lost on a DAG the highest level is said: who may no more edit, nor trigger, nor view loses `edit`.

a person                                       | loses
-----------------------------------------------|-------------------------------------------------------------------
has a role before and not after                | the role, whether their own change, or that of the role, took it
has the role before and after, and it shrinks  | what is gone from it, unless that was on DAGs that are gone
has no account after                           | the account

What a person gains is what they would lose the other way round. People are counted by role, and those who are alike are
looked at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from operator import or_

from syncd.model import Change, Dialect, Level, ObservedState, Owned, Role, User, key
from syncd.plan.allowed import EVERY_DAG, LevelReader, Levels, Permissions

_NOTHING: frozenset[str] = frozenset()
Roles = frozenset[str]


@dataclass(frozen=True, slots=True)
class OfRole:
    """How many people lose, or gain, a role or something in it; `not_ours`: to how many of them another hand gave it."""

    role: str
    people: int
    not_ours: int = 0


@dataclass(frozen=True, slots=True)
class OnDags:
    """How many people lose, or gain, a level on some of these DAGs, and through which roles, those of most people first.

    `level` is None for what makes no level. `everywhere`: it is on every DAG, those too that are not in the list.
    """

    level: Level | None
    people: int
    dags: tuple[str, ...]
    roles: tuple[OfRole, ...]
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Toll:
    """What people lose, or gain. Each person counts once in each number; `not_ours` lose what another hand gave them."""

    people: int = 0
    not_ours: int = 0
    roles: tuple[OfRole, ...] = ()
    on_dags: tuple[OnDags, ...] = ()


@dataclass(frozen=True, slots=True)
class Effects:
    """What changes do to people."""

    loses: Toll = Toll()
    gains: Toll = Toll()


Moved = tuple[Roles | None, Roles | None]
"""The roles of a person before and after; None where there is no account."""


def effects_on_people(
    observed: ObservedState,
    changes: Iterable[Change],
    *,
    owned: Owned,
    dialect: Dialect,
    dags: Collection[str] | None = None,
) -> Effects:
    """Say what changes do to people; `dags` are those that are there, None where that is not known."""
    changes = tuple(changes)
    if not changes:
        return Effects()
    people, was, now = moved(observed, changes), observed.roles, _roles_after(observed, changes)
    reading = LevelReader(dialect, there=None if dags is None else frozenset(dags))
    people_back = ((name, (after, before)) for name, (before, after) in people.items())
    loses, gains = _Way(was, now, reading, owned.grants), _Way(now, was, reading)
    return Effects(loses.toll(people.items()), gains.toll(people_back))


def moved(observed: ObservedState, changes: Iterable[Change]) -> dict[str, Moved]:
    """Give, by key, the people whom changes touch: by a change of their own, or of a role that they hold."""
    found: dict[str, Moved] = {}
    going, touched = set[str](), set[str]()
    for change in changes:
        if change.subject == "user":
            name = key(change.name)
            before = found[name][0] if name in found else _roles(change.before)
            found[name] = before, _roles(change.after)
        else:
            (going if change.after is None else touched).add(change.name)
    for name, user in observed.users.items() if going or touched else ():
        if name not in found and not (going.isdisjoint(user.roles) and touched.isdisjoint(user.roles)):
            found[name] = user.roles, user.roles
    return {name: _without(person, going) for name, person in found.items()} if going else found


def _roles(thing: User | Role | None) -> Roles | None:
    return thing.roles if isinstance(thing, User) else None


def _without(person: Moved, going: Collection[str]) -> Moved:
    before, after = person
    return before, None if after is None else after.difference(going)


def _roles_after(observed: ObservedState, changes: Iterable[Change]) -> dict[str, Role]:
    """Give the roles as they are after; those that go stay as they were, as nobody holds them any more."""
    return {**observed.roles, **{change.name: change.after for change in changes if isinstance(change.after, Role)}}


@dataclass(frozen=True, slots=True)
class _Way:
    """From roles before to roles after: what is lost on the way."""

    was: Mapping[str, Role]
    now: Mapping[str, Role]
    reading: LevelReader
    ours: Mapping[str, Roles] | None = None
    """By key, the roles that people hold by us; None: that is not asked."""

    def toll(self, moved: Iterable[tuple[str, Moved]]) -> Toll:
        """Count what people, by key, lose."""
        people = not_ours = 0
        foreign, losers = Counter[str](), list[tuple[Roles, Roles]]()
        shrunk = self._shrunk()
        for name, (was, now) in moved:
            before, after = was or _NOTHING, now or _NOTHING
            lost = (before - after) | (before & shrunk) if shrunk else before - after
            people += bool(lost) or now is None
            if lost:
                losers.append((lost, after))
                others = _NOTHING if self.ours is None else lost - self.ours.get(name, _NOTHING)
                if others:
                    not_ours += 1
                    foreign.update(others)
        roles = Counter(chain.from_iterable(lost for lost, _ in losers))
        return Toll(people, not_ours, _by_role(roles, foreign), self._on_dags(losers))

    def _shrunk(self) -> Roles:
        """Name the roles that stay and lose something that was worth something."""
        less = {
            name: self.was[name].permissions - role.permissions
            for name, role in self.now.items()
            if name in self.was and role is not self.was[name]
        }
        return frozenset(name for name, gone in less.items() if not all(map(self.reading.is_of_nothing, gone)))

    def _on_dags(self, losers: Sequence[tuple[Roles, Roles]]) -> tuple[OnDags, ...]:
        """Say of each DAG who loses what there; DAGs that the same roles give alike are looked at once."""
        lost_roles, roles_left = [lost for lost, _ in losers], [after for _, after in losers]
        lost = self._given(lost_roles, self.was, about=None)
        if not lost:
            return ()
        about = self.reading.about_dags(frozenset().union(*(self.was[role].permissions for role in lost)))
        kept = self._given(roles_left, self.now, about=about)
        losing, holding = _holders(lost_roles, lost.keys()), _holders(roles_left, kept.keys())
        sums: defaultdict[Level | None, _Sum] = defaultdict(_Sum)
        for (taken, left), dags in _alike(lost, kept).items():
            said = 0
            for level in _LEVELS:
                through = [role for role, levels in taken if level in levels]
                has = reduce(or_, (holding[role] for role, levels in left if level in levels), said)
                if through and (who := reduce(or_, (losing[role] for role in through)) & ~has):
                    said |= who
                    sums[level].add(who, dags, {role: losing[role] & who for role in through})
        return tuple(sums[level].of(level) for level in _LEVELS if level in sums)

    def _given(self, held: Iterable[Roles], known: Mapping[str, Role], *, about: Permissions | None) -> _Gives:
        """Say what these roles give on DAGs, as far as it is about these permissions; who gives nothing is left out."""
        found = {}
        for role in frozenset().union(*held) & known.keys():
            whole = known[role].permissions
            some = whole if about is None else whole & about
            if some and (levels := self.reading.levels(some, all_of=whole)):
                found[role] = levels
        return found


_LEVELS: tuple[Level | None, ...] = (*reversed(Level), None)
"""The highest first."""
_Gives = Mapping[str, Mapping[str, Levels]]
"""What roles give, by role and DAG."""
_Here = tuple[tuple[str, Levels], ...]
"""Roles, and what they give, on one DAG."""


def _alike(lost: _Gives, kept: _Gives) -> Mapping[tuple[_Here, _Here], list[str]]:
    """Put together the DAGs on which the same roles, of those that are lost and of those that are left, give the same."""
    taken, left = _Marks.of(lost), _Marks.of(kept)
    found: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for dag in taken.by_dag:
        found[taken.on(dag), left.on(dag)].append(dag)
    return {(taken.meant(mine), left.meant(theirs)): dags for (mine, theirs), dags in found.items()}


@dataclass(frozen=True, slots=True)
class _Marks:
    """Which roles give what on a DAG, as one whole number: a bit for each role and what it gives."""

    meaning: tuple[tuple[str, Levels], ...]
    by_dag: Mapping[str, int]

    @classmethod
    def of(cls, gives: _Gives) -> _Marks:
        bits: dict[tuple[str, Levels], int] = {}
        found: dict[str, int] = {}
        for role, dags in gives.items():
            mark = {levels: bits.setdefault((role, levels), 1 << len(bits)) for levels in set(dags.values())}
            for dag, levels in dags.items():
                found[dag] = found.get(dag, 0) | mark[levels]
        return cls(tuple(bits), found)

    def on(self, dag: str) -> int:
        return self.by_dag.get(dag, 0) | self.by_dag.get(EVERY_DAG, 0)

    def meant(self, marks: int) -> _Here:
        found = []
        while marks:
            least = marks & -marks
            found.append(self.meaning[least.bit_length() - 1])
            marks ^= least
        return tuple(found)


_YES = ord("1")


def _holders(held: Sequence[Roles], roles: Collection[str]) -> dict[str, int]:
    """Give, by role, who has it: a whole number with one bit for each of them."""
    asked, nobody = frozenset(roles), b"0" * len(held)
    rows = {role: bytearray(nobody) for role in asked}
    for at, theirs in enumerate(held):
        for role in theirs & asked:
            rows[role][at] = _YES
    return {role: int(row, 2) for role, row in rows.items()}


@dataclass(slots=True)
class _Sum:
    """What is counted of one level; people are bits."""

    people: int = 0
    dags: set[str] = field(default_factory=set)
    roles: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, people: int, dags: Iterable[str], roles: Mapping[str, int]) -> None:
        self.people |= people
        self.dags.update(dags)
        for role, holders in roles.items():
            self.roles[role] |= holders

    def of(self, level: Level | None) -> OnDags:
        roles = _by_role({role: people.bit_count() for role, people in self.roles.items() if people}, {})
        dags = tuple(sorted(self.dags - {EVERY_DAG}))
        return OnDags(level, self.people.bit_count(), dags, roles, EVERY_DAG in self.dags)


def _by_role(roles: Mapping[str, int], not_ours: Mapping[str, int]) -> tuple[OfRole, ...]:
    """List roles, those of most people first."""
    found = (OfRole(role, people, not_ours.get(role, 0)) for role, people in roles.items())
    return tuple(sorted(found, key=lambda one: (-one.people, one.role)))
