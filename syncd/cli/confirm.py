"""A question to whoever sits at a terminal, before `apply` takes something from people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncd.render.lines import Line, Style, counted, safe

if TYPE_CHECKING:
    from syncd.reconcile import DeploymentReport, Report


def at_terminal() -> bool:
    """Say whether a person can be asked: they see what is written, and what they type comes here."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def agreed(report: Report) -> bool:
    """Ask whether what a plan takes may be taken; without a question where it takes nothing."""
    from syncd.cli.output import show

    lines = list(losses(report))
    if not lines:
        return True
    show(lines)
    sys.stdout.write("Apply? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def losses(report: Report) -> Iterator[Line]:
    """Say of each enforced deployment what people lose there; what a limit holds is not taken."""
    for this in report.deployments:
        if this.enforce and (text := _loss(this)):
            yield Line(f"{safe(this.deployment)}: {text}", Style.LOSS)


def _loss(this: DeploymentReport) -> str:
    from syncd.plan.on_people import Effects
    from syncd.render.effects import loss_text
    from syncd.render.text import Counts, going

    if this.plan is None:
        return ""
    lose = Counts.of(going(this.plan, this.held), this.effects).lose
    return loss_text(this.effects or Effects()) or (
        counted(lose, "person loses access", "people lose access") if lose else ""
    )
