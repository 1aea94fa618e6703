"""JSON Schema of mapping files, of `_scope.yaml` and of `_tests.yaml`, for editors, from the tables of `keys`.

A schema knows what a file looks like and not what it means: what it refuses `syncd check` refuses too, and not the other way
round. In a mapping file `${name}` may stand in place of a text, of true or false and of a list of texts, whether the file has
such a variable or not. Draft 7 is what editors read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from syncd.mapping.key_shapes import (
    DagAction,
    Either,
    Flag,
    Key,
    KeyTable,
    ListOf,
    Named,
    Number,
    Plain,
    Ref,
    Shape,
    Text,
    Word,
)
from syncd.mapping.keys import BINDING, DEFAULTS, OF_MAPPING, OF_SCOPE
from syncd.mapping.keys_of_tests import OF_TESTS
from syncd.model import Naming

Schema = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_SOMETHING: Final = r"\S"
_VARIABLE: Final = r"^\$\{[A-Za-z_][A-Za-z0-9_-]*\}$"
_HAS_VARIABLE: Final = r"\$\{"
_LINK: Final = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_BY_DEFAULT: Final = tuple(key for key in BINDING.required if key in DEFAULTS.known)
"""What a binding needs that `defaults` may say for it."""


def mapping_schema(namings: Collection[Naming]) -> Schema:
    """Give the schema of a mapping file for those kinds of target."""
    schema = _document(OF_MAPPING, namings, has_variables=True)
    binding = schema["definitions"][BINDING.name]
    binding["required"] = [key for key in binding["required"] if key not in _BY_DEFAULT]
    says = {"required": [DEFAULTS.name], "properties": {DEFAULTS.name: {"required": list(_BY_DEFAULT)}}}
    each = {"properties": {"bindings": {"items": {"required": list(_BY_DEFAULT)}}}}
    return {**schema, "if": says, "then": {}, "else": each}


def scope_schema(namings: Collection[Naming]) -> Schema:
    """Give the schema of a `_scope.yaml` for those kinds of target."""
    return {**_document(OF_SCOPE, namings, has_variables=False), "minProperties": 1}


def tests_schema(namings: Collection[Naming]) -> Schema:
    """Give the schema of a `_tests.yaml` for those kinds of target."""
    return _document(OF_TESTS, namings, has_variables=False)


def _document(records: tuple[KeyTable, ...], namings: Collection[Naming], *, has_variables: bool) -> Schema:
    shapes = _Shapes(_everywhere(naming.dag_actions for naming in namings), has_variables)
    root, *others = records
    variable = {"variable": {"type": "string", "pattern": _VARIABLE}} if has_variables else {}
    defined = {record.name: shapes.record(record) for record in others}
    return {"$schema": DRAFT, **shapes.record(root), "definitions": {**defined, **variable}}


def _everywhere(words: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Give the words that every kind of target has, in the order of the first."""
    first, *others = words
    return tuple(word for word in first if all(word in other for other in others))


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Writes shapes as JSON Schema."""

    dag_actions: tuple[str, ...]
    has_variables: bool

    def record(self, record: KeyTable) -> Schema:
        return {
            "description": f"{record.says[0].upper()}{record.says[1:]}.",
            "type": "object",
            "properties": {key.name: self._key(key) for key in record.keys},
            "additionalProperties": False,
            **({"required": list(record.required)} if record.required else {}),
            **({"dependencies": {key: list(others) for key, others in record.only}} if record.only else {}),
            **_together(record),
        }

    def _key(self, key: Key) -> Schema:
        shape = self._shape(key.shape)
        # beside `$ref` draft 7 reads nothing
        return {"description": plain(key.says), **({"allOf": [shape]} if "$ref" in shape else shape)}

    def _shape(self, shape: Shape) -> Schema:
        match shape:
            case Text(pattern):
                return {"type": "string", "pattern": self._pattern(pattern or _SOMETHING)}
            case Word(words):
                return self._or_variable({"enum": [str(word) for word in words]})
            case DagAction():
                return self._or_variable({"enum": list(self.dag_actions)})
            case Flag(only):
                return self._or_variable({"type": "boolean"} if only is None else {"const": only})
            case Number():
                return {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]{1,9}$"}]}
            case Plain():
                return {"type": ["string", "number", "boolean"], "pattern": _SOMETHING}
            case ListOf():
                return self._list(shape)
            case Named():
                return self._named(shape)
            case Ref(record):
                return {"$ref": f"#/definitions/{record}"}
            case Either(shapes):
                return {"anyOf": [self._shape(each) for each in shapes]}
        assert_never(shape)

    def _named(self, shape: Named) -> Schema:
        found: Schema = {"type": "object", "additionalProperties": self._shape(shape.of)}
        found |= {"propertyNames": {"pattern": shape.names}} if shape.names else {}
        found |= {"minProperties": shape.least} if shape.least else {}
        return found

    def _list(self, shape: ListOf) -> Schema:
        least = {"minItems": shape.least} if shape.least else {}
        most = {"maxItems": shape.most} if shape.most else {}
        distinct = {"uniqueItems": True} if shape.distinct else {}
        found = {"type": "array", "items": self._shape(shape.of), **least, **most, **distinct}
        return self._or_variable(found) if isinstance(shape.of, Text | Word | DagAction) else found

    def _or_variable(self, schema: Schema) -> Schema:
        return {"anyOf": [schema, {"$ref": "#/definitions/variable"}]} if self.has_variables else schema

    def _pattern(self, pattern: str) -> str:
        return f"{pattern}|{_HAS_VARIABLE}" if self.has_variables and pattern != _SOMETHING else pattern


def _together(record: KeyTable) -> Schema:
    """Say which keys go with which."""
    never = [
        {"not": {"required": [key, other]}} for key, others in record.never for other in others
    ]  # one by one: an editor shows which
    return {
        **({"anyOf": _each(record.some)} if record.some else {}),
        **({"oneOf": _each(record.one)} if record.one else {}),
        **({"allOf": never} if never else {}),
    }


def _each(keys: Iterable[str]) -> list[Mapping[str, list[str]]]:
    return [{"required": [key]} for key in keys]


def plain(markdown: str) -> str:
    """Give a text without its links."""
    return _LINK.sub(r"\1", markdown)
