"""What an alarm can be about: one word each, in the configuration, in messages, in metrics and in docs/metrics.md."""

from __future__ import annotations

from typing import Literal, get_args

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
    "not_converged",
    "renamed",
    "name_clash",
    "server_changed",
    "expiry",
    "frozen",
    "email_taken",
    "person_joined",
]
KINDS: tuple[str, ...] = get_args(AlarmKind)
"""Everything that an alarm can be about."""
