"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.output import Output, PlanOutput

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
PlanFormat = Annotated[PlanOutput, typer.Option("--output", "-o", help="Who is to read it.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="Who is to read it.")]
