"""Whom a binding is for, as a mapping file says it."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.mapping.parse_named import read_accounts
from syncd.mapping.reading import MappingReading
from syncd.model import At, GroupRef, Subject
from syncd.text.document import Node, Table


def read_subject(reading: MappingReading, found: Mapping[str, Node]) -> Subject | None:
    """Read whom a binding is for, of its keys; None where that cannot be said."""
    if "accounts" in found:
        return read_accounts(reading, found["accounts"])
    return _group(reading, found.get("group"))


_GROUP = "write `source:name`, or {source: ..., id: ..., name: ...}"


def _group(reading: MappingReading, node: Node | None) -> GroupRef | None:
    strict = reading.strict
    if isinstance(node, Table):
        return _long_group(reading, node)
    word = strict.text(node, "`group`")
    if node is None or word is None:
        return None
    source, colon, name = word.partition(":")
    if not (colon and source.strip() == source != "" and name.strip() == name != ""):
        strict.wrong(node.at, f'"{word}" does not name a group; {_GROUP}')
        return None
    return GroupRef(source, name=name) if is_source(reading, source, node.at) else None


def _long_group(reading: MappingReading, node: Table) -> GroupRef | None:
    strict = reading.strict
    keys = ("source", "id", "name")
    if len(node.entries) == 1 and node.entries[0][0].text not in keys:
        strict.wrong(node.at, f"this does not name a group; {_GROUP}, without a blank after the colon")
        return None
    found = strict.record(node, "`group`", known=keys, required=("source",))
    if not {"id", "name"} & found.keys():
        strict.wrong(node.at, "`group` needs `id`, `name` or both")
    source, identifier, name = (strict.text(found.get(k), f"`{k}`") for k in keys)
    known = source is not None and is_source(reading, source, found["source"].at)
    return GroupRef(source, identifier, name) if source and known and (identifier or name) else None


def is_source(reading: MappingReading, source: str, at: At) -> bool:
    """See that a source is configured."""
    if reading.sources is None or source in reading.sources:
        return True
    hint = (
        reading.strict.near(source, reading.sources)
        or f"; the configuration has {', '.join(sorted(reading.sources)) or 'none'}"
    )
    reading.strict.wrong(at, f'unknown source "{source}"{hint}')
    return False
