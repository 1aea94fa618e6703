"""Everything a pass works with: sources, rules, deployments and how to reach them, journal, clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.directory.read_sources import FULL_READ_EVERY
from syncd.mapping.revisions import together
from syncd.model import (
    BY_EMAIL,
    Deployment,
    Directory,
    Joining,
    Learned,
    Note,
    Rules,
)
from syncd.plan.approval import EXPIRES
from syncd.plan.limits import GuardRules, LimitArea, Limits
from syncd.ports import (
    Emit,
    Journal,
    Source,
    TargetSession,
)
from syncd.reconcile.request import Between, Within
from syncd.reconcile.revisions import MappingRevisions


@dataclass(frozen=True, slots=True)
class Target:
    """One deployment and how to reach it. `open` is given what earlier passes learned about the server.

    `address` tells its server from another one that it may be pointed at; empty: it is always the same.
    """

    deployment: Deployment
    enforce: bool
    limits: Limits
    open: Callable[[Learned | None], TargetSession]
    address: str = ""
    guard: GuardRules = field(default_factory=GuardRules)


class Alone:
    """Nobody else has work here."""

    def let_ahead(self, _within: Within, /, *, few: bool) -> str:  # noqa: ARG002 - the name is the protocol's
        return ""

    def moved(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """Everything a pass works with."""

    sources: tuple[Source, ...]
    rules: Rules
    targets: tuple[Target, ...]
    journal: Journal
    clock: Callable[[], datetime]
    emit: Emit
    workers: int = 4
    joining: Joining = BY_EMAIL
    full_read_every: timedelta = FULL_READ_EVERY
    full: bool = False
    """Whether sources are read whole although it would be enough to read what changed."""
    wait_s: float = 0.0
    """How long to wait for another writer of a deployment: a pass of a daemon takes seconds."""
    stopping: Callable[[], bool] = bool
    """Asked before each change; once it says True, no further change is begun."""
    hold_expires: timedelta = EXPIRES
    files: str = ""
    """The fingerprint of the mappings and the configuration that this world is made of."""
    revision: str = ""
    """The commit of git that the mapping files were of when it was made; empty: of none."""
    areas: tuple[LimitArea, ...] = ()
    """Deployments that have limits together, whether or not they are among these targets."""
    notes: tuple[Note, ...] = ()
    """What a person should know of these files, whatever a pass finds: bindings that reach nothing."""
    revisions: MappingRevisions | None = None
    """The mapping files that deployments go by while new ones reach them in waves; None: all go by `rules`."""
    as_applied: bool = False
    """Whether a plan, too, goes by the mapping files that reached a deployment."""
    between: Between = field(default_factory=Alone)
    """Asked before each change, too."""
    reread: Callable[[], Directory] | None = None
    """Gives the directory as it is now, for a pass that let another writer go first; None: it is read, one pass at a time."""

    @property
    def asked(self) -> Rules:
        """What is asked of the sources: by the lines in use, and by those of before where a deployment still goes by them."""
        return together(self.rules, (self.revisions.every,)) if self.revisions else self.rules
