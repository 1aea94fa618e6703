"""What each level needs on each generation of Airflow: data, verified by acting as such a user (docs/levels.md).

Left out on purpose, because it shows other people's DAGs: `DAG Dependencies` on Airflow 2 (its page draws every DAG;
Airflow 3 needs it for the graph and filters from 3.1 on), `Assets` (before 3.3 its events name every DAG), `Audit Logs`,
`Dag Bundles` (from 3.4.1 on the pages of every bundle and its files, which Viewer and User do not get either).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from syncd.model import Dialect, Level, Permission
from syncd.targets.airflow.abilities import Capabilities
from syncd.targets.airflow.built_in import built_in
from syncd.targets.airflow.dags import untold
from syncd.targets.airflow.naming import DELETE_DAG, DELETE_RUNS, OWN_WORDS, RENAMED, permission

WEBSITE: Final = Permission("can_read", "Website")
"""`sync-perm` and every server start add it to each custom role, so it belongs to each from the beginning."""

BREAKS_A_FILE: Final = (
    "a DAG file whose code names it in access_control fails at its next parse, with all of its DAGs, and the API does not "
    "show that"
)
"""Airflow 3 refuses such a file at its next parse; Airflow 2 waits for a change of the DAG."""

Given = tuple[frozenset[Permission], frozenset[Permission]]
"""What is given everywhere, and what on each DAG, as templates."""

_READ_BOTH: Final = ("DAG Runs", "Task Instances", "Task Logs", "DAG Code", "XComs", "DAG Warnings")
_READ_3: Final = ("DAG Versions", "DAG Dependencies")
_READ_3_1: Final = ("HITL Detail",)  # human in the loop: the list of DAGs in the UI is refused without it


def dialect(capabilities: Capabilities, *, dags_folder: str = "") -> Dialect:
    """Say how this server spells the levels, and what it does not tell of a DAG; `dags_folder` is where it has them."""
    levels = {
        Level.VIEW: (_view(capabilities), _permissions("can_read", ["DAG:{dag}"])),
        Level.TRIGGER: _trigger(capabilities),
        Level.EDIT: _edit(capabilities),
        Level.OWN: _both(_delete_dag(), _delete_runs(capabilities)),
    }
    bound = frozenset[Permission]().union(*(templates for _, templates in levels.values()))
    return Dialect(
        frozenset({WEBSITE}),
        levels,
        everywhere={template: _on_all(template) for template in bound},
        role_deletion_breaks=BREAKS_A_FILE if capabilities.generation >= 3 else "",
        untold=untold(capabilities.generation, dags_folder=dags_folder),
        built_in=built_in(
            capabilities.generation,
            airflow=release(capabilities.version),
            fab=release(capabilities.fab_version or ""),
        ),
        renamed=RENAMED.get(capabilities.generation, {}),
        dag_actions=_dag_actions(capabilities),
    )


NEWEST: Final = "3.3.2"
"""The newest release that was measured."""


def dialect_of_release(version: str) -> Dialect:
    """Say how a release spells the levels, where no server was asked; with the FAB provider that came with it."""
    found = release(version or NEWEST)
    has_run_resources = found >= (2, 10)
    return dialect(Capabilities(found[0], version or NEWEST, "", dag_run_resources=has_run_resources))


def _on_all(template: Permission) -> Permission:
    """`DAG:{dag}` is one DAG, `DAGs` are all of them; so it is with runs."""
    return Permission(template.action, template.resource.replace(":{dag}", "s"))


def _view(capabilities: Capabilities) -> frozenset[Permission]:
    names = list(_READ_BOTH)
    if capabilities.generation >= 3:
        names += _READ_3
        names += _READ_3_1 if release(capabilities.version) >= (3, 1) else ()
    return _permissions("can_read", names) | {Permission("menu_access", "DAGs")}


def _trigger(capabilities: Capabilities) -> Given:
    """Run and pause. Airflow cannot separate the two: running needs can_edit on the DAG, and that allows pausing."""
    edit = _permissions("can_edit", ["DAG:{dag}"])
    if capabilities.dag_run_resources:
        return frozenset(), edit | _permissions("can_create", ["DAG Run:{dag}"])
    return _permissions("can_create", ["DAG Runs"]), edit


def _edit(capabilities: Capabilities) -> Given:
    """Clear and mark runs and tasks.

    Airflow 2.10 and later take `can_edit` on `DAG Run:x`. Airflow 3 takes that for runs, but for tasks it asks for the
    global `can_edit` on `DAG Runs`; with `can_edit` on `DAG:y`, which `trigger` gives, that reaches y as well. So there a
    person with `edit` on one DAG and `trigger` on another can clear and mark on both: Airflow 3 has no words for less.
    """
    if capabilities.generation == 2 and capabilities.dag_run_resources:
        return _permissions("can_edit", ["Task Instances"]), _permissions("can_edit", ["DAG Run:{dag}"])
    return _permissions("can_edit", ["Task Instances", "DAG Runs"]), frozenset()


def _delete_dag() -> Given:
    return frozenset(), _permissions("can_delete", ["DAG:{dag}"])


def _delete_runs(capabilities: Capabilities) -> Given:
    """Delete runs; Airflow asks for `can_edit` on the DAG besides, which `trigger` gives."""
    if capabilities.dag_run_resources:
        return frozenset(), _permissions("can_delete", ["DAG Run:{dag}"])
    return _permissions("can_delete", ["DAG Runs"]), frozenset()


def _dag_actions(capabilities: Capabilities) -> Mapping[str, Given]:
    """Say what the words of `also` mean; where runs have no permissions of their own, Airflow's words for those mean nothing."""
    own_words = {
        word: (frozenset[Permission](), _permissions(action, [f"{beginning}{{dag}}"]))
        for word, (action, beginning) in OWN_WORDS.items()
        if capabilities.dag_run_resources or beginning == "DAG:"
    }
    return {DELETE_DAG: _delete_dag(), DELETE_RUNS: _delete_runs(capabilities)} | own_words


def _both(one: Given, other: Given) -> Given:
    return one[0] | other[0], one[1] | other[1]


def _permissions(action: str, resources: Iterable[str]) -> frozenset[Permission]:
    return frozenset(permission(action, resource) for resource in resources)


def release(version: str) -> tuple[int, ...]:
    """Read the leading numbers of a version: `3.1.8rc1` -> (3, 1, 8)."""
    numbers: list[int] = []
    for part in version.split(".")[:3]:
        digits = part[: next((i for i, c in enumerate(part) if not c.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
