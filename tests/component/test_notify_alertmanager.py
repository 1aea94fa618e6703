"""Alerts as Alertmanager says them: held to the shapes that it documents, and delivered to a receiver."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from notify_world import HELD, NOON, Sending, chat_service

from syncd.alarm_kinds import CRITICAL, KINDS
from syncd.notify import Webhook
from syncd.notify.alertmanager import webhook_body

_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_MOMENT: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
}
_LABELS: Final = {**_TEXTS, "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}, "minProperties": 1}


def _whole(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}


VERSION_4: Final = _whole(
    version={"const": "4"},
    groupKey={"type": "string", "minLength": 1},
    truncatedAlerts={"type": "integer", "minimum": 0},
    status={"enum": ["firing", "resolved"]},
    receiver={"type": "string", "minLength": 1},
    groupLabels=_TEXTS,
    commonLabels=_TEXTS,
    commonAnnotations=_TEXTS,
    externalURL={"type": "string"},
    alerts={
        "type": "array",
        "minItems": 1,
        "items": _whole(
            status={"enum": ["firing", "resolved"]},
            labels=_LABELS,
            annotations=_TEXTS,
            startsAt=_MOMENT,
            endsAt=_MOMENT,
            generatorURL={"type": "string"},
            fingerprint={"type": "string", "pattern": "^[0-9a-f]{16}$"},
        ),
    },
)
"""`<webhook_config>` in prometheus.io/docs/alerting/latest/configuration, as it was in version 0.28."""

OVER = replace(HELD, firing=False, at=NOON + timedelta(hours=1))
NO_GROUP = replace(HELD, kind="uncertified", subject="okta\nEMEA", text="3 groups")


def valid(schema: dict[str, Any], body: object) -> None:
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)


@pytest.mark.parametrize("messages", [[HELD], [OVER], [HELD, OVER], [HELD, NO_GROUP]])
def test_a_body_is_of_version_4(messages: list[Any]) -> None:
    body = webhook_body(messages)

    valid(VERSION_4, body)
    assert ("firing" if HELD in messages else "resolved") == body["status"]


def test_a_receiver_gets_it(tmp_path: object) -> None:
    with chat_service() as receiver:
        sending = Sending(Webhook(f"{receiver.url}/alerts", "alertmanager")).send(HELD, OVER)

    bodies = [json.loads(body) for _, _, body in receiver.posts]
    assert [("notification_sent", None)] * 2 == sending.outcomes
    for body in bodies:
        valid(VERSION_4, body)
    first, last = (body["alerts"][0] for body in bodies)
    assert ["firing", "resolved"] == [first["status"], last["status"]]
    assert {"alertname": "SyncdHeld", "kind": "held", "subject": "finance-prod", "severity": "warning"} == first[
        "labels"
    ]
    assert first["labels"] == last["labels"], "who takes alerts tells them apart by their labels"
    assert (first["fingerprint"], first["startsAt"]) == (last["fingerprint"], last["startsAt"])
    assert "docs/runbook.md#held" == first["annotations"]["runbook_url"]
    assert bodies[0]["groupKey"] == bodies[1]["groupKey"]


def test_an_alert_that_comes_back_is_the_same_for_who_counts_them() -> None:
    again = replace(HELD, since=NOON + timedelta(days=1))
    prints = [webhook_body([each])["alerts"][0]["fingerprint"] for each in (HELD, again, replace(HELD, subject="x"))]  # type: ignore[index]

    assert prints[0] == prints[1] != prints[2]


def test_what_is_common_is_only_what_all_have() -> None:
    body = webhook_body([HELD, replace(HELD, subject="hr-prod")])

    assert {"alertname": "SyncdHeld", "kind": "held", "severity": "warning"} == body["commonLabels"]
    assert {"description": HELD.text} == body["commonAnnotations"]


def test_what_is_critical_is_a_kind() -> None:
    assert set(KINDS) >= CRITICAL
