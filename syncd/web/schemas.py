"""The shapes of what is answered, as JSON Schema: made from the dataclasses where one is answered whole."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from syncd.callers import NAME_RULE, REASON_RULE
from syncd.control import AlarmState, DaemonState, DeploymentResult, DeploymentState, Job, Order, SourceState
from syncd.model import Note
from syncd.plan.rulings import HoldRuling, HoldState
from syncd.ports import AuditRow, Holding, Use
from syncd.render.view import ChangeView

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


class _AsAnswered(GenerateJsonSchema):
    """Describes what `render.json.plain` makes of a dataclass: every key is there, and no other."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002
        return True

    def default_schema(self, schema: Any) -> Schema:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def dataclass_schema(self, schema: Any) -> Schema:
        found = super().dataclass_schema(schema)
        about = {"description": _first_line(schema["cls"])} if "description" in found else {}
        shape: Schema = {name: found[name] for name in ("type", "required", "properties")}
        return {**about, **shape, "additionalProperties": False}


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0].strip()


def _described(*kinds: type) -> dict[str, Schema]:
    """Describe dataclasses and what they are made of, by name."""
    asked: list[tuple[type, Literal["serialization"], TypeAdapter[Any]]]
    asked = [(kind, "serialization", TypeAdapter(kind)) for kind in kinds]
    _, found = TypeAdapter.json_schemas(asked, ref_template=ref("{model}")["$ref"], schema_generator=_AsAnswered)
    described: dict[str, Schema] = found["$defs"]
    return described


def _without(shape: Schema, *names: str) -> dict[str, Schema]:
    return {name: schema for name, schema in shape["properties"].items() if name not in names}


_ALONE = (DaemonState, SourceState, AlarmState, DeploymentResult, Order, Note, Holding, Use)
"""What is answered as it is."""
_PARTS = _described(*_ALONE, DeploymentState, Job, ChangeView)
_ROW = _described(AuditRow)["AuditRow"]
_ACCOUNT = _PARTS["Account"]
_CHANGE = _without(_PARTS["ChangeView"], "account")
_SAID = {**thing("Who said it, from where, and when.", by=TEXT, at=TIME)}
_SAID["properties"] = {**_SAID["properties"], "from": TEXT}
_SAID["required"] = ["by", "from", "at"]
_COUNTS = thing("People who gain or lose something, and roles.", gain=NUMBER, lose=NUMBER, roles=NUMBER)
_HELD = thing(
    "What a limit keeps back; `hold` is what the inbox calls it.",
    hold=or_null(TEXT),
    digest=TEXT,
    changes=NUMBER,
    why=NAMES,
)


_ROLE_OF_PEOPLE: dict[str, Schema] = {"role": TEXT, "people": NUMBER}
_TOLL = thing(
    "Each person counts once in each number; `not_ours` lose what another hand gave them.",
    people=NUMBER,
    not_ours=NUMBER,
    roles=listed(thing("", **_ROLE_OF_PEOPLE, not_ours=NUMBER)),
    on_dags=listed(
        thing(
            "`level` is null for what makes no level.",
            level=or_null(TEXT),
            people=NUMBER,
            every_dag={"type": "boolean"},
            count=NUMBER,
            dags=NAMES,
            roles=listed(thing("", **_ROLE_OF_PEOPLE)),
        )
    ),
)


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


_WITHIN = frozenset({"Account", "ChangeView", "Job"})
"""What is only a part of what is answered."""

SCHEMAS: dict[str, Schema] = {
    **{name: shape for name, shape in _PARTS.items() if name not in _WITHIN},
    "Problem": thing("What is wrong, in one sentence (RFC 9457).", type=TEXT, title=TEXT, status=NUMBER, detail=TEXT),
    "Health": thing("", alive={"type": "boolean"}, why=TEXT),
    "Readiness": thing("", ready={"type": "boolean"}, reasons=NAMES),
    "DeploymentCard": thing("", **_PARTS["DeploymentState"]["properties"], last_plan=or_null(ref("LastPlan"))),
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
        "What a limit holds on a deployment, or held; `changes` is a page of `total`.",
        id=TEXT,
        deployment=TEXT,
        digest=TEXT,
        state={"type": "string", "enum": [state.value for state in HoldState]},
        since=TIME,
        planned_at=TIME,
        made_at=TIME,
        run=NUMBER,
        scope=or_null(NAMES),
        dags=NAMES,
        why=NAMES,
        said=listed(
            thing(
                "What somebody said of it.",
                what={"type": "string", "enum": [ruling.value for ruling in HoldRuling]},
                who=TEXT,
                reason=TEXT,
                **{"from": TEXT},
                at=TIME,
            )
        ),
        ended_at=or_null(TIME),
        superseded_by=or_null(TEXT),
        counts=_COUNTS,
        effects=or_null(ref("Effects")),
        total=NUMBER,
        changes=listed(ref("Change")),
    ),
    "Effects": thing("What it would do to people if it passed.", loses=_TOLL, gains=_TOLL),
    "Change": _with_account("", **_CHANGE),
    "Changed": _with_account("A change in the journal.", **_without(_ROW, "change"), **_CHANGE),
    "Changes": _page("changes", "Changed"),
    "Access": _page("access", "Holding"),
    "Uses": _page("uses", "Use"),
    "Alarms": thing("", alarms=listed(ref("AlarmState"))),
    "JobAnswer": thing(_first_line(Job), **_PARTS["Job"]["properties"], exit_code=NUMBER),
    "Reloaded": thing("", in_use={"type": "boolean"}),
    "Grant": thing(
        "A role that a person is given for a time; `state` is waiting, active or over.",
        id=NUMBER,
        state=TEXT,
        deployment=TEXT,
        role=TEXT,
        source=TEXT,
        person_id=TEXT,
        person=TEXT,
        lasts_s=NUMBER,
        reason=TEXT,
        ticket=TEXT,
        asked=_SAID,
        expires_at=or_null(TIME),
        given=or_null(_SAID),
        until=or_null(TIME),
        ended=or_null(_SAID),
        ended_why=TEXT,
    ),
    "Grants": _page("grants", "Grant"),
    "GrantBody": {
        "description": "Who is to be given which role where, for how long, and why.",
        "type": "object",
        "additionalProperties": False,
        "required": ["user", "role", "deployment", "for", "reason"],
        "properties": {
            "user": {**TEXT, "description": "Login, e-mail or id at a source, or source:id."},
            "role": TEXT,
            "deployment": TEXT,
            "for": {**TEXT, "description": "A span of time, as in 30m, 2h or 1d."},
            "reason": {**TEXT, "description": REASON_RULE},
            "ticket": {**TEXT, "description": REASON_RULE},
        },
    },
    "GrantReason": {
        "description": "Why it is ended.",
        "type": "object",
        "additionalProperties": False,
        "required": ["reason"],
        "properties": {"reason": {**TEXT, "description": REASON_RULE}},
    },
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
    "Approval": {
        "description": "Who lets it pass and why, for the journal; whose token or user that says stands beside it.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "as": {**TEXT, "description": NAME_RULE},
            "reason": {**TEXT, "description": REASON_RULE},
        },
    },
}
