"""Roles that the code of DAGs may name in `access_control`: to delete one can break DAG files.

Airflow 3 refuses a file whose code names a role that is not there, at the next parse, with every DAG in it; Airflow 2 once
the DAG changes (measured on 3.3.2 and 2.11.2). The API does not show `access_control`. So a plan says of each role that
goes where to look, and where there is a sign of such code, permissions of that role that were taken back, it is held.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncd.model import Change, Kind, Loss, Naming, Note, Plan, Role
from syncd.plan.contested import YIELD_AFTER
from syncd.words import some


def goes(change: Change) -> bool:
    """Say whether a change deletes a role."""
    return change.subject == "role" and change.kind is Kind.DELETE


def signs(plan: Plan, losses: Iterable[Loss], naming: Naming) -> frozenset[str]:
    """Name the roles that the plan deletes although the code of a DAG seems to set what is in them.

    What went once may have gone by hand; what goes again, and is on a DAG, is code.
    """
    going = {change.name for change in plan.changes if goes(change)}
    often = (loss for loss in losses if loss.role in going and loss.times >= YIELD_AFTER)
    return frozenset(loss.role for loss in often if naming.permission(*_words(loss)).dag is not None)


def _words(loss: Loss) -> tuple[str, str]:
    return loss.permission.action, loss.permission.resource


def warned(plan: Plan, *, breaks: str) -> Plan:
    """Give the plan with a note for each role that goes, where that can break something there by itself: `breaks` says what."""
    if not breaks:
        return plan
    notes = [
        _note(change.before, breaks) for change in plan.changes if goes(change) and isinstance(change.before, Role)
    ]
    return replace(plan, notes=tuple(sorted({*plan.notes, *notes}))) if notes else plan


def _note(role: Role, breaks: str) -> Note:
    return Note(
        "role_goes",
        f"role {role.name} goes: {breaks}; look {_where(role)} before",
    )


def _where(role: Role) -> str:
    dags = sorted({permission.dag for permission in role.permissions if permission.dag})
    if not dags:
        return "at your DAGs"
    return f"at those it has permissions on ({some(dags, 5)})"
