"""Whom a binding is for, as a mapping file says it: groups, everybody in a source, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from syncd.mapping.keys import BINDING, GROUP, MEMBERS
from syncd.mapping.keys_of_tests import WHOM
from syncd.mapping.parse_named import read_accounts, read_people
from syncd.mapping.parse_patterns import check_text
from syncd.mapping.parse_where import read_where
from syncd.mapping.reading import MappingReading, is_source
from syncd.model import EVERYONE, Accounts, AllOf, AnyOf, At, Everyone, GroupRef, Subject, Where, Without
from syncd.model.patterns import variables
from syncd.text.document import TEXT, Items, Node, Scalar, Table

_SUBJECT_KEYS: Final = frozenset({*BINDING.one, "where", "none_of", "except"})
DEEPEST: Final = 10
"""Deeper nobody can read it."""


def read_subject(
    reading: MappingReading, found: Mapping[str, Node], at: At, *, what: str = "a binding", depth: int = 1
) -> Subject | None:
    """Read whom a binding, or an entry of one, is for, of its keys; None where that cannot be said."""
    subject = _one_of(reading, found, at, what=what, among=BINDING.one if depth == 1 else MEMBERS.one, depth=depth)
    for key in ("where", "none_of", "except"):
        if key in found and isinstance(subject, Accounts):
            reading.strict.wrong(
                found[key].at, f"`{key}` goes with no `accounts`, which are named one by one; take one out"
            )
    if "where" in found:
        conditions = read_where(reading, found["where"], subject)
        subject = Where(subject, conditions) if subject and conditions else None
    if "none_of" in found:
        none_of = _several(reading, found["none_of"], "`none_of`", depth=depth)
        subject = Without(subject, none_of) if subject and none_of else None
    if "except" in found:
        people = read_people(reading, found["except"], "`except`")
        subject = Without(subject, people) if subject and people else None
    return subject


def _one_of(
    reading: MappingReading, found: Mapping[str, Node], at: At, *, what: str, among: tuple[str, ...], depth: int
) -> Subject | None:
    """Read the one key that says whom something is for."""
    given = [key for key in among if key in found]
    listed = f"{', '.join(f'`{key}`' for key in among[:-1])} or `{among[-1]}`"
    if not given:
        also = ": `none_of` says who of them is left out" if "none_of" in found else ""
        reading.strict.wrong(at, f"{what} needs {listed}{also}")
    elif len(given) > 1:
        both = " and ".join(f"`{key}`" for key in given)
        reading.strict.wrong(
            found[given[1]].at,
            f"{what} has {both}; write one of {listed}; groups go together below `any_of` or `all_of`",
        )
    else:
        return _READ[given[0]](reading, found[given[0]], depth)
    return None


def _any_of(reading: MappingReading, node: Node, depth: int) -> Subject | None:
    of = _several(reading, node, "`any_of`", depth=depth)
    return AnyOf(of) if of else None


def _all_of(reading: MappingReading, node: Node, depth: int) -> Subject | None:
    of = _several(reading, node, "`all_of`", depth=depth)
    return AllOf(of) if of else None


def _everyone(reading: MappingReading, node: Node, _depth: int) -> Subject | None:
    source = reading.strict.text(node, "`everyone`")
    return Everyone(source) if source and is_source(reading, source, node.at) else None


def _people(reading: MappingReading, node: Node, _depth: int) -> Subject | None:
    people = read_people(reading, node, "`people`")
    return AnyOf(people) if people else None


def _accounts(reading: MappingReading, node: Node, _depth: int) -> Subject | None:
    return read_accounts(reading, node)


def _several(reading: MappingReading, node: Node, what: str, *, depth: int) -> tuple[Subject, ...] | None:
    """Read a list of groups, and of what is made of groups; None where one of them cannot be read."""
    if depth > DEEPEST:
        reading.strict.wrong(node.at, f"{what} is nested more than {DEEPEST} deep; write several bindings")
        return None
    entries = reading.strict.items(node, what, at_least=1)
    first: dict[Subject, Node] = {}
    for entry in entries:
        subject = _entry(reading, entry, what, depth)
        if subject and first.setdefault(subject, entry) is not entry:
            reading.strict.wrong(entry.at, f'"{subject}" is in this list twice; keep one')
    return tuple(first) if entries and len(first) == len(entries) else None


def _entry(reading: MappingReading, node: Node, what: str, depth: int) -> Subject | None:
    what = f"an entry of {what}"
    if not isinstance(node, Table):
        return _short_group(reading, node, what)
    if not any(name.text in _SUBJECT_KEYS or isinstance(value, Items) for name, value in node.entries):
        return _long_group(reading, node)
    found = reading.strict.record(node, what, known=MEMBERS.known)
    return read_subject(reading, found, node.at, what=what, depth=depth + 1) if found else None


def read_group_or_subject(reading: MappingReading, node: Node, what: str) -> Subject | None:
    """Read whom a key means that takes a group in the short form, or the keys of a binding that say whom it is for."""
    if not isinstance(node, Table):
        return _short_group(reading, node, what)
    return read_subject(reading, reading.strict.record(node, what, known=WHOM.known), node.at, what=what)


# --- one group --------------------------------------------------------------------------------------------------------

_GROUP = "write `source:name`, or {source: ..., id: ..., name: ...}"
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|00g[0-9A-Za-z]{17}")
"""Ids of groups as Entra and Okta make them: what looks so is no name."""


def _group(reading: MappingReading, node: Node, _depth: int) -> GroupRef | None:
    return _long_group(reading, node) if isinstance(node, Table) else _short_group(reading, node, "`group`")


def _short_group(reading: MappingReading, node: Node, what: str) -> GroupRef | None:
    strict = reading.strict
    word = strict.text(node, what)
    if word is None:
        return None
    source, colon, name = word.partition(":")
    if not (colon and source.strip() == source != "" and name.strip() == name != ""):
        strict.wrong(node.at, f'"{word}" does not name a group; {_GROUP}')
        return None
    if not (is_source(reading, source, node.at) and _is_plain(reading, source, name, node.at)):
        return None
    return GroupRef(source, id=name) if _ID.fullmatch(name) else GroupRef(source, name=name)


def _long_group(reading: MappingReading, node: Table) -> GroupRef | None:
    strict = reading.strict
    if len(node.entries) == 1 and node.entries[0][0].text not in GROUP.known:
        strict.wrong(node.at, f"this does not name a group; {_GROUP}, without a blank after the colon")
        return None
    found = strict.record(node, "`group`", known=GROUP.known, required=GROUP.required)
    if not set(GROUP.some) & found.keys():
        strict.wrong(node.at, "`group` needs `id`, `name` or both")
    source, identifier, name = (strict.text(found.get(k), f"`{k}`") for k in GROUP.known)
    known = source is not None and is_source(reading, source, found["source"].at)
    if not (source and known and (identifier or name)):
        return None
    if identifier == EVERYONE:
        said = f'"{EVERYONE}" is the id of no group; for whoever is in this source write `everyone: {source}`'
        strict.wrong(found["id"].at, said)
        return None
    if name and not identifier and not _is_plain(reading, source, name, found["name"].at):
        return None
    return GroupRef(source, identifier, name)


def _is_plain(reading: MappingReading, source: str, name: str, at: At) -> bool:
    """Refuse what will mean more than itself in the name of a group."""
    used = variables(name) if reading.captured else frozenset[str]()
    reserved = re.search(r"\*" if used else r"\*|(?<!\$)\{", name)
    if not reserved:
        if used:
            check_text(reading.strict, Scalar(name, TEXT, at), reading.captured, where="the group of this binding")
        return used <= reading.captured
    instead = "or write a pattern in `group` alone" if variables(name) else "and write a binding for each group"
    reading.strict.wrong(
        at,
        f'"{reserved[0]}" in the name of a group is reserved; name the group "{name}" by its id, as in '
        f"{{source: {source}, id: ...}}, {instead}",
    )
    return False


_READ: Final[Mapping[str, Callable[[MappingReading, Node, int], Subject | None]]] = {
    "group": _group,
    "any_of": _any_of,
    "all_of": _all_of,
    "everyone": _everyone,
    "people": _people,
    "accounts": _accounts,
}
