"""From the tables of the daemon to its settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from syncd.config.checkpoint_tables import CheckpointsTable
from syncd.config.daemon_tables import (
    ControlTable,
    DaemonTable,
    HttpTable,
    TokenTable,
    listen_address,
)
from syncd.config.notify_tables import AlertmanagerTable, ChannelTable, EmailTable, NotifyTable, WebhookTable
from syncd.config.settings import ApiToken, DaemonSettings, HttpSettings
from syncd.fields import span
from syncd.notify import Alertmanager, Channel, CheckpointSettings, Email, NotifySettings, Webhook

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}


def daemon_settings(table: DaemonTable, control: ControlTable, *, folder: Path) -> DaemonSettings:
    """Put the rhythm and the control socket together; the socket is as seen from the folder."""
    spans = {name: span(value) for name, value in table.model_dump(exclude={"impatient", "workers"}).items()}
    spans["slow_sweep"] = max(spans["slow_sweep"], spans["sweep"])
    socket = folder / Path(control.socket).expanduser() if control.socket else None
    return DaemonSettings(**spans, workers=table.workers, socket=socket)


def http_settings(table: HttpTable) -> HttpSettings:
    host, port = listen_address(table.listen)
    return HttpSettings(
        host,
        port,
        tls_cert=table.tls_cert,
        tls_key=table.tls_key,
        plain_http=table.plain_http,
        open_metrics=table.open_metrics,
        tokens=tuple(_token(name, token) for name, token in table.tokens.items()),
    )


def _token(name: str, table: TokenTable) -> ApiToken:
    return ApiToken(name, table.secret.secret(), frozenset(table.rights))


def notify_settings(table: NotifyTable) -> NotifySettings:
    webhooks = tuple(map(_webhook, table.webhooks))
    return NotifySettings(
        span(table.repeat),
        webhooks,
        _email(table.email) if table.email else None,
        runbook_url=table.runbook_url,
        gather=span(table.gather),
        alertmanagers=tuple(map(_alertmanager, table.alertmanagers)),
        channels=tuple(map(_channel, table.channels)),
    )


def _webhook(table: WebhookTable) -> Webhook:
    return replace(_place(table), format=table.format, kinds=frozenset(table.kinds), ends=table.ends)


def _place(table: WebhookTable | AlertmanagerTable) -> Webhook:
    return Webhook(
        table.url if isinstance(table.url, str) else table.url.secret(),
        insecure_http=table.insecure_http,
        ca=table.ca,
        proxy=table.proxy,
        headers={name: value if isinstance(value, str) else value.secret() for name, value in table.headers.items()},
    )


def checkpoint_settings(table: CheckpointsTable) -> CheckpointSettings:
    return CheckpointSettings(
        table.key.secret(), table.file, _posted_to(table), every=span(table.every), records=table.records
    )


def _posted_to(table: CheckpointsTable) -> Webhook | None:
    if table.url is None:
        return None
    return Webhook(
        table.url if isinstance(table.url, str) else table.url.secret(),
        "json",
        insecure_http=table.insecure_http,
        ca=table.ca,
        proxy=table.proxy,
        headers={name: value if isinstance(value, str) else value.secret() for name, value in table.headers.items()},
    )


def _channel(table: ChannelTable) -> Channel:
    return Channel(table.url.secret(), frozenset(table.kinds), table.ends, table.insecure)


def _alertmanager(table: AlertmanagerTable) -> Alertmanager:
    return Alertmanager(_place(table), frozenset(table.kinds), table.labels, table.page_url)


def _email(table: EmailTable) -> Email:
    return Email(
        server=table.server,
        port=table.port or _PORTS[table.tls],
        sender=table.sender,
        to=table.to,
        tls=table.tls,
        username=table.username,
        password=table.password.secret() if table.password else None,
        ca=table.ca,
        kinds=frozenset(table.kinds),
        ends=table.ends,
    )
