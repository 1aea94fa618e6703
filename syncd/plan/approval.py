"""What lets held changes pass: the whole rule of approving, asked on every road to it.

An approval is a digest: a hash of what is done, and where. It is of one deployment, of one age, and for one use:

what the newest plan in force there keeps back | planned                  | then
-----------------------------------------------|--------------------------|-------------------------------------------
nothing, or something else                     | whenever                 | refused, and it is said what is held there
just this                                      | longer ago than allowed  | refused: plan it again, look, approve then
just this                                      | since                    | passes, if it is still what would be done

What was let pass is kept back no more, so an approval that was used is refused from then on. Should the same come to be
held again, by a later plan, a person has to say so again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from syncd.model import Held

EXPIRES = timedelta(hours=24)
"""How long what is held can be let pass without being planned again, unless the configuration says otherwise."""


@dataclass(frozen=True, slots=True)
class PlanOnly:
    """Say what would be done, and do nothing."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Do it, but for what a limit keeps back: of that what one of these approvals is of."""

    approvals: frozenset[str] = frozenset()


APPLY = Apply()
"""Nothing of what is kept back."""

Mode = PlanOnly | Apply
"""What a pass is to do with its plan."""


def approvals_of(mode: Mode) -> frozenset[str]:
    """Give what a person lets pass; a pass that only plans lets nothing pass."""
    return mode.approvals if isinstance(mode, Apply) else frozenset()


class Hold(Protocol):
    """What a plan keeps back, and when that was planned."""

    @property
    def digest(self) -> str: ...
    @property
    def number(self) -> int:
        """How many changes."""
        ...

    @property
    def made_at(self) -> datetime: ...


def refusal(deployment: str, digest: str, hold: Hold | None, *, now: datetime, expires: timedelta) -> str:
    """Say why an approval lets nothing pass there; empty where it does. `hold` is what is kept back there now."""
    if hold is None or hold.digest != digest:
        return f"nothing with the digest {digest} is held on {deployment}{_held_instead(hold)}"
    if now - hold.made_at > expires:
        return (
            f"what is held on {deployment} was last planned at {hold.made_at:%Y-%m-%d %H:%M} UTC, too long ago to be "
            f"let go unseen: let it be planned again (syncd reconcile --dry-run -d {deployment}), look, and approve then"
        )
    return ""


def needs_more(deployment: str, digest: str) -> str:
    """Say that a digest alone lets nothing pass where two people have to."""
    return (
        f"{digest} was not let pass by two people: on {deployment} both have to (limits.approvers), each of what a pass over "
        "everything holds; see: syncd hold list"
    )


def _held_instead(hold: Hold | None) -> str:
    if hold is None:
        return "; nothing is held there now"
    return f"; what is held there now has the digest {hold.digest} ({hold.number} changes)"


def covers(approvals: Collection[str], held: Held) -> bool:
    """Say whether one of these approvals is of just what is held."""
    return held.digest in approvals
