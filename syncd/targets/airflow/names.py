"""The physical names of a role.

On servers that cannot take a permission away, a role `X` is changed by making a second one beside it. So the one role
that the rest of syncd knows may live under several names:

    X         the usual one
    X~1 ...   a successor; the highest number is the current one until it can be renamed to X
    X~old1    replaced, without people, and the server cannot delete it

Whoever may make roles can make one of such a name, and so a name alone does not say that a role is ours: the second ones that
we made are written down before they are made, and `made` is what was written.

A long name is cut and told apart by a hash, so that none is over 64 characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass

from syncd.targets.airflow.naming import BUILT_IN_ROLES, SECOND_NUMBER, second, stem


@dataclass(frozen=True, slots=True)
class Family:
    """The physical names of one role on one server. `current` is None where the role is not there."""

    name: str
    current: str | None
    replaced: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        return (*((self.current,) if self.current else ()), *self.replaced, *self.dead)

    @property
    def others(self) -> tuple[str, ...]:
        return (*self.replaced, *self.dead)

    def successor(self, taken: Collection[str]) -> str:
        """Name the next current member; `taken` are all role names of the server."""
        return self._free("", taken)

    def grave(self, taken: Collection[str]) -> str:
        """Name under which a replaced role is left behind."""
        return self._free("old", taken)

    def _free(self, word: str, taken: Collection[str]) -> str:
        found = [m for name in self.members if (m := second(self.name).fullmatch(name)) and (m[1] or "") == word]
        n = max((int(m[2]) for m in found), default=0) + 1
        while f"{stem(self.name)}~{word}{n}" in taken:
            n += 1
        return f"{stem(self.name)}~{word}{n}"


def seconds(present: Iterable[str], *, of: Iterable[str]) -> frozenset[str]:
    """Find the names that are as those of second roles of any of these roles."""
    stems = set(map(stem, of))
    return frozenset(found for found in present if (start := found.rpartition("~")[0]) in stems and _ends(found, start))


def _ends(found: str, start: str) -> bool:
    return re.fullmatch(SECOND_NUMBER, found[len(start) :]) is not None


def family(name: str, present: Iterable[str], *, made: Container[str], names: Collection[str] = ()) -> Family:
    """Find the physical names of a role among those present: its own, and of its second names those that are `made` by us.

    `names` are all roles that syncd manages here: what bears the name of one of them belongs to that one.
    """
    numbered: list[tuple[int, str]] = []
    dead: list[tuple[int, str]] = []
    pattern, present = second(name), set(present)
    for found in present - set(names) - {name}:
        if found in made and (m := pattern.fullmatch(found)):
            (dead if m[1] else numbered).append((int(m[2]), found))
    living = ([name] if name in present else []) + [found for _, found in sorted(numbered)]
    return Family(name, living[-1] if living else None, tuple(living[:-1]), tuple(found for _, found in sorted(dead)))


def families(names: Collection[str], present: Collection[str], *, made: Container[str]) -> Mapping[str, Family]:
    """Find the family of each role that syncd manages and that can have one; Airflow's own roles are just themselves."""
    own = frozenset(names) - BUILT_IN_ROLES
    return {name: family(name, present, made=made, names=own) for name in sorted(own)}


def logical(found: Mapping[str, Family]) -> Mapping[str, str]:
    """Map each physical name to the role that it stands for."""
    return {member: name for name, f in found.items() for member in f.members}
