"""One deployment: planning is given a `TargetReader` and so cannot write, only apply is given a `TargetWriter`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from syncd.model import Change, Dag, Dialect, Learned, LoggedAct, LoggedEdit, ObservedState, Outcome, Scope, SignIns


class TargetReader(Protocol):
    """Looks at one deployment. Every method may raise TargetUnavailable or one of its subclasses."""

    def look(self) -> Learned:
        """Find out what the server can do, by reading only; asked once in the life of the reader."""
        ...

    def own_account(self) -> str | None:
        """Name the account that syncd runs as there; None where that is not known."""
        ...

    def dialect(self) -> Dialect:
        """Say how this server spells levels."""
        ...

    def inventory(self) -> tuple[Dag, ...]:
        """List every DAG, sorted by id."""
        ...

    def observe(
        self,
        scope: Scope,
        *,
        role_names: frozenset[str],
        once: frozenset[str] = frozenset(),
        members: frozenset[str] = frozenset(),
    ) -> ObservedState:
        """Read users and roles; `role_names` are the roles that syncd manages here or gave to somebody, `once` those before.

        `members` are the second roles that syncd made here: a name alone does not say whose a role is.

        With a scope that is not everything, only those people are read and `roles` is empty.
        """
        ...

    def sign_ins(self, names: Collection[str]) -> Mapping[str, SignIns]:
        """Say how often each of these accounts signed in, by the name that was asked for; of one that is not there nothing."""
        ...

    def edits(self, since: datetime) -> tuple[LoggedEdit, ...] | None:
        """Give what the server's own log says of edits after that, the newest first; None: there is none that may be read."""
        ...

    def acts(self, account: str, since: datetime) -> tuple[LoggedAct, ...]:
        """Give some of what the server's own log says that an account did after that, the newest first."""
        ...


class Recorder(Protocol):
    """Takes down each writing call before it is made, and its answer after."""

    def before(self, call: str, *, makes: str = "") -> int:
        """Commit that `call` is about to be made; gives the number to close it with.

        `makes` is the name of the second role that is ours from then on, unless the call is refused.
        """
        ...

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        """Note what came of it; `refused` only where it is sure that nothing was done and nothing will be."""
        ...

    def gone(self, name: str) -> None:
        """Note that a second role of ours was seen to be there no more: whoever makes one of that name now makes theirs."""
        ...


class TargetWriter(Protocol):
    """Changes one deployment."""

    def apply(self, change: Change, record: Recorder) -> Outcome:
        """Make one change and look whether it was made. Never raises for a refusal: the outcome says it.

        `applied` means that the server was read back, or gave an answer that is measured to be reliable. A change that
        was made in part before is finished.
        """
        ...

    def learned(self) -> Learned:
        """Give what is known of the server after the writes of this pass."""
        ...


class TargetSession(TargetReader, TargetWriter, Protocol):
    """One deployment, opened for one pass."""

    @property
    def calls(self) -> int:
        """Requests made so far, each retry counted."""
        ...

    def close(self) -> None: ...


class LastingSession(TargetSession, Protocol):
    """One deployment, opened for pass after pass."""

    def forget(self, *, looked: bool = False) -> None:
        """Drop what was read of the deployment; with `looked`, also what was found out about the server."""
        ...
