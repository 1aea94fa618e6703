"""Every table of the configuration file with the path that it has there, found by walking the tables from the file's own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from syncd.config.tables import ConfigFile
from syncd.fields import Reference, SettingsTable

NAME: Final = "NAME"
"""Stands in a path for any name that people give."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table. `kind` is the `type` of the table that it is in, or is itself, where tables of several types can be."""

    path: tuple[str, ...]
    table: type[SettingsTable]
    kind: str = ""


@cache
def sections() -> tuple[Section, ...]:
    """Give every table in the order of the file's keys, a table before those in it; many have several paths."""
    return tuple(_walked(Section((), ConfigFile)))


def keys_of(path: Sequence[str], kind: str) -> frozenset[str]:
    """Give the keys of a table of the file; one without a section is a reference to a secret."""
    found = (s.table for s in sections() if s.kind in ("", kind) and _fits(s.path, path))
    return frozenset(next(found, Reference).model_fields)


def _fits(path: Sequence[str], written: Sequence[str]) -> bool:
    return len(path) == len(written) and all(ours in (NAME, theirs) for ours, theirs in zip(path, written, strict=True))


def _walked(section: Section) -> Iterator[Section]:
    yield section
    for name, field in section.table.model_fields.items():
        for below, table in _tables(field.annotation):
            kind = _kind(table) or section.kind
            yield from _walked(Section((*section.path, name, *below), table, kind))


def _tables(annotation: Any) -> Iterator[tuple[tuple[str, ...], type[SettingsTable]]]:
    """Find the tables that a value can be or hold, each with what stands between the key and it."""
    inner = get_args(annotation)
    match get_origin(annotation):
        case None if inspect.isclass(annotation) and issubclass(annotation, SettingsTable):
            yield (), annotation
        case origin if origin is Annotated or origin is tuple:
            yield from _tables(inner[0])
        case origin if origin is dict:
            yield from (((NAME, *below), table) for below, table in _tables(inner[1]))
        case origin if origin in (Union, UnionType):
            for one in inner:
                yield from _tables(one)


def _kind(table: type[SettingsTable]) -> str:
    """Give the type that a table is for; empty where it is for any."""
    field = table.model_fields.get("type")
    return get_args(field.annotation)[0] if field is not None else ""
