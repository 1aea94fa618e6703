"""The mapping language: text of mapping files -> Rules, or every problem in all of them at once.

docs/mapping.md is the reference for people. Add a key by adding it to its record in `keys`, and reading it where that is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from syncd import errors
from syncd.errors import MappingInvalid, Problem
from syncd.mapping.defaults import with_defaults
from syncd.mapping.extends import with_extended
from syncd.mapping.files_of_tests import is_tests, refuse_mappings
from syncd.mapping.keys import MAPPING_FILE
from syncd.mapping.parse_bindings import read_binding
from syncd.mapping.parse_patterns import check_extended
from syncd.mapping.parse_roles import read_role
from syncd.mapping.parse_scope import is_scope, read_scopes
from syncd.mapping.privileged import unmarked
from syncd.mapping.reading import MappingReading, is_readable
from syncd.mapping.scope import Judge
from syncd.model import (
    Asking,
    At,
    Naming,
    RoleDefinition,
    Rules,
    drawn,
)
from syncd.model.patterns import MOST_EXPANSIONS, variables
from syncd.text.document import Items, Node, Scalar, Table, read_document
from syncd.text.variables import expanded


def parse(
    files: Mapping[str, bytes],
    *,
    namings: Collection[Naming],
    sources: frozenset[str] | None = None,
    people_until: bool = False,
    privileged: bool = False,
    asking: Asking | None = None,
    most_expansions: int = MOST_EXPANSIONS,
) -> Rules:
    """Read mapping files (name -> content) as one set of rules.

    `people_until`: a binding that names people one by one has to say when it ends. `privileged`: one that gives a role that
    administers has to say so. `most_expansions`: so many groups at most
    one pattern is for.
    `namings` are those of every kind of target that the files are for: what one of them cannot take is a mistake. Give
    `sources`, the names of the configured sources, to have groups of other sources refused, and `asking`, to have refused
    what they do not tell of people. No file at all is a mistake: a wrong directory must not read as "nobody has anything".

    Raises:
        MappingInvalid: carries every problem of every file.
    """
    reading = MappingReading(sources, namings, people_until, privileged, asking)
    if all(is_scope(file) or is_tests(file) for file in files):
        reading.strict.problems.append(
            Problem("mappings", 0, 0, "there is no mapping file; write one, or `bindings: []`")
        )
    scopes = read_scopes(reading, files)
    are_scopes_sound = not reading.strict.problems
    for file in sorted(file for file in files if not is_scope(file)):
        with errors.reading(file, MappingInvalid):
            (refuse_mappings if is_tests(file) else _file)(reading, file, files[file])
    _check_role_names(reading)
    check_extended(reading)
    if scopes and are_scopes_sound:
        Judge(scopes, _built_in(reading), reading.strict).judge(reading.roles, reading.bindings)
    roles = with_extended(reading)
    if reading.privileged and not reading.strict.problems:
        _check_privileged(reading, roles)
    if reading.strict.problems:
        raise MappingInvalid(reading.strict.problems)
    written = {name: role for name, role in roles.items() if not variables(name)}
    templates = {name: role for name, role in roles.items() if variables(name)}
    return Rules(written, tuple(reading.bindings), templates, tuple(namings), most_expansions)


def _check_privileged(reading: MappingReading, roles: Mapping[str, RoleDefinition]) -> None:
    for one in unmarked(Rules(roles, tuple(reading.bindings)), reading.namings):
        said = str(one).removeprefix(f"{one.rule.at}: ")
        reading.strict.wrong(one.rule.at, f"{said}: the configuration wants it (mappings.privileged)")


def _file(reading: MappingReading, file: str, content: bytes) -> None:
    root = read_document(file, content, reading.strict.problems)
    if not isinstance(root, Table):
        reading.whole = False
        if root:
            reading.strict.wrong(
                root.at, f"a mapping file holds `roles:`, `bindings:` or both, and this is {root.words}"
            )
        return
    found = _sections(reading, root)
    is_known = len(found) == len(root.entries)
    reading.whole &= is_known
    if is_known and not set(MAPPING_FILE.some) & found.keys():
        reading.strict.wrong(
            root.at, "the file has neither `roles` nor `bindings`; write one of them, or delete the file"
        )
    items = reading.strict.items(found.get("bindings"), "`bindings`")
    bindings = with_defaults(items, found.get("defaults"), reading.strict)
    roles = found.get("roles")
    if not is_readable(reading, Items((*([roles] if roles else []), *bindings), root.at)):
        reading.whole = False
        return
    if roles:
        reading.whole &= isinstance(roles, Table)
        if isinstance(roles, Items) and (name := _first_name(roles)):
            reading.strict.wrong(
                roles.at, f"`roles` is no list; write `{name}:` in place of `- {name}`, and below it what it gives"
            )
        else:
            for role, body in reading.strict.table(roles, "`roles`"):
                read_role(reading, role, body)
    for node in bindings:
        read_binding(reading, node)


def _sections(reading: MappingReading, root: Table) -> Mapping[str, Node]:
    """Give the sections of a file, with its variables replaced."""
    found = reading.strict.record(root, "a mapping file", known=MAPPING_FILE.known)
    if variables := found.get("vars"):
        others = Table(tuple(entry for entry in root.entries if entry[0].text != "vars"), root.at)
        return {"vars": variables, **dict(_named(expanded(others, variables, reading.strict)))}
    return found


def _named(table: Table) -> Iterator[tuple[str, Node]]:
    return ((name.text, node) for name, node in table.entries)


def _built_in(reading: MappingReading) -> frozenset[str]:
    return frozenset().union(*(naming.built_in_roles for naming in reading.namings))


def _first_name(roles: Items) -> str:
    """Give the name in the first entry of a list that should be keys."""
    match roles.items[:1]:
        case (Table(entries=((name, _), *_)),) | (Scalar() as name,):
            return name.text
    return ""


def _check_role_names(reading: MappingReading) -> None:
    """Find roles that are defined twice, look like each other, or are bound and defined nowhere."""
    first: dict[str, tuple[str, At]] = {}
    for name, at in reading.defined:
        other, there = first.setdefault(drawn(name), (name, at))
        if there is at:
            continue
        if other == name:
            reading.strict.wrong(at, f'the role "{name}" is defined twice, first in {there}; keep one of them')
        elif other.casefold() != name.casefold():
            reading.strict.wrong(
                at, f'the role "{name}" looks like "{other}" in {there} and has other letters; rename one of them'
            )
        else:
            reading.strict.wrong(
                at, f'the role "{name}" differs from "{other}" in {there} only in case; rename one of them'
            )
    defined = {name for name, _ in reading.defined}
    _check_known(reading, reading.bound, _built_in(reading) | defined, otherwise="bind another")
    extended = (role for roles in reading.extended.values() for role in roles)
    bases = frozenset[str]().union(*(naming.base_roles for naming in reading.namings))
    _check_known(reading, extended, bases | defined, otherwise="extend another")


def _check_known(reading: MappingReading, roles: Iterable[Scalar], known: AbstractSet[str], *, otherwise: str) -> None:
    for role in roles:
        if role.text not in known and reading.whole:
            hint = reading.strict.near(role.text, known) or f"; define it under `roles`, or {otherwise}"
            reading.strict.wrong(role.at, f'the role "{role.text}" is not defined{hint}')
