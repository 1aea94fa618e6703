"""What was seen last of deployments."""

from __future__ import annotations

from typing import Protocol

from syncd.model import Dag, LastSeen, SeenDags, Sighting, VanishedDag
from syncd.plan.given import SeenRoles


class Looks(Protocol):
    """What the last looks at each deployment saw: what is asked later is answered from it."""

    def keep(self, deployment: str, look: Sighting) -> None:
        """Keep what a look saw, as far as it looked; what was seen later already stays."""
        ...

    def last(self, deployment: str) -> LastSeen | None:
        """Give what was seen last; None: it was never looked at whole."""
        ...

    def listed(self, deployment: str) -> SeenDags | None:
        """Give what was seen last but for people and roles, which are much to read; None: it was never looked at whole."""
        ...

    def dags(self, deployment: str) -> tuple[Dag, ...]:
        """Give the DAGs alone; none where they were never listed."""
        ...

    def roles(self, deployment: str) -> SeenRoles | None:
        """Give the roles as they were seen last, which are read once they are needed; None: it was never looked at whole."""
        ...

    def vanished(self, deployment: str) -> tuple[VanishedDag, ...]:
        """Give the DAGs that the last listing did not have any more, as it was kept with it."""
        ...
