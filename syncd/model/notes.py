"""What a person should know of a pass beside its changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something a person should know that is not a change. `code` is fixed, `text` says what and what to do."""

    code: str
    text: str
