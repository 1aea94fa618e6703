"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.output import Output, PlanOutput

if TYPE_CHECKING:
    from syncd.model import Level

LARGEST_NUMBER: Final = 10**12
"""No row of the database has a larger one: a thousand of them a second are as many in thirty years."""

Deployments = Annotated[
    list[str] | None,
    typer.Option(
        "--deployment",
        "-d",
        metavar="NAME",
        help="Only this deployment; may be given several times.",
        autocompletion=COMPLETE_DEPLOYMENT,
    ),
]
Deployment = Annotated[
    str | None,
    typer.Option(
        "--deployment",
        "-d",
        metavar="NAME",
        help="Only this deployment.",
        autocompletion=COMPLETE_DEPLOYMENT,
    ),
]
Full = Annotated[
    bool, typer.Option("--full", help="Read every source whole, although it would be enough to read what changed.")
]
Snapshot = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        metavar="FILE",
        help="Answer from a file that `syncd snapshot export` wrote, in place of the database.",
    ),
]


Can = Annotated[
    str | None, typer.Option("--can", metavar="LEVEL", help="With --dag: as much as this: view, trigger, edit or own.")
]


def level_of(word: str | None) -> Level | None:
    """Read a level that somebody typed."""
    from syncd.model import Level

    if word is None or word in list(Level):
        return None if word is None else Level(word)
    raise typer.BadParameter(f"it is one of {', '.join(Level)}", param_hint="--can")


PlanFormat = Annotated[PlanOutput, typer.Option("--output", "-o", help="Who is to read it.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="Who is to read it.")]
