"""People whom a mapping line names one by one, and who they were found to be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonRef:
    """How a mapping names a person: by id at a source, or by e-mail or login there, or in all sources (no `source`)."""

    source: str = ""
    id: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        word = self.name or self.id or ""
        return f"{self.source}:{word}" if self.source else word


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Who is meant by such a name, by all identities that were found; nobody where there is none.

    `code` and `text` are what people should know of it, empty: nothing. `is_open`: it is not known who is meant, one of `who`
    or, where that is empty, anybody.
    """

    who: frozenset[tuple[str, str]] = frozenset()
    code: str = ""
    text: str = ""
    is_open: bool = False
