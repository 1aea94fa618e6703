"""`syncd rollback`: undo what a run did, under the same guards, and keep it undone until the mapping says so too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.callers import REASON_RULE, is_reason
from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import LARGEST_NUMBER, Deployments
from syncd.cli.output import show_error, show_text
from syncd.render.lines import few, safe

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.model import Change, Pause
    from syncd.plan.rollback import Undo
    from syncd.ports import AuditRow
    from syncd.reconcile import Report
    from syncd.store import Stores

PAGE = 1000
NOTHING = "none of it is there any more: nothing to undo"


def rollback(
    context: typer.Context,
    run: Annotated[
        list[int] | None,
        typer.Argument(metavar="RUN", max=LARGEST_NUMBER, help="The number of a run, as `syncd audit` shows it."),
    ] = None,
    change: Annotated[
        list[int] | None,
        typer.Option(
            "--change", metavar="ID", max=LARGEST_NUMBER, help="Only this change; may be given several times."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="All that was done since: 2026-03-31T09:30 (UTC), or 2h."),
    ] = None,
    deployment: Deployments = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is shown with the pause.")
    ] = None,
    for_: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long what is undone stays so.")] = "24h",
    approve: Annotated[
        list[str] | None, typer.Option("--approve", metavar="DIGEST", help="Let what a limit holds of it pass.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, and do not ask.")] = False,
) -> int:
    """Take what runs gave, and pause the deployments so that the next pass does not give it again.

    Whom that touches gets what other mapping lines give them today, what the runs took among it,
    and nothing else. It is shown first.
    """
    from syncd import reconcile
    from syncd.cli.confirm import at_terminal
    from syncd.errors import EXIT_CHANGES, EXIT_DONE
    from syncd.plan.approval import Apply, PlanOnly

    this = invocation(context)
    if not reason or not is_reason(reason):
        raise typer.BadParameter(f"say why: {REASON_RULE}", param_hint="--reason")
    if sum(map(bool, (run, change, since))) != 1:
        raise typer.BadParameter("say what is to be undone: runs, --change, or --since", param_hint="RUN")
    settings = this.settings()
    with this.store(settings) as store:
        undone = _undone(this, settings, store, _Asked(run or (), change or (), since), deployment or ())
        if not undone:
            show_text("the journal has nothing of it that was applied on these deployments")
            return EXIT_DONE

        def planned() -> Report:
            with this.world(settings, store, deployments=[*undone]) as world:
                return reconcile.roll_back(
                    world, {name: reconcile.Rollback(undo) for name, undo in undone.items()}, mode=PlanOnly()
                )

        found = planned()
        _show(found, this)
        at = [d.deployment for d in found.deployments if d.plan]
        if not at:
            show_text(NOTHING)
            return found.exit_code()
        if not yes and not (at_terminal() and _agreed(planned, at, span=for_, approve=approve or ())):
            show_text("nothing was done; --yes does it")
            return EXIT_CHANGES
        pauses = _paused(settings, store, at, reason=reason, span=for_)
        made = {name: reconcile.Rollback(undone[name], pauses[name].id) for name in at}
        with this.world(settings, store, deployments=at) as world:
            report = reconcile.roll_back(world, made, mode=Apply(frozenset(approve or ())))
        _show(report, this)
        _tell(pauses, program=this.program)
    return report.exit_code()


def _agreed(planned: Callable[[], Report], at: Sequence[str], *, span: str, approve: Sequence[str]) -> bool:
    """Ask whether it may be done: about what it takes, or, where a limit holds all of that, about the pause alone."""
    from syncd.cli.confirm import agreed, answered_yes, losses

    approvals = frozenset(approve)
    if any(losses(planned(), approvals)):
        return agreed(planned, approvals=approvals)
    show_text(f"{safe(few(at))}: nothing is taken from anybody now, and all changes are paused for {safe(span)}")
    return answered_yes("Pause? [y/N] ")


class _Asked:
    """What is to be undone, as it was asked for."""

    def __init__(self, runs: Sequence[int], changes: Sequence[int], since: str | None) -> None:
        from syncd.app import utc_now
        from syncd.cli.audit import moment

        self.runs, self.changes = tuple(runs), tuple(changes)
        self.since: datetime | None = moment(since, "--since", now=utc_now())

    @property
    def what(self) -> str:
        from syncd.plan.rollback import UNDOING

        if self.runs:
            return f"{UNDOING}run {', '.join(map(str, self.runs))}"
        if self.changes:
            return f"{UNDOING}change {', '.join(map(str, self.changes))}"
        return f"{UNDOING}all since {self.since:%Y-%m-%d %H:%M} UTC"

    def rows(self, store: Stores) -> Iterator[AuditRow]:
        """Give the applied changes that are meant, by id."""
        for run in self.runs:
            yield from _pages(store, {"run": run})
        for id_ in self.changes:
            found = store.queries.audit(after=id_ - 1, limit=1)
            yield from (row for row in found if row.id == id_ and row.status == "applied")
        if self.since is not None:
            yield from _pages(store, {"since": self.since})


def _pages(store: Stores, wanted: Mapping[str, Any]) -> Iterator[AuditRow]:
    after = 0
    while True:
        page = store.queries.audit(**wanted, status="applied", after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def _undone(this: Invocation, settings: Settings, store: Stores, asked: _Asked, only: Sequence[str]) -> dict[str, Undo]:
    from syncd.cli.invocation import chosen
    from syncd.plan.rollback import undo_of

    chosen(settings, only)
    enforced = {d.deployment.name for d in settings.deployments if d.enforce}
    found: dict[str, list[Change]] = {}
    for row in asked.rows(store):
        if not only or row.deployment in only:
            found.setdefault(row.deployment, []).append(row.change)
    if (left := sorted(found.keys() - enforced)) and not this.quiet:
        show_error(f"note: left as it is, because it is not configured and enforced now: {', '.join(left)}")
    return {name: undo_of(changes, what=asked.what) for name, changes in found.items() if name in enforced}


def _paused(settings: Settings, store: Stores, at: Sequence[str], *, reason: str, span: str) -> dict[str, Pause]:
    """Pause the deployments, so that what is undone stays so; where one is paused already, nothing is done anywhere. The pause of
    the same rollback, which a limit held before, counts as this one's."""
    from syncd import app
    from syncd.cli.pause import end_of
    from syncd.errors import PausedNow
    from syncd.model import Paused
    from syncd.model.labels import NAME
    from syncd.plan.pauses import sentence, stopping
    from syncd.store.processes import os_user

    reason = f"rolled back: {reason}"
    places = {Paused(NAME, name): name for name in at}
    standing = store.pauses.standing()
    ours = {places[each.of]: each for each in standing if each.of in places and each.reason == reason}
    others = [each for each in standing if each not in ours.values()]
    for each in settings.deployments:
        if each.deployment.name in at and (other := stopping(others, each.deployment)):
            raise PausedNow(
                f"{each.deployment.name} is {sentence(other)}; a rollback is a change too: end that first "
                f"(syncd resume {other.id}), or wait"
            )
    until = end_of(settings, until=None, span=span, until_resumed=False, now=app.utc_now())
    by = os_user()
    new = {name: of for of, name in places.items() if name not in ours}
    return ours | {name: store.pauses.pause(of, until=until, reason=reason, by=by) for name, of in new.items()}


def _show(report: Report, this: Invocation) -> None:
    from syncd.cli.output import PlanOutput
    from syncd.cli.plan import show_report

    show_report(report, output=PlanOutput.TEXT, verb="rollback", this=this)


def _tell(pauses: Mapping[str, Pause], *, program: str) -> None:
    for name, pause in pauses.items():
        show_text(
            f"{name} is paused {pause.lasts}: what its mapping lines still give of this is given again then. Correct the "
            f"mapping, look (syncd plan -d {name}), and end the pause: {program} resume {pause.id}"
        )
