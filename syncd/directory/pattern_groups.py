"""Which groups a pattern is for: those that bear a name that fits, and those that were used by one and are not there now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from syncd.model import EVERYONE, Directory, GroupPattern
from syncd.model.patterns import Values


@dataclass(frozen=True, slots=True)
class NamedGroups:
    """All that patterns ask of a directory.

    there   every group: its source, id and name
    used    what names are known to mean: their source, the name and the id
    failed  sources that could not be read
    """

    there: frozenset[tuple[str, str, str]]
    used: frozenset[tuple[str, str, str]]
    failed: frozenset[str]


def named_groups(directory: Directory, sources: Collection[str]) -> NamedGroups:
    """Give what patterns ask of the groups of some sources."""
    there = ((source, id_, members.group.name) for (source, id_), members in directory.groups.items())
    return NamedGroups(
        frozenset(one for one in there if one[0] in sources and one[1] != EVERYONE),
        frozenset((source, name, id_) for (source, name), id_ in directory.names.items() if source in sources),
        frozenset(directory.failed.keys() & set(sources)),
    )


class GroupNames:
    """The names of groups, by source: those that some group bears, and those that were used before."""

    def __init__(self, known: NamedGroups) -> None:
        self.failed = known.failed
        self._name_of = {(source, id_): name for source, id_, name in known.there}
        self._meant = {(source, name): id_ for source, name, id_ in known.used}
        self._bearers = Counter((source, name) for source, _, name in known.there)
        self._there = _by_source(self._bearers)
        self._used = _by_source(self._meant)

    def of(self, pattern: GroupPattern) -> Mapping[str, Values]:
        """Give the names that fit, sorted, with what they capture."""
        there, used = self._there.get(pattern.source, frozenset()), self._used.get(pattern.source, frozenset())
        return dict(sorted({**_fitting(pattern, used), **_fitting(pattern, there)}.items()))

    def is_there(self, pattern: GroupPattern, name: str) -> bool:
        return name in self._there.get(pattern.source, ())

    def was_used(self, pattern: GroupPattern, name: str) -> bool:
        return (pattern.source, name) in self._meant

    def moved_to(self, pattern: GroupPattern, name: str) -> str:
        """Give the other name that fits of the group that was meant by this one, and is meant by that one too; empty: none.

        A name that is known to mean another group, or that several bear of which none is known, gives this one nothing, so
        it does not end what the old name gave.
        """
        known = self._meant.get((pattern.source, name))
        now = self._name_of.get((pattern.source, known), name) if known else name
        its = (pattern.source, now)
        is_meant = self._meant[its] == known if its in self._meant else self._bearers[its] == 1
        return now if now != name and is_meant and pattern.values(now) is not None else ""


def _by_source(names: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for source, name in names:
        found[source].add(name)
    return {source: frozenset(several) for source, several in found.items()}


@lru_cache(maxsize=64)
def _fitting(pattern: GroupPattern, names: frozenset[str]) -> Mapping[str, Values]:
    found = ((name, pattern.values(name)) for name in names)
    return {name: values for name, values in found if values is not None}
