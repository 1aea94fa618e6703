"""Alerts as Alertmanager says them: held to the shapes that it documents, and delivered to a receiver."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from notify_world import HELD, NOON, Chat, Sending, chat_service

from syncd.alarm_kinds import CRITICAL, KINDS
from syncd.notify import Alertmanager, Notifier, NotifySettings, Webhook
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
    assert "docs/runbook.md#held" == first["annotations"]["runbook"], "which no link can be made of"
    assert "runbook_url" not in first["annotations"]
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


# --- its API ----------------------------------------------------------------------------------------------------------

POSTABLE: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "startsAt": _MOMENT,
            "endsAt": _MOMENT,
            "annotations": _TEXTS,
            "labels": _LABELS,
            "generatorURL": {"type": "string", "format": "uri"},
        },
        "required": ["labels", "annotations", "startsAt", "endsAt"],
        "additionalProperties": False,
    },
}
"""`postableAlerts` of api/v2/openapi.yaml in prometheus/alertmanager; stricter: it ignores what it does not know."""
SECOND = timedelta(seconds=1)


class Pushing:
    """A replica that tells an Alertmanager what stands."""

    def __init__(self, alertmanager: Alertmanager, *, leads: bool = True) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        settings = NotifySettings(alertmanagers=(alertmanager,), runbook_url="https://wiki.example.com/syncd")
        self.notifier = Notifier(settings, emit=self._emit, timeout_s=5, leads=lambda: leads)

    def _emit(self, event: str, /, **facts: object) -> None:
        self.events.append((event, facts))


def alerts(receiver: Chat) -> list[dict[str, Any]]:
    """Give what came last."""
    body = json.loads(receiver.posts[-1][2])
    valid(POSTABLE, body)
    return list(body)


def test_an_alertmanager_is_told_what_stands_again_and_again_and_what_is_over_once() -> None:
    with chat_service() as receiver:
        it = Alertmanager(
            Webhook(f"{receiver.url}/prefix/"), labels={"team": "data"}, page_url="https://syncd.example.com"
        )
        push = Pushing(it)
        stand = push.notifier.stand
        for seconds in range(0, 120, 10):
            stand([HELD, NO_GROUP], now=NOON + seconds * SECOND)
        assert 2 == len(receiver.posts)
        assert {"/prefix/api/v2/alerts"} == {path for path, _, _ in receiver.posts}
        [held, _] = alerts(receiver)
        labels = {
            "alertname": "SyncdHeld",
            "kind": "held",
            "subject": "finance-prod",
            "severity": "warning",
            "team": "data",
        }
        assert labels == held["labels"]
        assert ("2026-01-31T12:00:00.000Z", "2026-01-31T12:06:00.000Z") == (held["startsAt"], held["endsAt"])
        assert "https://syncd.example.com" == held["generatorURL"]
        assert "https://wiki.example.com/syncd#held" == held["annotations"]["runbook_url"]

        stand([HELD], now=NOON + 130 * SECOND)
        over = {a["labels"]["kind"]: a["endsAt"] for a in alerts(receiver)}
        assert {"held": "2026-01-31T12:07:10.000Z", "uncertified": "2026-01-31T12:02:10.000Z"} == over
        stand([HELD], now=NOON + 200 * SECOND)
        assert ["held"] == [a["labels"]["kind"] for a in alerts(receiver)]


def test_an_alertmanager_that_was_away_hears_it_all_later() -> None:
    with chat_service() as receiver:
        push = Pushing(Alertmanager(Webhook(receiver.url)))
        push.notifier.stand([HELD, NO_GROUP], now=NOON)
        receiver.answers = [(503, {}, b"hunter2"), (400, {}, b"hunter2")]
        push.notifier.stand([HELD], now=NOON + 60 * SECOND)
        push.notifier.stand([HELD], now=NOON + 70 * SECOND)
        assert 2 == len(receiver.posts), "it is left alone for a minute"
        push.notifier.stand([HELD], now=NOON + 120 * SECOND)
        push.notifier.stand([HELD], now=NOON + 180 * SECOND)
        assert {"held", "uncertified"} == {a["labels"]["kind"] for a in alerts(receiver)}
        push.notifier.stand([HELD], now=NOON + 240 * SECOND)
        assert ["held"] == [a["labels"]["kind"] for a in alerts(receiver)]
    sent, failed = "notification_sent", "notification_failed"
    assert [sent, failed, failed, sent] == [event for event, _ in push.events]
    assert "hunter2" not in repr(push.events)


def test_an_alarm_that_comes_back_while_its_end_could_not_be_told_stands() -> None:
    with chat_service() as receiver:
        push = Pushing(Alertmanager(Webhook(receiver.url)))
        push.notifier.stand([HELD], now=NOON)
        receiver.answers = [(503, {}, b"")]
        push.notifier.stand([], now=NOON + 60 * SECOND)
        push.notifier.stand([HELD], now=NOON + 120 * SECOND)
        assert ["2026-01-31T12:07:00.000Z"] == [a["endsAt"] for a in alerts(receiver)]


def test_of_two_replicas_one_tells_an_alertmanager() -> None:
    with chat_service() as receiver:
        it = Alertmanager(Webhook(receiver.url))
        for leads in (True, False):
            Pushing(it, leads=leads).notifier.stand([HELD], now=NOON)
        assert 1 == len(receiver.posts)


def test_an_alertmanager_gets_the_kinds_it_wants_and_bodies_of_bounded_size() -> None:
    many = [replace(HELD, subject=f"prod-{n}", text="x" * 10_000) for n in range(250)]
    with chat_service() as receiver:
        push = Pushing(Alertmanager(Webhook(receiver.url), frozenset({"held"})))
        push.notifier.stand([*many, NO_GROUP], now=NOON)
        assert [100, 100, 50] == [len(json.loads(body)) for _, _, body in receiver.posts]
        assert 400_000 > max(len(body) for _, _, body in receiver.posts)
        assert [] == [a for a in alerts(receiver) if a["labels"]["kind"] != "held"]


def test_nothing_is_posted_where_nothing_stands() -> None:
    with chat_service() as receiver:
        Pushing(Alertmanager(Webhook(receiver.url))).notifier.stand([], now=NOON)
        assert [] == receiver.posts
