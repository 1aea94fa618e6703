"""Alarms as Prometheus' Alertmanager says them, so that whatever takes its alerts takes these.

What is posted to a webhook is the body of its webhook receiver, version 4 (prometheus.io/docs/alerting/latest/configuration,
`<webhook_config>`), with one group for each message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from syncd.alarm_kinds import severity
from syncd.notify.words import Message, cut, fingerprint, one_line, stamp, title

NOT_OVER: Final = "0001-01-01T00:00:00Z"
"""The end of an alert that has none, as Go writes a time that is not set."""
RECEIVER: Final = "syncd"


def alert_labels(message: Message) -> Mapping[str, str]:
    """Name an alert: the same from its beginning to its end, and each time it comes back."""
    name = "".join(word.capitalize() for word in message.kind.split("_"))
    return {
        "alertname": f"Syncd{name}",
        "kind": message.kind,
        "subject": one_line(message.subject),
        "severity": severity(message.kind),
    }


def alert_annotations(message: Message) -> Mapping[str, str]:
    """Say what happened and where it is written what to do: as an address only where that is one, as a link is made of it."""
    said = {"summary": title(message), "description": cut(message.text)}
    name = "runbook_url" if message.runbook.startswith(("https://", "http://")) else "runbook"
    return {**said, name: message.runbook} if message.runbook else said


def webhook_body(messages: Sequence[Message]) -> Mapping[str, object]:
    """Give the body of version 4 for alarms that are told together, at least one."""
    labels = [alert_labels(message) for message in messages]
    group = labels[0] if len(messages) == 1 else {}
    return {
        "version": "4",
        "groupKey": f"{{}}:{json.dumps(group, ensure_ascii=False, sort_keys=True)}",
        "truncatedAlerts": 0,
        "status": "firing" if any(message.firing for message in messages) else "resolved",
        "receiver": RECEIVER,
        "groupLabels": group,
        "commonLabels": _common(labels),
        "commonAnnotations": _common([alert_annotations(message) for message in messages]),
        "externalURL": "",
        "alerts": [_alert(message) for message in messages],
    }


def _alert(message: Message) -> Mapping[str, object]:
    return {
        "status": "firing" if message.firing else "resolved",
        "labels": alert_labels(message),
        "annotations": alert_annotations(message),
        "startsAt": stamp(message.since),
        "endsAt": NOT_OVER if message.firing else stamp(message.at),
        "generatorURL": "",
        "fingerprint": fingerprint(message),
    }


def _common(of: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    return {name: value for name, value in of[0].items() if all(each.get(name) == value for each in of)}
