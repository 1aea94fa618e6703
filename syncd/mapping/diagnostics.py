"""What compiling finds on the way: notes for people, and what must not be taken away now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from syncd import words
from syncd.model import Doubted, Note, User


@dataclass(slots=True)
class Diagnostics:
    """Collects while one deployment is compiled; the first reason to freeze a thing is kept."""

    notes: set[Note] = field(default_factory=set)
    frozen: dict[str, str] = field(default_factory=dict)
    frozen_for: dict[str, tuple[Doubted, ...]] = field(default_factory=dict)
    frozen_users: dict[str, str] = field(default_factory=dict)
    undecided: dict[str, User] = field(default_factory=dict)

    def note(self, code: str, text: str) -> None:
        self.notes.add(Note(code, text))

    def freeze(self, roles: Iterable[str], why: str, *, only: Doubted | None = None) -> None:
        """Let nobody lose these roles; `only` says whom the doubt is about, where it is about no others."""
        for role in roles:
            if only is None:
                self.frozen_for.pop(role, None)
            elif role not in self.frozen or role in self.frozen_for:
                self.frozen_for[role] = (*self.frozen_for.get(role, ()), only)
            self.frozen.setdefault(role, why)


def some(things: Iterable[str], *, most: int = 3) -> str:
    """List the first few of many things, sorted, and count the rest."""
    return words.some(sorted(things), most)
