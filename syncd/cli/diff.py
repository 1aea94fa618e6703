"""`syncd diff`: what a change of mapping files would change for people."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Deployments, PlanFormat, Snapshot
from syncd.cli.output import PlanOutput, show, show_document, show_json

if TYPE_CHECKING:
    from syncd.cli.known import Answering
    from syncd.config import Settings
    from syncd.model import Rules
    from syncd.reconcile import Report
    from syncd.render.lines import Line

_Old = Annotated[
    str | None,
    typer.Argument(
        metavar="OLD",
        help="A folder of mapping files, or a revision of git; OLD..NEW for both. HEAD, if it is left out.",
    ),
]
_New = Annotated[
    str | None,
    typer.Argument(metavar="NEW", help="The same; the mapping files as they stand, if it is left out."),
]
_Between = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--between",
        metavar="T1 T2",
        help="In place of mapping files: who gained or lost what by syncd from one moment to another, and why; forms as "
        "--since of `audit`, and `now`.",
    ),
]


def diff(
    context: typer.Context,
    old: _Old = None,
    new: _New = None,
    deployment: Deployments = None,
    snapshot: Snapshot = None,
    between: _Between = None,
    output: PlanFormat = PlanOutput.TEXT,
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 2 if it changes anything for anybody.")
    ] = False,
) -> int:
    """Show what a change of mapping files would change for people, by what was seen of deployments last.

    Asks nobody, and needs neither a credential nor, with --snapshot, a database.
    """
    from syncd.cli.between import diff_between
    from syncd.cli.known import age_lines, ages, answering
    from syncd.errors import EXIT_CHANGES, EXIT_DONE, EXIT_NO_ANSWER

    this = invocation(context)
    if between is not None:
        _refuse_sides([side for side in (old, new) if side], snapshot)
        return diff_between(this, between, deployments=deployment or (), output=output, check=check)
    with answering(this, deployments=deployment or [], snapshot=snapshot) as of:
        before, after = _sides(of.settings, old or "HEAD", new)
        report = _report(of, before, after)
        match output:
            case PlanOutput.JSON:
                show_json({**_json(report), **ages(of)})
            case PlanOutput.MARKDOWN:
                show_document(_markdown(report, this) + _ages_markdown(of))
            case PlanOutput.TEXT:
                show([*_lines(report, this), *age_lines(of)])
        if not of.is_whole:
            return EXIT_NO_ANSWER
    return EXIT_CHANGES if check and any(each.plan for each in report.deployments) else EXIT_DONE


def _refuse_sides(sides: list[str], snapshot: Path | None) -> None:
    """Refuse what says what mapping files to compare, where moments are compared."""
    if sides or snapshot is not None:
        what = "OLD and NEW" if sides else "--snapshot"
        raise typer.BadParameter(f"it compares two moments of the history; leave {what} out", param_hint="--between")


def _sides(settings: Settings, old: str, new: str | None) -> tuple[Rules, Rules]:
    """Read both sides.

    Raises:
        ConfigInvalid: one of them cannot be read.
        MappingInvalid: one of them has mistakes.
    """
    from syncd import app
    from syncd.config import read_mappings

    if new is None and ".." in old and not os.path.isdir(old):
        first, _, second = old.partition("..")
        old, new = first or "HEAD", second.lstrip(".") or "HEAD"
    after: Mapping[str, bytes] = read_mappings(settings.mappings) if new is None else files_of(settings, new)
    return app.rules_of(settings, files_of(settings, old)), app.rules_of(settings, after)


def files_of(settings: Settings, where: str, *, asked: str = "diff") -> Mapping[str, bytes]:
    """Read a folder, or a revision of the folder of mapping files, for what was `asked`."""
    from syncd.config import MAPPING_FILES, read_mappings
    from syncd.errors import ConfigInvalid, Problem
    from syncd.text.folder import FolderUnreadable
    from syncd.text.revision import read_revision

    if os.path.isdir(where):
        return read_mappings(Path(where))
    try:
        return read_revision(settings.mappings, where, MAPPING_FILES)
    except FolderUnreadable as error:
        raise ConfigInvalid([Problem(asked, 0, 0, str(error))]) from error


def _report(of: Answering, old: Rules, new: Rules) -> Report:
    """Compare on each deployment that was seen, as the report of a pass that plans."""
    from syncd.access.compare import RulesComparison
    from syncd.reconcile import DeploymentReport, Report

    started, found, comparison = perf_counter(), [], RulesComparison(old, new, of.view, of.now)
    for known in of.deployments:
        compared = comparison.on(known)
        if compared is not None:
            plan, effects, only = compared.plan, compared.effects, known.deployment.add_only
            found.append(DeploymentReport(known.name, known.enforce, plan=plan, effects=effects, add_only=only))
    return Report(0, tuple(found), dict(of.unread), seconds=perf_counter() - started)


def _json(report: Report) -> dict[str, object]:
    from syncd.render.json import report_json

    return {name: value for name, value in report_json(report).items() if name not in ("run", "calls")}


def _markdown(report: Report, this: Invocation) -> str:
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.markdown import report_markdown

    return report_markdown(
        report, verb="diff", program=this.program, extent=EVERYTHING_SHOWN if this.verbose else SHORT
    )


def _ages_markdown(of: Answering) -> str:
    """Say how old what is known is: whoever reads the comment does not see when the snapshot was made."""
    from syncd.cli.known import age_lines
    from syncd.render.lines import Style
    from syncd.render.markdown import markdown_safe

    # which source could not be read stands in the report already
    told = (line.text for line in age_lines(of) if line.style is not Style.FAIL)
    return "".join(f"\n\n{markdown_safe(text)}" for text in told)


def _lines(report: Report, this: Invocation) -> list[Line]:
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.text import report_lines

    extent = EVERYTHING_SHOWN if this.verbose else SHORT
    return [*report_lines(report, verb="diff", program=this.program, extent=extent)]
