"""Puts stand-ins on loopback ports, each in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from syncd.sandbox.airflow.app import StandIn


class _Served:
    def __init__(self, stand_in: StandIn, *, port: int = 0) -> None:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        # made anew so that it knows its protocol: else asyncio leaves Nagle on, and each answer takes 40 ms
        self._socket = socket.socket(fileno=listener.detach())
        config = uvicorn.Config(
            stand_in, lifespan="off", ws="none", log_config=None, log_level="critical", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{stand_in.path}"
        self._thread.start()

    def end(self) -> None:
        """Ask for the end, without waiting for requests that are under way."""
        self._server.should_exit = self._server.force_exit = True

    def join(self) -> None:
        self._thread.join()
        self._socket.close()


@contextmanager
def serve_all(*stand_ins: StandIn, port: int = 0) -> Iterator[tuple[str, ...]]:
    """Serve stand-ins as long as the context lasts; gives their URLs, in order. A port other than 0 is for one alone."""
    served = [_Served(stand_in, port=port) for stand_in in stand_ins]
    try:
        yield tuple(one.url for one in served)
    finally:
        for one in served:
            one.end()
        for one in served:
            one.join()


@contextmanager
def serve(stand_in: StandIn, *, port: int = 0) -> Iterator[str]:
    """Serve one stand-in as long as the context lasts; gives its URL. Port 0 is any free one."""
    with serve_all(stand_in, port=port) as urls:
        yield urls[0]
