"""Which roles of a deployment give a level on which DAGs, alone or together.

What all roles of a person hold is added up, as the target does it: one role may lack what another has. A role of the target's
own of which nobody knows what it holds is taken to give everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, reduce
from operator import or_
from typing import Final, TypeVar

from syncd.access.known import NO_DIALECT, KnownDeployment
from syncd.mapping.compile import compile_roles
from syncd.mapping.inventory import Inventory
from syncd.mapping.select import chosen
from syncd.model import DagSelector, Directory, Level, Permission, Rules
from syncd.plan.allowed import EVERY_DAG, LevelReader

_T = TypeVar("_T")
TRIES: Final = 5_000
"""So many sets of roles are looked at for one deployment."""
Permissions = frozenset[Permission]
Needed = tuple[frozenset[str], ...]
"""What gives something: one role of each of these, all of them together."""
_ANY: Final = "any"
"""Stands for whichever DAG is asked about: what a role has on one is compared with what it has on another."""
_NOTHING: Final = 0
"""The number of what roles have on a DAG where none has anything."""
_Bits = int
"""Permissions that matter, a bit for each: those on the DAG that is asked about, and those beside."""
_Held = tuple[tuple[int, _Bits], ...]
"""What all roles together have on one DAG, by the number of each that has something there."""


class TooManyRoles(Exception):
    """It takes too long to find out which roles give a level together."""


class GivingRoles:
    """The roles that lines bind on one deployment, now or later. None: nobody knows what the role holds.

    DAGs on which the same roles have the same are one to every question, and roles that hold the same are one: a thousand roles
    of a thousand DAGs take no more than they differ.
    """

    def __init__(self, known: KnownDeployment, roles: Mapping[str, Permissions | None]) -> None:
        dialect = known.dialect or NO_DIALECT
        self.inventory = Inventory(known.seen.dags if known.seen else ())
        self.left = TRIES
        self.unread = frozenset(name for name, held in roles.items() if held is None)
        self._reader = LevelReader(dialect)
        self._bit: dict[Permission, _Bits] = {}
        matters = Permissions().union(dialect.everywhere.values(), *(also for also, _ in dialect.levels.values()))
        by_held: dict[Permissions, set[str]] = defaultdict(set)
        for name, held in roles.items():
            by_held[held or Permissions()].add(name)
        self._names = [frozenset(names) for names in by_held.values()]
        self._number = {name: n for n, names in enumerate(self._names) for name in names}
        self._beside = [self._bits(held & matters) for held in by_held]
        self._held: list[_Held] = [()]
        self._like = self._by_dag(by_held)
        self._ways: dict[tuple[Level, int], tuple[Needed, ...]] = {}
        self._enough: dict[tuple[Level, _Bits], bool] = {}

    def dags(self, selector: DagSelector) -> list[str]:
        """Name the DAGs there that are meant, those too that may be, where the server does not say where they are."""
        return sorted(self.inventory.matching(selector) | self.inventory.doubtful(selector))

    def alike(self, dags: Iterable[str]) -> list[tuple[str, ...]]:
        """Put those DAGs together of which the answer to every question is the same."""
        found: dict[int, list[str]] = defaultdict(list)
        for dag in dags:
            found[self._like.get(dag, _NOTHING)].append(dag)
        return list(map(tuple, found.values()))

    def needed(self, dag: str, level: Level) -> tuple[Needed, ...]:
        """Give every least way to a level on a DAG.

        Raises:
            TooManyRoles: there may be others, and it takes too long to find out.
        """
        asked = level, self._like.get(dag, _NOTHING)
        if asked not in self._ways:
            alike = self._alike(self._held[asked[1]])
            found = _least(list(alike), lambda some: self._tried(some, level))
            ways = [tuple(alike[one] for one in some) for some in found]
            self._ways[asked] = (*((frozenset({name}),) for name in sorted(self.unread)), *ways)
        return self._ways[asked]

    def is_given(self, roles: Iterable[str], dag: str, level: Level) -> bool:
        """Say whether somebody who has these roles has a level on a DAG."""
        some = frozenset(roles)
        if not some.isdisjoint(self.unread):
            return True
        numbers = {self._number[name] for name in some if name in self._number}
        on = (bits for n, bits in self._held[self._like.get(dag, _NOTHING)] if n in numbers)
        return self._gives(reduce(or_, (*on, *(self._beside[n] for n in numbers)), 0), level)

    def least(self, roles: Iterable[str], dag: str, level: Level) -> frozenset[str]:
        """Leave out of roles that give a level on a DAG those without which the others give it too."""
        left = sorted(roles)
        for name in tuple(reversed(left)):
            fewer = [other for other in left if other != name]
            left = fewer if self.is_given(fewer, dag, level) else left
        return frozenset(left)

    def _alike(self, held: _Held) -> Mapping[_Bits, frozenset[str]]:
        """Give the roles by what they have on a DAG and beside; who has the same is alike in all that is asked here."""
        on = dict(held)
        found: dict[_Bits, set[str]] = defaultdict(set)
        for n, names in enumerate(self._names):
            found[on.get(n, 0) | self._beside[n]] |= names
        return {bits: frozenset(names) for bits, names in found.items()}

    def _tried(self, some: Iterable[_Bits], level: Level) -> bool:
        self.left -= 1
        if self.left < 0:
            raise TooManyRoles
        return self._gives(reduce(or_, some, 0), level)

    def _gives(self, bits: _Bits, level: Level) -> bool:
        asked = level, bits
        if asked not in self._enough:
            given = self._reader.levels(frozenset(held for held, bit in self._bit.items() if bits & bit))
            self._enough[asked] = level in (given.get(_ANY) or given.get(EVERY_DAG) or ())
        return self._enough[asked]

    def _bits(self, held: Iterable[Permission]) -> _Bits:
        return reduce(or_, (self._bit.setdefault(one, 1 << len(self._bit)) for one in held), 0)

    def _by_dag(self, several: Iterable[Permissions]) -> Mapping[str, int]:
        """Say what roles have on each DAG, by its number among all that they have on one."""
        found: dict[str, dict[int, _Bits]] = defaultdict(lambda: defaultdict(int))
        for n, held in enumerate(several):
            for permission in held:
                if permission.dag is not None:
                    found[permission.dag][n] |= self._bits((_on_any(permission.action, permission.part),))
        numbers: dict[_Held, int] = {(): _NOTHING}
        for dag in sorted(found):
            of = tuple(found[dag].items())
            if of not in numbers:
                numbers[of] = len(self._held)
                self._held.append(of)
        return {dag: numbers[tuple(of.items())] for dag, of in found.items()}


@cache
def _on_any(action: str, part: str) -> Permission:
    return Permission(action, f"{part} of {_ANY}", _ANY, part)


def _least(things: Sequence[_T], enough: Callable[[Iterable[_T]], bool]) -> list[list[_T]]:
    """Give every least choice of some things that is enough, where more of them are never less.

    What is left once one thing of each choice is taken away is enough only if there is another choice in it.
    """
    found: list[list[_T]] = []
    waiting: list[frozenset[int]] = [frozenset()]
    seen: set[frozenset[int]] = set(waiting)
    least: list[list[int]] = []
    while waiting:
        out = waiting.pop()
        whole = next((some for some in least if out.isdisjoint(some)), None)
        if whole is None:
            rest = [n for n in range(len(things)) if n not in out]
            if not enough(things[n] for n in rest):
                continue
            for n in reversed(rest):
                fewer = [m for m in rest if m != n]
                rest = fewer if enough(things[m] for m in fewer) else rest
            whole = rest
            least.append(whole)
            found.append([things[n] for n in whole])
        further = [out | {n} for n in whole]
        waiting.extend(one for one in further if one not in seen)
        seen.update(further)
    return found


def giving_roles(rules: Rules, directory: Directory, known: KnownDeployment, *, now: datetime) -> GivingRoles:
    """Spell out every role that lines without patterns bind on a deployment, those too that begin later."""
    dags = known.seen.dags if known.seen else ()
    dialect = known.dialect or NO_DIALECT
    spelled = compile_roles(rules, directory, known.deployment, inventory=dags, dialect=dialect, now=now)
    there = known.seen.roles if known.seen else {}
    held: dict[str, Permissions | None] = {}
    for name in sorted({role for rule in chosen(rules.bindings, known.deployment) for role in rule.roles}):
        found = spelled.get(name) or there.get(name)
        held[name] = found.permissions if found else None
    return GivingRoles(known, held)
