"""Serves an application over real HTTP on this machine, with or without TLS, from a thread of this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

HOST = "127.0.0.1"
START_S = 20.0
App = Callable[[Any, Any, Any], Awaitable[None]]


class _Server(uvicorn.Server):
    """Hangs up when it ends. Over TLS, closing politely waits for an answer that idle clients do not give."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in tuple(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)


@contextmanager
def serving(
    app: App, *, port: int = 0, certificate: Path | None = None, key: Path | None = None, own_date: bool = False
) -> Iterator[int]:
    """Serve an ASGI application for as long as the context lasts; gives the port. Port 0 is any free one.

    `own_date` says that the application sends the Date header itself.

    Raises:
        TimeoutError: it did not start.
    """
    config = uvicorn.Config(
        app,
        interface="asgi3",  # a bound method is taken for the older kind
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=not own_date,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = _Server(config)
    with _listening(port) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="stand-in", daemon=True)
        thread.start()
        try:
            _wait_for(server)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            thread.join(START_S)


def _listening(port: int) -> socket.socket:
    """Listen; with the protocol named, asyncio switches Nagle's algorithm off, which else costs 40 ms for an answer."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(512)
    return listener


def _wait_for(server: uvicorn.Server) -> None:
    until = time.monotonic() + START_S
    while not server.started:
        if time.monotonic() > until:
            raise TimeoutError("the stand-in did not start")
        time.sleep(0.002)
