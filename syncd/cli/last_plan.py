"""The last plan of a deployment, and what came of it, as programs get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.ports import HeldPlan, LastPlan


def last_plan_json(last_plan: LastPlan) -> dict[str, Any]:
    """Give the last plan of a deployment, with its run."""
    run, held = last_plan.run, last_plan.held
    return {
        "run": run.id,
        "command": run.command,
        "started_at": run.started_at.isoformat(),
        "exit_code": run.exit_code,
        "digest": last_plan.digest,
        "counts": dict(last_plan.counts),
        "converged_at": last_plan.reached_at.isoformat() if last_plan.reached_at else None,
        "converged_run": last_plan.reached_run,
        "held": held and _held_json(held),
        "notes": [{"code": note.code, "text": note.text} for note in last_plan.notes],
    }


def _held_json(held: HeldPlan) -> dict[str, Any]:
    changes, why = len(held.held.changes), list(held.held.why)
    return {"hold": held.hold or None, "digest": held.digest, "changes": changes, "why": why}
