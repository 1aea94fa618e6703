"""How a server is reached: its address, time-outs, certificates, proxy and the headers of every request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from syncd.http.secrets import Secret


def is_loopback(host: str) -> bool:
    """Say whether only this machine answers to a host, by name or address: what goes there crosses no network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one server.

    base_url           with the path that stands in front of every other path; no user name or password in it
    timeout_s          longest silence while an answer is awaited; three times that is the most a read may take in all
    connect_timeout_s  longest wait for the connection
    ca                 certificates to trust instead of the built-in ones
    client_cert        client certificate (PEM); `client_key` where its key is in another file
    proxy              URL of a proxy; the environment's proxies are not used
    headers            sent with every request
    """

    base_url: str
    timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    proxy: str | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("base_url must be http://host/path or https://host/path")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("base_url must hold no user name, password, query or fragment")
        if self.client_key and not self.client_cert:
            raise ValueError("client_key needs client_cert")

    @property
    def root(self) -> str:
        """The base URL without a slash at its end."""
        return self.base_url.rstrip("/")
