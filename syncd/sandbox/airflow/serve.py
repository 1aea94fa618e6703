"""Puts stand-ins on loopback ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from syncd.sandbox.airflow.app import StandIn
from syncd.sandbox.serving import HOST, serving


@contextmanager
def serve_all(*stand_ins: StandIn, port: int = 0) -> Iterator[tuple[str, ...]]:
    """Serve stand-ins as long as the context lasts; gives their URLs, in order. A port other than 0 is for one alone."""
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(one, port=port)) for one in stand_ins]
        yield tuple(f"http://{HOST}:{port}{one.path}" for port, one in zip(ports, stand_ins, strict=True))


@contextmanager
def serve(stand_in: StandIn, *, port: int = 0) -> Iterator[str]:
    """Serve one stand-in as long as the context lasts; gives its URL. Port 0 is any free one."""
    with serve_all(stand_in, port=port) as urls:
        yield urls[0]
