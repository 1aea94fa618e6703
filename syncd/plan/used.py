"""How much of a limit a plan would use: what a person sees before anything is held."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Used:
    """One limit: `where` it is (empty: of the deployment itself), what it counts, how much of that the plan does, how much was
    done there `before` within the last hour, and how much it may be at most, as things are now."""

    where: str
    words: str
    count: int
    before: int
    most: int

    def __str__(self) -> str:
        where = f"in {self.where} " if self.where else ""
        lately = f", {self.before:,} were within the last hour" if self.before else ""
        return f"{where}{self.count:,} {self.words}{lately}; the limit is {self.most:,} now"

    @property
    def is_over(self) -> bool:
        return self.count + self.before > self.most
