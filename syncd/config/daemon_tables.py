"""The tables of the daemon: its rhythm, its control socket, its HTTP, and whom it tells of alarms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
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
from syncd.callers import LONGEST_SOCKET_PATH
from syncd.fields import (
    HeaderName,
    HeaderValue,
    Name,
    PemFile,
    Proxy,
    Reference,
    SecretReference,
    SettingsTable,
    Span,
    Text,
    in_folder,
    kind_of_value,
    span,
    web_address,
)
from syncd.http.connection import is_loopback
from syncd.notify import LONGEST_GATHER, SHORTEST_REPEAT, mailbox, webhook_problem

_SHORTEST = {
    "poll": "1s",
    "sweep": "10s",
    "slow_sweep": "10s",
    "dags": "10s",
    "upkeep": "1m",
    "keep": "1d",
    "hold_expires": "1m",
    "stale_after": "10s",
}
_IS_SECRET = ("hooks.slack.com", "hooks.slack-gov.com")
"""Hosts where who knows the address may post."""


# --- the rhythm -------------------------------------------------------------------------------------------------------


class DaemonTable(SettingsTable):
    """How `syncd run` works. Each span is a number and a unit (`ms`, `s`, `m`, `h`, `d`)."""

    impatient: bool = False
    """Allow spans below their lower bounds: for trials on stand-ins. Providers and servers in use suffer from it."""
    poll: Span = "15s"
    """How often each source is asked what changed; at least `1s`."""
    sweep: Span = "15m"
    """How often each deployment is looked at whole, and put right; at least `10s`. Moved by chance, so that not all
    deployments are looked at in the same moment."""
    slow_sweep: Span = "1h"
    """The same, for releases of Airflow that are known to lose memory with each call; where `sweep` is longer, that counts."""
    dags: Span = "5m"
    """How often the DAGs of each deployment are listed, for roles that choose them by tag, owner or pattern; at least
    `10s`."""
    upkeep: Span = "1h"
    """How often the database is tidied up; at least `1m`."""
    keep: Span = "90d"
    """How long runs that changed nothing are kept, and what sources and lists of DAGs said (for `syncd whatif`); at least `1d`.
    What says who had what, and why, is kept for ever."""
    hold_expires: Span = "24h"
    """How long a held change can be approved; at least `1m`. Later it has to be planned anew."""
    stale_after: Span = Field(default="10m", validate_default=True)
    """How long a source may go without a good read before the daemon calls itself not ready; longer than `poll`."""
    workers: int = Field(default=32, ge=1, le=256)
    """How many deployments are worked on at the same time. One deployment never has more than one writer."""

    @field_validator(*_SHORTEST)
    @classmethod
    def _not_too_often(cls, text: str, info: ValidationInfo) -> str:
        shortest = _SHORTEST[info.field_name or ""]
        if not info.data.get("impatient") and span(text) < span(shortest):
            raise ValueError(f'at least "{shortest}" is wanted here, not "{text}"')
        if not span(text):
            raise ValueError("a span of no time is not possible here")
        return text

    @field_validator("stale_after")
    @classmethod
    def _after_a_poll(cls, text: str, info: ValidationInfo) -> str:
        poll = info.data.get("poll", "")
        if poll and span(text) <= span(poll):
            raise ValueError(
                f'no source would ever count as fresh: stale_after "{text}" is not longer than poll "{poll}"'
            )
        return text


class ControlTable(SettingsTable):
    """How commands reach the daemon that runs on the same machine."""

    socket: str = "syncd.sock"
    """The Unix socket, as seen from this file's folder; who may open it may give orders. Empty: there is none."""

    @field_validator("socket")
    @classmethod
    def _short_enough(cls, text: str, info: ValidationInfo) -> str:
        path = str(in_folder(text, info))
        if (length := len(path.encode())) > LONGEST_SOCKET_PATH:
            raise ValueError(f"the path of a socket has at most {LONGEST_SOCKET_PATH} bytes, and {path} has {length}")
        return text


class PauseTable(SettingsTable):
    """What a pause (`syncd pause`) may be. Nothing here ends one that stands."""

    longest: Span = "30d"
    """How far away the end of a pause may be: one that is forgotten ends by itself."""
    open_ended: bool = False
    """Whether a pause may be without an end (`--until-resumed`). People who left keep their access for as long as it stands."""


# --- HTTP -------------------------------------------------------------------------------------------------------------


class TokenTable(SettingsTable):
    """A caller of `/api/v1`. The name is yours; the audit of use calls the caller by it."""

    secret: SecretReference
    """What the caller sends as `Authorization: Bearer`, by reference."""
    rights: Annotated[tuple[Literal["read", "reconcile", "approve"], ...], Field(strict=False, min_length=1)]
    """What the caller may do, at least one: `read` who has what, `reconcile` now, `approve` what is held. None of them
    includes another."""


class HttpTable(SettingsTable):
    """Where the daemon answers HTTP: health, metrics, and `/api/v1` for those who have a token. Without this table it does
    not."""

    plain_http: bool = False
    """Answer other machines without TLS: tokens then cross the network in the clear. For a proxy in front that does TLS."""
    tls_cert: PemFile | None = None
    """PEM file of the certificate to show, with those between it and its authority."""
    tls_key: PemFile | None = None
    """PEM file of its key, without a password, where it is not in the same file."""
    listen: Text = "127.0.0.1:8080"
    """Address and port to answer at: `"127.0.0.1:8080"`, `"[::1]:8080"`, `"0.0.0.0:8080"`. Beyond this machine only with
    `tls_cert`, or with `plain_http`."""
    open_metrics: bool = True
    """Whether `/metrics` is answered without a token. It names deployments and sources, never people."""
    tokens: dict[Name, TokenTable] = Field(default={})
    """Who may use `/api/v1`; without any nobody may."""

    @field_validator("tls_key")
    @classmethod
    def _fits(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("tls_cert", key)
        if key and certificate is None:
            raise ValueError("tls_cert is missing, which this is the key of")
        return key

    @field_validator("listen")
    @classmethod
    def _guarded(cls, text: str, info: ValidationInfo) -> str:
        host, _ = listen_address(text)
        guarded = info.data.get("plain_http", True) or info.data.get("tls_cert", True)
        if not guarded and not is_loopback(host):
            raise ValueError(
                f"{host} can be reached by other machines: set tls_cert and tls_key, or plain_http = true where a proxy "
                "in front does TLS"
            )
        return text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.plain_http and self.tls_cert:
            raise ValueError("plain_http says that there is no TLS, and tls_cert that there is: keep one of the two")
        if self.tls_cert:
            _a_pair(self.tls_cert, self.tls_key)
        return self

    @field_validator("tokens")
    @classmethod
    def _told_apart(cls, tokens: Mapping[str, TokenTable]) -> Mapping[str, TokenTable]:
        """Refuse one secret under two names: the audit could not say who called."""
        first: dict[str, str] = {}
        for name, token in tokens.items():
            other = first.setdefault(token.secret.model_dump_json(), name)
            if other != name:
                raise ValueError(f"{name} has the same secret as {other}; give each caller a secret of its own")
        return tokens


def listen_address(text: str) -> tuple[str, int]:
    """Part `HOST:PORT`.

    Raises:
        ValueError: it is not that.
    """
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", text)
    if not found or int(found[2]) > 65535:
        raise ValueError('an address and a port are wanted here, such as "127.0.0.1:8080" or "[::1]:8080"')
    return found[1].strip("[]"), int(found[2])


def _a_pair(certificate: Path, key: Path | None) -> None:
    """Load both as the server will."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # else OpenSSL asks the terminal
    except (ssl.SSLError, OSError, ValueError) as error:
        where = f"in {key}" if key else f"in {certificate}, and tls_key is not set"
        raise ValueError(
            f"no key without a password that belongs to the certificate {certificate} is {where}"
        ) from error


# --- notifications ----------------------------------------------------------------------------------------------------


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
    (`critical` or `warning`); `summary`, `description` and `runbook_url` are its annotations, and `fingerprint` is the same each
    time that it comes back.
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
