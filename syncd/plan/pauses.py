"""What a pause stops: the whole rule of it, asked of a plan and once more before each call.

stands on the deployment | a change that only gives | one that only takes | one that does both
-------------------------|--------------------------|---------------------|--------------------------------------
no pause                 | goes                     | goes                | goes
a pause of removals      | goes                     | waits               | what it gives goes, what it takes waits
a pause of all           | waits                    | waits               | waits

Where several stand, one of all counts before one of removals, and of two alike the one that lasts longer.
"""

from __future__ import annotations

from collections.abc import Iterable

from syncd.model import Change, Deployment, Kind, Pause
from syncd.plan.guard import cut

PREFIX = "paused "
"""With which every reason begins why a change waits for the end of a pause."""


def stopping(pauses: Iterable[Pause], deployment: Deployment) -> Pause | None:
    """Choose the pause that counts on a deployment, of those that stand; None: there is none."""
    found = [pause for pause in pauses if pause.of.concerns(deployment)]
    return max(found, key=_weight, default=None)


def _weight(pause: Pause) -> tuple[bool, bool, str, int]:
    return not pause.of.removals_only, pause.until is None, pause.until.isoformat() if pause.until else "", pause.id


def takes(change: Change) -> bool:
    """Say whether a change takes anything from anybody."""
    return bool(change.revoked) or change.kind is Kind.DELETE


def why_paused(pause: Pause | None, change: Change) -> str:
    """Say why a change may not be made now; empty: it may."""
    if pause is None or (pause.of.removals_only and not takes(change)):
        return ""
    return sentence(pause)


def sentence(pause: Pause) -> str:
    """Say for what a change waits."""
    only = " (only removals)" if pause.of.removals_only else ""
    return f"{PREFIX}{pause.lasts}{only} by {pause.by}: {pause.reason}"


def part(changes: Iterable[Change], pause: Pause | None) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Part changes into those that may go and those that wait, in their order; one that does both becomes two."""
    go: list[Change] = []
    waits: list[Change] = []
    for change in changes:
        if not why_paused(pause, change):
            go.append(change)
        elif pause is not None and not pause.of.removals_only:
            waits.append(change)
        else:
            gives, rest = cut(change)
            go += [gives] if gives is not None else []
            waits.append(rest)
    return tuple(go), tuple(waits)
