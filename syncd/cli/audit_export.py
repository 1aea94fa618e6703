"""`syncd audit export`: give the journal's records away, line by line, to be kept and verified elsewhere."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from syncd.cli.invocation import invocation


def export(
    context: typer.Context,
    after: Annotated[int, typer.Option(metavar="RECORD", min=0, help="Only records with a higher number.")] = 0,
) -> int:
    """Write the journal's records to standard output, one JSON line each, as they were hashed: `syncd audit verify FILE` follows
    them, and so can anybody (docs/evidence.md)."""
    from syncd.errors import EXIT_DONE

    this = invocation(context)
    with this.store(this.settings()) as store:
        for _, line in store.records.lines(after=after):
            sys.stdout.write(f"{line}\n")
    return EXIT_DONE
