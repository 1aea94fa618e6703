"""A job as a daemon answers it over HTTP, looked at before it is used: whoever listens there may be something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, get_type_hints

from syncd.control import DeploymentResult

MOST_EXIT_CODE: Final = 255
_HINTS: Final = get_type_hints(DeploymentResult)
_REQUIRED: Final = ("deployment", "exit_code")


def is_job(found: Mapping[str, Any]) -> bool:
    """Say whether an answer is a job with everything in it that is used; what a newer daemon has added does no harm."""
    return (
        _is_number(found.get("id"))
        and isinstance(found.get("state"), str)
        and _is_exit_code(found.get("exit_code"))
        and _are_texts(found.get("deployments"))
        and isinstance(found.get("results"), list)
        and all(map(_is_result, found["results"]))
    )


def results_of(job: Mapping[str, Any]) -> list[DeploymentResult]:
    """Read the results of a job; keys that a newer daemon has added are left out."""
    known = {field.name for field in fields(DeploymentResult)}
    return [DeploymentResult(**{k: v for k, v in result.items() if k in known}) for result in job["results"]]


def strangers_of(job: Mapping[str, Any]) -> list[str]:
    """Read which names of the order nobody has; an older daemon does not say it."""
    found = job.get("strangers")
    return list(found) if isinstance(found, list) and _are_texts(found) else []


def changes_of(plan: Mapping[str, object]) -> list[Mapping[str, Any]]:
    """Give the changes of a plan as `plan -o json` shows it."""
    inner = plan.get("plan")
    changes = inner.get("changes") if isinstance(inner, Mapping) else None
    return changes if isinstance(changes, list) else []


def _is_result(found: object) -> bool:
    if not isinstance(found, Mapping) or not all(name in found for name in _REQUIRED):
        return False
    if not all(_fits(name, value) for name, value in found.items() if name in _HINTS):
        return False
    return _is_exit_code(found["exit_code"]) and all(map(is_change, changes_of(found.get("plan", {}))))


def _fits(name: str, value: object) -> bool:
    wanted = _HINTS[name]
    if wanted is str:
        return isinstance(value, str)
    if wanted is int:
        return _is_number(value)
    if wanted is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, Mapping)


def is_change(found: object) -> bool:
    """Say whether this is a change as `plan -o json` shows it, with everything in it that is used."""
    return (
        isinstance(found, Mapping)
        and all(isinstance(found.get(name), str) for name in ("kind", "subject", "name"))
        and all(_are_texts(found.get(name)) for name in ("granted", "revoked", "because"))
        and all(map(_is_reason, found.get("why") or ()))
        and _are_on_dags(found.get("on_dags") or {})
    )


def _are_on_dags(found: object) -> bool:
    """Say whether something is what permissions allow, by DAG; an older daemon does not say it."""
    return isinstance(found, Mapping) and all(
        isinstance(verbs, Mapping) and _are_texts([*verbs, *verbs.values()]) for verbs in found.values()
    )


def _is_reason(found: object) -> bool:
    return isinstance(found, Mapping) and all(isinstance(found.get(name), str) for name in ("role", "text"))


def _is_number(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _is_exit_code(found: object) -> bool:
    return isinstance(found, int) and 0 <= found <= MOST_EXIT_CODE


def _are_texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(text, str) for text in found)
