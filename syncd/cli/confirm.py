"""A question to whoever sits at a terminal, before `apply` takes something from people.

Who thinks about it for an hour agreed to what was shown then. So after a yes it is planned once more, and where more would be
taken by now the question is asked again, about that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from syncd.render.lines import Line, Style, counted, safe

if TYPE_CHECKING:
    from syncd.model import Change
    from syncd.reconcile import DeploymentReport, Report

Approvals = frozenset[str]
_GIVES = frozenset({"grant", "create", "finish"})


def at_terminal() -> bool:
    """Say whether a person can be asked: they see what is written, and what they type comes here."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def agreed(planned: Callable[[], Report], *, approvals: Approvals = frozenset()) -> bool:
    """Ask whether what a plan takes may be taken; without a question where it takes nothing from anybody."""
    from syncd.cli.output import show, show_text

    report = planned()
    while lines := list(losses(report, approvals)):
        show(lines)
        if not answered_yes("Apply? [y/N] "):
            return False
        before, report = report, planned()
        if _takes(report, approvals) <= _takes(before, approvals):
            return True
        show_text("by now it is more:")
    return True


def answered_yes(question: str) -> bool:
    """Ask at the terminal; whatever is no plain yes is a no."""
    return _answer(question).strip().casefold() in {"y", "yes"}


def _answer(question: str) -> str:
    sys.stdout.write(question)
    sys.stdout.flush()
    try:
        return sys.stdin.readline()
    except (OSError, UnicodeDecodeError):  # the terminal is gone, or what was typed is no text: nobody agreed
        return ""


def losses(report: Report, approvals: Approvals = frozenset()) -> Iterator[Line]:
    """Say of each enforced deployment what people lose there; what a limit holds, and nobody approved, is not taken."""
    for this in report.deployments:
        if this.enforce and (text := _loss(this, approvals)):
            yield Line(f"{safe(this.deployment)}: {text}", Style.LOSS)


def _loss(this: DeploymentReport, approvals: Approvals) -> str:
    from syncd.plan.on_people import Effects
    from syncd.render.effects import loss_text
    from syncd.render.text import Counts

    goes = _goes(this, approvals)
    taking = [change for change in goes if _taken(change)]
    if not taking:
        return ""
    if this.paused or _holds(this, approvals):  # the effects are those of the whole plan
        roles = sum(change.subject == "role" for change in taking)
        return _counted(Counts.of(goes).lose) or counted(roles, "role loses something", "roles lose something")
    return loss_text(this.effects or Effects()) or _counted(Counts.of(goes, this.effects).lose)


def _counted(people: int) -> str:
    return counted(people, "person loses access", "people lose access") if people else ""


def _holds(this: DeploymentReport, approvals: Approvals) -> bool:
    return this.held is not None and this.held.digest not in approvals


def _goes(this: DeploymentReport, approvals: Approvals) -> tuple[Change, ...]:
    from syncd.render.text import going

    return () if this.plan is None else going(this.plan, this.held if _holds(this, approvals) else None, this.paused)


def _taken(change: Change) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(effect for effect in change.effects if effect[0] not in _GIVES)


def _takes(report: Report, approvals: Approvals) -> frozenset[tuple[str, ...]]:
    """Give what would be taken, one by one."""
    return frozenset(
        (this.deployment, *effect)
        for this in report.deployments
        if this.enforce
        for change in _goes(this, approvals)
        for effect in _taken(change)
    )
