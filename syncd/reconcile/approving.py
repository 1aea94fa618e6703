"""What a person says of a hold: written down with who they are before it takes effect, whichever road it came on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from syncd.callers import acting
from syncd.errors import ApprovalRefused
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord, NotTaken
from syncd.ports import Inbox


def hold_word(
    ruling: HoldRuling, *, by: str, approver: str = "", reason: str = "", origin: str, at: datetime
) -> HoldWord:
    """Make what somebody says: `by` is the user that is known, `approver` for whom they say that they act."""
    people = {by.partition(" (via ")[0], approver or by.partition(" (via ")[0]}
    return HoldWord(ruling, acting(by, said=approver), frozenset(people), at, reason, origin)


def give_word(inbox: Inbox, name: str, word: HoldWord, *, needs: int, expires: timedelta) -> HoldRecord:
    """Write down what somebody says of a hold; gives it as it is then.

    Raises:
        ApprovalRefused: nothing comes of it; the message says why, and what to do.
    """
    said = inbox.say(name, word, needs=needs, expires=expires)
    if isinstance(said, NotTaken):
        raise ApprovalRefused(said.why)
    return said


def is_in(inbox: Inbox, digest: str, *, deployments: Collection[str]) -> bool:
    """Say whether what has this digest is a hold on one of these deployments of which something can be said."""
    hold = inbox.find(digest)
    return hold is not None and not hold.state.is_over and hold.deployment in deployments


def approve_held(inbox: Inbox, digest: str, word: HoldWord, *, needs: int, expires: timedelta) -> HoldRecord | None:
    """Write down that what has this digest may pass; None: it is none of the inbox, so whoever asks for the pass is the one.

    Raises:
        ApprovalRefused: as `give_word`; not where it is approved already.
    """
    hold = inbox.find(digest)
    if hold is None or hold.state.is_over:
        return None
    said = inbox.say(hold.name, word, needs=needs, expires=expires)
    if isinstance(said, HoldRecord):
        return said
    if hold.state is HoldState.APPROVED and word.at - hold.words[-1].at <= expires:
        return hold
    raise ApprovalRefused(said.why)
