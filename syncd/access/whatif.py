"""What other mapping files would have given on what was known at moments of the past, beside what those in force would have.

Both sides are compiled alike on the same people and DAGs, so a difference is one of the files. What a limit would have held is
not asked, and neither is what other hands gave: a file says what somebody should have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.access.compare import concerns
from syncd.access.known import KnownDeployment
from syncd.access.standing import compiled
from syncd.directory.narrow import DirectoryView
from syncd.model import Dag, DesiredState, Dialect, Level, Role, Rules
from syncd.plan.allowed import EVERY_DAG, LevelReader

_NOTHING: frozenset[str] = frozenset()
OnLevel = tuple[tuple[Level, tuple[str, ...]], ...]
"""DAGs by the highest level on them, the highest first."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What was known at a moment: the people, and by deployment the DAGs."""

    at: datetime
    view: DirectoryView
    dags: Mapping[str, tuple[Dag, ...]]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What one person would have had otherwise. `more` and `less` are by the highest level before and after; `changed` names
    roles that they would have had too, with other permissions in them."""

    gains: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    more: OnLevel = ()
    less: OnLevel = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spell:
    """That somebody would have had something otherwise, at all moments from `since` to `until`; None: still at the last."""

    deployment: str
    username: str
    otherwise: Otherwise
    since: datetime
    until: datetime | None


class Spells:
    """Finds who would have had what otherwise on one deployment, and from when to when, from one stage after the other."""

    def __init__(self, old: Rules, new: Rules, known: KnownDeployment) -> None:
        self._old, self._new, self._known = old, new, known
        self._is_timed = any(r.since or r.until or r.during for rules in (old, new) for r in rules.bindings)
        self._last: Stage | None = None
        self._there: Mapping[str, Otherwise] = {}
        self._open: dict[str, Spell] = {}
        self._ended: list[Spell] = []

    def see(self, stage: Stage) -> None:
        """Look at the next stage. Where all is as at the one before, and no line depends on the time, so is the answer."""
        last, self._last = self._last, stage
        is_same = last is not None and stage.view is last.view and self._dags(stage) is self._dags(last)
        if not is_same or self._is_timed:
            self._there = _otherwise_at(self._old, self._new, self._known, stage)
        for name in [name for name, spell in self._open.items() if self._there.get(name) != spell.otherwise]:
            self._ended.append(replace(self._open.pop(name), until=stage.at))
        for name, one in self._there.items():
            self._open.setdefault(name, Spell(self._known.name, name, one, stage.at, None))

    def _dags(self, stage: Stage) -> tuple[Dag, ...]:
        return _dags(stage, self._known)

    def found(self) -> tuple[Spell, ...]:
        """Give what was found so far, by time, then by name; `until` is the first moment at which it was not so any more."""
        return tuple(sorted([*self._ended, *self._open.values()], key=lambda spell: (spell.since, spell.username)))


_NONE: tuple[Dag, ...] = ()


def _dags(stage: Stage, known: KnownDeployment) -> tuple[Dag, ...]:
    return stage.dags.get(known.name, _NONE)


def _otherwise_at(old: Rules, new: Rules, known: KnownDeployment, stage: Stage) -> Mapping[str, Otherwise]:
    if known.seen is None or known.dialect is None:
        return {}
    dags = _dags(stage, known)
    then = replace(known, noted=replace(known.noted, seen=replace(known.seen, dags=dags, vanished=())))
    if not concerns(old, new, stage.view.directory, then, now=stage.at):
        return {}
    was, is_ = (
        compiled(rules, stage.view.looked_for(rules.bindings).directory, then, now=stage.at) for rules in (old, new)
    )
    return otherwise(was, is_, dialect=known.dialect, dags=frozenset(dag.id for dag in dags))


def otherwise(
    was: DesiredState, now: DesiredState, *, dialect: Dialect, dags: Collection[str]
) -> Mapping[str, Otherwise]:
    """Say what each person has by the one and not by the other, on these DAGs. Whose account is not clear is left out."""
    reading = LevelReader(dialect, there=frozenset(dags))
    before, after = _Side(was.roles, reading), _Side(now.roles, reading)
    changed = frozenset(
        name
        for name, role in now.roles.items()
        if name in was.roles and was.roles[name].permissions != role.permissions
    )
    known: dict[tuple[frozenset[str], frozenset[str]], Otherwise] = {}
    found = {}
    for name in (was.users.keys() | now.users.keys()) - was.undecided.keys() - now.undecided.keys():
        had, has = _roles(was, name), _roles(now, name)
        if had == has and changed.isdisjoint(had):
            continue
        if (had, has) not in known:
            known[had, has] = _between(before, after, had, has, changed=changed, dags=dags)
        found[name] = known[had, has]
    return found


def _roles(state: DesiredState, name: str) -> frozenset[str]:
    return state.users[name].roles if name in state.users else _NOTHING


def _between(
    before: _Side,
    after: _Side,
    had: frozenset[str],
    has: frozenset[str],
    *,
    changed: frozenset[str],
    dags: Collection[str],
) -> Otherwise:
    was, now = before.highest(had), after.highest(has)
    more = {dag: _on(now, dag) for dag in dags if _on(now, dag) > _on(was, dag)}
    less = {dag: _on(was, dag) for dag in dags if _on(was, dag) > _on(now, dag)}
    return Otherwise(
        tuple(sorted(has - had)),
        tuple(sorted(had - has)),
        _by_level(more),
        _by_level(less),
        tuple(sorted(had & has & changed)),
    )


_ORDER = tuple(Level)


def _on(highest: Mapping[str, int], dag: str) -> int:
    return max(highest.get(dag, 0), highest.get(EVERY_DAG, 0))


def _by_level(ranks: Mapping[str, int]) -> OnLevel:
    levels = {rank: tuple(sorted(dag for dag, r in ranks.items() if r == rank)) for rank in set(ranks.values())}
    return tuple((_ORDER[rank - 1], levels[rank]) for rank in sorted(levels, reverse=True))


class _Side:
    """What the roles of one side give on DAGs, as the rank of the highest level: 1 for the lowest."""

    def __init__(self, roles: Mapping[str, Role], reading: LevelReader) -> None:
        self._roles = roles
        self._reading = reading
        self._known: dict[str, Mapping[str, int]] = {}

    def highest(self, roles: frozenset[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for role in roles:
            for dag, rank in self._of(role).items():
                found[dag] = max(found.get(dag, 0), rank)
        return found

    def _of(self, role: str) -> Mapping[str, int]:
        if role not in self._known:
            given = self._reading.levels(self._roles[role].permissions) if role in self._roles else {}
            ranks = {dag: max((_ORDER.index(one) + 1 for one in on if one), default=0) for dag, on in given.items()}
            self._known[role] = {dag: rank for dag, rank in ranks.items() if rank}
        return self._known[role]
