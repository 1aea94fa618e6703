"""What a person may say of what is held, and what comes of it: the whole table, for commands, the API and passes alike.

hold          | approve                                 | reject               | reopen
--------------|-----------------------------------------|----------------------|---------------------------------
waits         | approved, once enough people said so    | rejected             | refused: it waits
approved      | refused while that counts, else anew    | rejected             | waits; what was said counts no more
rejected      | as one that waits: that takes it back   | refused: it is       | waits
over          | refused, with what became of it         | refused, the same    | refused, the same

A hold is over once it passed, once the effects are other ones (then another hold is in its place, or none), and never by time:
only an approval has an age. Each of several approvals is another person's, whatever name they act under.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.model import EVERYTHING, Change, Scope
from syncd.plan.on_people import Effects


class HoldState(StrEnum):
    """What became of a hold.

    waits       nobody said enough yet; nothing of it is done
    approved    it passes with the next pass over everything, once
    rejected    it stays undone until its effects are other ones, and nobody is asked
    passed      it was let go
    superseded  other effects are held in its place
    gone        it is not held any more, and nothing in its place
    """

    WAITS = "waits"
    APPROVED = "approved"
    REJECTED = "rejected"
    PASSED = "passed"
    SUPERSEDED = "superseded"
    GONE = "gone"

    @property
    def is_over(self) -> bool:
        return self in (HoldState.PASSED, HoldState.SUPERSEDED, HoldState.GONE)


class HoldRuling(StrEnum):
    """What somebody says of a hold."""

    APPROVE = "approve"
    REJECT = "reject"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class HoldWord:
    """What one person said of a hold, and when.

    who     as it stands in the journal, `anna (via root)`
    people  the names by which it is one person: the user that is known, and for whom they said they act
    origin  on which road it came: the control socket, HTTP, a command
    """

    ruling: HoldRuling
    who: str
    people: frozenset[str]
    at: datetime
    reason: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """One hold in the inbox: what is kept back somewhere, since when, and what people said of it.

    `scope` is what the plan was about that holds it, `effects` what passing it would do to people (None: not known any more).
    `since` is when it began to be held, `planned_at` when it was last planned; `changes` are in the order of the plan, with
    their reasons, `number` says how many.
    """

    id: int
    deployment: str
    digest: str
    state: HoldState
    since: datetime
    planned_at: datetime
    run: int
    why: tuple[str, ...]
    number: int
    changes: tuple[Change, ...] = ()
    words: tuple[HoldWord, ...] = ()
    ended_at: datetime | None = None
    superseded_by: int | None = None
    scope: Scope = EVERYTHING
    effects: Effects | None = None

    @property
    def name(self) -> str:
        return hold_name(self.id)


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why nothing comes of what somebody said, and what to do."""

    why: str


def hold_name(id_: int) -> str:
    """Give what people call a hold: no digest can look like it."""
    return f"h{id_}"


def hold_number(name: str) -> int | None:
    """Read what `hold_name` gave; None: it is no such name, so perhaps a digest."""
    digits = name.removeprefix("h")
    return int(digits) if digits != name and digits.isascii() and digits.isdigit() and len(digits) < 18 else None


def approvals_that_count(words: Sequence[HoldWord], *, now: datetime, expires: timedelta) -> tuple[HoldWord, ...]:
    """Give the approvals since anything else was said, but for those that are too old."""
    return approvals_since(words, now - expires)


def approvals_since(words: Sequence[HoldWord], since: datetime) -> tuple[HoldWord, ...]:
    """Do as `approvals_that_count`: those count that were said since then."""
    last = max((n for n, word in enumerate(words) if word.ruling is not HoldRuling.APPROVE), default=-1)
    return tuple(word for word in words[last + 1 :] if word.at >= since)


def weighed(hold: HoldRecord, word: HoldWord, *, needs: int, expires: timedelta) -> HoldState | NotTaken:
    """Say what a word makes of a hold: `needs` people have to approve, each of them within `expires`."""
    if hold.state.is_over:
        return NotTaken(f"{hold.name} is over: {what_became(hold)}")
    match word.ruling:
        case HoldRuling.APPROVE:
            return _approved(hold, word, needs=needs, expires=expires)
        case HoldRuling.REJECT if hold.state is not HoldState.REJECTED:
            return HoldState.REJECTED
        case HoldRuling.REJECT:
            return NotTaken(f"{hold.name} is rejected already, {by_whom(hold.words)}")
        case _ if hold.state is HoldState.WAITS and not approvals_that_count(hold.words, now=word.at, expires=expires):
            return NotTaken(f"{hold.name} waits for a word already")
        case _:
            return HoldState.WAITS


def _approved(hold: HoldRecord, word: HoldWord, *, needs: int, expires: timedelta) -> HoldState | NotTaken:
    before = approvals_that_count(hold.words, now=word.at, expires=expires)
    if hold.state is HoldState.APPROVED and len(before) >= needs:
        return NotTaken(
            f"{hold.name} is approved already, {by_whom(before)}; it passes with the next pass over everything"
        )
    if hold.state is not HoldState.REJECTED and word.at - hold.planned_at > expires:
        return NotTaken(
            f"{hold.name} on {hold.deployment} was last planned at {hold.planned_at:%Y-%m-%d %H:%M} UTC, too long ago to be "
            f"let go unseen: let it be planned again (syncd reconcile --dry-run -d {hold.deployment}), look, and approve then"
        )
    if again := [other.who for other in before if other.people & word.people]:
        return NotTaken(f"{again[0]} approved {hold.name} already: the second word has to be another person's")
    return HoldState.APPROVED if len(before) + 1 >= needs else HoldState.WAITS


def what_became(hold: HoldRecord) -> str:
    """Say how a hold ended; empty while it has not."""
    match hold.state:
        case HoldState.PASSED:
            return f"it passed, {by_whom(hold.words)}" if hold.words else "it passed"
        case HoldState.SUPERSEDED:
            other = hold_name(hold.superseded_by or 0)
            return f"what is held on {hold.deployment} now has other effects; superseded by {other}: syncd hold show {other}"
        case HoldState.GONE:
            return f"it is not held on {hold.deployment} any more"
        case _:
            return ""


def by_whom(words: Iterable[HoldWord]) -> str:
    """Name who said what was said last of all, with the reasons that they gave."""
    these = tuple(words)
    same = [word for word in these if word.ruling is these[-1].ruling][-2:]
    said = [f"{word.who}{f' ({word.reason})' if word.reason else ''}" for word in same]
    return f"by {' and '.join(said)}, {these[-1].at:%Y-%m-%d %H:%M} UTC" if said else ""
