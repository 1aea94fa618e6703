"""What the order of a pass needs from the world, as small protocols; adapters implement them and know nothing else.

Planning is given a `TargetReader` and so cannot write. Only apply is given a `TargetWriter`.
"""

from __future__ import annotations

from typing import Protocol

from syncd.model import (
    Capabilities,
    Change,
    Dag,
    Dialect,
    ObservedState,
    Outcome,
    Scope,
    Snapshot,
)


class Source(Protocol):
    """A place where people and groups come from."""

    @property
    def name(self) -> str: ...

    def read(self) -> Snapshot:
        """Read everything.

        A group that could not be read whole is in the result with a certificate that is not complete.

        Raises:
            SourceUnavailable: nothing can be said about the source as a whole.
        """
        ...


class TargetReader(Protocol):
    """Looks at one deployment. Every method may raise TargetUnavailable or one of its subclasses."""

    def look(self) -> Capabilities:
        """Find out what the server can do, by reading only; asked once in the life of the reader."""
        ...

    def dialect(self) -> Dialect:
        """Say how this server spells levels."""
        ...

    def inventory(self) -> tuple[Dag, ...]:
        """List every DAG, sorted by id."""
        ...

    def observe(self, scope: Scope, *, role_names: frozenset[str]) -> ObservedState:
        """Read users and roles; `role_names` are the roles that syncd manages here.

        With a scope that is not everything, only those people are read and `roles` is empty.
        """
        ...


class Recorder(Protocol):
    """Takes down each writing call before it is made, and its answer after."""

    def before(self, call: str) -> int:
        """Commit that `call` is about to be made; gives the number to close it with."""
        ...

    def after(self, step: int, answer: str) -> None:
        """Commit what came of it."""
        ...


class TargetWriter(Protocol):
    """Changes one deployment."""

    def apply(self, change: Change, record: Recorder) -> Outcome:
        """Make one change and look whether it was made. Never raises for a refusal: the outcome says it.

        `applied` means that the server was read back, or gave an answer that is measured to be reliable. A change that
        was made in part before is finished.
        """
        ...

    def learned(self) -> Capabilities:
        """Give the capabilities as the writes of this pass showed them to be."""
        ...
