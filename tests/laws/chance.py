"""What chooses in the laws: a generator of random numbers, or hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Chance(Protocol):
    """What chooses: a generator of random numbers, or hypothesis."""

    def choice(self, several: Sequence[T], /) -> T: ...

    def randrange(self, start: int, stop: int, /) -> int: ...


def flip(chance: Chance, of: int) -> bool:
    """Be true once in so many times."""
    return chance.randrange(0, of) == 0
