"""What an alarm can be about: one word each, in the configuration, in messages, in metrics and in docs/metrics.md."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Final, Literal, get_args

AlarmKind = Literal[
    "held",
    "quarantined",
    "unreachable",
    "pass_failed",
    "uncertified",
    "drift",
    "source_failed",
    "config_invalid",
    "database_down",
    "database_doubted",
    "not_converged",
    "renamed",
    "name_clash",
    "server_changed",
    "another_installation",
    "break_glass_used",
    "expiry",
    "frozen",
    "email_taken",
    "person_joined",
    "waiting",
    "checkpoint_failed",
    "paused",
    "rollout_halted",
]
OF_THE_WHOLE: Final = frozenset({"config_invalid", "database_down", "database_doubted", "rollout_halted"})
"""Kinds that are about no source and no deployment."""
KINDS: tuple[str, ...] = get_args(AlarmKind)
"""Everything that an alarm can be about."""
CRITICAL: Final = frozenset({"source_failed", "database_down", "quarantined"})
"""While one of these lasts, people who left keep access somewhere, and time does not mend it."""
FEW: Final = 3
"""So many alarms that come at the same time are told singly; more are one message."""
RUNBOOK: Final = "docs/runbook.md"
"""Where every kind has a section, in the project; `[notify] runbook_url` says where people can read it."""


def runbook(kind: str, url: str | None = None) -> str:
    """Give the address of what to do about an alarm."""
    return f"{url or RUNBOOK}#{kind}"


def severity(kind: str) -> str:
    """Say how bad an alarm is, in the words of the alert rules in deploy/prometheus: `critical` or `warning`."""
    return "critical" if kind in CRITICAL else "warning"


def alarm_id(kind: str, subject: str, since: datetime) -> str:
    """Name an alarm from when it is raised until it is over."""
    parts = kind, subject, since.astimezone(UTC).isoformat()
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
