"""The tables of the daemon: its rhythm, its control socket and its HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from syncd.callers import LONGEST_SOCKET_PATH
from syncd.fields import (
    Name,
    PemFile,
    SecretReference,
    SettingsTable,
    Span,
    Text,
    in_folder,
    span,
)
from syncd.http.connection import is_loopback

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
