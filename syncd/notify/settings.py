"""Who hears of alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from syncd.http.secrets import Secret

SHORTEST_REPEAT: Final = timedelta(minutes=1)
"""What lasts is told again after so long at the earliest; what is told sooner is told for the first time."""

LONGEST_GATHER: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that alarms are posted to. `kinds`: which ones; empty: all."""

    url: str | Secret
    format: str = "slack"
    kinds: frozenset[str] = frozenset()
    insecure_http: bool = False
    """Whether a `http://` address that is not this machine may be used."""
    ca: Path | None = None
    proxy: str | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    ends: bool = True
    """Whether that an alarm is over is told."""


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """With which key the journal's chain is signed, how often, and where that goes: to a file, a webhook, or both."""

    key: Secret
    file: Path | None = None
    webhook: Webhook | None = None
    every: timedelta = timedelta(hours=1)
    records: int = 1000
    """After so many new records it is not waited for the time."""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A Prometheus Alertmanager that is told what stands. `webhook`: its address; `kinds`: which alarms; empty: all."""

    webhook: Webhook
    kinds: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Further labels of every alert."""
    page_url: str | None = None
    """What an alert leads back to."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A service that Apprise knows, by its address there. `kinds`: which alarms; empty: all."""

    url: Secret
    kinds: frozenset[str] = frozenset()
    ends: bool = True
    """Whether that an alarm is over is told."""
    insecure: bool = False
    """Whether an address without TLS may be used."""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server and who gets mail from it. `kinds`: which alarms; empty: all."""

    server: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: str = "starttls"
    """`starttls`, `implicit` (TLS from the first byte) or `none`."""
    username: str | None = None
    password: Secret | None = None
    ca: Path | None = None
    kinds: frozenset[str] = frozenset()
    ends: bool = True
    """Whether that an alarm is over is told."""


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Who hears of alarms, how often one that lasts is told again, and how long one waits for others (`gather`)."""

    repeat: timedelta = timedelta(hours=24)
    webhooks: tuple[Webhook, ...] = ()
    email: Email | None = None
    runbook_url: str | None = None
    """Where people can read docs/runbook.md; None: it is called by its place in the project."""
    gather: timedelta = timedelta(seconds=30)
    alertmanagers: tuple[Alertmanager, ...] = ()
    channels: tuple[Channel, ...] = ()
