"""Whether a break-glass account was used: what a deployment says of its sign-ins, held against what it said before.

before          | now                     | then
----------------|-------------------------|-------------------------------------------------
never looked at | anything                | it is kept, and nobody is told
so often        | oftener                 | it signed in
anything        | another last time       | the same
so often        | less often              | it was made anew, or its counter was changed
failed so often | oftener                 | somebody tried to sign in
anything        | its log has what it did | it was used, also by a session or token of before
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from syncd.model import KeptSignIns, LoggedAct, SignIns

_SHOWN: Final = 3
TOLD: Final = timedelta(hours=24)
"""For so long a use is told after it was noticed."""


def looked(before: KeptSignIns | None, said: SignIns, did: Iterable[LoggedAct] = (), *, now: datetime) -> KeptSignIns:
    """Give what is to be kept after a look; the same object where nothing is other than before.

    `did` is what the server's log says that the account did, the newest first. What that has of later than now, by a clock that
    goes ahead, is told once it is not, and so once.
    """
    if before is None:
        return KeptSignIns(said, now)
    acts = tuple(act for act in did if before.since < act.at <= now)
    if said == before.said and not acts:
        return before
    if found := "; ".join(filter(None, (_found(before.said, said), _did(acts)))):
        return KeptSignIns(said, now, found, now)
    return KeptSignIns(said, now, before.noticed, before.noticed_at)


def is_told(kept: KeptSignIns, now: datetime) -> bool:
    """Say whether a use was noticed so lately that people are told of it."""
    return kept.noticed_at is not None and now - kept.noticed_at < TOLD


def _found(before: SignIns, said: SignIns) -> str:
    was, is_ = before.times or 0, said.times or 0
    last = f", the last time at {said.last} by its clock" if said.last else ""
    if is_ < was:
        return f"was made anew, or its count of sign-ins was set back from {was} to {is_}"
    if is_ > was:
        return f"signed in {_times(is_ - was)}{last}"
    if said.last and said.last != before.last:
        return f"signed in{last}"
    if (said.failed or 0) > (before.failed or 0):
        return f"was tried {_times((said.failed or 0) - (before.failed or 0))} with a wrong password"
    return ""


def _did(acts: Sequence[LoggedAct]) -> str:
    named = [f"{act.what} at {act.at:%Y-%m-%d %H:%M} UTC" for act in acts[:_SHOWN]]
    return f"did there, as its event log says, the newest first: {', '.join(named)}" if named else ""


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
