"""Values of the daemon and of the database as JSON. Keys are the names of fields; times are ISO 8601 with their zone."""

from __future__ import annotations

from typing import Any

from syncd.control import Job
from syncd.plan.rulings import HoldRecord
from syncd.ports import HeldPlan, LastPlan
from syncd.render.effects import effects_json
from syncd.render.holds import hold_record_json
from syncd.render.json import change_json, plain
from syncd.render.text import Counts


def job_json(job: Job) -> dict[str, Any]:
    return {**plain(job), "exit_code": job.exit_code}


def last_plan_json(last_plan: LastPlan) -> dict[str, Any]:
    """Give the newest plan of a deployment and what came of it, without its changes."""
    people = last_plan.scope.usernames
    return {
        "deployment": last_plan.deployment,
        "run": last_plan.run.id,
        "command": last_plan.run.command,
        "plan": last_plan.plan,
        "digest": last_plan.digest,
        "made_at": last_plan.made_at.isoformat(),
        "scope": None if people is None else sorted(people),
        "dags": sorted(last_plan.scope.dags),
        "counts": dict(last_plan.counts),
        "exit_code": last_plan.run.exit_code,
        "held": _held_json(last_plan.held) if last_plan.held else None,
        "reached_at": last_plan.reached_at.isoformat() if last_plan.reached_at else None,
        "notes": plain(last_plan.notes),
    }


def _held_json(held: HeldPlan) -> dict[str, Any]:
    return {
        "hold": held.hold or None,
        "digest": held.digest,
        "changes": len(held.held.changes),
        "why": list(held.held.why),
    }


def hold_json(hold: HoldRecord, *, limit: int, offset: int) -> dict[str, Any]:
    """Give a hold: all the numbers, what was said of it, and a page of the changes."""
    counts, page = Counts.of(hold.changes, hold.effects), hold.changes[offset : offset + limit]
    return {
        **hold_record_json(hold),
        "made_at": hold.planned_at.isoformat(),
        "effects": effects_json(hold.effects),
        "counts": {"gain": counts.gain, "lose": counts.lose, "roles": counts.roles},
        "changes": [change_json(change) for change in page],
    }
