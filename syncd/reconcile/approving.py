"""What a person says of a hold: written down with who they are before it takes effect, whichever road it came on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from syncd.callers import acting
from syncd.errors import EXIT_HELD, ApprovalRefused, SyncdError
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord, NotTaken, approvals_that_count, by_whom
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


class ApprovalWaits(SyncdError):
    """Somebody let a hold pass, which is written down, and another person has to say so too."""

    exit_code = EXIT_HELD


def waits_for_another(hold: HoldRecord) -> ApprovalWaits:
    """Say that one more person has to let a hold pass."""
    said = (
        f"{hold.name} on {hold.deployment}: approved {by_whom(hold.words)}; it passes once another person says so too"
    )
    return ApprovalWaits(f"{said}: syncd approve {hold.deployment} {hold.digest}")


def is_in(inbox: Inbox, digest: str, *, deployments: Collection[str]) -> bool:
    """Say whether what has this digest is a hold on one of these deployments of which something can be said."""
    hold = inbox.find(digest)
    return hold is not None and not hold.state.is_over and hold.deployment in deployments


def approve_held(
    inbox: Inbox, digest: str, word: HoldWord, *, needs: Mapping[str, int], expires: timedelta
) -> HoldRecord | None:
    """Write down that what has this digest may pass; None: it is none of the inbox, so whoever asks for the pass is the one.

    `needs` says for each deployment how many people have to; the hold waits where others have to say so too.

    Raises:
        ApprovalRefused: as `give_word`; not where it is approved already.
    """
    hold = inbox.find(digest)
    if hold is None or hold.state.is_over:
        return None
    people = needs.get(hold.deployment, 1)
    said = inbox.say(hold.name, word, needs=people, expires=expires)
    if isinstance(said, HoldRecord):
        return said
    if (
        hold.state is HoldState.APPROVED
        and len(approvals_that_count(hold.words, now=word.at, expires=expires)) >= people
    ):
        return hold
    raise ApprovalRefused(said.why)
