"""Why no answer came, in one sentence that holds nothing secret."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence

import requests
import urllib3

from syncd.http.connection import Connection


def reason(causes: Sequence[BaseException], connection: Connection, timeout_s: float) -> str:
    """Say what went wrong without the text of the library, which may hold a URL with a password."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message}); set `ca` to the right authority"
    table: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
        ((requests.exceptions.ProxyError,), "the proxy did not let it through; look at `proxy`"),
        (
            (requests.exceptions.SSLError, ssl.SSLError),
            "no TLS connection; look at scheme, port and client certificate",
        ),
        (
            (requests.ConnectTimeout,),
            f"no connection within {connection.connect_timeout_s:g} s; look at the URL, and at firewalls",
        ),
        (
            (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError),
            f"no answer within {timeout_s:g} s; look at the server's load, or allow more time in `timeouts`",
        ),
        ((urllib3.exceptions.NameResolutionError,), "the host name is unknown; look at the URL"),
        ((ConnectionRefusedError,), "the connection was refused; is the server running?"),
        (
            (urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError),
            "the answer could not be unpacked; look at what is between here and the server",
        ),
        (
            (urllib3.exceptions.IncompleteRead,),
            "the answer broke off; look at the server, and at the proxies before it",
        ),
    )
    for kinds, sentence in table:
        if any(isinstance(cause, kinds) for cause in causes):
            return sentence
    return "the connection broke; is the server running?"


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Give an error and everything inside it: requests nests urllib3's errors in arguments and attributes."""
    seen: set[int] = set()
    open_: list[object] = [error]
    while open_:
        found = open_.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        open_ += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
