"""Texts of mapping files as the values that an editor shows a schema, and whether a schema takes them."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft7Validator

from syncd.cli.schema_files import SchemaOf, schema_of
from syncd.errors import Problem
from syncd.mapping.files_of_tests import is_tests
from syncd.mapping.parse_scope import is_scope
from syncd.text.document import NOTHING, TRUTH, Items, Node, Scalar, read_document

VALIDATORS = {of: Draft7Validator(schema_of(of)) for of in SchemaOf}


def refused(file: str, content: bytes) -> list[str]:
    """Say what the schema of a file has against its text, each with its place; the text is one that can be read."""
    problems: list[Problem] = []
    root = read_document(file, content, problems)
    assert root is not None, problems
    of = SchemaOf.SCOPE if is_scope(file) else SchemaOf.TESTS if is_tests(file) else SchemaOf.MAPPING
    return against(of, value(root))


def against(of: SchemaOf, found: Any) -> list[str]:
    return [
        f"/{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in VALIDATORS[of].iter_errors(found)
    ]


def value(node: Node) -> Any:
    """Give what an editor takes a text for, by YAML 1.2: numbers, true, false and null, and everything else is text."""
    if isinstance(node, Scalar):
        if node.kind == "a number":
            return 1
        return {TRUTH: node.text.casefold() == "true", NOTHING: None}.get(node.kind, node.text)
    if isinstance(node, Items):
        return [value(each) for each in node.items]
    return {name.text: value(each) for name, each in node.entries}
