"""`syncd schema`: what the files look like, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.schema_files import SchemaOf


def schema(
    of: Annotated[
        SchemaOf,
        typer.Argument(
            metavar="[mapping|scope|tests|config]",
            help="Mapping files, _scope.yaml, _tests.yaml, or the configuration.",
        ),
    ] = SchemaOf.MAPPING,
) -> int:
    """Print the JSON Schema of mapping files, _scope.yaml, _tests.yaml or the configuration, for editors. Reads no file."""
    from syncd.cli.output import show_json
    from syncd.cli.schema_files import schema_of
    from syncd.errors import EXIT_DONE

    show_json(schema_of(of))
    return EXIT_DONE
