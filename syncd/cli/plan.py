"""`syncd plan`: say what `apply` would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Deployments, Full, PlanFormat
from syncd.cli.output import PlanOutput, show, show_document, show_json

if TYPE_CHECKING:
    from syncd.reconcile import Report


def plan(
    context: typer.Context,
    deployment: Deployments = None,
    output: PlanFormat = PlanOutput.TEXT,
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 2 if there is anything to change.")
    ] = False,
    full: Full = False,
) -> int:
    """Show what has to change, and why. Changes nothing."""
    from syncd import reconcile

    this = invocation(context)
    settings = this.settings()
    with this.store(settings) as store:
        with this.world(settings, store, deployments=deployment or (), full=full) as world:
            report = reconcile.plan(world)
        show_report(report, output=output, verb="plan", this=this)
    return report.exit_code(check=check)


def show_report(report: Report, *, output: PlanOutput, verb: str, this: Invocation) -> None:
    """Print what a pass found and did, for whom it was asked."""
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.json import report_json
    from syncd.render.markdown import report_markdown
    from syncd.render.text import report_lines

    extent = EVERYTHING_SHOWN if this.verbose else SHORT
    match output:
        case PlanOutput.JSON:
            show_json(report_json(report))
        case PlanOutput.MARKDOWN:
            show_document(report_markdown(report, verb=verb, program=this.program, extent=extent))
        case PlanOutput.TEXT:
            show(report_lines(report, verb=verb, program=this.program, extent=extent))
