"""Waiting for what another thread or process does: until it is so, never for so long."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

PATIENCE_S: Final = 120.0
"""How long a test waits for what comes within a second or two; a machine that many share may take this long, and a test that
is right waits no longer than it has to."""


def until(
    what: str,
    is_so: Callable[[], object],
    *,
    within_s: float = PATIENCE_S,
    look_every_s: float = 0.01,
    told: Callable[[], object] = str,
) -> float:
    """Wait until something is so, and say how many seconds that took; `told` is asked for more where it never is."""
    began = monotonic()
    while not is_so():
        assert monotonic() - began < within_s, f"after {within_s:g} s it still is not so that {what}\n{told()}".rstrip()
        sleep(look_every_s)  # here everybody waits
    return monotonic() - began
