"""Writing roles, so that in the end a role has exactly the wanted permissions on every release.

What PATCH does decides the way; the first write that shows it is remembered (facts measured on ten releases):

PATCH     | permissions to add only | permissions to take away
replaces  | in place                | in place
adds      | in place                | a successor, then people are moved, the old one is removed, the successor renamed
forbidden | a successor             | the same, without the rename

A successor `X~1` is made beside `X` and read back; each holder is moved in one call, so nobody is without access at any
moment; `X` is deleted, or, where the server cannot delete, renamed to `X~old1` and left without people, and used again as
a successor once all that it holds is wanted. Every step can be the last before a crash: a change always begins by looking at
what is there.

Large sets are sent in parts (`role_calls`); the other members of the family are what `role_family` is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from syncd.http.answer import Answer
from syncd.model import Change, Permission, Role, Status
from syncd.targets.airflow.abilities import Patch
from syncd.targets.airflow.calls import Calls, Stopped, refused
from syncd.targets.airflow.mirror import Mirror
from syncd.targets.airflow.naming import RESOURCES, refusal
from syncd.targets.airflow.role_calls import EDIT_ROLES, Ended, Permissions, RoleCalls
from syncd.targets.airflow.role_family import RoleFamily
from syncd.targets.airflow.users import UserWriter
from syncd.text.strict import did_you_mean

CHUNK: Final = 100
ROUNDS: Final = 8
RUN: Final = "DAG Run:"
FEW: Final = 3
"""The runs of so many DAGs are asked for one by one before the rest is presumed to be unknown as well."""


def write_role(
    change: Change, mirror: Mirror, calls: Calls, *, users: UserWriter, pause: Callable[[float], None]
) -> Ended:
    """Make one change of a role and look whether it was made.

    Raises:
        Stopped: it was not, or not to its end.
    """
    wanted = change.thing
    assert isinstance(wanted, Role)
    if why := refusal(wanted.name):
        raise Stopped(Status.FAILED, why)
    calls.role = wanted.name
    mirror.buried.discard(wanted.name)
    role = RoleCalls(mirror, calls, pause, wanted.name)
    return RoleWriter(role, RoleFamily(role, users), wanted.permissions).write(change)


@dataclass(slots=True)
class RoleWriter:
    """Makes one change of a role.

    `wanted` shrinks where the server does not know a resource yet: `unknown` names those, and `presumed` what is left out without
    having been asked for.
    """

    role: RoleCalls
    family: RoleFamily
    wanted: Permissions
    unknown: set[Permission] = field(default_factory=set)
    presumed: Permissions = frozenset()
    presumes: bool = True

    def write(self, change: Change) -> Ended:
        self.role.survey()
        if change.after is None:
            self.family.remove()
            return self._ended()
        if change.before is None:
            self._see_that_it_is_ours()
        self._reach()
        self.family.tidy()
        return self._ended()

    def _see_that_it_is_ours(self) -> None:
        """Leave alone what was not there when the plan was made and has more than is wanted: our own call brings no more."""
        current = self.role.family().current
        if current is not None and not self.role.have(current) <= self.wanted:
            raise Stopped(
                Status.FAILED,
                f"somebody else made the role {self.role.name} since the plan was made; the next pass decides anew",
            )

    def _reach(self) -> None:
        """Bring the current member to the wanted permissions, or make a successor that has them."""
        rounds = ROUNDS + len({p.resource for p in self.wanted})  # each round settles one unknown resource at most
        for _ in range(rounds):
            current = self.role.family().current
            if current is None:
                self._make(self.role.name)
            elif self.role.have(current) == self.wanted:
                if not self._asks_after_all():
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
        match self.role.mirror.patch_role:
            case Patch.FORBIDDEN:
                return False
            case Patch.ADDS:
                return self.role.have(current) <= self.wanted
            case _:
                return True

    def _succeed(self, current: str) -> None:
        """Make the successor of a role that cannot be changed in place."""
        self.role.guard([current])
        successor = self.role.family().successor(self.role.mirror.all_roles())
        self.role.mirror.role(successor)  # where the database takes another role for it, this says so
        self._make(successor)

    def _make(self, name: str) -> None:
        """Make a role, or use one again that could not be deleted; what that lacks is added by the next round."""
        if not self.family.dig_up(name, wanted=self.wanted):
            self._post(name)

    def _post(self, name: str) -> None:
        """Make a role. The rest of a large one is added by the next round, but for servers on which nothing can be added."""
        if self.role.mirror.patch_role is Patch.UNKNOWN and len(self.wanted) > CHUNK:
            self._probe(name)
        first = _part(self.wanted) if self.role.can_patch() else self.wanted
        answer = self.role.send("POST", None, name=name, wanted=first, what=f"{name} actions={len(first)}")
        if answer is None:
            self.role.settle(name)
        elif not self._is_unknown_resource(answer) and self.role.read_back(name) is None:
            raise refused(answer, "can_create on Roles")
        elif answer.status == 409 and name == self.role.name:
            self._see_that_it_is_ours()

    def _probe(self, name: str) -> None:
        """Ask for a change of a role that does not exist: 404 where changing is possible, 403 where it is for nobody."""
        answer = self.role.send(
            "PATCH", name, name=name, wanted=frozenset(), what="to see whether roles can be changed at all"
        )
        if answer is not None and answer.status == 403:
            self.role.learn_forbidden(answer)

    def _patch(self, name: str) -> None:
        """Change a role in place, a hundred new permissions at a time, and see what the server made of it.

        Each call repeats what the role has and keeps: where PATCH only adds that changes nothing, and where it replaces,
        perhaps since a moment ago, what is not repeated would be gone.
        """
        before = self.role.have(name)
        done = before & self.wanted
        while True:
            new = _part(self.wanted - done)
            done |= new
            answer = self.role.send(
                "PATCH",
                name,
                name=name,
                wanted=done,
                what=f"actions={len(done)}",
                mask="actions",
            )
            if answer is None:
                self.role.settle(name)
                return
            if self._is_unknown_resource(answer):
                return
            if answer.status == 403:
                self.role.learn_forbidden(answer)
                return
            if answer.status not in {200, 404}:
                raise refused(answer, str(EDIT_ROLES))
            if answer.status == 404 or done == self.wanted:
                break
        self._learn(before, self.role.read_back(name))

    def _learn(self, before: Permissions, after: Permissions | None) -> None:
        """See from what is left of the permissions that had to go whether PATCH replaces or only adds.

        What is gone proves that it replaces, whatever was sent; that all is there where something had to go, that it adds.
        """
        if after is None:
            return
        if not before <= after:
            self.role.mirror.learn(patch=Patch.REPLACES)
        elif before - self.wanted:
            self.role.mirror.learn(patch=Patch.ADDS)

    def _is_unknown_resource(self, answer: Answer) -> bool:
        """Leave out the permissions on a resource that the server does not know yet; it names one at a time."""
        found = unknown_resource(answer)
        if found is None or found not in {p.resource for p in self.wanted}:
            return False
        self.unknown |= {p for p in self.wanted if p.resource == found}
        self.wanted -= self.unknown
        self._presume_no_runs()
        return True

    def _presume_no_runs(self) -> None:
        """Leave out the runs of all DAGs where the server knows those of the first few not, nor any role has such a permission.

        Most likely it makes no such resources, and would refuse each by itself. That is so on Airflow 2 alone: before 2.10, or
        with a FAB provider before 1.3.
        """
        if self.role.mirror.capabilities.generation != 2 or not self.presumes:
            return
        runs = frozenset(p for p in self.wanted if p.resource.startswith(RUN))
        few = len({p.resource for p in self.unknown if p.resource.startswith(RUN)}) < FEW
        if runs and not few and not self._some_role_has_runs():
            self.presumed, self.wanted = self.presumed | runs, self.wanted - runs

    def _some_role_has_runs(self) -> bool:
        return any(p.resource.startswith(RUN) for role in self.role.mirror.all_roles().values() for p in role)

    def _asks_after_all(self) -> bool:
        """Want again what was left out unasked, where it may be that just the first few DAGs were not parsed yet."""
        left, self.presumed = self.presumed, frozenset()
        if not left or self._has_no_runs():
            self.unknown |= left
            return False
        self.wanted, self.presumes = self.wanted | left, False
        return True

    def _ended(self) -> Ended:
        said = []
        if self.unknown:
            if self._has_no_runs():
                self.role.mirror.learn(dag_run_resources=False)
            said.append(f"{_not_known(self.unknown)}; everything else was done")
        if self.family.left:
            said.append(
                f"left behind without people, because this server cannot delete roles: {', '.join(self.family.left)}"
            )
        return (Status.PENDING if self.unknown else Status.APPLIED), "; ".join(said)

    def _has_no_runs(self) -> bool:
        """See that a server has no `DAG Run:` resources at all: it took `DAG:x` and not one `DAG Run:x`."""
        runs = {p.resource.removeprefix(RUN) for p in self.unknown if p.resource.startswith(RUN)}
        taken = {p.resource for p in self.wanted}
        return any(f"DAG:{dag}" in taken for dag in runs) and not any(r.startswith(RUN) for r in taken)


def _not_known(unknown: Iterable[Permission]) -> str:
    """Say what a server does not know: a DAG comes once it was parsed, a resource that is mistyped never."""
    ordered = sorted(unknown, key=str)
    said = [f"{p}{_meant(p)}" for p in ordered]
    parsed = "; it knows a DAG once that was parsed" if any(p.dag is not None for p in ordered) else ""
    return f"the server does not know: {', '.join(said)}{parsed}"


def _meant(permission: Permission) -> str:
    hint = "" if permission.dag is not None else did_you_mean(permission.resource, RESOURCES - {permission.resource})
    return f" ({hint.removeprefix('; ')})" if hint else ""


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
