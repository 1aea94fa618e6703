"""Values of the daemon and of the database as JSON. Keys are the names of fields; times are ISO 8601 with their zone."""

from __future__ import annotations

from typing import Any

from syncd.control import Job
from syncd.ports import HeldPlan, LastPlan
from syncd.render.json import change_json, plain
from syncd.render.text import Counts


def job_json(job: Job) -> dict[str, Any]:
    return {**plain(job), "exit_code": job.exit_code}


def standing_json(standing: LastPlan) -> dict[str, Any]:
    """Give the newest plan of a deployment and what came of it, without its changes."""
    people = standing.scope.usernames
    return {
        "deployment": standing.deployment,
        "run": standing.run.id,
        "command": standing.run.command,
        "plan": standing.plan,
        "digest": standing.digest,
        "made_at": standing.made_at.isoformat(),
        "scope": None if people is None else sorted(people),
        "dags": sorted(standing.scope.dags),
        "counts": dict(standing.counts),
        "exit_code": standing.run.exit_code,
        "held": _held_json(standing.held) if standing.held else None,
        "reached_at": standing.reached_at.isoformat() if standing.reached_at else None,
        "notes": plain(standing.notes),
    }


def _held_json(held: HeldPlan) -> dict[str, Any]:
    return {"digest": held.digest, "changes": len(held.held.changes), "why": list(held.held.why)}


def hold_json(deployment: str, hold: HeldPlan, *, limit: int, offset: int) -> dict[str, Any]:
    """Give what is held on a deployment: all the numbers, and a page of the changes."""
    changes = hold.held.changes
    counts = Counts.of(changes)
    return {
        "deployment": deployment,
        "digest": hold.digest,
        "since": hold.since.isoformat(),
        "made_at": hold.made_at.isoformat(),
        "run": hold.run,
        "why": list(hold.held.why),
        "counts": {"gain": counts.gain, "lose": counts.lose, "roles": counts.roles},
        "total": len(changes),
        "changes": [change_json(change) for change in changes[offset : offset + limit]],
    }
