"""Connections that take too long are hung up on, so that a few slow callers cannot use up what the daemon may open.

uvicorn ends connections that idle between requests; it waits for ever for the end of a request's head, and for somebody
to take an answer.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final, NamedTuple

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_PEER: Final = "process at the socket "
"""In the place of an address, with the process at the other end of a Unix socket, beside the id of its user."""


class Peer(NamedTuple):
    """Who is at the other end of a Unix socket, as the kernel says."""

    pid: int
    uid: int


def _peer(transport: asyncio.Transport) -> Peer | None:
    found = transport.get_extra_info("socket")
    if found is None or found.family != socket.AF_UNIX:
        return None
    size = struct.calcsize("3i")  # process, user, group: unix(7)
    return Peer(*struct.unpack("3i", found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[:2])


def peer_of(scope: Scope) -> Peer | None:
    """Give whoever is at the other end of a Unix socket."""
    place, number = scope.get("client") or ("", 0)
    return Peer(int(place.removeprefix(_PEER)), number) if place.startswith(_PEER) else None


class TimedProtocol(H11Protocol):
    """HTTP/1.1 with an end to everything."""

    head_s = 10.0
    """So long may a request take until its head is there, and a new connection until it says something."""
    whole_s = 100.0
    """So long may the rest take, up to the last byte of the answer; the longest wait for a job is 60 s."""
    most_connections = 256
    """Open at a time at one door; the next one is closed at once. A process may often open no more than 1024 files."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if (peer := _peer(transport)) is not None:
            self.client = f"{_PEER}{peer.pid}", peer.uid
        self._give(self.head_s)
        if len(self.connections) > self.most_connections:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            self._give(self.head_s)
        was_idle = self.is_idle
        super().data_received(data)
        if was_idle and not self.is_idle:
            self._give(self.whole_s)

    def on_response_complete(self) -> None:
        self._forgive()
        super().on_response_complete()
        if not self.is_idle:  # the next request was there already
            self._give(self.whole_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forgive()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _give(self, seconds: float) -> None:
        self._forgive()
        self._timer = self.loop.call_later(seconds, self.hang_up)

    def _forgive(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
