"""By which mapping files a pass goes, where changes of the mapping reach the deployments in waves, and what came of it.

a pass                                             | goes by
---------------------------------------------------|-----------------------------------------------------------
there are no waves                                 | the files in use
over everything, and it is the deployment's turn   | the files in use, which is written down before anything else
any other                                          | the files that the deployment goes by, as the database says
that only plans                                    | the files in use, with a note where an apply would not yet
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from syncd.errors import DeploymentBusy, StoreError, SyncdError
from syncd.model import Note, Status
from syncd.plan.approval import Apply, Mode
from syncd.plan.pauses import sentence
from syncd.plan.waves import InWave, WaveStanding, WaveState, shown
from syncd.reconcile.report import DeploymentReport
from syncd.reconcile.revisions import MappingRevisions
from syncd.reconcile.state import Pass
from syncd.reconcile.world import World
from syncd.render.lines import counted


def choose_revision(this: Pass, mode: Mode) -> None:
    """Say by which mapping files a pass goes, as the table above has it."""
    revisions, applying = this.world.revisions, isinstance(mode, Apply)
    if not this.target.enforce:
        return
    if revisions is not None:
        _choose(this, revisions, applying=applying)
    elif applying:
        this.journal.rollouts.leave(this.name)  # else it would be put back to that once there are waves again


def _choose(this: Pass, revisions: MappingRevisions, *, applying: bool) -> None:
    standing = revisions.standing(record := this.journal.rollouts.record())
    mine, row = standing.of[this.name], record.rows.get(this.name)
    is_whole = this.scope.everything and this.undo is None
    begins = mine.state is WaveState.DUE and is_whole
    goes_by = standing.revision if begins else mine.revision
    if mine.state is WaveState.WAITING:
        this.rollout_notes = (_waits(standing, mine),)
    if applying or this.world.as_applied:
        this.base, this.goes_by = revisions.rules_of(goes_by), goes_by
    if applying and is_whole and (begins or row is None):
        soaks = row is not None and not revisions.is_same(this.target.deployment, row)
        this.journal.rollouts.begin(this.name, goes_by, revisions.files_of(goes_by), soaks=soaks)
        this.emit("revision_begun", revision=shown(goes_by), before=shown(row.revision if row else ""), soaks=soaks)


def _waits(standing: WaveStanding, mine: InWave) -> Note:
    return Note(
        "mapping_waits",
        f"apply goes by mapping revision {shown(mine.revision)} here; what {shown(standing.revision)} changes waits for "
        f"{standing.why_waiting(mine)}, while people who join or leave do not; to let it have it now: "
        f"syncd rollout skip -d {mine.deployment} --reason TEXT",
    )


def revisions_had(world: World, names: Iterable[str]) -> Mapping[str, str]:
    """Give the mapping revision that each of these deployments, which are changed, goes by; empty: whatever the files say."""
    if world.revisions is None:
        return dict.fromkeys(names, "")
    of = world.revisions.standing(world.journal.rollouts.record()).of
    return {name: of[name].revision if name in of else "" for name in names}


def note_end(this: Pass, report: DeploymentReport) -> None:
    """Write down what became of a revision on a deployment: found there by reading back, or in trouble."""
    if this.world.revisions is None or not this.goes_by or not this.scope.everything or this.undo is not None:
        return
    why = trouble(report)
    if why or report.converged:
        row = this.journal.rollouts.note(this.name, this.goes_by, why)
        if row is not None and why:
            this.emit("rollout_halted", revision=shown(row.revision), why=why)
        elif row is not None:
            this.emit("revision_reached", revision=shown(row.revision))


def note_failure(this: Pass, error: SyncdError) -> None:
    """Write down that a pass failed; neither that another one writes there nor the database is to blame for that."""
    if isinstance(error, DeploymentBusy | StoreError):
        return
    with suppress(StoreError):  # the database fails as well, which whoever needs it next is told
        note_end(this, DeploymentReport(this.name, error=error))


def trouble(report: DeploymentReport) -> str:
    """Say what stops a rollout after a pass; empty: nothing does."""
    if report.error is not None:
        return " ".join(str(report.error).split())
    failed = sum(1 for outcome in report.outcomes if outcome.status in (Status.FAILED, Status.UNKNOWN))
    if failed:
        return f"{counted(failed, 'change', 'changes')} failed or got no answer"
    if report.not_converged:
        return f"the server did not keep {counted(len(report.not_converged), 'change', 'changes')}"
    if report.held is not None:
        held = counted(len(report.held.changes), "change is", "changes are")
        return f"{held} held ({report.held.digest})"
    if report.blocked:
        return f"{counted(len(report.blocked), 'name', 'names')} cannot be told from something else there"
    return sentence(report.pause) if report.pause is not None and report.paused else ""
