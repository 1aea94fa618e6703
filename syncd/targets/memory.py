"""A deployment that is two dicts: for tests of the order of a pass, and for rehearsing a mapping without a server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from syncd.errors import SyncdError
from syncd.model import (
    Capabilities,
    Change,
    Dag,
    Dialect,
    Level,
    ObservedState,
    Outcome,
    Permission,
    Role,
    Scope,
    Status,
    User,
    key,
)
from syncd.ports import Recorder

DIALECT = Dialect(
    every_role=frozenset({Permission("can_read", "Website")}),
    levels={
        Level.VIEW: (frozenset(), frozenset({Permission("can_read", "DAG:{dag}")})),
        Level.TRIGGER: (frozenset(), frozenset({Permission("can_edit", "DAG:{dag}")})),
        Level.EDIT: (frozenset(), frozenset({Permission("can_edit", "DAG Run:{dag}")})),
    },
)


@dataclass(slots=True)
class MemoryTarget:
    """Users by `key(username)`, roles by name. The switches hold names of users or roles.

    refuses   a change of it fails
    forgets   a change of it is answered as applied and not made
    silent    a change of it is made, and no answer comes
    unread    raised by every look at the deployment
    """

    deployment: str
    users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    dags: tuple[Dag, ...] = ()
    refuses: set[str] = field(default_factory=set)
    forgets: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    unread: SyncdError | None = None
    service_user: str | None = None
    calls: int = 0

    def put(self, *things: User | Role) -> None:
        """Place users and roles as they are."""
        for thing in things:
            if isinstance(thing, User):
                self.users[key(thing.username)] = thing
            else:
                self.roles[thing.name] = thing

    def look(self) -> Capabilities:
        if self.unread:
            raise self.unread
        return Capabilities(3, "memory", "memory", service_user=self.service_user)

    def dialect(self) -> Dialect:
        return DIALECT

    def inventory(self) -> tuple[Dag, ...]:
        self.calls += 1
        return self.dags

    def observe(self, scope: Scope, *, role_names: Iterable[str]) -> ObservedState:
        del role_names
        self.calls += 1
        users = {name: user for name, user in self.users.items() if scope.covers(name)}
        return ObservedState(self.deployment, users, dict(self.roles) if scope.everything else {}, scope)

    def apply(self, change: Change, record: Recorder) -> Outcome:
        self.calls += 1
        step = record.before(f"{change.kind.value} {change.subject} {change.name}")
        outcome = self._apply(change)
        record.after(step, outcome.status.value)
        return outcome

    def _apply(self, change: Change) -> Outcome:
        if change.name in self.refuses:
            return Outcome(change, Status.FAILED, "refused")
        if change.name not in self.forgets:
            self._make(change)
        if change.name in self.silent:
            return Outcome(change, Status.UNKNOWN, "no answer")
        return Outcome(change, Status.APPLIED)

    def _make(self, change: Change) -> None:
        if change.after is not None:
            self.put(change.after)
        elif change.subject == "user":
            self.users.pop(key(change.name), None)
        else:
            self.roles.pop(change.name, None)
            for name, user in self.users.items():
                rest = user.roles - {change.name}
                self.users[name] = User(user.username, user.email, user.first_name, user.last_name, rest)

    def learned(self) -> Capabilities:
        return self.look()

    def close(self) -> None:
        """Nothing to let go."""
