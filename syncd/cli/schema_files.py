"""The schemas that editors read, and where they lie: in `schemas`, beside the configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "schemas"


class SchemaOf(StrEnum):
    """Which file the schema is of."""

    MAPPING = "mapping"
    SCOPE = "scope"
    TESTS = "tests"
    CONFIG = "config"


_COMPARED: Final = (SchemaOf.MAPPING, SchemaOf.SCOPE, SchemaOf.TESTS)
"""Which `check` looks at: to make the last costs more than all that it does."""


def schema_of(of: SchemaOf) -> dict[str, Any]:
    """Give a schema, for all kinds of target."""
    from syncd.mapping.schema import mapping_schema, scope_schema, tests_schema
    from syncd.targets import TARGETS

    namings = tuple(kind.naming for kind in TARGETS.values())
    match of:
        case SchemaOf.MAPPING:
            return mapping_schema(namings)
        case SchemaOf.SCOPE:
            return scope_schema(namings)
        case SchemaOf.TESTS:
            return tests_schema(namings)
        case SchemaOf.CONFIG:
            from syncd.config.schema import config_schema

            return config_schema()


def schema_text(of: SchemaOf) -> str:
    """Give a schema as a file has it."""
    return f"{json.dumps(schema_of(of), indent=2)}\n"


def schema_file(config: Path, of: SchemaOf) -> Path:
    """Give where the schema is that the files of a configuration name."""
    return config.parent / FOLDER / f"{of}.json"


def modeline(config: Path, folder: Path) -> str:
    """Give the line by which a mapping file in a folder names its schema; empty where there is none, or no line can say where."""
    schema = schema_file(config, SchemaOf.MAPPING)
    path = Path(os.path.relpath(schema, folder)).as_posix()
    return f"# yaml-language-server: $schema={path}\n" if schema.is_file() and path.isprintable() else ""


def outdated(config: Path) -> Iterator[str]:
    """Say which schemas are of another syncd than this one, so that editors mark what is right."""
    for of in _COMPARED:
        file = schema_file(config, of)
        try:
            is_same = json.loads(file.read_text(encoding="utf-8")) == schema_of(of)
        except OSError:
            continue  # an editor says that it finds none
        except (ValueError, RecursionError):  # not UTF-8, or no JSON
            is_same = False
        if not is_same:
            yield f"{file} is of another syncd than this one; write it anew: syncd schema {of} > {file}"
