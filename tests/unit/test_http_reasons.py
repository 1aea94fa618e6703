"""Whatever library asks, the same failure is told in the same sentence."""

from __future__ import annotations

import errno
import smtplib
import socket
import ssl

import aiohttp
import pytest
import requests
import urllib3

from syncd.http.connection import Connection
from syncd.http.metered import TooLarge, TooSlow
from syncd.http.reasons import Bounds, Failure, failure_of, sentence
from syncd.notify.mail import _undelivered
from syncd.notify.settings import Email
from syncd.sources.okta.transport import SIZE_CAP, _reason, _TooLarge

BOUNDS = Bounds(10.0, 30.0, "99 bytes")


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: https://user:hunter2@x")
    error.verify_message = "certificate has expired"
    return error


def nested(error: BaseException) -> requests.ConnectionError:
    """Nest an error as requests and urllib3 do."""
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", error))  # type: ignore[arg-type]


KEY = aiohttp.client_reqrep.ConnectionKey("x", 443, True, True, None, None, None)
ERRORS: list[tuple[BaseException, BaseException, str]] = [
    (
        nested(untrusted()),
        aiohttp.ClientConnectorCertificateError(KEY, untrusted()),
        "its certificate is not trusted (certificate has expired); set `ca` to the right authority",
    ),
    (
        nested(ssl.SSLError(1, "wrong version number")),
        aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "wrong version number")),
        "no TLS connection; look at scheme, port and client certificate",
    ),
    (
        requests.exceptions.ProxyError("http://user:hunter2@proxy"),
        aiohttp.ClientProxyConnectionError(KEY, OSError(errno.ECONNREFUSED, "http://user:hunter2@proxy")),
        "the proxy did not let it through; look at `proxy`",
    ),
    (
        nested(socket.gaierror(-2, "Name or service not known")),
        aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "x")),
        "the host name is unknown; look at the address",
    ),
    (
        requests.ConnectTimeout("hunter2"),
        aiohttp.ConnectionTimeoutError("hunter2"),
        "no connection within 10 s; look at the address, and at firewalls",
    ),
    (
        nested(ConnectionRefusedError(errno.ECONNREFUSED, "x")),
        aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "x")),
        "the connection was refused; is the server running?",
    ),
    (
        requests.ReadTimeout("hunter2"),
        TimeoutError(),
        "no answer within 30 s; look at the server's load, or allow more time in `timeouts`",
    ),
    (
        urllib3.exceptions.IncompleteRead(1, 2),
        aiohttp.ClientPayloadError("hunter2"),
        "the answer broke off; look at the server, and at the proxies before it",
    ),
    (
        nested(ConnectionResetError(errno.ECONNRESET, "hunter2")),
        aiohttp.ClientOSError(errno.ECONNRESET, "hunter2"),
        "the connection broke (Connection reset by peer); is the server running?",
    ),
    (
        requests.ConnectionError("hunter2"),
        aiohttp.ServerDisconnectedError("hunter2"),
        "the connection broke; is the server running?",
    ),
]


@pytest.mark.parametrize(("of_requests", "of_aiohttp", "said"), ERRORS, ids=[said[:30] for _, _, said in ERRORS])
def test_requests_and_aiohttp_are_told_alike(of_requests: BaseException, of_aiohttp: BaseException, said: str) -> None:
    assert said == sentence(failure_of(of_requests), BOUNDS, of_requests)
    assert said == _reason(of_aiohttp, Connection("https://x", timeout_s=30.0, connect_timeout_s=10.0))


def test_what_is_too_large_or_too_slow() -> None:
    assert "the answer is larger than 99 bytes; is this the right address?" == sentence(failure_of(TooLarge()), BOUNDS)
    assert f"larger than {SIZE_CAP} bytes or" in _reason(_TooLarge(), Connection("https://x"))
    assert Failure.TOO_SLOW is failure_of(nested(TooSlow()))


@pytest.mark.parametrize(
    ("error", "said", "again"),
    [
        (
            untrusted(),
            "its certificate is not trusted (certificate has expired); set `ca` to the right authority",
            False,
        ),
        (ssl.SSLError(1, "x"), "no TLS connection; look at `tls` and `port`", False),
        (TimeoutError(), "no answer within 5 s; look at `port` and `tls`", True),
        (smtplib.SMTPServerDisconnected("timed out"), "no answer within 5 s; look at `port` and `tls`", True),
        (smtplib.SMTPServerDisconnected("x"), "the connection broke; is the server running?", True),
        (socket.gaierror(-2, "x"), "the host name is unknown; look at `server`", True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "the connection was refused; is the server running?", True),
        (
            FileNotFoundError(errno.ENOENT, "hunter2"),
            "a file of certificates is not there; look at `ca`, `client_cert` and `client_key`",
            True,
        ),
        (OSError(errno.EHOSTUNREACH, "x"), "the connection broke (No route to host); is the server running?", True),
    ],
)
def test_mail_is_told_in_the_same_words(error: OSError, said: str, again: bool) -> None:
    mail = Email("mail", 25, "a@b.example", ("c@d.example",))
    told = _undelivered(error, mail, 5.0)
    assert (f"mail:25: {said}", again) == (str(told), told.again)


def test_every_kind_has_words_of_its_own() -> None:
    words = [sentence(kind, BOUNDS) for kind in Failure]
    assert len(words) == len(set(words))
