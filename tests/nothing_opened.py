"""Unit tests are values in and values out: whoever opens something during one of them is told where the test belongs.

The interpreter reports each opening before it happens (PEP 578, audit events), whatever library makes it and in whatever
thread. The sentence is no `Exception`, so that no code under test can swallow it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
OPENINGS = {
    "socket.__new__": "a socket",
    "sqlite3.connect": "a database",
    "subprocess.Popen": "a process",
    "os.fork": "a process",
    "os.posix_spawn": "a process",
    "os.mkdir": "a folder",
    "tempfile.mkdtemp": "a folder",
    "tempfile.mkstemp": "a file for writing",
}


_watched: list[str] = []


@contextmanager
def nothing_opened(test: str) -> Iterator[None]:
    """Fail the test that opens something, from its first fixture to its last teardown."""
    _watched.append(test)
    try:
        yield
    finally:
        _watched.pop()


def opened(event: str, args: tuple[object, ...]) -> str | None:
    """Name what an audit event opens, or nothing if unit tests may do it, as they may read."""
    if event in OPENINGS:
        return None if _is_a_cache(args) else OPENINGS[event]
    if event != "open" or _is_a_cache(args) or args[0] == os.devnull or isinstance(args[0], int):
        return None  # a number is what was opened before, and looked at then
    flags = args[2]
    return "a file for writing" if isinstance(flags, int) and flags & WRITING else None


def _is_a_cache(args: tuple[object, ...]) -> bool:
    """Tell whether it is the interpreter that keeps byte code, or hypothesis its tables of characters."""
    return bool(args) and any(cache in str(args[0]) for cache in ("__pycache__", ".hypothesis"))


def _watch(event: str, args: tuple[object, ...]) -> None:
    if _watched and (what := opened(event, args)):
        pytest.fail(f"{_watched[-1]} opens {what} ({event} {args[0] if args else ''}): it belongs into tests/component")


sys.addaudithook(_watch)
