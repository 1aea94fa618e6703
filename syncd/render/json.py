"""A plan, and what came of it, as plain values for programs; docs/cli.md describes them. Everything is in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from typing import Any

from syncd.model import Change, Held, Note, Pause, Plan, Why
from syncd.plan.on_people import Effects
from syncd.render.effects import effects_json
from syncd.render.reports import DeploymentPass, PassReport, mode_of
from syncd.render.text import Counts
from syncd.render.view import ChangeView

VERSION = 1
"""Goes up when a program that reads the JSON could break; a new key does not count."""


def report_json(report: PassReport) -> dict[str, Any]:
    """Give everything of a pass as plain values. Lists are in the order of the plan."""
    return {
        "version": VERSION,
        "run": report.run,
        "seconds": round(report.seconds, 3),
        "calls": sum(d.calls for d in report.deployments),
        "sources_failed": dict(sorted(report.sources_failed.items())),
        "notes": [_note_json(note) for note in report.notes],
        "deployments": [_deployment_json(deployment) for deployment in report.deployments],
    }


def _deployment_json(this: DeploymentPass) -> dict[str, Any]:
    return {
        "deployment": this.deployment,
        "mode": mode_of(enforce=this.enforce, add_only=this.add_only),
        "error": {"kind": type(this.error).__name__, "message": str(this.error)} if this.error else None,
        "plan": None if this.plan is None else _plan_json(this.plan, this.effects),
        "held": None if this.held is None else _held_json(this.held, this.held_effects, this.hold),
        "pause": None if this.pause is None else pause_json(this.pause),
        "paused": None if not this.paused else _paused_json(this.paused, this.paused_effects),
        "outcomes": [{"status": o.status.value, "detail": o.detail, **change_json(o.change)} for o in this.outcomes],
        "converged": this.converged,
        "not_converged": [change_json(change) for change in this.not_converged],
        "blocked": list(this.blocked),
        "leftovers": list(this.leftovers),
        "calls": this.calls,
        "seconds": {stage: round(seconds, 3) for stage, seconds in this.seconds.items()},
    }


def pause_json(pause: Pause) -> dict[str, Any]:
    """Give a pause: what it is about in words and as it was asked, by whom, why, from when until when."""
    return {
        "id": pause.id,
        "scope": pause.of.where,
        "label": pause.of.label,
        "value": pause.of.value,
        "removals_only": pause.of.removals_only,
        "reason": pause.reason,
        "by": pause.by,
        "host": pause.host,
        "since": pause.since.isoformat(),
        "until": pause.until.isoformat() if pause.until else None,
        "ended_at": pause.ended_at.isoformat() if pause.ended_at else None,
        "ended_by": pause.ended_by,
        "ended_reason": pause.ended_reason,
    }


def _paused_json(paused: tuple[Change, ...], effects: Effects | None) -> dict[str, Any]:
    return {"changes": [change_json(change) for change in paused], "effects": effects_json(effects)}


def _plan_json(plan: Plan, effects: Effects | None) -> dict[str, Any]:
    counts = Counts.of(plan.changes, effects)
    return {
        "digest": plan.digest,
        "scope": None if plan.scope.usernames is None else sorted(plan.scope.usernames),
        "dags": sorted(plan.scope.dags),
        "counts": {"gain": counts.gain, "lose": counts.lose, "roles": counts.roles},
        "effects": effects_json(effects),
        "changes": [change_json(change) for change in plan.changes],
        "kept": [{"username": kept.username, "role": kept.role, "why": kept.why} for kept in plan.kept],
        "notes": [_note_json(note) for note in plan.notes],
    }


def change_json(change: Change) -> dict[str, Any]:
    """Give a change as plain values: the fields of its view; a new account with its names."""
    view = ChangeView.of(change)
    found: dict[str, Any] = {
        "kind": view.kind.value,
        "subject": view.subject,
        "name": view.name,
        "granted": list(view.granted),
        "revoked": list(view.revoked),
        "because": list(view.because),
        "why": [_why_json(why) for why in view.why],
        "finishes": view.finishes,
        "on_dags": {dag: dict(permissions) for dag, permissions in view.on_dags.items()},
    }
    if view.account is not None:
        found["account"] = asdict(view.account)
    return found


def _why_json(why: Why) -> dict[str, Any]:
    return {"role": why.role, "what": why.what.value, "text": why.text, "reasons": [plain(r) for r in why.reasons]}


def journal_json(row: Any) -> dict[str, Any]:
    """Give a change of the journal (`store.AuditRow`): what is known of it, then the change itself."""
    known = {field.name: plain(getattr(row, field.name)) for field in fields(row) if field.name != "change"}
    return {**known, **change_json(row.change)}


def plain(value: object) -> Any:
    """Give any value made of dataclasses, mappings, sequences, sets, times and words as JSON has it; sets are sorted."""
    match value:
        case datetime():
            return value.isoformat()
        case str():
            return str(value)
        case Mapping():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case set() | frozenset():
            return sorted(plain(inner) for inner in value)
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


def _held_json(held: Held, effects: Effects | None, hold: str) -> dict[str, Any]:
    changes = [change_json(change) for change in held.changes]
    of = {"hold": hold or None, "digest": held.digest, "why": list(held.why)}
    return {**of, "effects": effects_json(effects), "changes": changes}


def _note_json(note: Note) -> dict[str, str]:
    return {"code": note.code, "text": note.text}
