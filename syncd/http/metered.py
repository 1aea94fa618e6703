"""One deadline and one bound of bytes for everything that comes of an answer, for `requests`; and one for a socket at all.

`requests` and urllib3 know a time-out for each `recv` only, so a server that sends a byte now and then holds a request for
ever: in the status line, the head, interim answers (100), chunk sizes, trailers and the answer of a proxy to CONNECT; and
urllib3 reads chunk sizes and trailers without a bound. Here the bytes of a connection come through a reader that looks at the
clock and counts before and after each `recv`. TLS handshakes have a deadline of their own in Python's ssl.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class TooSlow(TimeoutError):
    """What came did not end before the deadline."""


class TooLarge(OSError):
    """More came than is read."""


@dataclass(slots=True)
class ReadLimit:
    """What the answer that is awaited now may take; set anew before each request, by `begin`.

    until      when it has to be there whole, by `clock`
    silence_s  the longest wait for its next byte
    most       bytes that may come, head included, as they are sent
    """

    clock: Callable[[], float] = time.monotonic
    until: float = math.inf
    silence_s: float = math.inf
    most: int = 0
    came: int = 0

    def begin(self, *, until: float, silence_s: float, most: int) -> None:
        self.until, self.silence_s, self.most, self.came = until, silence_s, most, 0

    @property
    def rest_s(self) -> float:
        return self.until - self.clock()

    def take(self, count: int) -> None:
        """Count bytes that came."""
        self.came += count
        if self.came > self.most:
            raise TooLarge(f"more than {self.most} bytes came")


class MeteredAdapter(HTTPAdapter):
    """Lets a session of `requests` read under a limit; for one request at a time."""

    def __init__(self, limit: ReadLimit) -> None:
        self.limit = limit
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **more: Any) -> None:
        super().init_poolmanager(*sizes, **more)
        self._meter(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **more: Any) -> urllib3.PoolManager:
        is_new = proxy not in self.proxy_manager
        manager: urllib3.PoolManager = super().proxy_manager_for(proxy, **more)
        if is_new:
            self._meter(manager)
        return manager

    def _meter(self, manager: urllib3.PoolManager) -> None:
        kinds: Mapping[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}
        made: Any = {scheme: partial(_pool, kind, self.limit) for scheme, kind in kinds.items()}
        manager.pool_classes_by_scheme = made


def _pool(kind: type[HTTPConnectionPool], limit: ReadLimit, *args: Any, **more: Any) -> HTTPConnectionPool:
    pool = kind(*args, **more)
    pool.limit = limit  # type: ignore[attr-defined]
    return pool


class _Pool(HTTPConnectionPool):
    limit: ReadLimit

    def _new_conn(self) -> Any:
        return metered(super()._new_conn(), self.limit)


class _TlsPool(HTTPSConnectionPool):
    limit: ReadLimit

    def _new_conn(self) -> Any:
        return metered(super()._new_conn(), self.limit)


def metered(connection: Any, limit: ReadLimit) -> HTTPConnection:
    """Let what answers on a connection of `http.client`, or of urllib3, be read under a limit."""
    connection.response_class = partial(_Response, limit=limit)
    found: HTTPConnection = connection
    return found


class _Response(http.client.HTTPResponse):
    """An answer whose bytes, from the first of the status line on, are read under the limit."""

    def __init__(self, sock: socket.socket, *args: Any, limit: ReadLimit, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock, limit))


class _Reader(io.RawIOBase):
    def __init__(self, raw: Any, sock: socket.socket, limit: ReadLimit) -> None:
        self._raw = raw
        self._sock = sock
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        rest_s = self._limit.rest_s
        if rest_s <= 0:
            raise TooSlow
        self._sock.settimeout(min(rest_s, self._limit.silence_s))
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if self._limit.rest_s <= 0:
                raise TooSlow from None
            raise
        self._limit.take(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class Overdue:
    """Shuts a conversation down that does not end in time, for libraries that know a time-out for each `recv` only.

    A context: it counts from its beginning to its end. `struck` says whether it had to.
    """

    def __init__(self, seconds: float) -> None:
        self.struck = False
        self._socket: Callable[[], socket.socket | None] = lambda: None
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, socket_now: Callable[[], socket.socket | None]) -> None:
        """Say where the socket is found when the time is over."""
        self._socket = socket_now

    def _strike(self) -> None:
        self.struck = True
        if (found := self._socket()) is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
