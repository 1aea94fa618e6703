"""Where it is said what happens."""

from __future__ import annotations

from typing import Protocol


class Emit(Protocol):
    """Takes note of something that happened: a fixed event in the past tense, and its facts.

    An exception goes under `exc_info`.
    """

    def __call__(self, event: str, /, **facts: object) -> None: ...
