"""From what a role holds on some deployments to a definition that gives just that on all of them.

what it holds on a DAG | is written as
-----------------------|-----------------------------------------------------------------------------------------
a level, whole         | that level: by all DAGs, tags, owners or beginnings of ids where they fit exactly, else by ids
anything else          | Airflow's own permission, as everything that is on no DAG
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from syncd.mapping.diagnostics import Diagnostics, some
from syncd.mapping.inventory import Inventory
from syncd.mapping.patterns import glob_problem
from syncd.mapping.permissions import Speller
from syncd.model import (
    At,
    Dag,
    DagSelector,
    Deployment,
    Dialect,
    Level,
    Naming,
    ObservedState,
    Permission,
    Role,
    RoleDefinition,
)

NOWHERE = At("adopted", 1)
_Places = frozenset[tuple[str, str]]
"""DAGs, each with its deployment."""


@dataclass(frozen=True, slots=True)
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


def infer_role(name: str, lives: Iterable[LiveDeployment]) -> tuple[RoleDefinition | None, dict[str, str]]:
    """Define a role as it is on as many of these deployments as one definition fits; says of the others why it does not."""
    lives = list(lives)
    if lives and not _misses(together := _definition(name, lives), lives):
        return together, {}
    fits: list[LiveDeployment] = []
    definition, refused = None, {}
    for live in lives:
        tried = _definition(name, [*fits, live])
        if problem := _misses(tried, [*fits, live]):
            refused[live.name] = problem
        else:
            fits, definition = [*fits, live], tried
    return definition, refused


def _misses(definition: RoleDefinition, lives: Iterable[LiveDeployment]) -> str:
    """Say where a definition gives something else than is there; empty: nowhere."""
    if not definition.dags and not definition.permissions:
        return "it holds nothing"
    for live in lives:
        naming = live.deployment.naming
        problems = (naming.role_problem(definition.name), *(_unwritable(naming, p) for p, _ in definition.permissions))
        if problem := next(filter(None, problems), ""):
            return problem
        wanted, there = _spelled(definition, live).permissions, live.observed.roles[definition.name].permissions
        if wanted != there:
            more, less = some(map(str, wanted - there)), some(map(str, there - wanted))
            said = (f"{more} would be added" if more else "", f"{less} would be taken" if less else "")
            return f"no definition gives just what it holds on {live.name}: {', '.join(filter(None, said))}"
    return ""


def _unwritable(naming: Naming, permission: Permission) -> str:
    is_known = permission.action in naming.actions
    return naming.resource_problem(permission.resource) if is_known else f"a mapping file cannot say {permission}"


# --- one definition ---------------------------------------------------------------------------------------------------


def _definition(name: str, lives: list[LiveDeployment]) -> RoleDefinition:
    held = {live.name: live.observed.roles[name].permissions for live in lives}
    usable = [level for level in Level if all(_is_usable(level, live, held[live.name]) for live in lives)]
    on_dags = {live.name: _levels(usable, live, held[live.name]) for live in lives}
    places: dict[Level, set[tuple[str, str]]] = defaultdict(set)
    for live, dags in on_dags.items():
        for dag, level in dags.items():
            places[level].add((live, dag))
    entries = [entry for level in usable for entry in _entries(level, places, lives)]
    bare = RoleDefinition(name, "", tuple(entries), (), NOWHERE)
    rest = {p for live in lives for p in held[live.name] - _spelled(bare, live).permissions}
    rest |= set() if entries or rest else set(lives[0].dialect.every_role)  # a definition gives something
    return replace(bare, permissions=tuple((permission, NOWHERE) for permission in sorted(rest, key=str)))


def _spelled(definition: RoleDefinition, live: LiveDeployment) -> Role:
    return Speller(Inventory(live.dags), live.dialect, live.deployment.naming, Diagnostics()).role(definition)


def _is_usable(level: Level, live: LiveDeployment, held: frozenset[Permission]) -> bool:
    return all(live.dialect.levels[included][0] <= held for included in level.included)


def _levels(usable: list[Level], live: LiveDeployment, held: frozenset[Permission]) -> Mapping[str, Level]:
    """Give the highest level that is held whole on each DAG."""
    found = {}
    for dag in live.dags:
        for level in usable:
            wanted = {template.at(dag.id) for part in level.included for template in live.dialect.levels[part][1]}
            if wanted and wanted <= held:
                found[dag.id] = level
    return found


# --- which DAGs -------------------------------------------------------------------------------------------------------


def _entries(
    level: Level, places: Mapping[Level, set[tuple[str, str]]], lives: list[LiveDeployment]
) -> Iterator[DagSelector]:
    """Choose the DAGs of a level by as few words as will do; those of a higher one may be among them."""
    allowed = frozenset(place for at, found in places.items() if level in at.included for place in found)
    left = set(places.get(level, ()))
    if not left:
        return
    words: dict[str, list[str]] = defaultdict(list)
    choices = [(kind, word, covered) for (kind, word), covered in _choices(lives).items() if covered <= allowed]
    while left and choices:
        kind, word, covered = max(choices, key=lambda choice: (len(choice[2] & left), *_rank(choice[0]), choice[1]))
        if len(covered & left) < 2:
            break
        words[kind].append(word)
        left -= covered
    words["id"] += sorted({dag for _, dag in left})
    for kind, chosen in words.items():
        if chosen:
            yield _selector(level, kind, tuple(sorted(chosen)))


def _rank(kind: str) -> tuple[int]:
    return (("id", "owner", "tag", "all").index(kind),)


def _selector(level: Level, kind: str, words: tuple[str, ...]) -> DagSelector:
    match kind:
        case "tag":
            return DagSelector(level, NOWHERE, tags=words)
        case "owner":
            return DagSelector(level, NOWHERE, owners=words)
    return DagSelector(level, NOWHERE, ids=("*",) if kind == "all" else words)


def _choices(lives: list[LiveDeployment]) -> Mapping[tuple[str, str], _Places]:
    """Give every word by which DAGs can be chosen, with the DAGs that it chooses."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for live in lives:
        for dag in live.dags:
            for kind, word in _words(dag):
                found[kind, word].add((live.name, dag.id))
    return {choice: frozenset(places) for choice, places in found.items()}


def _words(dag: Dag) -> Iterator[tuple[str, str]]:
    yield "all", ""
    yield from (("tag", tag) for tag in dag.tags)
    yield from (("owner", owner) for owner in dag.owners if owner == owner.strip())
    # every id that begins so is parted there too
    yield from (("id", f"{dag.id[: end.end()]}*") for end in re.finditer(r"[_.-]", dag.id) if not glob_problem(dag.id))
