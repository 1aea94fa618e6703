"""The physical names of a role beside the current one: people are moved away from them, and then they go.

Every step can be the last before a crash: what is done is what is found to be left to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncd.model import Status
from syncd.targets.airflow.abilities import Delete
from syncd.targets.airflow.calls import Stopped, refused
from syncd.targets.airflow.mirror import FRESH_S
from syncd.targets.airflow.role_calls import Permissions, RoleCalls
from syncd.targets.airflow.users import UserWriter
from syncd.targets.airflow.wire import Area

MOST_MOVES: Final = 5
"""So many times everybody is listed while a role is exchanged; the last time nobody may be left."""


@dataclass(slots=True)
class RoleFamily:
    """Tidies the family of one role; `left` are members that the server cannot delete, without people now."""

    role: RoleCalls
    users: UserWriter
    left: list[str] = field(default_factory=list)

    def tidy(self) -> None:
        """Move everybody to the current member, take the others away, and give the current one its name back."""
        family = self.role.family()
        assert family.current is not None
        if family.others:
            self._move(family.others, to=family.current)
            for member in family.others:
                self._retire(member)
        self._name_back(family.current)

    def remove(self) -> None:
        """Delete the whole family, once nobody holds any of it."""
        members = self.role.family().members
        self.role.guard(members)
        if held := self.role.mirror.holders(members, fresh_s=0.0):
            raise Stopped(
                Status.FAILED,
                f"role {self.role.name!r} is held by {', '.join(held[:3])}{' and others' if held[3:] else ''}, who would lose "
                "it with the role; the next pass decides anew",
            )
        for member in members:
            if self.role.mirror.delete_role is not Delete.BROKEN and self._deleted(member):
                continue
            for username in self.role.mirror.holders([member]):
                self.users.move(username, away=[member], to=None)
            self._retire(member)
        self.role.mirror.buried |= set(self.left)

    def dig_up(self, name: str, *, wanted: Permissions) -> bool:
        """Use a role that was left behind once more, under this name, instead of making another that can never be deleted.

        Only one that we buried, that holds nothing but what is wanted, and that nobody holds: to whoever was given it by another
        hand since then it would give the rest. The one that holds most is taken. False where none is fit.
        """
        mirror = self.role.mirror
        left = (m for m in self.role.family().dead if self.role.have(m) <= wanted)
        fit = sorted(left, key=lambda m: (-len(self.role.have(m)), m))
        if not fit or not self.role.can_patch():
            return False
        free = next((member for member in fit if not mirror.holders([member], fresh_s=0.0)), None)
        return free is not None and self._renamed(free, name) == name

    def _move(self, away: tuple[str, ...], *, to: str) -> None:
        """Move everybody, those too to whom another hand gave the old one meanwhile: they would lose it with the role.

        Raises:
            Stopped: it is given faster than people can be moved.
        """
        fresh_s = FRESH_S
        for _ in range(MOST_MOVES):
            holders = self.role.mirror.holders(away, fresh_s=fresh_s)
            if not holders and fresh_s == 0.0:
                return
            for username in sorted(holders, key=lambda name: bool(self.role.untouchable(name))):
                self.users.move(username, away=away, to=to)
            fresh_s = 0.0
        raise Stopped(
            Status.FAILED,
            f"role {self.role.name!r} is given to people while it is exchanged; they keep what they have, and the next pass "
            "goes on",
        )

    def _retire(self, member: str) -> None:
        """Delete a role that nobody holds; where the server cannot, give it a name that says so."""
        if self.role.mirror.delete_role is not Delete.BROKEN and self._deleted(member):
            return
        if member not in self.role.family().dead and self.role.can_patch():
            member = self._renamed(member, self.role.family().grave(self.role.mirror.all_roles()))
        self.left.append(member)

    def _deleted(self, member: str) -> bool:
        self.role.mirror.doubt_users()
        answer = self.role.calls.send(Area.ROLES, "DELETE", member, what="")
        if self.role.read_back(member) is None:
            self.role.calls.gone(member)
            if answer is not None and answer.status in {200, 204}:
                self.role.mirror.learn(delete=Delete.WORKS)
            return True
        if answer is None:
            raise Stopped(Status.UNKNOWN, f"no answer came to the deletion of role {member!r}, and it is still there")
        if answer.status < 500:
            raise refused(answer, "can_delete on Roles")
        self.role.mirror.learn(delete=Delete.BROKEN)
        return False

    def _name_back(self, current: str) -> None:
        if current != self.role.name and self.role.can_patch() and self.role.mirror.role(self.role.name) is None:
            self._renamed(current, self.role.name)

    def _renamed(self, old: str, new: str) -> str:
        """Rename a role and give the name that it has then; the old one where the server turns out to forbid it.

        Raises:
            Stopped: it was not renamed, whatever the answer claims.
        """
        answer = self.role.send("PATCH", old, name=new, wanted=None, what=f"name={new}", mask="name")
        if answer is not None and answer.status == 403:
            self.role.learn_forbidden(answer)
            return old
        if self.role.read_back(new) is None or self.role.read_back(old) is not None:
            raise Stopped(
                Status.FAILED,
                f"role {old!r} could not be renamed to {new!r} ({answer or 'no answer'}); the next pass tries again",
            )
        self.role.calls.gone(old)
        return new
