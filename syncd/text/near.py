"""Whether a word is another one that was mistyped, and not just one that looks a little like it.

`can_see` has most letters of `can_delete`, and nobody who wrote the one meant the other.
"""

from __future__ import annotations

from typing import Final

LETTERS_FOR_EACH_SLIP: Final = 3


def is_near(word: str, meant: str) -> bool:
    """Say whether a word is a part of what was meant, or the other way round, or differs in few letters of many."""
    if word in meant or meant in word:
        return True
    return slips(word, meant) <= max(1, max(len(word), len(meant)) // LETTERS_FOR_EACH_SLIP)


def slips(word: str, meant: str) -> int:
    """Count how often a finger slipped: a letter too many, one too few, a wrong one, two the wrong way round."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(word):
        earlier, before, row = before, row, [i + 1]
        for j, right in enumerate(meant):
            least = min(before[j + 1] + 1, row[j] + 1, before[j] + (letter != right))
            if i and j and letter == meant[j - 1] and word[i - 1] == right:
                least = min(least, earlier[j - 1] + 1)
            row.append(least)
    return row[-1]
