"""What a role allows on which DAGs, in levels: a dialect read backwards.

A role gives a level on a DAG where it has all that the level, and those that it includes, bind to that DAG; of a level that
binds nothing more than the one before, it also has to have what that level gives beside. What it has over every DAG counts
on each. Whatever is left of what it has on a DAG makes no level, and is one thing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from syncd.model import Dialect, Level, Permission

EVERY_DAG = "*"
"""Stands for any DAG beside those that are named. No DAG id has this sign."""
Permissions = frozenset[Permission]
Levels = tuple[Level | None, ...]
"""What is given on a DAG, from the least to the most; None is what makes no level."""


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a level asks for: verbs (as bits) on the DAG, and permissions beside."""

    level: Level
    verbs: int
    beside: Permissions


class LevelReader:
    """Reads roles of one deployment. `there` are the DAGs that exist; what is said of any other allows nothing."""

    def __init__(self, dialect: Dialect, *, there: Collection[str] | None = None) -> None:
        self._there = there
        self._verbs: dict[tuple[str, str], int] = {}
        self._everywhere: dict[Permission, int] = {}
        self._needs = tuple(self._read(dialect))
        self._parts = frozenset(part for _, part in self._verbs)
        self._other = 1 << len(self._verbs)
        """Any other action on a DAG."""

    def _read(self, dialect: Dialect) -> Iterator[_Needs]:
        verbs, beside = 0, Permissions()
        for level in (level for level in Level if level in dialect.levels):
            also, templates = dialect.levels[level]
            for template in templates:
                verb = self._verbs.setdefault(_verb(template), 1 << len(self._verbs))
                if template in dialect.everywhere:
                    self._everywhere[dialect.everywhere[template]] = verb
                verbs |= verb
            beside = beside if templates else beside | also
            if verbs:
                yield _Needs(level, verbs, beside)

    def _is_on_dag(self, permission: Permission) -> bool:
        return permission.dag is not None and permission.part in self._parts

    def is_of_nothing(self, permission: Permission) -> bool:
        """Say whether a permission is on a DAG that is gone."""
        return self._is_on_dag(permission) and self._there is not None and permission.dag not in self._there

    def about_dags(self, permissions: Permissions) -> Permissions | None:
        """Give all that can give on a DAG what these give; None: anything can, for there is something on every DAG."""
        if not self._everywhere.keys().isdisjoint(permissions):
            return None
        on_one = {p for p in permissions if self._is_on_dag(p)}
        return frozenset(self._everywhere.keys() | on_one)

    def levels(self, permissions: Permissions, *, all_of: Permissions | None = None) -> dict[str, Levels]:
        """Say, by DAG, what a role gives there; `all_of` is all of a role of which `permissions` are only some."""
        everywhere = 0
        for permission, verb in self._everywhere.items():
            everywhere |= verb if permission in permissions else 0
        found = {EVERY_DAG: everywhere} if everywhere else {}
        for permission in permissions:
            dag = permission.dag
            if dag is not None and permission.part in self._parts and (self._there is None or dag in self._there):
                verb = self._verbs.get((permission.action, permission.part), self._other)
                found[dag] = found.get(dag, everywhere) | verb
        role = permissions if all_of is None else all_of
        known = {verbs: tuple(self._given(verbs, role)) for verbs in set(found.values())}
        return {dag: known[verbs] for dag, verbs in found.items()}

    def _given(self, verbs: int, role: Permissions) -> Iterator[Level | None]:
        given = [need for need in self._needs if verbs & need.verbs == need.verbs and need.beside <= role]
        if verbs & ~(given[-1].verbs if given else 0):
            yield None
        yield from (need.level for need in given)


def _verb(template: Permission) -> tuple[str, str]:
    return template.action, template.part
