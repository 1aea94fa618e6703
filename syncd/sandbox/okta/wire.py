"""Read requests from the wire and put answers on it, with their faults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from syncd.sandbox.okta.answers import OktaAnswer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def send_answer(answer: OktaAnswer, receive: Receive, send: Send) -> None:
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
