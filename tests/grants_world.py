"""A source of which everybody is read, for tests of what people are given for a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from stages import NOW, People

from syncd.errors import SourceUnavailable
from syncd.model import EVERYONE, Certificate, Group, Identity, Snapshot


@dataclass
class Staff(People):
    """Everybody is there, in groups or not; some are not active; `whole` says whether everybody is read."""

    everybody: list[str] = field(default_factory=list)
    inactive: set[str] = field(default_factory=set)
    whole: bool = True

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable(self.down)
        people = tuple(
            Identity("people", n, n, f"{n}@example.com", n, "Test", active=n not in self.inactive)
            for n in self.everybody
        )
        seen = frozenset(i.id for i in people if i.active)
        read = Certificate(1, len(seen), None, NOW, complete=self.whole, why="cut")
        groups = [Group("people", EVERYONE, EVERYONE, seen, read)]
        groups += [
            Group("people", g, g, frozenset(m), replace(read, count=len(m), complete=True))
            for g, m in self.members.items()
        ]
        return Snapshot("people", people, tuple(groups), NOW)
