"""How a run ends: its report, its line in the journal and in the log."""

from __future__ import annotations

from time import perf_counter

from syncd.errors import SHOWN
from syncd.model import (
    Directory,
    Note,
)
from syncd.plan.approval import Mode, approvals_of
from syncd.reconcile.report import DeploymentReport, Report, stages, summary_of
from syncd.reconcile.world import World


def end_run(
    world: World,
    run: int,
    reports: tuple[DeploymentReport, ...],
    directory: Directory,
    mode: Mode,
    *,
    command: str,
    started: float,
) -> Report:
    notes = (*world.notes, *_unused(approvals_of(mode), reports))
    report = Report(run, reports, directory.failed, notes, perf_counter() - started)
    summary = summary_of(report)
    kept = summary | ({"read_back": found} if (found := _read_back(reports)) else {})
    world.journal.ledger.end_run(run, exit_code=report.exit_code(), summary=kept, now=world.clock())
    facts = {"exit_code": report.exit_code(), "seconds": round(report.seconds, 3), "stages": stages(reports)}
    only = {"deployment": reports[0].deployment} if len(reports) == 1 else {}
    world.emit("run_ended", run=run, command=command, **only, **facts, **summary)
    return report


def _read_back(reports: tuple[DeploymentReport, ...]) -> dict[str, list[str]]:
    """Give for each deployment that was changed and read back what the server did not keep; at most SHOWN of each."""
    changed = (report for report in reports if report.remaining is not None and report.outcomes)
    return {d.deployment: [f"{c.subject} {c.name}" for c in d.not_converged[:SHOWN]] for d in changed}


def _unused(approvals: frozenset[str], reports: tuple[DeploymentReport, ...]) -> list[Note]:
    """Say which approvals let nothing pass: what they approved is not what would be done now."""
    return [
        Note("approval_unused", f"{digest} approves nothing: no held changes have this digest now; plan again")
        for digest in sorted(approvals - {d.approved for d in reports})
    ]
