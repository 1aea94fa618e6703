"""What was read of the mapping files so far, over all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from syncd.model import Asking, At, Naming, RoleDefinition, Rule
from syncd.text.document import Node, Scalar
from syncd.text.repeated import MOST_REPEATED, repeated
from syncd.text.strict import Strict

LONGEST_TEXT: Final = 2000
"""So many characters may one text have: each is repeated in what people read, for every person whom it gives something."""


@dataclass(slots=True)
class MappingReading:
    """What was read so far, over all files."""

    sources: frozenset[str] | None
    namings: Collection[Naming]
    people_until: bool = False
    """Whether a binding that names people one by one has to say when it ends."""
    privileged: bool = False
    """Whether a line that gives a role that administers has to say so."""
    asking: Asking | None = None
    """What may be asked of the people of each source; None: anything."""
    strict: Strict = field(default_factory=lambda: Strict(longest=LONGEST_TEXT))
    roles: list[RoleDefinition] = field(default_factory=list)
    bindings: list[Rule] = field(default_factory=list)
    defined: list[tuple[str, At]] = field(default_factory=list)
    """Every role name that a definition stands under, good or bad."""
    bound: list[Scalar] = field(default_factory=list)
    """Every role name in a binding."""
    extended: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """What each role extends; of a role that is defined twice, as its first definition says."""
    captured: frozenset[str] = frozenset()
    """The variables that the group of the binding captures which is being read."""
    regexes: set[str] = field(default_factory=set)
    """Every regular expression so far."""
    repeated: int = 0
    """Entries so far that stand in further places than where they were written."""
    whole: bool = True
    """Whether every definition was seen; else a role that seems unknown may be in the part that could not be read."""


def words(scalars: tuple[Scalar, ...]) -> tuple[str, ...]:
    return tuple(s.text for s in scalars)


def once(said: Iterable[str]) -> Iterable[str]:
    """Give each sentence once, and no empty one."""
    return dict.fromkeys(sentence for sentence in said if sentence)


def is_readable(reading: MappingReading, root: Node) -> bool:
    """Say whether what is used again in a file is not too much to be read; the first that is too much is told."""
    found, before = repeated(root), reading.repeated
    reading.repeated += found.entries
    if before <= MOST_REPEATED < reading.repeated:
        said = f"what is used again in all files (by aliases, `<<`, `vars` or `defaults`) brings more than {MOST_REPEATED:,}"
        reading.strict.wrong(found.at, f"{said} entries, most by what stands here; use it less")
    return not found.entries or reading.repeated <= MOST_REPEATED


def is_source(reading: MappingReading, source: str, at: At) -> bool:
    """Say whether a source is configured; one that is not is a mistake."""
    if reading.sources is None or source in reading.sources:
        return True
    hint = (
        reading.strict.near(source, reading.sources)
        or f"; the configuration has {', '.join(sorted(reading.sources)) or 'none'}"
    )
    reading.strict.wrong(at, f'unknown source "{source}"{hint}')
    return False
