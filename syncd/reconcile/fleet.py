"""`plan` and `apply`: one run over every deployment, each in a thread, so that one failure stays one failure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter
from types import MappingProxyType

from syncd.errors import (
    ApprovalRefused,
    DeploymentBusy,
    StoreError,
)
from syncd.model import (
    EVERYTHING,
    Directory,
    GrantWord,
    Scope,
)
from syncd.plan.approval import Apply, Mode, PlanOnly
from syncd.plan.rollback import Undo
from syncd.reconcile.deployment import guarded_pass, why_refused
from syncd.reconcile.directory import read_directory, rereading
from syncd.reconcile.grants import ITSELF, end_grants
from syncd.reconcile.report import DeploymentReport, Report
from syncd.reconcile.run import end_run
from syncd.reconcile.state import Pass
from syncd.reconcile.world import Target, World

PREVIEW = "a rollback that is only shown"
"""In the place of the files of such a plan, so that it is in force nowhere."""
REFUSALS = 5
"""So many reasons at most are given why an approval lets nothing pass."""


def plan(world: World, *, scope: Scope = EVERYTHING, command: str = "plan", keep_states: bool = False) -> Report:
    """Say what `apply` would do now; where a change of the mapping waits for its wave, what it would do then. Writes to no
    deployment."""
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


@dataclass(frozen=True, slots=True)
class Rollback:
    """What is undone on a deployment, and the pause that keeps it undone (0: none is begun yet)."""

    undo: Undo
    pause: int = 0


def roll_back(world: World, undone: Mapping[str, Rollback], *, mode: Mode, by: str = "") -> Report:
    """Undo what runs did on these deployments, or say what that would be."""
    command = "rollback" if isinstance(mode, Apply) else "rollback --plan"
    here = replace(world, targets=tuple(t for t in world.targets if t.deployment.name in undone))
    if not isinstance(mode, Apply):
        here = replace(here, files=PREVIEW)
    return run_all(here, EVERYTHING, command=command, mode=mode, keep_states=False, by=by, undone=undone)


def run_all(
    world: World,
    scope: Scope,
    *,
    command: str,
    mode: Mode,
    keep_states: bool,
    by: str = "",
    undone: Mapping[str, Rollback] = MappingProxyType({}),
) -> Report:
    started = perf_counter()
    run = world.journal.ledger.start_run(command, scope=scope, now=world.clock(), by=by)
    world.emit("run_started", run=run, command=command, scope=str(scope))
    directory = read_directory(world, applying=isinstance(mode, Apply))
    if isinstance(mode, Apply):
        end_grants(world.journal.grants, directory, GrantWord(ITSELF, "", world.clock()), world.emit)
    world = rereading(world)
    with ThreadPoolExecutor(max(1, world.workers), thread_name_prefix="deployment") as pool:
        passes = [
            pool.submit(guarded_pass, _pass(world, run, target, directory, scope, keep_states, undone), mode)
            for target in world.targets
        ]
        reports = tuple(done.result() for done in passes)
    if isinstance(mode, Apply):
        _count_failures(world, reports)
    return end_run(world, run, reports, directory, mode, command=command, started=started)


def _pass(
    world: World,
    run: int,
    target: Target,
    directory: Directory,
    scope: Scope,
    keep_states: bool,
    undone: Mapping[str, Rollback],
) -> Pass:
    made, back = Pass(world, run, target, directory, scope, keep_states), undone.get(target.deployment.name)
    if back is not None:
        made.undo, made.own_pause = back.undo, back.pause
    return made


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
