"""What one pass over one deployment is asked to do, and by whom it lets itself be interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from syncd.model import (
    DesiredState,
    Directory,
    Scope,
)
from syncd.plan.approval import APPLY, Mode

if TYPE_CHECKING:
    from syncd.reconcile.report import Report
    from syncd.reconcile.world import World


class Within(Protocol):
    """Makes another pass on the same deployment in the middle of one: through its session, under its lease."""

    def __call__(self, world: World, directory: Directory, request: PassRequest, /) -> Report: ...


class Between(Protocol):
    """What a pass does between two changes, so that a long one is in nobody's way."""

    def let_ahead(self, within: Within, /, *, few: bool) -> str:
        """Let more urgent passes go first; say why this one goes no further, empty: it does.

        `few` lets only those go that are about a few people: one over everything would leave nothing to this one.
        """
        ...

    def moved(self) -> frozenset[str]:
        """Name the people (as `key` gives their account names) of whom something else is wanted since the pass began."""
        ...


@dataclass(frozen=True, slots=True)
class PassRequest:
    """What one pass over one deployment is for.

    mode      only plan, or apply, with the approvals of a person
    earlier   the desired state before the event that led to this pass, for the reasons of what is taken
    by        who asked for it, where that is not the OS user
    urgent    another writer is to let it go first, between two of its changes
    """

    scope: Scope
    command: str
    mode: Mode = APPLY
    earlier: DesiredState | None = None
    by: str = ""
    urgent: bool = False
