"""The built-in roles of fresh servers, as 2.11.2 and 3.3.2 made them (30, 39, 63, 90 and 34, 44, 75, 105 permissions).

Each role has everything that the one before it has. Letters: c(reate) r(ead) e(dit) d(elete) m(enu access).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncd.model import Permission

ACTIONS: Mapping[str, str] = {
    "c": "can_create",
    "r": "can_read",
    "e": "can_edit",
    "d": "can_delete",
    "m": "menu_access",
}
WEBSITE = Permission("can_read", "Website")
_OF_EACH_DAG = {"DAG": "red", "DAG Run": "crdm"}

_Table = Mapping[str, tuple[tuple[str, str], ...]]
"""Role -> (letters, resources separated by commas)."""

_BOTH: _Table = {
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
    "Admin": (
        ("cred", "Roles,Users"),
        ("m", "Actions,List Roles,List Users,Permission Pairs,Resources,Security,User's Statistics"),
        ("r", "Permission Views,Permissions,User Stats Chart,View Menus"),
        ("re", "Passwords"),
        ("rm", "Audit Logs,Task Reschedules,Triggers"),
    ),
}
_ONLY: Mapping[int, _Table] = {
    2: {"Viewer": (("rm", "Datasets"),), "User": (("c", "Datasets"),), "Op": (("d", "Datasets"),)},
    3: {
        "Viewer": (("r", "Asset Aliases,Backfills,DAG Versions,HITL Detail"), ("rm", "Assets")),
        "User": (("c", "Assets"), ("e", "HITL Detail")),
        "Op": (("ce", "XComs"), ("ced", "Backfills"), ("ed", "Assets"), ("m", "HITL Detail")),
        "Admin": (("r", "All Audit Logs,All Import Errors,All Reparses"),),
    },
}


def built_in(generation: int) -> dict[str, set[Permission]]:
    """Give the built-in roles, in the order in which a server makes them."""
    roles: dict[str, set[Permission]] = {"Admin": set(), "Public": set()}
    so_far: set[Permission] = set()
    for role, both in _BOTH.items():
        so_far |= set(_expand(both)) | set(_expand(_ONLY[generation].get(role, ())))
        roles[role] = set(so_far)
    return roles


def of_dag(dag_id: str, *, runs: bool) -> Iterator[Permission]:
    """Give the permissions that exist once a DAG was parsed; `runs` says whether `DAG Run:` is among them."""
    for prefix, letters in _OF_EACH_DAG.items():
        if prefix == "DAG" or runs:
            yield from _expand(((letters, f"{prefix}:{dag_id}"),))


def _expand(table: tuple[tuple[str, str], ...]) -> Iterator[Permission]:
    for letters, resources in table:
        for resource in resources.split(","):
            yield from (Permission(ACTIONS[letter], resource) for letter in letters)
