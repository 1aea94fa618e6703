"""Who may write."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Lease(Protocol):
    """The right to write to one deployment. It is renewed in the background for as long as it is held."""

    @property
    def name(self) -> str:
        """What it is the lease of."""
        ...

    @property
    def fence(self) -> int:
        """A number that grows with every taking, and so tells this holder from the next."""
        ...

    def check(self) -> None:
        """Make sure that it is still ours.

        Raises:
            DeploymentBusy: somebody else has it now, or it was let go of; make no further call.
        """
        ...

    def give_way(self, stopping: Callable[[], bool]) -> bool:
        """Where an urgent writer wants it, let them have it and take it again after them; say whether that was so.

        Whether one does was seen with the last call that was announced under it. `stopping` cuts the waiting short.

        Raises:
            DeploymentBusy: it did not come back in time; make no further call.
        """
        ...


class Leases(Protocol):
    """The rights to write, one for each deployment or anything else that has a name."""

    def take(self, name: str, *, urgent: bool = False) -> AbstractContextManager[Lease]:
        """Take a lease, by its name (a deployment's, or that of anything else), for as long as the context lasts.

        With `urgent`, a holder that is met is asked to give way (`Lease.give_way`): try again in a moment.

        A lease whose holder was a process of this host that is gone, or that was not renewed in time, is taken over.

        Raises:
            DeploymentBusy: somebody else holds it; the message says who and since when.
        """
        ...

    def release_all(self) -> None:
        """Let go of every lease now; whoever works under one is stopped before its next call."""
        ...
