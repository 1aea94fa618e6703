"""The journal's records as documents of the Elastic Common Schema 8: one for each record, of the category `iam`."""

from __future__ import annotations

from typing import Any, Final

from syncd.render.told import ToldRecord

VERSION: Final = "8.11.0"
_TYPES: Final = {"create": "creation", "delete": "deletion", "update": "change"}


def ecs_line(told: ToldRecord) -> str:
    """Give the document of a record as JSON; `event.sequence` is its number."""
    return told.with_facts(_document(told), "syncd")


def _document(told: ToldRecord) -> dict[str, Any]:
    document = {
        "@timestamp": told.at,
        "ecs": {"version": VERSION},
        "message": told.message,
        "event": {
            "id": str(told.seq),
            "sequence": told.seq,
            "kind": "event",
            "category": ["iam"],
            "type": _types(told),
            "action": _action(told),
            "outcome": told.came_to if told.ends else "unknown",
            "provider": "syncd",
            "dataset": "syncd.journal",
            "module": "syncd",
            **({"reason": told.detail} if told.detail else {}),
        },
        "service": {"type": "syncd"},
    }
    if told.deployment:
        document["labels"] = {"deployment": told.deployment}
    return document | _people(told)


def _people(told: ToldRecord) -> dict[str, Any]:
    user: dict[str, Any] = {"name": told.by} if told.by else {}
    if told.ends and told.subject == "user":
        user["target"] = {"name": told.name, "roles": [*told.grants, *told.revokes]}
    related = sorted({name for name in (told.by, told.name if told.subject == "user" else "") if name})
    group = {"group": {"name": told.name}} if told.subject == "role" else {}
    return ({"user": user} if user else {}) | ({"related": {"user": related}} if related else {}) | group


def _types(told: ToldRecord) -> list[str]:
    if not told.ends:
        return ["info"]
    whom = "group" if told.subject == "role" else "user"
    return [whom, _TYPES.get(told.does, "change")]


def _action(told: ToldRecord) -> str:
    return f"{told.subject}-{told.does}" if told.ends else told.kind
