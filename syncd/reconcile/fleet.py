"""`plan` and `apply`: one run over every deployment, each in a thread, so that one failure stays one failure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from syncd.errors import (
    ApprovalRefused,
    DeploymentBusy,
    StoreError,
)
from syncd.model import (
    EVERYTHING,
    Scope,
)
from syncd.plan.approval import Apply, Mode, PlanOnly
from syncd.reconcile.deployment import guarded_pass, why_refused
from syncd.reconcile.directory import read_directory, rereading
from syncd.reconcile.report import DeploymentReport, Report
from syncd.reconcile.run import end_run
from syncd.reconcile.state import Pass
from syncd.reconcile.world import World

REFUSALS = 5
"""So many reasons at most are given why an approval lets nothing pass."""


def plan(world: World, *, scope: Scope = EVERYTHING, command: str = "plan", keep_states: bool = False) -> Report:
    """Say what `apply` would do now. Writes to no deployment."""
    return run_all(world, scope, command=command, mode=PlanOnly(), keep_states=keep_states)


def apply(
    world: World,
    *,
    scope: Scope = EVERYTHING,
    approvals: Collection[str] = (),
    command: str = "apply",
    by: str = "",
) -> Report:
    """Make every enforced deployment as the mapping says, and prove it by reading back.

    `approvals` holds the digests of held changes that a person lets pass; `by` says who, where that is not the OS user.

    Raises:
        ApprovalRefused: one of them lets nothing pass on any deployment; nothing was begun.
    """
    require_holds(world, scope, approvals)
    return run_all(world, scope, command=command, mode=Apply(frozenset(approvals)), keep_states=False, by=by)


def require_holds(world: World, scope: Scope, approvals: Collection[str]) -> None:
    """Raise ApprovalRefused where one of these digests lets nothing pass on any deployment."""
    refused = {digest: _refusals(world, scope, digest) for digest in sorted(set(approvals))}
    if never := [text for found in refused.values() if all(found) for text in found]:
        raise ApprovalRefused("; ".join(never[:REFUSALS]))


def _refusals(world: World, scope: Scope, digest: str) -> tuple[str, ...]:
    """Say for each deployment why an approval lets nothing pass there; empty where it does."""
    return tuple(why_refused(world, target, digest, scope=scope) for target in world.targets)


def run_all(world: World, scope: Scope, *, command: str, mode: Mode, keep_states: bool, by: str = "") -> Report:
    started = perf_counter()
    run = world.journal.ledger.start_run(command, scope=scope, now=world.clock(), by=by)
    world.emit("run_started", run=run, command=command, scope=str(scope))
    directory = read_directory(world, applying=isinstance(mode, Apply))
    world = rereading(world)
    with ThreadPoolExecutor(max(1, world.workers), thread_name_prefix="deployment") as pool:
        passes = [
            pool.submit(guarded_pass, Pass(world, run, target, directory, scope, keep_states), mode)
            for target in world.targets
        ]
        reports = tuple(done.result() for done in passes)
    if isinstance(mode, Apply):
        _count_failures(world, reports)
    return end_run(world, run, reports, directory, mode, command=command, started=started)


def _count_failures(world: World, reports: Iterable[DeploymentReport]) -> None:
    """Write down which deployments fail and which do not, as the daemon does after each pass; a plan says nothing of that."""
    for report in reports:
        match report.error:
            case None:
                world.journal.failures.worked(report.deployment)
            case DeploymentBusy() | StoreError():
                continue  # another writer, and the database: neither is about the deployment
            case _:
                world.journal.failures.failed(report.deployment, now=world.clock())
