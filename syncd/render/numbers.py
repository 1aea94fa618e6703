"""What a change comes to for people, in one line: how many gain and lose what, where."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.plan.on_people import Effects, Toll
from syncd.render.lines import counted, safe
from syncd.render.reports import PassReport

MOST = 3
"""So many deployments are told one by one."""


def numbers_of(report: PassReport) -> str:
    """Say it of each deployment where somebody gains or loses anything: `+3 people trigger on 12 DAGs, -1 person in prod`."""
    told = [f"{said} in {safe(d.deployment)}" for d in report.deployments if d.effects and (said := _said(d.effects))]
    more = [f"more in {counted(len(told) - MOST, 'deployment', 'deployments')}"] if len(told) > MOST else []
    return "; ".join((*told[:MOST], *more)) or "nobody gains or loses anything"


def _said(effects: Effects) -> str:
    return ", ".join((*_side("+", effects.gains), *_side("-", effects.loses)))


def _side(sign: str, toll: Toll) -> Iterator[str]:
    """Say how many; and what, where it is the same for all of them."""
    if not toll.people:
        return
    people = f"{sign}{counted(toll.people, 'person', 'people')}"
    match toll.on_dags:
        case (one,) if one.level is not None and one.people == toll.people:
            dags = "every DAG" if one.everywhere else counted(len(one.dags), "DAG", "DAGs")
            yield f"{people} {one.level.value} on {dags}"
        case _:
            yield people
