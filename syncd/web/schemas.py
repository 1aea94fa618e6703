"""The shapes of what is answered, as JSON Schema: made from the dataclasses where one is answered whole."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from syncd.control import AlarmState, DaemonState, DeploymentResult, DeploymentState, Job, Order, SourceState
from syncd.model import Note, Reason, Why
from syncd.ports import AuditRow, Holding, Use
from syncd.render.view import Account, ChangeView

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time"}
NAMES: Schema = {"type": "array", "items": TEXT}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def thing(about: str, **properties: Schema) -> Schema:
    """Describe an object with exactly these keys."""
    shape = {"type": "object", "required": [*properties], "additionalProperties": False, "properties": properties}
    return {"description": about, **shape} if about else shape


def schema_of(kind: Any) -> Schema:
    """Describe what `answers.plain` makes of a type; a dataclass by reference."""
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": [*arguments]}
    match get_origin(kind) or kind:
        case found if found in (types.UnionType, Union):
            return {"anyOf": [schema_of(inner) for inner in arguments]}
        case found if found in (tuple, frozenset, list):
            return listed(schema_of(arguments[0]))
        case found if isinstance(found, type) and issubclass(found, Mapping):
            return {"type": "object"}
        case found if isinstance(found, type) and is_dataclass(found):
            return ref(found.__name__)
        case found if isinstance(found, type) and issubclass(found, StrEnum):
            return {"type": "string", "enum": [str(member) for member in found]}
        case found:
            return dict(_SIMPLE[found])


_SIMPLE: Mapping[Any, Schema] = {
    str: TEXT,
    bool: {"type": "boolean"},
    int: NUMBER,
    float: {"type": "number"},
    datetime: TIME,
    type(None): {"type": "null"},
}


def properties_of(kind: type, *, without: str = "") -> dict[str, Schema]:
    """Describe the fields of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: schema_of(hints[field.name]) for field in fields(kind) if field.name != without}


_CHANGE: dict[str, Schema] = properties_of(ChangeView, without="account")
_ACCOUNT = thing("Of a new account.", **properties_of(Account))
_COUNTS = thing("People who gain or lose something, and roles.", gain=NUMBER, lose=NUMBER, roles=NUMBER)
_HELD = thing("What a limit keeps back.", digest=TEXT, changes=NUMBER, why=NAMES)
_DEPLOYMENT: dict[str, Schema] = properties_of(DeploymentState)
_JOB: dict[str, Schema] = properties_of(Job)


def _with_account(about: str, **properties: Schema) -> Schema:
    """Describe a change; only of a new account there is a further key."""
    shape = thing(about, **properties)
    shape["properties"] = {**properties, "account": _ACCOUNT}
    return shape


def _page(name: str, of: str) -> Schema:
    rows: dict[str, Schema] = {name: listed(ref(of))}
    more: Schema = {"type": "boolean"}
    return thing(
        "One page, newest first; `more`: there is more, and older.", **rows, limit=NUMBER, offset=NUMBER, more=more
    )


SCHEMAS: dict[str, Schema] = {
    **{
        kind.__name__: thing((kind.__doc__ or "").partition("\n")[0].strip(), **properties_of(kind))
        for kind in (
            DaemonState,
            SourceState,
            DeploymentState,
            AlarmState,
            DeploymentResult,
            Order,
            Note,
            Why,
            Reason,
            Holding,
            Use,
        )
    },
    "Problem": thing("What is wrong, in one sentence (RFC 9457).", type=TEXT, title=TEXT, status=NUMBER, detail=TEXT),
    "Health": thing("", alive={"type": "boolean"}, why=TEXT),
    "Readiness": thing("", ready={"type": "boolean"}, reasons=NAMES),
    "DeploymentCard": thing("", **_DEPLOYMENT, last_plan=or_null(ref("LastPlan"))),
    "LastPlan": thing(
        "The newest plan of a deployment. `scope` is null for everything, or names people; `counts` is changes by status.",
        deployment=TEXT,
        run=NUMBER,
        command=TEXT,
        plan=NUMBER,
        digest=TEXT,
        made_at=TIME,
        scope=or_null(NAMES),
        dags=NAMES,
        counts={"type": "object", "additionalProperties": NUMBER},
        exit_code=or_null(NUMBER),
        held=or_null(_HELD),
        reached_at=or_null(TIME),
        notes=listed(ref("Note")),
    ),
    "Plans": thing("", plans=listed(ref("LastPlan"))),
    "Holds": thing("", holds=listed(ref("Hold"))),
    "Hold": thing(
        "What a limit holds on a deployment; `changes` is a page of `total`.",
        deployment=TEXT,
        digest=TEXT,
        since=TIME,
        made_at=TIME,
        run=NUMBER,
        why=NAMES,
        counts=_COUNTS,
        total=NUMBER,
        changes=listed(ref("Change")),
    ),
    "Change": _with_account("", **_CHANGE),
    "Changed": _with_account("A change in the journal.", **properties_of(AuditRow, without="change"), **_CHANGE),
    "Changes": _page("changes", "Changed"),
    "Access": _page("access", "Holding"),
    "Uses": _page("uses", "Use"),
    "Alarms": thing("", alarms=listed(ref("AlarmState"))),
    "JobAnswer": thing((Job.__doc__ or ""), **_JOB, exit_code=NUMBER),
    "Reloaded": thing("", in_use={"type": "boolean"}),
    "OrderBody": {
        "description": "What is to be reconciled. What is left out chooses everything; several keys must all fit.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "users": {**NAMES, "description": "Account names or e-mail addresses."},
            "groups": {
                **NAMES,
                "description": "source:name or source:id; their members, and who just left; with users: who is both.",
            },
            "deployments": NAMES,
            "dags": {**NAMES, "description": "DAG ids: only what roles hold on these."},
            "dry_run": {"type": "boolean", "default": False},
        },
    },
}
