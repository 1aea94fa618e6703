"""A deployment in memory, for tests of the order of a pass: it keeps what it is told, and can be told to misbehave."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.errors import TargetUnavailable
from syncd.model import (
    Change,
    Dag,
    Dialect,
    Learned,
    Level,
    LoggedAct,
    LoggedEdit,
    Lookalikes,
    ObservedState,
    Outcome,
    Permission,
    Role,
    Scope,
    SignIns,
    Status,
    User,
    key,
)
from syncd.ports import Recorder

KNOWN = Learned("memory")
DIALECT = Dialect(
    every_role=frozenset({Permission("can_read", "Website")}),
    levels={
        Level.VIEW: (
            frozenset({Permission("can_read", "DAG Runs")}),
            frozenset({Permission("can_read", "DAG:{dag}", "{dag}")}),
        ),
        Level.TRIGGER: (
            frozenset(),
            frozenset(
                {
                    Permission("can_edit", "DAG:{dag}", "{dag}"),
                    Permission("can_create", "DAG Run:{dag}", "{dag}", "runs"),
                }
            ),
        ),
        Level.EDIT: (frozenset({Permission("can_edit", "DAG Runs")}), frozenset()),
        Level.OWN: (frozenset(), frozenset({Permission("can_delete", "DAG:{dag}", "{dag}")})),
    },
    everywhere={Permission("can_read", "DAG:{dag}", "{dag}"): Permission("can_read", "DAGs")},
)


@dataclass(slots=True)
class MemoryTarget:
    """Users by `key(username)`, roles by name.

    raises     every look and read raises it
    unlisted   every list of DAGs ("dags"), or of roles ("roles"), fails
    fails      writes about these names are refused
    vanishes   writes about these names are accepted and not kept
    silent     writes about these names are made, and no answer comes
    late       writes about these names get no answer, and are made when `carry_out_late` is called
    knows      what was found out about it; `spells` is how it spells levels, `runs_as` the account syncd has there
    protected  accounts that are never written, nor any that a database may take for one of them
    breaks     writes about these names raise it, as a defect would
    signed_in  how often these accounts signed in
    logged     what its log says of edits, the newest first; None: it may not be read. `acted` says what accounts did
    hides_once the next list of DAGs lacks these, as a read of a table that changes may

    It remembers nothing that it read; `forgotten` holds the `looked` of each `forget`.
    """

    deployment: str
    users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    dags: tuple[Dag, ...] = ()
    knows: Learned = KNOWN
    spells: Dialect = DIALECT
    runs_as: str | None = None
    raises: TargetUnavailable | None = None
    unlisted: frozenset[str] = frozenset()
    fails: frozenset[str] = frozenset()
    vanishes: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    breaks: dict[str, Exception] = field(default_factory=dict)
    hides_once: frozenset[str] = frozenset()
    signed_in: dict[str, SignIns] = field(default_factory=dict)
    logged: list[LoggedEdit] | None = None
    acted: dict[str, list[LoggedAct]] = field(default_factory=dict)
    calls: int = 0
    applied: list[str] = field(default_factory=list)
    forgotten: list[bool] = field(default_factory=list)
    closed: bool = False
    _waiting: list[Change] = field(default_factory=list)

    @classmethod
    def of(
        cls, deployment: str, *, users: Iterable[User] = (), roles: Iterable[Role] = (), dags: Iterable[Dag] = ()
    ) -> MemoryTarget:
        """Make one that holds these."""
        return cls(
            deployment,
            users={key(user.username): user for user in users},
            roles={role.name: role for role in roles},
            dags=tuple(sorted(dags, key=lambda dag: dag.id)),
        )

    def look(self) -> Learned:
        self._read()
        return self.knows

    def learned(self) -> Learned:
        return self.knows

    def own_account(self) -> str | None:
        return self.runs_as

    def dialect(self) -> Dialect:
        return self.spells

    def inventory(self) -> tuple[Dag, ...]:
        self._read()
        self._list("dags")
        hidden, self.hides_once = self.hides_once, frozenset()
        return tuple(dag for dag in self.dags if dag.id not in hidden)

    def observe(
        self,
        scope: Scope,
        *,
        role_names: frozenset[str],  # noqa: ARG002 - the protocol's words
        once: frozenset[str] = frozenset(),  # noqa: ARG002
        members: frozenset[str] = frozenset(),  # noqa: ARG002
    ) -> ObservedState:
        self._read()
        if scope.everything or scope.dags:
            self._list("roles")
        users = {name: user for name, user in self.users.items() if scope.covers(name)}
        roles = dict(self.roles) if scope.everything or scope.dags else {}
        return ObservedState(self.deployment, users=users, roles=roles, scope=scope)

    def sign_ins(self, names: Collection[str]) -> Mapping[str, SignIns]:
        self._read()
        return {name: self.signed_in[name] for name in names if name in self.signed_in}

    def edits(self, since: datetime) -> tuple[LoggedEdit, ...] | None:
        return None if self.logged is None else tuple(edit for edit in self.logged if edit.at > since)

    def acts(self, account: str, since: datetime) -> tuple[LoggedAct, ...]:
        return tuple(act for act in self.acted.get(account, ()) if act.at > since)

    def apply(self, change: Change, record: Recorder) -> Outcome:
        if change.subject == "user" and change.name in Lookalikes(self.protected):
            return Outcome(change, Status.FAILED, "protected")
        step = record.before(f"{change.kind} {change.subject} {change.name}")
        self.calls += 1
        self.applied.append(change.name)
        if error := self.breaks.get(change.name):
            raise error
        if change.name in self.fails:
            record.after(step, "refused", refused=True)
            return Outcome(change, Status.FAILED, "refused")
        if change.name in self.late:
            self._waiting.append(change)
            record.after(step, "no answer")
            return Outcome(change, Status.UNKNOWN, "no answer")
        if change.name not in self.vanishes:
            self._put(change)
        if change.name in self.silent:
            record.after(step, "no answer")
            return Outcome(change, Status.UNKNOWN, "no answer")
        record.after(step, "done")
        return Outcome(change, Status.APPLIED)

    def forget(self, *, looked: bool = False) -> None:
        self.forgotten.append(looked)

    def close(self) -> None:
        self.closed = True

    def carry_out_late(self) -> None:
        """Make the writes that wait, as they were sent: an account has just the roles that were to be its own then."""
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            match change.after:
                case User() as user if change.before is not None or key(user.username) not in self.users:
                    self.users[key(user.username)] = user
                case Role() as role:
                    self.roles[role.name] = role

    def _read(self) -> None:
        self.calls += 1
        if self.raises is not None:
            raise self.raises

    def _list(self, what: str) -> None:
        if what in self.unlisted:
            raise TargetUnavailable(f"{what} cannot be read: 500")

    def _put(self, change: Change) -> None:
        """Change what is stored: of an account, only what the change grants and revokes, as Airflow's adapter does."""
        match change.after:
            case Role() as role:
                self.roles[role.name] = replace(role, unfinished=False)
            case User() as user:
                now = self.users.get(key(user.username), replace(user, roles=frozenset()))
                roles = (now.roles - set(change.revoked)) | set(change.granted)
                self.users[key(user.username)] = replace(now, roles=roles)
            case None if change.subject == "role":
                self.roles.pop(change.name, None)
                self.users = {
                    name: replace(user, roles=user.roles - {change.name}) for name, user in self.users.items()
                }
            case None:
                self.users.pop(key(change.name), None)
