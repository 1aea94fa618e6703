"""Why no answer came: kinds of failure, and one sentence for each, which holds nothing secret.

Every library says the same in errors of its own, with texts that may hold a URL with a password. Who uses one maps its errors
to a kind: `failure_of` those of Python, requests and urllib3; the sources and mail those of theirs.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from socket import gaierror
from typing import Final

import requests
import urllib3

from syncd.http.metered import TooLarge, TooSlow


class Failure(Enum):
    """What happened, and where to look."""

    UNTRUSTED = ("its certificate is not trusted", "set `ca` to the right authority")
    PROXY = ("the proxy did not let it through", "look at `proxy`")
    TLS = ("no TLS connection", "look at scheme, port and client certificate")
    UNKNOWN_HOST = ("the host name is unknown", "look at the address")
    REFUSED = ("the connection was refused", "is the server running?")
    NO_CONNECTION = ("no connection within {connect_s:g} s", "look at the address, and at firewalls")
    NO_ANSWER = ("no answer within {answer_s:g} s", "look at the server's load, or allow more time in `timeouts`")
    TOO_SLOW = ("the answer came too slowly and was given up", "if that is normal, allow more time in `timeouts`")
    TOO_LARGE = ("the answer is larger than {largest}", "is this the right address?")
    PACKED = ("the answer could not be unpacked", "look at what is between here and the server")
    BROKE_OFF = ("the answer broke off", "look at the server, and at the proxies before it")
    NO_FILE = ("a file of certificates is not there", "look at `ca`, `client_cert` and `client_key`")
    BROKEN = ("the connection broke", "is the server running?")


LATE: Final = frozenset({Failure.NO_ANSWER, Failure.TOO_SLOW, Failure.TOO_LARGE})
"""It was waited for in vain, or more came than is read: what is asked for in smaller pieces may come."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an answer was given: seconds for the connection, of silence before it is given up, and a size in words."""

    connect_s: float
    answer_s: float
    largest: str = ""


_ERRORS: Final[tuple[tuple[tuple[type[BaseException], ...], Failure], ...]] = (
    ((TooLarge,), Failure.TOO_LARGE),
    ((TooSlow,), Failure.TOO_SLOW),
    ((ssl.SSLCertVerificationError,), Failure.UNTRUSTED),
    ((requests.exceptions.ProxyError,), Failure.PROXY),
    ((requests.exceptions.SSLError, ssl.SSLError), Failure.TLS),
    ((requests.ConnectTimeout,), Failure.NO_CONNECTION),
    ((requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError), Failure.NO_ANSWER),
    ((urllib3.exceptions.NameResolutionError, gaierror), Failure.UNKNOWN_HOST),
    ((ConnectionRefusedError,), Failure.REFUSED),
    ((FileNotFoundError,), Failure.NO_FILE),
    ((urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError), Failure.PACKED),
    ((urllib3.exceptions.IncompleteRead,), Failure.BROKE_OFF),
)
"""The first that fits anything inside an error counts."""


def failure_of(error: BaseException) -> Failure:
    """Say what kind of failure an error of Python, requests or urllib3 is."""
    causes = tuple(causes_of(error))
    fits = (kind for errors, kind in _ERRORS if any(isinstance(cause, errors) for cause in causes))
    return next(fits, Failure.BROKEN)


def sentence(
    failure: Failure, bounds: Bounds, error: BaseException | None = None, *, hints: Mapping[Failure, str] | None = None
) -> str:
    """Say what happened, and where to look; `hints` has other places for some kinds, empty: nowhere.

    Of the error only what OpenSSL says of a certificate is told, and the name of a number of the operating system.
    """
    told, look = failure.value
    told = told.format(connect_s=bounds.connect_s, answer_s=bounds.answer_s, largest=bounds.largest)
    if error is not None and (why := _why(failure, error)):
        told += f" ({why})"
    look = (hints or {}).get(failure, look)
    return f"{told}; {look}" if look else told


def _why(failure: Failure, error: BaseException) -> str:
    """Say more of an untrusted certificate and of a broken connection."""
    causes = tuple(causes_of(error))
    if failure is Failure.UNTRUSTED:
        return next((why for c in causes if (why := getattr(c, "verify_message", ""))), "")
    if failure is Failure.BROKEN:
        return next((os.strerror(c.errno) for c in causes if isinstance(c, OSError) and c.errno), "")
    return ""


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Give an error and everything inside it: libraries nest others' errors in arguments and attributes."""
    seen: set[int] = set()
    open_: list[object] = [error]
    while open_:
        found = open_.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inside = (getattr(found, name, None) for name in ("reason", "certificate_error", "os_error"))
        open_ += [*found.args, *inside, found.__cause__, found.__context__]
