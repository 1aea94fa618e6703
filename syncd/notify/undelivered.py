"""That a message could not be delivered, and why."""

from __future__ import annotations


class Undelivered(Exception):
    """Says why, in words that hold nothing secret; `again`: whether another try may help, and if it was said, when."""

    def __init__(self, why: str, *, again: bool, after_s: float | None = None) -> None:
        super().__init__(why)
        self.again = again
        self.after_s = after_s
