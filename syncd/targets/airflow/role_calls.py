"""One role on one server: its physical names, what they hold, who holds them, and the calls that write them.

No answer proves anything here: some releases repeat the request, some claim a rename that was not made. All is read back.
Role writes are slow (18 ms for a new permission) and go on after a client gave up, so a call has a time-out that grows with
what it writes, and after a time-out the role is watched until it stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from syncd.http.answer import Answer
from syncd.model import Permission, Status, key
from syncd.targets.airflow.abilities import Patch
from syncd.targets.airflow.auth import is_out_of_date
from syncd.targets.airflow.calls import Calls, Stopped, refused
from syncd.targets.airflow.mirror import Mirror, actions
from syncd.targets.airflow.names import Family
from syncd.targets.airflow.wire import Area

PERMISSIONS_IN_TIME: Final = 300
"""So many permissions add the connection's time-out once more: 0.1 s for each with 30 s, five times what was measured."""
WATCH_S: Final = 2.0
STILL: Final = 3
MOST_LOOKS: Final = 300
EDIT_ROLES: Final = Permission("can_edit", "Roles")

Permissions = frozenset[Permission]
Ended = tuple[Status, str]


@dataclass(slots=True)
class RoleCalls:
    """What is seen and written of one role, `name`, and of all its physical names."""

    mirror: Mirror
    calls: Calls
    pause: Callable[[float], None]
    name: str

    def survey(self) -> None:
        """Read the members of the family anew; their names are known from the last listing, and only we make new ones."""
        for member in {self.name, *self.family().members}:
            self.mirror.role(member)

    def family(self) -> Family:
        return self.mirror.families([self.name])[self.name]

    def have(self, name: str) -> Permissions:
        return self.mirror.all_roles().get(name, frozenset())

    def read_back(self, name: str) -> Permissions | None:
        found = self.mirror.role(name)
        self.calls.silent = False
        return found

    def settle(self, name: str) -> Permissions | None:
        """Watch a role until it stands still: the server goes on writing after the client gave up."""
        last, still = self.mirror.role(name), 1
        for _ in range(MOST_LOOKS):
            self.pause(WATCH_S)
            now = self.mirror.role(name)
            still = still + 1 if now == last else 1
            last = now
            if still == STILL:
                self.calls.silent = False
                return now
        raise Stopped(Status.UNKNOWN, f"the server is still writing role {name!r}; the next pass looks again")

    def guard(self, members: Collection[str]) -> None:
        """Refuse to take a role from its holders where one of them is never to be changed: it could not be done for all."""
        for holder in self.mirror.holders(members):
            if who := self.untouchable(holder):
                raise Stopped(
                    Status.FAILED,
                    f"{holder}, {who}, holds role {self.name!r} and is never changed, so the role is left as it is; "
                    "give that account a role that syncd does not manage",
                )

    def untouchable(self, username: str) -> str:
        """Say which account that is never moved this one is; empty where it is none."""
        if key(username) in self.mirror.twins:
            return "one of several accounts of that name"
        return self.calls.fence.who(username)

    def can_patch(self) -> bool:
        return self.mirror.patch_role is not Patch.FORBIDDEN

    def learn_forbidden(self, answer: Answer) -> None:
        """Tell "nobody may" (FAB providers 3.0.3 to 3.2.0) from "we may not"."""
        if is_out_of_date(answer) or not self.mirror.may(EDIT_ROLES):
            raise refused(answer, f"{EDIT_ROLES} (or it could not be seen whether it has it)")
        self.mirror.learn(patch=Patch.FORBIDDEN)

    def send(
        self, method: str, path: str | None, *, name: str, wanted: Permissions | None, what: str, mask: str = ""
    ) -> Answer | None:
        body: dict[str, object] = {"name": name}
        if wanted is not None:
            body["actions"] = actions(wanted)
        self.mirror.doubt_users()
        timeout_s = self.mirror.wire.session.connection.timeout_s * (1 + len(wanted or ()) / PERMISSIONS_IN_TIME)
        return self.calls.send(
            Area.ROLES, method, path, what=what, makes=name, mask=mask, body=body, timeout_s=timeout_s
        )
