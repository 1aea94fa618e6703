"""Why a change is made, as values: what gives a role, and of a role that goes what gave it and how that ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from syncd.model import Change, DesiredState, Reason, What, Why, key

Ended = Callable[[str, str, Reason], What]
"""Says what ended of a reason for which an account (by key) held a role."""

ENDED = {
    What.LEFT_GROUP: "left the group",
    What.GROUP_GONE: "the group is gone",
    What.LINE_GONE: "no line gives it here any more",
    What.BINDING_ENDED: "the binding ended",
    What.GRANT_ENDED: "the grant ended",
    What.NOT_NOW: "the hours of the binding are over for now",
    What.DEACTIVATED: "deactivated",
    What.RENAMED: "the account has another name now",
    What.LEFT_OUT: "the line leaves them out now",
    What.NOT_KNOWN: "in no group any more that is read, or deleted",
}
"""How each end is told, of a person."""


def explain(
    changes: Iterable[Change], *, desired: DesiredState, earlier: DesiredState | None, ended: Ended | None = None
) -> Iterator[Change]:
    """Give each change its reasons, unless it has some. `earlier` knows why people held what they lose."""
    for change in changes:
        if change.because or change.subject == "role":
            yield change
        else:
            yield replace(change, because=tuple(_whys(change, desired=desired, earlier=earlier, ended=ended)))


def _whys(change: Change, *, desired: DesiredState, earlier: DesiredState | None, ended: Ended | None) -> Iterator[Why]:
    name = key(change.name)
    now = desired.because.get(name, {})
    before = earlier.because.get(name, {}) if earlier else {}
    for role in change.granted:
        yield why_of(role, What.GIVEN, now.get(role, ()))
    for role in change.revoked:
        if not before.get(role):
            yield Why("no mapping line gives it", role, What.NOT_GIVEN)
        for reason in before.get(role, ()):
            yield why_of(role, ended(name, role, reason) if ended else What.NOT_GIVEN, (reason,))


def why_of(role: str, what: What, reasons: tuple[Reason, ...]) -> Why:
    """Say in words what gives a role, or gave it and how that ended."""
    told = ", ".join(map(str, reasons)) or "no reason known"
    if what is not What.GIVEN:
        told = f"was given by {told}" + (f": {ENDED[what]}" if what in ENDED else "")
    return Why(told, role, what, reasons)


def summed(changes: Iterable[Change]) -> str:
    """Sum up what ended: `12 left the group, 2 deactivated`; empty where nothing is known of that."""
    counted = Counter(what for change in changes for what in {why.what for why in change.because} if what in ENDED)
    return ", ".join(f"{number:,} {ENDED[what]}" for what, number in counted.most_common())
