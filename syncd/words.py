"""How a list that may be long is told in a sentence: the first of it, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def and_more(rest: int, more: str = "more") -> str:
    """Say how many are left out: `and 1,200 more`."""
    return f"and {rest:,} {more}"


def some(texts: Sequence[str], most: int, *, between: str = ", ", more: str = "more") -> str:
    """Give the first texts as they come, and how many more there are: `a, b, c and 4 more`; sentences are parted by `;`."""
    shown, rest = between.join(texts[:most]), len(texts) - most
    if rest <= 0:
        return shown
    return f"{shown}{'' if between == ', ' else ';'} {and_more(rest, more)}"
