"""A plan, and what came of it, in words: lines for a terminal or a pipe."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from syncd.model import Change, Held, Kept, Kind, Pause, Plan, Scope, Status
from syncd.plan.guard import parted
from syncd.plan.on_people import Effects
from syncd.plan.used import Used
from syncd.render.alike import alike, change_lines, cut
from syncd.render.effects import effect_lines, loss_text, passing_text
from syncd.render.extent import SHORT, Extent
from syncd.render.lines import Line, Style, counted, few, number, safe
from syncd.render.notes import note_line, note_texts
from syncd.render.numbers import numbers_of
from syncd.render.reports import DeploymentPass, PassReport, mode_of
from syncd.render.view import ChangeView

# --- what a plan comes to ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people gain and lose something (one may do both), and how many roles change.

    Where the effects are not known, only changes of people themselves are counted, none of the roles that they hold.
    """

    gain: int
    lose: int
    roles: int

    @classmethod
    def of(cls, changes: Iterable[Change], effects: Effects | None = None) -> Counts:
        gain = lose = roles = 0
        for change in changes:
            if change.subject == "role":
                roles += 1
            else:
                gain += bool(change.granted) or change.kind is Kind.CREATE
                lose += bool(change.revoked) or change.kind is Kind.DELETE
        if effects is not None:
            gain, lose = effects.gains.people, effects.loses.people
        return cls(gain, lose, roles)

    def __str__(self) -> str:
        said = [
            counted(self.gain, "person gains", "people gain"),
            counted(self.lose, "person loses", "people lose"),
            counted(self.roles, "role changes", "roles change"),
        ]
        return ", ".join(words for words, count in zip(said, (self.gain, self.lose, self.roles), strict=True) if count)


def going(plan: Plan, held: Held | None, waiting: Iterable[Change] = ()) -> tuple[Change, ...]:
    """Give what of a plan is neither held nor waiting for the end of a pause; of a change that was cut in two, the part that
    goes on."""
    waits = frozenset(waiting)
    parts = parted(plan.changes, held, waiting=waits)
    return tuple(change for change, is_held in parts if not is_held and change not in waits)


def approval(deployment: str, digest: str, *, program: str = "syncd") -> str:
    """Give the one command that lets exactly these held changes pass, by the daemon if one runs."""
    return safe(f"{program} {shlex.join(['approve', deployment, digest])}")


def same_rollback(digest: str) -> str:
    """Say how what a limit holds of a rollback passes: by none but that rollback."""
    return f"the same `syncd rollback` command with --approve {digest}"


def ways_of_held(
    deployment: str, digest: str, hold: str, *, is_of_all: bool, program: str = "syncd", indent: int = 0
) -> Iterator[Line]:
    """Say how what is held may pass, and where all of its hold is shown. What a pass over some people or DAGs held is in a hold
    of its own, or in that of all that is held there."""
    if is_of_all:
        yield _way("to let exactly this pass", approval(deployment, digest, program=program), indent)
    if hold:
        yield way_to_see(hold, is_of_all=is_of_all, program=program, indent=indent)
    elif not is_of_all:
        command = safe(f"{program} {shlex.join(['reconcile', '--dry-run', '--deployment', deployment])}")
        yield _way("it passes with all that is held there; to see that, and how to approve it", command, indent)


def way_to_see(hold: str, *, is_of_all: bool = True, program: str = "syncd", indent: int = 0) -> Line:
    """Say where all of a hold is shown, and how it is rejected."""
    words = (
        "all of it, and how to leave it undone" if is_of_all else "all of it, how it passes, and how to leave it undone"
    )
    return _way(words, safe(f"{program} hold show {hold}"), indent)


def _way(words: str, command: str, indent: int) -> Line:
    return Line(f"{' ' * indent}{words}: {command}", Style.WARN, whole=command)


# --- lines ------------------------------------------------------------------------------------------------------------


def report_lines(report: PassReport, *, verb: str, program: str = "syncd", extent: Extent = SHORT) -> Iterator[Line]:
    """Say everything a person needs to know of a pass, `plan` or `apply`: what it comes to, for each deployment what people gain
    and lose, then the details. The last line is the first one again: one of the two is in sight, whatever is shown between."""
    shown = [d for d in report.deployments if not is_quiet(d)]
    if any(d.plan or d.error for d in shown):
        yield Line(summary(report, verb=verb), Style.TITLE)
    for name, why in sorted(report.sources_failed.items()):
        yield Line(f"source {safe(name)} could not be read; nothing that it gave is taken away", Style.FAIL)
        yield from _indented(why, 2)
    for pause in dict.fromkeys(d.pause for d in report.deployments if d.pause):
        yield Line(safe(str(pause)), Style.WARN)
    for deployment in shown:
        yield from _head_lines(deployment)
        yield from _detail_lines(deployment, program=program, extent=extent) if len(shown) == 1 else ()
    if quiet := [d for d in report.deployments if is_quiet(d)]:
        names = few([d.deployment for d in quiet], 5)
        yield Line(f"nothing to do on {counted(len(quiet), 'deployment', 'deployments')}: {names}", Style.QUIET)
    yield from (note_line(text, before="! ") for text in note_texts(report.notes, extent))
    for deployment in shown if len(shown) > 1 else ():
        if details := list(_detail_lines(deployment, program=program, extent=extent)):
            yield Line(f"{safe(deployment.deployment)} in detail", Style.TITLE)
            yield from details
    yield Line(summary(report, verb=verb), Style.TITLE)


def is_quiet(this: DeploymentPass) -> bool:
    """Say whether there is nothing to say about a deployment."""
    shown = this.error or this.plan or this.outcomes or this.not_converged or this.leftovers
    return not shown and this.plan is not None and not this.plan.kept and not this.plan.notes


def deployment_lines(this: DeploymentPass, *, program: str = "syncd", extent: Extent = SHORT) -> Iterator[Line]:
    """Say what a pass means for one deployment: what it comes to in the first line, then for whom, then the details."""
    yield from _head_lines(this)
    yield from _detail_lines(this, program=program, extent=extent)


def _head_lines(this: DeploymentPass) -> Iterator[Line]:
    mode = mode_of(enforce=this.enforce, add_only=this.add_only)
    if this.plan is None:
        yield Line(f"{safe(this.deployment)} ({mode}): failed", Style.FAIL)
        yield from _indented(str(this.error or "nothing is known"), 2)
        return
    counts = str(Counts.of(this.plan.changes, this.effects)) or ("changes nothing" if this.plan else "nothing to do")
    yield Line(f"{safe(this.deployment)} ({mode}): {counts}", Style.TITLE)
    if this.error:
        yield from _indented(str(this.error), 2)
    yield from effect_lines(this.effects or Effects())


def _detail_lines(this: DeploymentPass, *, program: str, extent: Extent) -> Iterator[Line]:
    if this.plan is None:
        return
    yield from _plan_lines(going(this.plan, this.held, this.paused), extent=extent)
    if this.paused and this.pause:
        yield from _paused_lines(this, this.pause, program=program, extent=extent)
    if this.held:
        yield from _held_lines(this, this.held, scope=this.plan.scope, program=program, extent=extent)
    yield from _section("limits", _use_lines(this.uses))
    yield from _outcome_lines(this, extent=extent)
    yield from _section("kept", _kept_lines(this.plan.kept, extent))
    yield from _section("notes", (note_line(text, before="    ! ") for text in note_texts(this.plan.notes, extent)))
    if this.leftovers:
        names = few(this.leftovers, max(10, extent.names))
        yield Line(f"  left behind, without people, because the server cannot delete roles: {names}", Style.QUIET)


def _use_lines(uses: Sequence[Used]) -> Iterator[Line]:
    """Say how much of each limit the plan would use, where there are limits over several deployments."""
    for use in uses if any(use.where for use in uses) else ():
        yield Line(f"    {safe(str(use))}", Style.WARN if use.is_over else Style.QUIET)


def _plan_lines(changes: Sequence[Change], *, extent: Extent) -> Iterator[Line]:
    people = [c for c in changes if c.subject == "user"]
    losing = [bool(c.revoked) or c.kind is Kind.DELETE for c in people]
    groups = (
        ("people who lose access", [c for c, loses in zip(people, losing, strict=True) if loses]),
        ("roles", [c for c in changes if c.subject == "role"]),
        ("people who gain access", [c for c, loses in zip(people, losing, strict=True) if not loses]),
    )
    for heading, found in groups:
        yield from _section(heading, change_lines(map(ChangeView.of, found), extent))


def _section(heading: str, lines: Iterable[Line]) -> Iterator[Line]:
    """Put a heading over lines, if there are any."""
    for n, line in enumerate(lines):
        if n == 0:
            yield Line(f"  {heading}", Style.HEADING)
        yield line


def _held_lines(this: DeploymentPass, held: Held, *, scope: Scope, program: str, extent: Extent) -> Iterator[Line]:
    why = safe("; ".join(held.why))
    called = f"held as {safe(this.hold)}" if this.hold else "held"
    yield from _section(f"{called} ({why})", change_lines(map(ChangeView.of, held.changes), extent))
    if text := passing_text(this.held_effects or Effects()):
        yield Line(f"    if it passes, {text}", Style.LOSS)
    if this.undoes:
        yield Line(f"    to let exactly this pass: {same_rollback(held.digest)}", Style.WARN)
    else:
        of_all = scope.everything
        yield from ways_of_held(this.deployment, held.digest, this.hold, is_of_all=of_all, program=program, indent=4)


def _paused_lines(this: DeploymentPass, pause: Pause, *, program: str, extent: Extent) -> Iterator[Line]:
    heading = f"paused {pause.lasts} by {safe(pause.by)} ({safe(pause.reason)})"
    yield from _section(heading, change_lines(map(ChangeView.of, this.paused), extent))
    effects = this.paused_effects or Effects()
    if people := effects.loses.people:
        keep = counted(people, "person keeps", "people keep")
        yield Line(f"    until then {keep} access that no line gives any more", Style.LOSS)
    if text := loss_text(effects):
        yield Line(f"    once it is over, {text}", Style.LOSS)
    command = f"{program} resume {pause.id}"
    yield Line(f"    to end it now: {command}", Style.WARN, whole=command)


_ENDINGS = (
    (Status.FAILED, "failed", Style.FAIL),
    (Status.UNKNOWN, "no answer came; the next pass looks what became of it", Style.FAIL),
    (Status.PENDING, "waiting", Style.WARN),
)


def _outcome_lines(this: DeploymentPass, *, extent: Extent) -> Iterator[Line]:
    for status, heading, style in _ENDINGS:
        found = [o for o in this.outcomes if o.status is status]
        yield from _section(heading, _ended_lines(((o.change, o.detail) for o in found), style, extent))
    skipped = [o.detail for o in this.outcomes if o.status is Status.SKIPPED and o.change not in this.paused]
    for detail, count in sorted(Counter(skipped).items()):
        yield Line(f"  {counted(count, 'change was', 'changes were')} not made: {safe(detail)}", Style.WARN)
    lines = _ended_lines(((change, "") for change in this.not_converged), Style.FAIL, extent)
    yield from _section("accepted by the server and not kept (not converged)", lines)
    names = cut([(1, Line(f"    {safe(name)}", Style.FAIL)) for name in this.blocked], extent)
    yield from _section("left alone, because it is not clear which account or role that is (see the notes)", names)


def _ended_lines(ended: Iterable[tuple[Change, str]], style: Style, extent: Extent) -> Iterator[Line]:
    """Say how changes ended, those that ended alike together."""
    found = alike((ChangeView.of(change), detail) for change, detail in ended)
    lines = [(f"    {one.text(extent)}{f': {safe(one.said)}' if one.said else ''}", one) for one in found]
    yield from cut([(len(one.changes), Line(text, style)) for text, one in lines], extent)


def _kept_lines(kept: Iterable[Kept], extent: Extent) -> Iterator[Line]:
    """Say who keeps a role for now, those of one role and reason together."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in kept:
        found.setdefault((one.role, one.why), []).append(one.username)
    lines = []
    for (role, why), names in found.items():
        who = f"{safe(names[0])} keeps" if len(names) == 1 else f"{number(len(names))} people keep"
        whom = f" ({few(names, extent.names)})" if len(names) > 1 else ""
        said = f"    {who} {safe(role)} although no line gives it{whom}: {safe(why)}"
        lines.append((len(names), Line(said)))
    yield from cut(lines, extent)


def _indented(text: str, depth: int) -> Iterator[Line]:
    for line in text.splitlines():
        yield Line(" " * depth + safe(line), Style.FAIL)


def _left_by_pause(this: DeploymentPass) -> int:
    """Count what was not made because of a pause."""
    waits = frozenset(this.paused)
    return sum(1 for outcome in this.outcomes if outcome.status is Status.SKIPPED and outcome.change in waits)


def summary(report: PassReport, *, verb: str) -> str:
    """Sum a pass up in one line: what was done or is to be done, how long it took, how many calls it made. A comparison makes
    none, and begins with what it comes to for people."""
    outcomes = Counter(o.status for d in report.deployments for o in d.outcomes)
    planned = sum(len(d.plan.changes) for d in report.deployments if d.plan)
    touched = sum(1 for d in report.deployments if d.plan)
    held = sum(len(d.held.changes) for d in report.deployments if d.held)
    paused = sum(len(d.paused) for d in report.deployments)
    failed = sum(1 for d in report.deployments if d.error)
    was_made = bool(outcomes)
    outcomes -= Counter({Status.SKIPPED: sum(map(_left_by_pause, report.deployments))})
    said = [f"{number(outcomes[status])} {status.value}" for status in Status if outcomes[status]]
    if was_made and paused:
        said += [f"{number(paused)} paused"]
    elif planned and not was_made:
        said = [f"{counted(planned, 'change', 'changes')} on {counted(touched, 'deployment', 'deployments')}"]
        said += [f"{number(held)} held"] if held else []
        said += [f"{number(paused)} paused"] if paused else []
    said += [f"{counted(failed, 'deployment', 'deployments')} failed"] if failed else []
    calls = counted(sum(d.calls for d in report.deployments), "call", "calls")
    looked = counted(len(report.deployments), "deployment", "deployments")
    if verb == "diff" and planned:
        return (
            f"{verb}: {numbers_of(report)} ({', '.join(said)} of {len(report.deployments):,}, {report.seconds:.1f} s)"
        )
    if verb == "diff":
        return f"{verb}: {', '.join(said) or 'nothing to do'} ({looked}, {report.seconds:.1f} s)"
    return f"{verb}: {', '.join(said) or 'nothing to do'} ({looked}, {report.seconds:.1f} s, {calls})"
