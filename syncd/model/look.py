"""What was seen of a deployment, and when: what questions are answered from without asking it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.model.abilities import Learned
from syncd.model.deployment import Dag, Role, User, VanishedDag
from syncd.model.state import ObservedState


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at a deployment. `observed` says by its scope how much was looked at; `dags`: None where not listed.

    `vanished` are DAGs that roles hold something on, or are there for, and that were not listed.
    """

    at: datetime
    observed: ObservedState
    learned: Learned
    own_account: str | None = None
    dags: tuple[Dag, ...] | None = None
    vanished: tuple[VanishedDag, ...] = ()


@dataclass(frozen=True, slots=True)
class LastSeen:
    """What the last looks at a deployment saw, put together: all of it. `users` and `unclear` are keyed by `key(username)`.

    people_at  when everybody was last looked at; who was looked at since is as they were then
    roles_at, dags_at  when roles and DAGs were last listed
    vanished   DAGs that were not listed any more then
    """

    deployment: str
    learned: Learned
    users: Mapping[str, User]
    roles: Mapping[str, Role]
    dags: tuple[Dag, ...]
    people_at: datetime
    roles_at: datetime
    dags_at: datetime
    own_account: str | None = None
    unclear: Mapping[str, str] = field(default_factory=dict)
    vanished: tuple[VanishedDag, ...] = ()

    @property
    def at(self) -> datetime:
        """When the oldest part of it was seen."""
        return min(self.people_at, self.roles_at, self.dags_at)

    def observed(self) -> ObservedState:
        """Give it as a look would that saw all of it now."""
        return ObservedState(self.deployment, self.users, self.roles, unclear=self.unclear)


@dataclass(frozen=True, slots=True)
class SeenDags:
    """What is known of a deployment but for its people and roles. `at` is when the oldest part of all was seen, of those too."""

    learned: Learned
    dags: tuple[Dag, ...]
    at: datetime
