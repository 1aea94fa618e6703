"""A starlette application in a thread of this process, on a port of its own, over TLS."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from syncd.sandbox.entra.tls import HOST, Files

START_S = 20.0


class _Server(uvicorn.Server):
    """Hangs up when it ends. Over TLS, closing politely waits for an answer that idle clients do not give."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in tuple(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)


@contextmanager
def served(app: ASGIApp, files: Files) -> Iterator[int]:
    """Serve until the context ends; gives the port."""
    bound = socket.create_server((HOST, 0), backlog=128)
    # made anew so that it knows its protocol: else asyncio leaves Nagle on, and each answer takes 40 ms
    listener = socket.socket(fileno=bound.detach())
    config = uvicorn.Config(
        app,
        ssl_certfile=str(files.certificate),
        ssl_keyfile=str(files.key),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="entra stand-in", daemon=True)
    thread.start()
    try:
        _wait_for(server)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(START_S)
        listener.close()


def _wait_for(server: uvicorn.Server) -> None:
    until = time.monotonic() + START_S
    while not server.started:
        if time.monotonic() > until:
            raise TimeoutError("the stand-in did not start")
        time.sleep(0.005)
