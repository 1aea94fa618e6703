"""What Airflow's own roles hold, as a base of roles that mapping files define: a table, never what a server says.

What a server says of `User` may have been edited there, and whoever may do that would widen every role that extends it. So this
is what its FAB provider makes of them, read in the code of the releases below, which agree but for what `_LATER` says; the
least of them is given where the provider's version is not known. What another release has more is left out, and told.

generation | FAB providers that were read
2          | Airflow 2.9.0 (1.0.4; its Viewer has `Plugins` too), 2.9.3 and 2.10.0 (1.2.2), 1.3.0, 1.4.0, 1.5.3, 1.5.4
3          | 2.4.4, 3.1.1, 3.2.0, 3.3.0, 3.4.0, 3.5.0, 3.6.5, 3.8.1, 3.10.2
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from syncd.model import BuiltIn, Permission
from syncd.targets.airflow.naming import BASE_ROLES, permission

_ACTIONS: Final = {"c": "can_create", "r": "can_read", "e": "can_edit", "d": "can_delete", "m": "menu_access"}
Version = tuple[int, ...]
_Table = Mapping[str, tuple[tuple[str, str], ...]]
"""Role -> (letters of actions, resources separated by commas). Each role has all that the one before it has."""

_BOTH: Final[_Table] = {
    "Viewer": (
        ("m", "Browse,Docs,Documentation"),
        ("r", "DAG Code,DAG Warnings,ImportError,Pools,Task Logs,Website,XComs"),
        ("re", "My Password,My Profile"),
        ("rm", "Cluster Activity,DAG Dependencies,DAG Runs,DAGs,Jobs,SLA Misses,Task Instances"),
    ),
    "User": (("ced", "DAG Runs,Task Instances"), ("ed", "DAGs")),
    "Op": (
        ("cedm", "Pools"),
        ("credm", "Connections,Variables"),
        ("dm", "XComs"),
        ("m", "Admin"),
        ("rm", "Configurations,Plugins,Providers"),
    ),
}
_ONLY: Final[Mapping[int, _Table]] = {
    2: {"Viewer": (("rm", "Datasets"),)},
    3: {
        "Viewer": (("r", "Asset Aliases,Backfills,DAG Versions"), ("rm", "Assets")),
        "User": (("c", "Assets"),),
        "Op": (("ced", "Backfills"), ("d", "Assets")),
    },
}
_DATASETS: Final[_Table] = {"User": (("c", "Datasets"),), "Op": (("d", "Datasets"),)}
"""From Airflow 2.9 on; 2.8.4 was measured to have none of it."""
_HITL: Final[_Table] = {
    "Viewer": (("r", "HITL Detail"),),
    "User": (("e", "HITL Detail"),),
    "Op": (("m", "HITL Detail"),),
}
"""From Airflow 3.1 on."""
_LATER: Final[tuple[tuple[tuple[int, int], _Table], ...]] = (
    ((3, 2), {"Op": (("ce", "XComs"),)}),
    ((3, 8), {"Op": (("e", "Assets"),)}),
)
"""From this FAB provider on."""
_READ: Final = {2: ((2, 9), (2, 11)), 3: ((3, 0), (3, 4))}
"""The oldest and the newest Airflow of each generation for which this is known to be so."""
_NEWEST_FAB: Final = (3, 10)

_SHOW_OTHERS: Final = ("Assets", "Cluster Activity", "Datasets", "Jobs")
"""What shows DAGs, or counts them, without regard to who may read which, on some release at least."""


def built_in(generation: int, *, airflow: Version, fab: Version) -> Mapping[str, BuiltIn]:
    """Give what the built-in roles that can be extended hold on a release; `fab` is empty where that is not known."""
    doubt = _doubt(generation, airflow, fab)
    roles: dict[str, BuiltIn] = {}
    so_far: frozenset[Permission] = frozenset()
    for role in BASE_ROLES:
        so_far |= frozenset(_of(role, generation, airflow, fab))
        on_all = frozenset(held for held in so_far if _is_on_all_dags(held, generation))
        roles[role] = BuiltIn(so_far - on_all, on_all, doubt)
    return roles


def _of(role: str, generation: int, airflow: Version, fab: Version) -> Iterator[Permission]:
    tables = [_BOTH, _ONLY[min(generation, 3)]]
    if generation == 2 and airflow >= (2, 9):
        tables.append(_DATASETS)
    if generation >= 3:
        tables += [_HITL] if airflow >= (3, 1) else []
        tables += [more for since, more in _LATER if fab >= since]
    for letters, resources in (row for table in tables for row in table.get(role, ())):
        for resource in resources.split(","):
            yield from (permission(_ACTIONS[letter], resource) for letter in letters)


def _is_on_all_dags(held: Permission, generation: int) -> bool:
    """Say whether a permission reaches every DAG, or shows those of others; `DAG Dependencies` is as the levels have it."""
    if held.resource == "DAGs":
        return held.action != "menu_access"
    return held.resource in _SHOW_OTHERS or (held.resource == "DAG Dependencies" and generation == 2)


def _doubt(generation: int, airflow: Version, fab: Version) -> str:
    """Say that a release is another one than those that were read; empty: it is not."""
    oldest, newest = _READ.get(generation, ((0,), (0,)))
    if oldest <= airflow[:2] <= newest and fab[:2] <= _NEWEST_FAB:
        return ""
    provider = f" with FAB provider {_text(fab)}" if fab else ""
    return f"what Airflow {_text(airflow)}{provider} gives it was not measured; it has what the nearest release gives"


def _text(version: Version) -> str:
    return ".".join(map(str, version))
