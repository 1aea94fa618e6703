"""From what a role holds on each DAG to the fewest entries that give just that: levels, and what stands beside them.

what it holds on a DAG                  | is written as
----------------------------------------|---------------------------------------------------------------------------------
a level, whole                          | that level
more, which a word of `also` says       | the same, and that word
less than a level, or what no word says | nothing here: it stays a permission by itself
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from syncd.mapping.inventory import Inventory
from syncd.mapping.patterns import glob_problem, is_literal
from syncd.model import At, Dag, DagSelector, Deployment, Dialect, Level, ObservedState, Permission
from syncd.text.characters import unseen

NOWHERE = At("adopted", 1)
Place = tuple[str, str]
"""A deployment and a DAG of it."""
Verbs = frozenset[tuple[str, str]]
"""What is allowed on a single DAG, as actions, each with the part of the DAG that it is on."""
_RANK = ("id", "path", "bundle", "owner", "tag", "all")
"""From the word that says least to a reader to the one that says most."""


@dataclass(frozen=True)
class LiveDeployment:
    """One deployment as it is now."""

    deployment: Deployment
    observed: ObservedState
    dags: tuple[Dag, ...]
    dialect: Dialect
    own_account: str | None = None

    @property
    def name(self) -> str:
        return self.deployment.name

    @cached_property
    def inventory(self) -> Inventory:
        return Inventory(self.dags)

    @cached_property
    def places(self) -> Mapping[tuple[str, str], frozenset[Place]]:
        """Give every word by which DAGs can be chosen here, with its kind, and what it chooses."""
        found: dict[tuple[str, str], set[Place]] = defaultdict(set)
        for dag in self.dags:
            for choice in _words(dag):
                found[choice].add((self.name, dag.id))
        return {choice: frozenset(places) for choice, places in found.items()}

    @cached_property
    def untold(self) -> frozenset[str]:
        """Name the kinds of words by which nothing can be chosen for sure: of some DAG the server does not say them."""
        kinds = {"bundle": any(d.bundle is None for d in self.dags), "path": any(d.path is None for d in self.dags)}
        return frozenset(kind for kind, is_untold in kinds.items() if is_untold)


class Grade(NamedTuple):
    """A level and what stands beside it."""

    level: Level
    also: tuple[str, ...] = ()


class _Scale:
    """What grades mean on one deployment to a role that holds this."""

    def __init__(self, live: LiveDeployment, held: frozenset[Permission]) -> None:
        self.dialect, self.held = live.dialect, held
        on_dags: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for permission in held:
            if permission.dag is not None and permission.dag in live.inventory and _is_sayable(permission.dag):
                on_dags[permission.dag].add((permission.action, permission.part))
        self.on_dags: Mapping[str, Verbs] = {dag: frozenset(verbs) for dag, verbs in on_dags.items()}

    def has_level(self, level: Level) -> bool:
        """Say whether the role has what a level gives beside DAGs, with those that it includes."""
        levels = self.dialect.levels
        return all(part in levels and levels[part][0] <= self.held for part in level.included)

    def has_word(self, word: str) -> bool:
        return word in self.dialect.dag_actions and self.dialect.dag_actions[word][0] <= self.held

    def verbs(self, grade: Grade) -> Verbs:
        """Give what a grade means for each DAG."""
        templates = [self.dialect.levels[part][1] for part in grade.level.included]
        templates += [self.dialect.dag_actions[word][1] for word in grade.also]
        return frozenset((template.action, template.part) for each in templates for template in each)


def entries(held: Mapping[str, frozenset[Permission]], lives: list[LiveDeployment]) -> Iterator[DagSelector]:
    """Give entries that give a role nothing but what it holds on these deployments, and of that as much as entries can."""
    scales = {live.name: _Scale(live, held[live.name]) for live in lives}
    levels = [level for level in Level if all(scale.has_level(level) for scale in scales.values())]
    words = [word for word in lives[0].dialect.dag_actions if all(scale.has_word(word) for scale in scales.values())]
    graded: dict[Grade, set[Place]] = defaultdict(set)
    for live, scale in scales.items():
        grade_of = _grades(scale, levels, words)
        for dag, verbs in scale.on_dags.items():
            if verbs in grade_of:
                graded[grade_of[verbs]].add((live, dag))
    for grade in sorted(graded, key=lambda grade: (levels.index(grade.level), len(grade.also), grade.also)):
        yield from _chosen(grade, graded[grade], _allowed(grade, scales), lives)


def _grades(scale: _Scale, levels: list[Level], words: list[str]) -> Mapping[Verbs, Grade]:
    """Give, for each sum of verbs that there is, the highest level that is whole in it and the words that say the rest."""
    found = {}
    for verbs in set(scale.on_dags.values()):
        whole = [level for level in levels if (given := scale.verbs(Grade(level))) and given <= verbs]
        if whole:
            found[verbs] = Grade(whole[-1], tuple(_also(scale, whole[-1], verbs, words)))
    return found


def _also(scale: _Scale, level: Level, verbs: Verbs, words: list[str]) -> Iterator[str]:
    given = scale.verbs(Grade(level))
    for word in words:
        more = scale.verbs(Grade(level, (word,)))
        if more <= verbs and not more <= given:
            given |= more
            yield word


def _allowed(grade: Grade, scales: Mapping[str, _Scale]) -> frozenset[Place]:
    """Give where a grade gives nothing that is not held."""
    found: set[Place] = set()
    for live, scale in scales.items():
        verbs = scale.verbs(grade)
        found |= {(live, dag) for dag, held in scale.on_dags.items() if verbs <= held}
    return frozenset(found)


# --- for which DAGs ---------------------------------------------------------------------------------------------------


def _chosen(
    grade: Grade, left: set[Place], allowed: frozenset[Place], lives: list[LiveDeployment]
) -> Iterator[DagSelector]:
    """Choose the DAGs of a grade by as few words as will do; those of a higher one may be among them."""
    words: dict[str, list[str]] = defaultdict(list)
    choices = {choice: covered for choice, covered in _choices(left, lives).items() if covered <= allowed}
    while left and choices:
        kind, word = max(choices, key=lambda c: (len(choices[c] & left), _RANK.index(c[0]), c[1]))
        if len(choices[kind, word] & left) < 2:
            break
        words[kind].append(word)
        left = left - choices[kind, word]
    words["id"] += sorted({dag for _, dag in left})
    for kind, of_kind in words.items():
        if of_kind:
            yield _selector(grade, kind, tuple(sorted(of_kind)))


def _selector(grade: Grade, kind: str, words: tuple[str, ...]) -> DagSelector:
    fields = {"id": "ids", "path": "paths", "bundle": "bundles", "owner": "owners", "tag": "tags"}
    chosen = {"ids": ("*",)} if kind == "all" else {fields[kind]: words}
    return DagSelector(grade.level, NOWHERE, also=grade.also, **chosen)


def _choices(left: Iterable[Place], lives: list[LiveDeployment]) -> Mapping[tuple[str, str], frozenset[Place]]:
    """Give every word that chooses one of these at least, with all that it chooses on these deployments."""
    untold = frozenset[str]().union(*(live.untold for live in lives))
    by_name = {live.name: live for live in lives}
    asked = {choice for live, dag in left for choice in _words(by_name[live].inventory.dags[dag])}
    none = frozenset[Place]()
    return {
        choice: none.union(*(live.places.get(choice, none) for live in lives))
        for choice in asked
        if choice[0] not in untold
    }


def _words(dag: Dag) -> Iterator[tuple[str, str]]:
    """Give the words by which a DAG can be chosen; a beginning of its id, and a folder, are chosen by a glob."""
    yield "all", ""
    yield from (("tag", tag) for tag in dag.tags if _is_sayable(tag))
    yield from (("owner", owner) for owner in dag.owners if _is_sayable(owner))
    # every id that begins so is parted there too
    yield from (("id", f"{dag.id[: end.end()]}*") for end in re.finditer(r"[_.-]", dag.id) if not glob_problem(dag.id))
    if dag.bundle is not None and _is_sayable(dag.bundle):
        yield "bundle", dag.bundle
    if dag.path is not None and is_literal(dag.path) and _is_sayable(dag.path) and not glob_problem(dag.path):
        yield from (("path", f"{dag.path[: end.end()]}*") for end in re.finditer("/", dag.path))


def _is_sayable(word: str) -> bool:
    """Say whether a mapping file can have this word for what it is."""
    return bool(word) and word == word.strip() and not unseen(word)
