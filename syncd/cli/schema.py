"""`syncd schema`: what the files look like, for editors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer


class SchemaOf(StrEnum):
    """Which file the schema is of."""

    MAPPING = "mapping"
    SCOPE = "scope"
    CONFIG = "config"


def schema(
    of: Annotated[
        SchemaOf,
        typer.Argument(metavar="[mapping|scope|config]", help="Mapping files, _scope.yaml, or the configuration."),
    ] = SchemaOf.MAPPING,
) -> int:
    """Print the JSON Schema of mapping files, of _scope.yaml or of the configuration, for editors. Reads no file."""
    from syncd.cli.output import show_json
    from syncd.errors import EXIT_DONE

    show_json(schema_of(of))
    return EXIT_DONE


def schema_of(of: SchemaOf) -> dict[str, Any]:
    """Give a schema, for all kinds of target."""
    from syncd.config.schema import config_schema
    from syncd.mapping.schema import mapping_schema, scope_schema
    from syncd.targets import TARGETS

    namings = tuple(kind.naming for kind in TARGETS.values())
    match of:
        case SchemaOf.MAPPING:
            return mapping_schema(namings)
        case SchemaOf.SCOPE:
            return scope_schema(namings)
        case SchemaOf.CONFIG:
            return config_schema()
