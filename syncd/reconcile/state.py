"""What one pass over one deployment knows while it lasts, and what one look at a deployment brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

from syncd.errors import (
    TargetUnavailable,
)
from syncd.mapping.expanded import expanded
from syncd.model import (
    Awaited,
    Change,
    Dag,
    DesiredState,
    Directory,
    MadeAccount,
    Naming,
    Note,
    ObservedState,
    Owned,
    Pause,
    PersonKey,
    Plan,
    Rules,
    Scope,
    VanishedDag,
)
from syncd.plan.contested import ByRole
from syncd.plan.guard import Guarded
from syncd.plan.on_people import Effects
from syncd.plan.own_acts import OwnActs
from syncd.plan.rejected import Rejection
from syncd.plan.renamed import (
    Renames,
)
from syncd.plan.rivals import TakenGrant
from syncd.plan.rollback import Undo
from syncd.plan.settle import Settled
from syncd.ports import (
    DatabaseDoubt,
    Journal,
    Lease,
    Place,
    TargetSession,
    Unsettled,
)
from syncd.reconcile.world import Target, World


@dataclass(frozen=True, slots=True)
class FoundRenames:
    """What of ours seems to have another name there now. `held` is what people hold by it and had from us."""

    roles: Renames = field(default_factory=dict)
    accounts: Renames = field(default_factory=dict)
    held: Owned = field(default_factory=Owned)


@dataclass(frozen=True, slots=True)
class ThingsThere:
    """What is there, what of it is ours, and what became of what was left open."""

    scope: Scope
    observed: ObservedState
    owned: Owned
    made: tuple[MadeAccount, ...]
    awaited: tuple[Awaited, ...]
    late: Mapping[int, Owned]
    ends: Mapping[Unsettled, Settled]
    renames: FoundRenames


@dataclass(frozen=True, slots=True)
class Comparison:
    """One look at a deployment, and what follows from it."""

    desired: DesiredState
    observed: ObservedState
    owned: Owned
    plan: Plan
    guarded: Guarded
    made: tuple[MadeAccount, ...] = ()
    known_as: Mapping[str, str] = field(default_factory=dict)
    """For people whose account has another name than the directory says: that name, by the account's."""
    awaited: tuple[Awaited, ...] = ()
    late: Mapping[int, Owned] = field(default_factory=dict)
    """What came late of what was awaited; `owned` has it already."""
    ends: Mapping[Unsettled, Settled] = field(default_factory=dict)
    renames: FoundRenames = field(default_factory=lambda: FoundRenames())
    effects: Effects | None = None
    held_effects: Effects | None = None
    at: datetime | None = None
    """When the look began."""
    rejected: tuple[Change, ...] = ()
    """What is left out of the plan, because somebody rejected it."""
    pause: Pause | None = None
    """What stops changes there at the time of the look."""
    paused: tuple[Change, ...] = ()
    """What would go, were there no pause; `guarded.go` is what goes."""
    paused_effects: Effects | None = None


@dataclass(slots=True)
class Pass:
    """One pass over one deployment."""

    world: World
    run: int
    target: Target
    directory: Directory
    scope: Scope
    keep_states: bool
    place: Place = field(default_factory=lambda: Place(""))
    """Where the journal has what is known of the server; see `_at_this_server`."""
    doubt: DatabaseDoubt | None = None
    """Why the database may not be the one that was worked with last: then nothing is taken."""
    lease: Lease | None = None
    """The right to write there; None: it only plans, or did not take it yet."""
    whose: Mapping[str, tuple[PersonKey, ...]] = field(default_factory=dict)
    """By account, whose it is by what is wanted now."""
    went_first: bool = False
    """Whether others were let go first since it was last judged what may go."""
    too_much: frozenset[Change] = frozenset()
    """What is over a limit by now, because of what those did."""
    earlier: DesiredState | None = None
    """What a pass over everything last read back as reached, or what was wanted before the event that led to this pass."""
    own: OwnActs = field(default_factory=OwnActs)
    """What we ourselves did there since then, as far as it was done when this pass began."""
    undo: Undo | None = None
    """What the pass undoes; None: it makes the deployment as the mapping says."""
    own_pause: int = 0
    """The pause that was begun for this very pass, and does not stop it."""
    session: TargetSession | None = None
    """That of the pass in the middle of which this one is made; it stays open."""
    unread: TargetUnavailable | None = None
    """Why DAGs or roles could not be listed: then only those are looked at who lose something."""
    rejections: tuple[Rejection, ...] | None = None
    """What may not pass there; None: it was not asked yet. What is rejected from now on is for the next pass."""
    base: Rules | None = None
    """What the mapping files say that the pass goes by; None: those in use."""
    goes_by: str = ""
    """Their revision; empty: there are no waves, or it is only planned by the files in use."""
    rollout_notes: tuple[Note, ...] = ()
    """For what a change of the mapping waits."""
    said: Rules | None = None
    """The lines of the files with those of timed grants, as they were at the last look; None: nobody looked yet."""
    break_glass: tuple[Note, ...] = ()
    """What people should know of the accounts for emergencies."""
    vanished: tuple[VanishedDag, ...] = ()
    dags: tuple[Dag, ...] = ()
    """By whose values lines with `each` go: those listed now or the last time, and for a while those that were before."""
    moved: frozenset[str] = frozenset()
    """People of whom something else is wanted now, as was found after another writer went first."""
    culprits: tuple[str, ...] = ()
    """What was taken from people since the last pass over everything, and who most likely did it."""
    taken: frozenset[TakenGrant] = frozenset()
    gone: ByRole = field(default_factory=dict)
    came: ByRole = field(default_factory=dict)
    """What another hand took from people, and what it took from roles and gave to them, as this pass counted it."""
    calls_of_others: int = 0
    """Made by passes that went ahead through the same session."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.target.deployment.name

    @property
    def naming(self) -> Naming:
        return self.target.deployment.naming

    @property
    def facts(self) -> str:
        """The name under which the journal has what is known of the server: the deployment's, in a pass that writes."""
        return self.place.facts or self.name

    @property
    def rules(self) -> Rules:
        """What the mapping says of this deployment, with a rule for each group of a pattern and each value of its DAGs."""
        return expanded(self.lines, self.directory, self.target.deployment, dags=self.dags).rules

    @property
    def lines(self) -> Rules:
        """What the files say, and what people are given for a time."""
        return self.said or self.base or self.world.rules

    @property
    def files(self) -> str:
        """The fingerprint of what it goes by, as plans keep it."""
        return self.goes_by[:16] if self.is_behind else self.world.files

    @property
    def is_behind(self) -> bool:
        """Say whether the pass goes by older mapping files than those in use."""
        return self.world.revisions is not None and self.goes_by not in ("", self.world.revisions.revision)

    @property
    def journal(self) -> Journal:
        return self.world.journal

    def emit(self, event: str, /, **facts: object) -> None:
        self.world.emit(event, run=self.run, deployment=self.name, **facts)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - started
