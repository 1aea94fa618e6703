"""How many examples a test of properties tries: all of them with `make test`, a quarter with `make unit` (see conftest.py)."""

from __future__ import annotations

from hypothesis import settings

ALL = 100
"""How many a test tries that says nothing, where all are wanted."""
QUARTER = 25


def examples(wanted: int) -> int:
    """Give how many examples to try in this run where `wanted` are all."""
    return max(1, wanted * settings().max_examples // ALL)
