"""Groups that were not read whole, and when each is read again: after 1, 2, 4 ... polls, at once where it looks otherwise.

Such a group may stay as it is for good (its count counts other people than its list shows), and is then no reason to read it
at every poll. What is kept here goes with the cursor into the database, so a restart does not begin anew. A read of
everything does: it reads every group.

the group looks    | polls since it was read | then
-------------------|-------------------------|------------------------------------------------------
as when it was read | fewer than its pause    | it is not read, and stays in doubt with the same reason
as when it was read | as many as its pause    | it is read; if that is not whole, its pause doubles
otherwise          | any                     | it is read
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from syncd.model import Group

LONGEST: Final = 1024
"""The longest pause in polls, where the members and the count do not agree: four hours at a poll every 15 s."""
LONGEST_UNANSWERED: Final = 8
"""The same where members could not be read at all: what failed may work again soon, and a request that fails is cheap."""


@dataclass(frozen=True, slots=True)
class Again:
    """One such group: how often it was read in vain, at how many polls it is left alone, how it looked, and why.

    `look` is text that is other when the group is: its count, and its stamps where there are any.
    """

    times: int = 0
    left: int = 0
    look: str = ""
    why: str = ""

    def rests(self, look: str) -> bool:
        return self.left > 0 and self.look == look

    def passed(self) -> Again:
        """Give what is left after a poll at which it was not read."""
        return replace(self, left=self.left - 1)

    def failed(self, look: str, why: str, *, answered: bool) -> Again:
        """Give what it is after a read that was not whole."""
        times = self.times + 1 if look == self.look else 1
        longest = LONGEST if answered else LONGEST_UNANSWERED
        return Again(times, min(2 ** min(times - 1, 20), longest) - 1, look, why)


NEVER: Final = Again()


def resting(group: Group, again: Again) -> Group:
    """Give a group that is left alone at this poll: as it was known, and as doubtful."""
    return replace(group, certificate=replace(group.certificate, complete=False, why=again.why))


def again_to(groups: Mapping[str, Again]) -> dict[str, Any]:
    """Give it as JSON has it."""
    return {id_: asdict(groups[id_]) for id_ in sorted(groups)}


def again_from(found: Any) -> dict[str, Again]:
    """Read what `again_to` gave.

    Raises:
        ValueError, TypeError, AttributeError: it is something else.
    """
    return {str(id_): _again(**fields) for id_, fields in found.items()}


def _again(times: int, left: int, look: str, why: str) -> Again:
    return Again(int(times), int(left), str(look), str(why))
