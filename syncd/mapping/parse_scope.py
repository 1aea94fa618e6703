"""`_scope.yaml`: what the mapping files of its folder, and of the folders below, may grant.

what is left out of a scope            | is
---------------------------------------|--------------------------------------
with no scope in any folder above it   | not allowed
with one                               | allowed as far as the scopes above do
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from syncd import errors
from syncd.errors import MappingInvalid
from syncd.mapping.keys import SCOPE
from syncd.mapping.parse_dags import read_dags, read_level
from syncd.mapping.parse_labels import read_deployments
from syncd.mapping.parse_roles import read_permission
from syncd.mapping.patterns import glob_problem, is_literal
from syncd.mapping.reading import MappingReading, is_readable, is_source, words
from syncd.mapping.scope import WITHOUT_ALL_DAGS, FolderScope
from syncd.mapping.within import Labels
from syncd.model import At, DagSelector, Level
from syncd.text.document import Node, Scalar, Table, read_document

NAMES = ("_scope.yaml", "_scope.yml")
_EMPTY = "the scope is empty, and allows nothing; write what the files of this folder may grant"
_EVERYTHING = ("*",)


def is_scope(file: str) -> bool:
    """Say whether a file is the scope of its folder, in whatever letter case."""
    return PurePosixPath(file).name.casefold() in NAMES


def read_scopes(reading: MappingReading, files: Mapping[str, bytes]) -> dict[str, FolderScope]:
    """Read the scopes among some files, by the folder that each is for."""
    found: dict[str, FolderScope] = {}
    for file in sorted(filter(is_scope, files), key=lambda file: file.count("/")):
        folder = PurePosixPath(file).parent
        if str(folder) in found:
            there = found[str(folder)].at.file
            reading.strict.wrong(At(file, 1), f"this folder has a scope already, {there}; keep one of them")
        is_outermost = not any(str(above) in found for above in folder.parents)
        with errors.reading(file, MappingInvalid):
            root = read_document(file, files[file], reading.strict.problems, empty=_EMPTY)
            if root is not None and is_readable(reading, root):
                found[str(folder)] = _scope(reading, root, is_outermost=is_outermost)
    return found


def _scope(reading: MappingReading, root: Node, *, is_outermost: bool) -> FolderScope:
    found = reading.strict.record(root, "a scope", known=SCOPE.known)
    places = {name.text: name.at for name, _ in root.entries} if isinstance(root, Table) else {}
    if isinstance(root, Table) and not root.entries:
        reading.strict.wrong(root.at, _EMPTY)
    this = _Keys(reading, found, is_outermost)
    return FolderScope(
        root.at,
        places,
        roles=this.globs("roles"),
        groups=this.groups(),
        people=this.globs("people") if "people" in found else None,
        accounts=this.globs("accounts"),
        built_in=this.built_in(),
        permissions=this.permissions(),
        level=this.level(),
        dags=this.dags(),
        deployments=this.deployments(),
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """Reads the keys of one scope."""

    reading: MappingReading
    found: Mapping[str, Node]
    is_outermost: bool

    def texts(self, key: str) -> tuple[Scalar, ...]:
        return self.reading.strict.texts(self.found.get(key), f"`{key}`")

    def globs(self, key: str) -> tuple[str, ...]:
        if key not in self.found:
            return () if self.is_outermost else _EVERYTHING
        for glob in (globs := self.texts(key)):
            if problem := glob_problem(glob.text):
                self.reading.strict.wrong(glob.at, problem)
        return words(globs)

    def groups(self) -> tuple[str, ...]:
        for glob in self.texts("groups"):
            source, colon, name = glob.text.partition(":")
            if glob.text != "*" and not (colon and name):
                self.reading.strict.wrong(
                    glob.at, f'"{glob.text}" matches no group; write `source:name`, as in "okta:fin-*"'
                )
            elif colon and is_literal(source):
                is_source(self.reading, source, glob.at)
        return self.globs("groups")

    def listed(self, key: str) -> frozenset[str] | None:
        if key not in self.found:
            return frozenset() if self.is_outermost else None
        return frozenset(words(self.texts(key)))

    def permissions(self) -> frozenset[str] | None:
        """Read Airflow's permissions, and words that stand beside a level."""
        known = frozenset().union(*(naming.dag_actions for naming in self.reading.namings))
        for word in self.texts("permissions"):
            if word.text not in known:
                read_permission(self.reading, word, or_one_of=known)
        return self.listed("permissions")

    def built_in(self) -> frozenset[str] | None:
        known = frozenset().union(*(naming.built_in_roles for naming in self.reading.namings))
        for role in self.texts("built_in"):
            if role.text.removesuffix(WITHOUT_ALL_DAGS) not in known:
                hint = self.reading.strict.near(role.text, known) or f"; there are {', '.join(sorted(known))}"
                self.reading.strict.wrong(role.at, f'"{role.text}" is no role of Airflow\'s own{hint}')
        return self.listed("built_in")

    def level(self) -> Level | None:
        if "level" not in self.found:
            return None if self.is_outermost else tuple(Level)[-1]
        return read_level(self.reading.strict, self.found["level"])

    def deployments(self) -> Labels | None:
        if "deployments" not in self.found:
            return None if self.is_outermost else ()
        return read_deployments(self.reading.strict, self.found["deployments"])

    def dags(self) -> tuple[DagSelector, ...] | None:
        if "dags" not in self.found:
            return () if self.is_outermost else None
        entries = self.reading.strict.items(self.found["dags"], "`dags`", at_least=1)
        return tuple(read_dags(self.reading, node) for node in entries)
