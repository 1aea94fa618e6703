"""The tables of whom the daemon tells of alarms: webhooks, Alertmanagers, e-mail."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from syncd.alarm_kinds import AlarmKind
from syncd.fields import (
    HeaderName,
    HeaderValue,
    PemFile,
    Proxy,
    Reference,
    SecretReference,
    SettingsTable,
    Span,
    Text,
    kind_of_value,
    span,
    web_address,
)
from syncd.http.connection import is_loopback
from syncd.notify import LONGEST_GATHER, SHORTEST_REPEAT, mailbox, webhook_problem
from syncd.notify.channels import MISSING, is_installed

_IS_SECRET = ("hooks.slack.com", "hooks.slack-gov.com")
"""Hosts where who knows the address may post."""


Kinds = Annotated[tuple[AlarmKind, ...], Field(strict=False)]
WebhookAddress = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Reference, Tag("reference")], Discriminator(kind_of_value)
]


class WebhookTable(SettingsTable):
    """An address that alarms are posted to; write `[[notify.webhooks]]` once for each. A place that does not answer is tried
    three times, then it is logged (`notification_failed`).

    Format `json` posts an object with `version` (1), `id` (of this message: the same where it comes twice), `alarm` (of the
    alarm: the same from its beginning to its end), `state` (`firing` or `cleared`), `kind`, `subject`, `text`, `at` (when this
    was so), `since` (when the alarm was raised; times as in `2026-01-31T12:00:00.000Z`) and `runbook` (where it is
    written what to do). `alarms` has the same of each alarm that this message tells of: of one, or of many; then `subject`
    says how many, and `kind` is `several` where they are of several. New fields may come; none goes.

    Format `alertmanager` posts what the webhook receiver of Prometheus' Alertmanager posts (version 4), for whatever takes
    that. The labels of an alert are `alertname` (`SyncdHeld` for the kind `held`), `kind`, `subject` and `severity`
    (`critical` or `warning`); `summary`, `description` and `runbook_url` are its annotations (`runbook` instead where no
    `runbook_url` is configured: then it is no address), and `fingerprint` is the same each time that it comes back.
    """

    insecure_http: bool = False
    """Allow a `http://` address that is not this machine."""
    url: WebhookAddress
    """Where to post. Who knows such an address can often post there: then it is a secret, and written by reference."""
    format: Literal["slack", "json", "alertmanager"] = "slack"
    """`slack`: as Slack and what understands its webhooks (Mattermost, Rocket.Chat) want it. `json`: fields for programs, as
    above. `alertmanager`: as Prometheus' Alertmanager posts alerts."""
    kinds: Kinds = ()
    """The kinds of alarms that are posted here; none named: all."""
    ends: bool = True
    """Whether it is told that an alarm is over."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Headers sent along; a value is text, or a secret by reference."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the server's certificate, where the system does not know it."""
    proxy: Proxy | None = None
    """URL of the HTTP proxy on the way."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | Reference, info: ValidationInfo) -> str | Reference:
        return post_address(url, info)


def post_address(url: str | Reference, info: ValidationInfo) -> str | Reference:
    """Check an address that is posted to.

    Raises:
        ValueError: it is none, goes in the clear, or is a secret.
    """
    if isinstance(url, Reference):
        return url
    if problem := webhook_problem(url, insecure_http=info.data.get("insecure_http", True)):
        raise ValueError(problem)
    if web_address(url).hostname in _IS_SECRET:
        raise ValueError(
            'this address is a secret itself; say where it is: {env = "NAME"}, {file = "path"}, {credential = "name"} '
            'or {command = ["program", "argument"]}'
        )
    return url


class ChannelTable(SettingsTable):
    """Any service that [Apprise](https://github.com/caronc/apprise) knows (Teams, Telegram, PagerDuty, Matrix, and a hundred
    more); write `[[notify.channels]]` once for each. Needs one more package: `pip install 'syncd[channels]'`.
    """

    url: SecretReference
    """The address of the service as Apprise writes it, by reference: it holds tokens."""
    kinds: Kinds = ()
    """The kinds of alarms that are sent; none named: all."""
    ends: bool = True
    """Whether it is told that an alarm is over."""
    insecure: bool = False
    """Allow the ways of Apprise without TLS: `json`, `xml`, `form` and `mailto`."""

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        if not is_installed():
            raise ValueError(MISSING)
        return self


def _label_name(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", text) or text in ("alertname", "kind", "subject", "severity"):
        raise ValueError(
            "this cannot be the name of a further label: letters, digits and _, and none that alerts have already"
        )
    return text


LabelName = Annotated[str, AfterValidator(_label_name)]


class AlertmanagerTable(SettingsTable):
    """A Prometheus Alertmanager that is told what stands, by its API (version 2); write `[[notify.alertmanagers]]` once for each,
    and for each member of a cluster. Every minute it gets all alarms that stand, from one of the replicas, so it may be
    restarted; it bundles, repeats and silences them by its own rules. If syncd dies, its alerts end after five minutes: have an
    alert on that too. What syncd itself silenced before it was told is not among them.
    """

    insecure_http: bool = False
    """Allow a `http://` address that is not this machine."""
    url: WebhookAddress
    """Its address, with its path prefix if it has one: `https://alertmanager.example.com`."""
    kinds: Kinds = ()
    """The kinds of alarms that it gets; none named: all."""
    labels: dict[LabelName, Text] = Field(default={})
    """Labels of every alert besides `alertname`, `kind`, `subject` and `severity`: `{ team = "data" }`."""
    page_url: Text | None = None
    """The page that an alert leads back to (`generatorURL`)."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Headers sent along; a value is text, or a secret by reference."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the server's certificate, where the system does not know it."""
    proxy: Proxy | None = None
    """URL of the HTTP proxy on the way."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | Reference, info: ValidationInfo) -> str | Reference:
        problem = isinstance(url, str) and webhook_problem(url, insecure_http=info.data.get("insecure_http", True))
        if problem:
            raise ValueError(problem)
        return url

    @field_validator("page_url")
    @classmethod
    def _page(cls, url: str | None) -> str | None:
        if url is not None:
            web_address(url)
        return url


def _mail_address(text: str) -> str:
    mailbox(text)
    return text


MailAddress = Annotated[Text, AfterValidator(_mail_address)]


class EmailTable(SettingsTable):
    """Alarms by e-mail: one message for each, its end in the same thread."""

    server: Text
    """Name of the mail server."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """`starttls`: the connection turns to TLS before anything is said. `implicit`: it is TLS from the start. `none`: in the
    clear, and then without a password unless the server is this machine."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Its port. Nothing said: 587 for `starttls`, 465 for `implicit`, 25 for `none`."""
    username: Text | None = None
    """Who logs in; nothing said: nobody does."""
    password: SecretReference | None = None
    """The password, by reference."""
    sender: MailAddress
    """Who the mail is from: `"syncd@example.com"` or `"syncd <syncd@example.com>"`."""
    to: Annotated[tuple[MailAddress, ...], Field(strict=False, min_length=1)]
    """Who gets it, at least one."""
    kinds: Kinds = ()
    """The kinds of alarms that are sent; none named: all."""
    ends: bool = True
    """Whether it is told that an alarm is over."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the server's certificate, where the system does not know it."""

    @field_validator("server")
    @classmethod
    def _host(cls, server: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", server) or re.fullmatch(r"[^:]+:[0-9]+", server):
            raise ValueError("the name of a server alone is wanted here; its port goes into port")
        return server

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together: write both, or neither")
        if self.password and self.tls == "none" and not is_loopback(self.server):
            raise ValueError('the password would cross the network in the clear: set tls = "starttls" or "implicit"')
        return self


class NotifyTable(SettingsTable):
    """Who is told of alarms. Each alarm is told once, again while it lasts, and when it is over. Up to three that come together
    are told singly; more are one message that says which and how many, and what is left of them in the end is told singly
    again. While many come, one message in five minutes tells of them."""

    repeat: Span = "24h"
    """How often an alarm that lasts is told again; at least `1m`."""
    gather: Span = "30s"
    """How long an alarm waits for others before it is told, so that an outage is one message; `0s`: not at all, and at most
    `10m`."""
    runbook_url: Text | None = None
    """Where your people can read `docs/runbook.md`; every alarm then leads there, to what to do about
    its kind: `#` and the kind follow. `https://` or `http://`, without a `#`."""
    webhooks: Annotated[tuple[WebhookTable, ...], Field(strict=False)] = ()
    """Addresses that alarms are posted to."""
    channels: Annotated[tuple[ChannelTable, ...], Field(strict=False)] = ()
    """Further services, by Apprise."""
    alertmanagers: Annotated[tuple[AlertmanagerTable, ...], Field(strict=False)] = ()
    """Alertmanagers that are told what stands."""
    email: EmailTable | None = None
    """Alarms by e-mail."""

    @field_validator("runbook_url")
    @classmethod
    def _is_a_page(cls, url: str | None) -> str | None:
        if url is None:
            return url
        if not re.fullmatch(r"https?://[^\s#]+", url):
            raise ValueError(
                'the address of a page is wanted here, without "#", as in "https://wiki.example.com/syncd/runbook"'
            )
        web_address(url)
        return url

    @field_validator("gather")
    @classmethod
    def _not_too_late(cls, text: str) -> str:
        if span(text) > LONGEST_GATHER:
            raise ValueError(f'at most "10m" is wanted here, not "{text}": nobody is told before that')
        return text

    @field_validator("repeat")
    @classmethod
    def _not_too_often(cls, text: str) -> str:
        if span(text) < SHORTEST_REPEAT:
            raise ValueError(f'at least "1m" is wanted here, not "{text}"')
        return text
