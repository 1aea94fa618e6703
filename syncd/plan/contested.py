"""Permissions that something on the server takes back each time: noticed, yielded to, reported; never fought for ever.

A DAG that sets `access_control` in its code is the measured cause: Airflow 3 revokes at every parse what that code does
not name, Airflow 2 whenever the DAG changes. The API does not show `access_control`, so the sign is the loss itself: a
permission on a DAG that a pass had read back is gone at the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.model import DesiredState, Loss, Note, ObservedState, Permission

YIELD_AFTER = 2
"""So many losses of a permission that had been read back, and syncd gives way."""
TRY_AGAIN_AFTER = timedelta(hours=24)
"""Then it is tried again, since the code may have changed."""


def lost(desired: DesiredState, observed: ObservedState, *, earlier: DesiredState | None) -> dict[str, set[Permission]]:
    """Give, by role, the permissions on DAGs that were read back after the last pass, are still wanted, and are gone."""
    if earlier is None:
        return {}
    gone = {}
    for name, was in earlier.roles.items():
        want, have = desired.roles.get(name), observed.roles.get(name)
        if want is None or have is None or have.unfinished:
            continue
        missing = {p for p in (was.permissions & want.permissions) - have.permissions if _dag(p)}
        if missing:
            gone[name] = missing
    return gone


def give_way(desired: DesiredState, observed: ObservedState, *, losses: Iterable[Loss], now: datetime) -> DesiredState:
    """Want no more what was taken back too often and is not there now; one note for each role and DAG."""
    yielded: dict[str, set[Permission]] = {}
    for loss in losses:
        have = observed.roles.get(loss.role)
        there = have is not None and loss.permission in have.permissions
        if loss.times >= YIELD_AFTER and not there and now - loss.last < TRY_AGAIN_AFTER:
            yielded.setdefault(loss.role, set()).add(loss.permission)
    roles = {
        name: replace(role, permissions=role.permissions - yielded[name]) if name in yielded else role
        for name, role in desired.roles.items()
    }
    notes = tuple(note for name in yielded if name in desired.roles for note in _notes(name, yielded[name]))
    return replace(desired, roles=roles, notes=desired.notes + notes)


def _notes(role: str, permissions: set[Permission]) -> list[Note]:
    by_dag: Mapping[str, list[str]] = _by_dag(permissions)
    return [
        Note(
            "dag_takes_back",
            f"DAG {dag} takes {' and '.join(actions)} back from role {role} each time syncd gives it, as a DAG does whose "
            f"code sets access_control: that wins over the API. Name {role} there, or remove access_control; if there is "
            f"none, somebody takes it by hand. syncd tries again after {TRY_AGAIN_AFTER // timedelta(hours=1)} hours",
        )
        for dag, actions in sorted(by_dag.items())
    ]


def _by_dag(permissions: set[Permission]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for permission in sorted(permissions, key=str):
        kind, _, dag = permission.resource.partition(":")
        found.setdefault(dag, []).append(permission.action if kind == "DAG" else f"{permission.action} ({kind})")
    return found


def _dag(permission: Permission) -> bool:
    return permission.resource.startswith(("DAG:", "DAG Run:"))
