"""Writing roles, so that in the end a role has exactly the wanted permissions on every release.

What PATCH does decides the way; the first write that shows it is remembered (facts measured on ten releases):

PATCH     | permissions to add only | permissions to take away
replaces  | in place                | in place
adds      | in place                | a successor, then people are moved, the old one is removed, the successor renamed
forbidden | a successor             | the same, without the rename

A successor `X~1` is made beside `X` and read back; each holder is moved in one call, so nobody is without access at any
moment; `X` is deleted, or, where the server cannot delete, renamed to `X~old1` and left without people. Every step can
be the last before a crash: a change always begins by looking at what is there.

No answer proves anything here: some releases repeat the request, some claim a rename that was not made. All is read back.
Role writes are slow (18 ms for a new permission) and go on after a client gave up, so large sets are sent in parts, with
a time-out that grows with the set, and after a time-out the role is watched until it stands still.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from syncd.http.answer import Answer
from syncd.model import Change, Permission, Role, Status, key
from syncd.targets.airflow.abilities import Delete, Patch
from syncd.targets.airflow.calls import Calls, Stopped, refused
from syncd.targets.airflow.mirror import FRESH_S, Mirror, actions
from syncd.targets.airflow.names import Family
from syncd.targets.airflow.naming import refusal
from syncd.targets.airflow.users import UserWriter
from syncd.targets.airflow.wire import Area

CHUNK: Final = 100
ROUNDS: Final = 8
PERMISSIONS_IN_TIME: Final = 300
"""So many permissions add the connection's time-out once more: 0.1 s for each with 30 s, five times what was measured."""
WATCH_S: Final = 2.0
STILL: Final = 3
MOST_LOOKS: Final = 300
MOST_MOVES: Final = 5
"""So many times everybody is listed while a role is exchanged; the last time nobody may be left."""
EDIT_ROLES: Final = Permission("can_edit", "Roles")

Permissions = frozenset[Permission]
Ended = tuple[Status, str]


@dataclass(slots=True)
class RoleWriter:
    """Makes one change of a role. `wanted` shrinks where the server does not know a resource yet: `unknown` names those."""

    mirror: Mirror
    calls: Calls
    users: UserWriter
    pause: Callable[[float], None]
    name: str = ""
    wanted: Permissions = frozenset()
    unknown: set[Permission] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def write(self, change: Change) -> Ended:
        """Make the change and look whether it was made.

        Raises:
            Stopped: it was not, or not to its end.
        """
        role = change.thing
        assert isinstance(role, Role)
        if why := refusal(role.name):
            raise Stopped(Status.FAILED, why)
        self.name, self.wanted = role.name, role.permissions
        self.calls.role = role.name
        self.mirror.buried.discard(role.name)
        self._survey()
        if change.after is None:
            return self._remove()
        if change.before is None:
            self._see_that_it_is_ours()
        self._reach()
        self._tidy()
        return self._ended()

    # --- looking ------------------------------------------------------------------------------------------------------

    def _survey(self) -> None:
        """Read the members of the family anew; their names are known from the last listing, and only we make new ones."""
        for member in {self.name, *self._family().members}:
            self.mirror.role(member)

    def _see_that_it_is_ours(self) -> None:
        """Leave alone what was not there when the plan was made and has more than is wanted: our own call brings no more."""
        current = self._family().current
        if current is not None and not self._have(current) <= self.wanted:
            raise Stopped(
                Status.FAILED,
                f"somebody else made the role {self.name} since the plan was made; the next pass decides anew",
            )

    def _family(self) -> Family:
        return self.mirror.families([self.name])[self.name]

    def _have(self, name: str) -> Permissions:
        return self.mirror.all_roles().get(name, frozenset())

    def _read_back(self, name: str) -> Permissions | None:
        found = self.mirror.role(name)
        self.calls.silent = False
        return found

    def _settle(self, name: str) -> Permissions | None:
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

    # --- the wanted permissions ---------------------------------------------------------------------------------------

    def _reach(self) -> None:
        """Bring the current member to the wanted permissions, or make a successor that has them."""
        rounds = ROUNDS + len({p.resource for p in self.wanted})  # each round settles one unknown resource at most
        for _ in range(rounds):
            current = self._family().current
            if current is None:
                self._post(self.name)
            elif self._have(current) == self.wanted:
                return
            elif self._in_place(current):
                self._patch(current)
            else:
                self._succeed(current)
        raise Stopped(
            Status.FAILED,
            "the server accepted the permissions and did not keep them; does something else write this role?",
        )

    def _in_place(self, current: str) -> bool:
        match self.mirror.patch_role:
            case Patch.FORBIDDEN:
                return False
            case Patch.ADDS:
                return self._have(current) <= self.wanted
            case _:
                return True

    def _succeed(self, current: str) -> None:
        """Make the successor of a role that cannot be changed in place."""
        self._guard([current])
        successor = self._family().successor(self.mirror.all_roles())
        self.mirror.role(successor)  # where the database takes another role for it, this says so
        self._post(successor)

    def _guard(self, members: Collection[str]) -> None:
        """Refuse to take a role from its holders where one of them is never to be changed: it could not be done for all."""
        for holder in self.mirror.holders(members):
            if who := self._untouchable(holder):
                raise Stopped(
                    Status.FAILED,
                    f"{holder}, {who}, holds role {self.name!r} and is never changed, so the role is left as it is; "
                    "give that account a role that syncd does not manage",
                )

    def _untouchable(self, username: str) -> str:
        """Say which account that is never moved this one is; empty where it is none."""
        if key(username) in self.mirror.twins:
            return "one of several accounts of that name"
        return self.calls.fence.who(username)

    def _post(self, name: str) -> None:
        """Make a role. The rest of a large one is added by the next round, but for servers on which nothing can be added."""
        if self.mirror.patch_role is Patch.UNKNOWN and len(self.wanted) > CHUNK:
            self._probe(name)
        first = _part(self.wanted) if self._can_patch() else self.wanted
        answer = self._send("POST", None, name=name, wanted=first, what=f"{name} actions={len(first)}")
        if answer is None:
            self._settle(name)
        elif not self._is_unknown_resource(answer) and self._read_back(name) is None:
            raise refused(answer, "can_create on Roles")
        elif answer.status == 409:
            self._see_that_it_is_ours()

    def _can_patch(self) -> bool:
        return self.mirror.patch_role is not Patch.FORBIDDEN

    def _probe(self, name: str) -> None:
        """Ask for a change of a role that does not exist: 404 where changing is possible, 403 where it is for nobody."""
        answer = self._send(
            "PATCH", name, name=name, wanted=frozenset(), what="to see whether roles can be changed at all"
        )
        if answer is not None and answer.status == 403:
            self._learn_forbidden(answer)

    def _patch(self, name: str) -> None:
        """Change a role in place, a hundred new permissions at a time, and see what the server made of it.

        Each call repeats what the role has and keeps: where PATCH only adds that changes nothing, and where it replaces,
        perhaps since a moment ago, what is not repeated would be gone.
        """
        before = self._have(name)
        done = before & self.wanted
        while True:
            new = _part(self.wanted - done)
            done |= new
            answer = self._send(
                "PATCH",
                name,
                name=name,
                wanted=done,
                what=f"actions={len(done)}",
                mask="actions",
            )
            if answer is None:
                self._settle(name)
                return
            if self._is_unknown_resource(answer):
                return
            if answer.status == 403:
                self._learn_forbidden(answer)
                return
            if answer.status not in {200, 404}:
                raise refused(answer, str(EDIT_ROLES))
            if answer.status == 404 or done == self.wanted:
                break
        self._learn(before, self._read_back(name))

    def _learn(self, before: Permissions, after: Permissions | None) -> None:
        """See from what is left of the permissions that had to go whether PATCH replaces or only adds.

        What is gone proves that it replaces, whatever was sent; that all is there where something had to go, that it adds.
        """
        if after is None:
            return
        if not before <= after:
            self.mirror.learn(patch=Patch.REPLACES)
        elif before - self.wanted:
            self.mirror.learn(patch=Patch.ADDS)

    def _learn_forbidden(self, answer: Answer) -> None:
        """Tell "nobody may" (FAB providers 3.0.3 to 3.2.0) from "we may not"."""
        if not self.mirror.may(EDIT_ROLES):
            raise refused(answer, f"{EDIT_ROLES} (or it could not be seen whether it has it)")
        self.mirror.learn(patch=Patch.FORBIDDEN)

    def _is_unknown_resource(self, answer: Answer) -> bool:
        """Leave out the permissions on a resource that the server does not know yet; it names one at a time."""
        found = unknown_resource(answer)
        if found is None or found not in {p.resource for p in self.wanted}:
            return False
        self.unknown |= {p for p in self.wanted if p.resource == found}
        self.wanted -= self.unknown
        return True

    # --- one of the family --------------------------------------------------------------------------------------------

    def _tidy(self) -> None:
        """Move everybody to the current member, take the others away, and give the current one its name back."""
        family = self._family()
        assert family.current is not None
        if family.others:
            self._move(family.others, to=family.current)
            for member in family.others:
                self._retire(member)
        self._name_back(family.current)

    def _move(self, away: tuple[str, ...], *, to: str) -> None:
        """Move everybody, those too to whom another hand gave the old one meanwhile: they would lose it with the role.

        Raises:
            Stopped: it is given faster than people can be moved.
        """
        fresh_s = FRESH_S
        for _ in range(MOST_MOVES):
            holders = self.mirror.holders(away, fresh_s=fresh_s)
            if not holders and fresh_s == 0.0:
                return
            for username in sorted(holders, key=lambda name: bool(self._untouchable(name))):
                self.users.move(username, away=away, to=to)
            fresh_s = 0.0
        raise Stopped(
            Status.FAILED,
            f"role {self.name!r} is given to people while it is exchanged; they keep what they have, and the next pass goes on",
        )

    def _retire(self, member: str) -> None:
        """Delete a role that nobody holds; where the server cannot, give it a name that says so."""
        if self.mirror.delete_role is not Delete.BROKEN and self._deleted(member):
            return
        if member not in self._family().dead and self._can_patch():
            member = self._renamed(member, self._family().grave(self.mirror.all_roles()))
        self.left.append(member)

    def _deleted(self, member: str) -> bool:
        self.mirror.doubt_users()
        answer = self.calls.send(Area.ROLES, "DELETE", member, what="")
        if self._read_back(member) is None:
            if answer is not None and answer.status in {200, 204}:
                self.mirror.learn(delete=Delete.WORKS)
            return True
        if answer is None:
            raise Stopped(Status.UNKNOWN, f"no answer came to the deletion of role {member!r}, and it is still there")
        if answer.status < 500:
            raise refused(answer, "can_delete on Roles")
        self.mirror.learn(delete=Delete.BROKEN)
        return False

    def _name_back(self, current: str) -> None:
        if current != self.name and self._can_patch() and self.mirror.role(self.name) is None:
            self._renamed(current, self.name)

    def _renamed(self, old: str, new: str) -> str:
        """Rename a role and give the name that it has then; the old one where the server turns out to forbid it.

        Raises:
            Stopped: it was not renamed, whatever the answer claims.
        """
        answer = self._send("PATCH", old, name=new, wanted=None, what=f"name={new}", mask="name")
        if answer is not None and answer.status == 403:
            self._learn_forbidden(answer)
            return old
        if self._read_back(new) is None or self._read_back(old) is not None:
            raise Stopped(
                Status.FAILED,
                f"role {old!r} could not be renamed to {new!r} ({answer or 'no answer'}); the next pass tries again",
            )
        return new

    # --- taking a role away -------------------------------------------------------------------------------------------

    def _remove(self) -> Ended:
        """Delete the whole family, once nobody holds any of it."""
        members = self._family().members
        self._guard(members)
        if held := self.mirror.holders(members, fresh_s=0.0):
            raise Stopped(
                Status.FAILED,
                f"role {self.name!r} is held by {', '.join(held[:3])}{' and others' if held[3:] else ''}, who would lose "
                "it with the role; the next pass decides anew",
            )
        for member in members:
            if self.mirror.delete_role is not Delete.BROKEN and self._deleted(member):
                continue
            for username in self.mirror.holders([member]):
                self.users.move(username, away=[member], to=None)
            self._retire(member)
        self.mirror.buried |= set(self.left)
        return self._ended()

    # --- ending -------------------------------------------------------------------------------------------------------

    def _send(
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

    def _ended(self) -> Ended:
        said = []
        if self.unknown:
            self._learn_run_resources()
            names = ", ".join(sorted(str(p) for p in self.unknown))
            said.append(
                f"the server does not know yet: {names}; it knows a DAG once that was parsed; everything else was done"
            )
        if self.left:
            said.append(f"left behind without people, because this server cannot delete roles: {', '.join(self.left)}")
        return (Status.PENDING if self.unknown else Status.APPLIED), "; ".join(said)

    def _learn_run_resources(self) -> None:
        """See that a server has no `DAG Run:` resources at all: it took `DAG:x` and not one `DAG Run:x`."""
        runs = {p.resource.removeprefix("DAG Run:") for p in self.unknown if p.resource.startswith("DAG Run:")}
        taken = {p.resource for p in self.wanted}
        if any(f"DAG:{dag}" in taken for dag in runs) and not any(r.startswith("DAG Run:") for r in taken):
            self.mirror.learn(dag_run_resources=False)


def _part(wanted: Permissions) -> Permissions:
    """Take the first hundred permissions, in an order that is always the same."""
    return frozenset(sorted(wanted, key=str)[:CHUNK])


LONGEST_DETAIL = 2_000
"""Of a server's sentence no more is looked at: a name has 250 characters."""


def unknown_resource(answer: Answer) -> str | None:
    """Read the resource out of a 400 that says `The specified resource: 'DAG:x' was not found`; nothing was written then."""
    if answer.status != 400:
        return None
    m = re.search(r"specified resource: '(.+)' was not found", str(answer.fields.get("detail") or "")[:LONGEST_DETAIL])
    return m[1] if m else None
