"""A text that cannot be read at all: where it is broken, and in what words that is said."""

from __future__ import annotations

from typing import Final

DEEPEST: Final = 50
"""So many brackets may be open at once."""
TOO_DEEP: Final = "the file is nested too deeply to be a mapping file"


class Broken(Exception):
    """Nothing after this place can be read."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def place_after(before: str) -> tuple[int, int]:
    """Give the line and column that come after a text."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
