"""`syncd apply`: make every enforced deployment as the mapping says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_PERSON
from syncd.cli.confirm import agreed, at_terminal
from syncd.cli.invocation import invocation
from syncd.cli.options import Deployments, Full, PlanFormat
from syncd.cli.output import PlanOutput, show_text
from syncd.cli.plan import show_report
from syncd.cli.reconcile import approve_here, refuse_unknown

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.store import Stores


def apply(
    context: typer.Context,
    deployment: Deployments = None,
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user",
            "-u",
            metavar="USER",
            autocompletion=COMPLETE_PERSON,
            help="Only this person, by account name or e-mail; several times.",
        ),
    ] = None,
    approve: Annotated[
        list[str] | None,
        typer.Option("--approve", metavar="DIGEST", help="Let the held changes with this digest pass; several times."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="On a terminal, do not ask before something is taken from people.")
    ] = False,
    full: Full = False,
    output: PlanFormat = PlanOutput.TEXT,
) -> int:
    """Make what `plan` shows, look whether it is there, and write down all of it."""
    from dataclasses import replace

    from syncd import reconcile
    from syncd.app import checkpointed
    from syncd.errors import EXIT_CHANGES, EXIT_DONE, EXIT_INVALID, worst
    from syncd.model import EVERYTHING, Note, Scope

    this = invocation(context)
    settings = this.settings()
    scope = Scope.people(user) if user else EVERYTHING
    with this.store(settings) as store:
        if not yes and output is PlanOutput.TEXT and at_terminal():

            def planned() -> reconcile.Report:
                with this.world(settings, store, deployments=deployment or (), full=full) as world:
                    # before anything is planned, by which what is held would be as of now
                    refuse_unknown(world, scope, approve or ())
                    return reconcile.plan(replace(world, as_applied=True), scope=scope)

            if not agreed(planned, approvals=frozenset(approve or ()) | _approved(settings, store)):
                show_text("nothing was done")
                return EXIT_CHANGES
        with this.world(settings, store, deployments=deployment or (), full=full) as world:
            approve_here(world, scope, approve or ())
            report = reconcile.apply(world, scope=scope, approvals=approve or ())
            unknown = reconcile.strangers(world, user or ())
            checkpointed(settings, store, world.emit, now=world.clock())
        report = replace(report, notes=(*report.notes, *(Note("person_unknown", text) for text in unknown)))
        show_report(report, output=output, verb="apply", this=this)
    return worst([report.exit_code(), EXIT_INVALID if unknown else EXIT_DONE])


def _approved(settings: Settings, store: Stores) -> frozenset[str]:
    """Give what was approved before and has not passed yet: it goes too, so it is asked about."""
    from syncd.app import utc_now

    since = utc_now() - settings.daemon.hold_expires
    nothing: frozenset[str] = frozenset()
    return nothing.union(*(store.inbox.approved(d.deployment.name, since=since) for d in settings.deployments))
