"""What a pass did: on one deployment, and in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.errors import (
    EXIT_CHANGES,
    EXIT_FAILED,
    EXIT_HELD,
    EXIT_NO_ANSWER,
    EXIT_PAUSED,
    SyncdError,
    worst,
)
from syncd.mapping.groups import UNCERTIFIED
from syncd.model import (
    Change,
    DesiredState,
    Held,
    Note,
    ObservedState,
    Outcome,
    Pause,
    Plan,
    Status,
    key,
)
from syncd.plan.on_people import Effects
from syncd.plan.used import Used


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """What a pass did on one deployment.

    `remaining` is the plan after reading back, None where nothing was to be applied. `desired` and `observed` are only
    kept where the caller asked for them: a fleet's states do not fit in memory together.
    """

    deployment: str
    enforce: bool = False
    plan: Plan | None = None
    held: Held | None = None
    hold: str = ""
    """What the inbox calls what is held; empty: it is in none."""
    approved: str | None = None
    effects: Effects | None = None
    """What the plan does to people, and what passing what is held would do to them."""
    held_effects: Effects | None = None
    outcomes: tuple[Outcome, ...] = ()
    remaining: Plan | None = None
    leftovers: tuple[str, ...] = ()
    drift: int = 0
    """Changes of what nobody wanted otherwise than the last pass over everything did: somebody else had a hand in it."""
    culprits: tuple[str, ...] = ()
    """What of that was taken from people, and who most likely did it."""
    frozen: Mapping[str, str] = field(default_factory=dict)
    """Roles that nobody loses now, and why."""
    unknown_dags: Mapping[str, str] = field(default_factory=dict)
    """DAGs that the pass was about and that are not there, with a hint at what was meant."""
    desired: DesiredState | None = None
    observed: ObservedState | None = None
    error: SyncdError | None = None
    uses: tuple[Used, ...] = ()
    """How much of each limit the plan uses."""
    pause: Pause | None = None
    """What stops changes there when the pass ended, whether or not there was any to stop."""
    paused: tuple[Change, ...] = ()
    """What would go, were there no pause, and what that would do to people."""
    paused_effects: Effects | None = None
    undoes: str = ""
    """What a rollback undoes; empty: it is none. What it holds is of it alone: no other pass lets it pass."""
    calls: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    add_only: bool = False
    """Whether things are given there, and nothing is taken."""

    @property
    def read_in_part(self) -> bool:
        """Say whether a group that gives something there was not read whole: who is in it may lack something."""
        return self.plan is not None and any(note.code == UNCERTIFIED for note in self.plan.notes)

    @property
    def not_converged(self) -> tuple[Change, ...]:
        """Changes that the server accepted and did not keep: still planned, though none of their outcomes says why."""
        explained = {(o.change.subject, key(o.change.name)) for o in self.outcomes if o.status is not Status.APPLIED}
        explained |= {(c.subject, key(c.name)) for c in (self.held.changes if self.held else ())}
        remaining = self.remaining.changes if self.remaining else ()
        return tuple(c for c in remaining if (c.subject, key(c.name)) not in explained)

    @property
    def is_undone(self) -> bool:
        """Say whether a change failed, did not stay or may not be made."""
        is_failed = any(outcome.status in (Status.FAILED, Status.UNKNOWN) for outcome in self.outcomes)
        return is_failed or bool(self.not_converged or self.blocked)

    @property
    def blocked(self) -> tuple[str, ...]:
        """Names of what should change and cannot be told from something else by its name."""
        last = self.plan if self.remaining is None else self.remaining
        return last.blocked if last is not None else ()

    @property
    def converged(self) -> bool | None:
        """Say whether reading back showed what was wanted, but for what waits for a person's word."""
        if self.remaining is None:
            return None
        return not self.not_converged and {o.status for o in self.outcomes} <= {Status.APPLIED, Status.HELD}


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did."""

    run: int
    deployments: tuple[DeploymentReport, ...]
    sources_failed: Mapping[str, str]
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0

    def exit_code(self, *, check: bool = False) -> int:
        """Give the worst that happened; with `check`, pending changes count."""
        codes = [d.error.exit_code for d in self.deployments if d.error]
        if any(d.is_undone for d in self.deployments):
            codes.append(EXIT_FAILED)
        if self.sources_failed or any(d.read_in_part for d in self.deployments):
            codes.append(EXIT_NO_ANSWER)
        if any(d.paused for d in self.deployments):
            codes.append(EXIT_PAUSED)
        if any(d.held for d in self.deployments):
            codes.append(EXIT_HELD)
        if check and any(d.plan for d in self.deployments):
            codes.append(EXIT_CHANGES)
        return worst(codes)


def stages(reports: tuple[DeploymentReport, ...]) -> dict[str, float]:
    """Sum up how long each stage took, in seconds of work."""
    names = sorted({stage for report in reports for stage in report.seconds})
    return {stage: round(sum(r.seconds.get(stage, 0.0) for r in reports), 3) for stage in names}


def summary_of(report: Report) -> dict[str, object]:
    outcomes = [o.status.value for d in report.deployments for o in d.outcomes]
    return {
        "deployments": len(report.deployments),
        "failed_deployments": sum(1 for d in report.deployments if d.error),
        "planned": sum(len(d.plan.changes) for d in report.deployments if d.plan),
        "outcomes": {status: outcomes.count(status) for status in sorted(set(outcomes))},
        "calls": sum(d.calls for d in report.deployments),
    }
