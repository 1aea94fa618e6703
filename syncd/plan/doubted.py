"""What is said while the database may not be the one that was worked with last."""

from __future__ import annotations

from syncd.model import Note

HELD = "take something, and the database is in doubt"


def doubt_note(why: str) -> Note:
    return Note(
        "database_doubted",
        f"the database is in doubt: {why}. What it says is ours may be so no more, so nothing is taken until somebody says "
        "which is true: syncd recover",
    )
