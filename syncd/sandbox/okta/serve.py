"""Serve answers over real HTTP, with or without TLS, from a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from syncd.sandbox.okta.answers import Answer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


@contextlib.contextmanager
def serving(
    app: App, *, port: int = 0, certificate: Path | None = None, key: Path | None = None, backlog: int = 512
) -> Iterator[int]:
    """Serve an ASGI application on this machine for as long as the context lasts; gives the port."""
    # with the protocol named, asyncio switches Nagle's algorithm off, which else costs 40 ms per answer
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(backlog)
        config = uvicorn.Config(
            app,
            interface="asgi3",  # a bound method is taken for the older kind
            lifespan="off",
            log_level="critical",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=0,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)


async def send_answer(answer: Answer, receive: Receive, send: Send) -> None:
    """Send one answer, with its faults."""
    if answer.hang_s and not await _waited(answer.hang_s, receive):
        return
    body = answer.content()
    headers = [*answer.headers, *answer.links(), ("Content-Length", str(len(body)))]
    if answer.content_type is not None:
        headers.append(("Content-Type", answer.content_type))
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    # uvicorn closes the connection of an answer that is shorter than it said
    await send({"type": "http.response.body", "body": body[: len(body) // 2] if answer.cut else body})


async def _waited(seconds: float, receive: Receive) -> bool:
    """Wait; False where the client went away first."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
            return False
    return True


async def read_body(receive: Receive) -> bytes:
    """Read the whole body of a request."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
