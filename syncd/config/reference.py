"""docs/configuration.md, made from the tables: what is documented is what is read."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syncd.config.sections import NAME, Section, sections
from syncd.fields import Reference, SettingsTable

_WORDS = {str: "text", bool: "true or false", int: "whole number", float: "number", Path: "path", Any: "any"}
_A_SECRET = ("deployments", NAME, "auth", "password")


def reference() -> str:
    """Write the reference of config.toml as Markdown."""
    parts = ["# Configuration\n\n<!-- made by `make golden` from syncd/config/tables.py: change it there -->\n"]
    parts += map(_section, _shown(tuple(sections())))
    return "\n".join(parts)


def _shown(found: Sequence[Section]) -> Iterator[Section]:
    """Show each table once: where it is first, and references to secrets where most people write one."""
    first: dict[type[SettingsTable], Section] = {}
    for section in found:
        first.setdefault(section.table, section)
    first[Reference] = next(s for s in found if s.path == _A_SECRET)
    return (section for section in found if section is first[section.table])


def _section(section: Section) -> str:
    kind = f" of type `{section.kind}`" if section.kind else ""
    title = f"## `[{'.'.join(section.path)}]`{kind}" if section.path else "## The file"
    named = sorted(section.table.model_fields.items(), key=_optional)
    described = written(section.table)
    fields = "\n".join(_field(name, field, field.description or described.get(name, "")) for name, field in named)
    return f"{title}\n\n{inspect.getdoc(section.table)}\n\n{fields}\n"


def _optional(entry: tuple[str, FieldInfo]) -> bool:
    return not entry[1].is_required()


def written(table: type) -> dict[str, str]:
    """Give what is written under each key of a table, and of those that it is made of."""
    found: dict[str, str] = {}
    for part in reversed(table.__mro__[: table.__mro__.index(SettingsTable)]):
        [node] = ast.parse(dedent(inspect.getsource(part))).body
        assert isinstance(node, ast.ClassDef)
        for key, under in pairwise(node.body):
            match key, under:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = text
    return found


def _field(name: str, field: FieldInfo, says: str) -> str:
    return f"- `{name}` ({_type(field.annotation)}{_default(field)}): {' '.join(says.split())}"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(annotation))
    return _WORDS.get(annotation) or _compound(annotation)


def _compound(annotation: Any) -> str:
    kinds = [a for a in get_args(annotation) if a not in (NoneType, Ellipsis)]
    match get_origin(annotation):
        case origin if origin is Annotated:
            return _type(kinds[0])
        case origin if origin in (Union, UnionType):
            return " or ".join(dict.fromkeys(map(_type, kinds)))
        case origin if origin is tuple:
            return f"list of {_type(kinds[0])}".replace("of table", "of tables")
        case origin if origin is dict:
            return f"table of {_type(kinds[1])}".replace("of table", "of tables").removesuffix(" of any")
        case _:
            return "reference to a secret" if issubclass(annotation, Reference) else "table"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ", required"
    if (
        field.default is None
        or isinstance(field.default, BaseModel)
        or field.default_factory
        or field.default in ((), {})
    ):
        return ""
    return f", default `{json.dumps(field.default)}`"
