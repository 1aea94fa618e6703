"""Writing calls: each is announced before it is sent and its answer recorded after; bodies and secrets are not.

This is the last place before a server is changed, so here it is asked once more, of each call and whatever led to it, whether
what it names may be touched at all.

Announcing a call looks whether we still may write. So it is the last thing before the call goes out, after every wait for a
turn, and is done anew where it took long: a process that was stopped in between wakes up in another world.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from syncd.errors import TargetUnavailable
from syncd.http.answer import Answer
from syncd.http.session import NoAnswer
from syncd.model import Lookalikes, Status, key
from syncd.ports import Recorder
from syncd.targets.airflow.auth import distrusted
from syncd.targets.airflow.naming import is_second, refusal, unreachable
from syncd.targets.airflow.wire import Area, Wire

LOOK_AGAIN_S = 1.0
"""A call that was announced longer ago than this is announced anew."""
LOOKS = 5
"""So often at most: then the database is too slow to write under."""


def now() -> tuple[float, float]:
    """Read both clocks: that of the wall goes on while the machine sleeps, the other cannot be set."""
    return time.monotonic(), time.time()


class Stopped(Exception):
    """A change goes no further; how it ended, and a sentence."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Fence:
    """What no call may name: accounts that are protected, or that a database may take for one, and the one we run as.

    Of roles only the one that is being changed may be named, and the second ones that were `made` beside it, with syncd's
    other roles told apart from it.
    """

    protected: Lookalikes
    own: Lookalikes
    roles: frozenset[str] = frozenset()
    made: set[str] = field(default_factory=set)

    def account(self, name: str) -> str:
        """Say why an account may not be written; empty where it may."""
        if why := unreachable(name):
            return why
        who = self.who(name)
        return f"{name} is {who} and is never changed" if who else ""

    def who(self, name: str) -> str:
        """Say which untouchable account this one is, or may be to a database; empty where it is none."""
        for kind, accounts in (("the account that syncd runs as", self.own), ("a protected account", self.protected)):
            if found := accounts.of(name):
                sure = key(name) in map(key, found)
                return (
                    kind if sure else f"perhaps {kind} ({', '.join(found)}), which some databases cannot tell from it,"
                )
        return ""

    def role(self, name: str, changed: str, *, new: bool = False) -> str:
        """Say why a role may not be written while another one is changed, or not be made beside it; empty where it may."""
        if why := refusal(name):
            return why
        ours = name not in self.roles and is_second(name, changed) and (new or name in self.made)
        if name != changed and not ours:
            return f"role {name} is none of the names of {changed or 'a role that is being changed'}, and is left alone"
        return ""


@dataclass(slots=True)
class Calls:
    """The writing calls of one change. `role` is the role that it is about, empty where it is about an account.

    `silent` says that the last one got no answer and nobody has looked since; `made` that at least one was carried out;
    `second` is the second role that the last one makes, `unheard` those that a call may yet make of which nobody heard.
    """

    wire: Wire
    record: Recorder
    fence: Fence
    role: str = ""
    silent: bool = False
    made: bool = False
    second: str = ""
    unheard: set[str] = field(default_factory=set)
    now: Callable[[], tuple[float, float]] = now
    _steps: list[int] = field(default_factory=list)

    def send(
        self,
        area: Area,
        method: str,
        name: str | None,
        *,
        what: str,
        makes: str = "",
        mask: str = "",
        body: object = None,
        timeout_s: float | None = None,
    ) -> Answer | None:
        """Announce a call, send it, record its answer; None where none came.

        `name` is what the thing was just read to be called; `makes` the name that it will bear where that is another.

        Raises:
            Stopped: what it names is not to be touched; nothing was sent.
        """
        new = makes if makes != name else ""
        if why := (name and self._forbids(area, name)) or (new and self._forbids(area, new, new=True)):
            raise Stopped(Status.FAILED, why)
        self.second = new if area is Area.ROLES and new != self.role else ""
        place = f"/{area}" if name is None else f"/{area}/{name}"
        call = f"{method} {place} {what}".rstrip()
        self._steps.clear()
        try:
            answer = self.wire.write(
                area, method, name, mask=mask, body=body, timeout_s=timeout_s, ready=lambda: self._announce(call)
            )
        except NoAnswer as e:
            self._not_heard()
            self._ended(f"no answer: {e}")
            return None
        except TargetUnavailable as e:
            self._ended(f"not sent: {e}", refused=True)
            raise
        self._ended(str(answer), refused=400 <= answer.status < 500)
        # A proxy says these where it lost patience; the server behind it may well go on.
        self.silent = False
        if answer.status in {502, 503, 504}:
            self._not_heard()
        self.made |= answer.status < 300
        return None if self.silent else answer

    def gone(self, name: str) -> None:
        """Own a second role no more that is not there any more, at once: another hand may make one of that name."""
        if name != self.role and name not in self.unheard:
            self.fence.made.discard(name)
            self.record.gone(name)

    def _not_heard(self) -> None:
        self.silent = True
        self.unheard |= {self.second} - {""}

    def _forbids(self, area: Area, name: str, *, new: bool = False) -> str:
        return self.fence.role(name, self.role, new=new) if area is Area.ROLES else self.fence.account(name)

    def _announce(self, call: str) -> None:
        """Announce a call that goes out now. One that was refused for its credential goes out a second time."""
        self._ended("refused; asked again with another credential", refused=True)
        for _ in range(LOOKS):
            began = self.now()
            self._steps.append(self.record.before(call, makes=self.second))
            self.fence.made.update({self.second} - {""})
            if max(b - a for a, b in zip(began, self.now(), strict=True)) <= LOOK_AGAIN_S:
                return
            self._ended("not sent: too much time went by after it was announced", refused=True)
        raise TargetUnavailable(f"{call}: not sent: the database takes too long to note it")

    def _ended(self, answer: str, *, refused: bool = False) -> None:
        """Record what came of the call that was announced last, where one was."""
        if self._steps:
            self.record.after(self._steps.pop(), answer, refused=refused)
            self.fence.made.discard(self.second if refused else "")


def refused(answer: Answer, right: str) -> Stopped:
    """Say that an answer is a refusal, and which right is missing where it means that."""
    if why := distrusted("token", answer):
        return Stopped(Status.FAILED, f"{answer.asked} gave {answer}: {why}")
    if answer.status in {401, 403}:
        return Stopped(Status.FAILED, f"{answer.asked} gave {answer}: the account that syncd runs as lacks {right}")
    return Stopped(Status.FAILED, f"{answer.asked} gave {answer}")
