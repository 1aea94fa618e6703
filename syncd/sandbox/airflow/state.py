"""What a stand-in remembers: roles, users, DAGs and runs, and what Airflow does to them by itself.

Tests may look at everything here and damage it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from syncd.model import Permission
from syncd.sandbox.airflow.collation import Names, compared, lowered, same, small
from syncd.sandbox.airflow.permissions import ACTIONS, WEBSITE, built_in, of_dag


@dataclass(slots=True)
class AirflowAccount:
    """A user as the server keeps one. `noted` says that this user wrote a note on a DAG run."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    password: str
    roles: set[str]
    active: bool = True
    noted: bool = False
    login_count: int | None = None
    last_login: datetime | None = None
    created_on: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class DagFile:
    """A DAG as its code says it. `access_control` is role -> actions, or None where the code sets none."""

    id: str
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ("airflow",)
    access_control: Mapping[str, frozenset[str]] | None = None
    file: str = ""
    """Where the code is; one file may hold several DAGs. Named for the DAG where it is not said."""
    bundle: str = "dags-folder"
    """Airflow 3: the bundle that the file is in."""

    @property
    def fileloc(self) -> str:
        return self.file or f"{self.id}.py"


@dataclass(slots=True)
class KnownDag:
    """A DAG as the server lists it."""

    code: DagFile
    paused: bool = True
    stale: bool = False
    gone: bool = False
    import_error: str = ""
    runs: list[dict[str, object]] = field(default_factory=list)
    parsed: datetime = field(default_factory=lambda: datetime.now(UTC))


SAMPLE_DAGS = (
    DagFile("fin_daily", ("finance", "daily"), ("fin-team",)),
    DagFile("fin_monthly", ("finance",), ("fin-team",)),
    DagFile("plat_cleanup", ("infra",), ("platform",)),
    DagFile("plat.dotted-name_1", ("infra",), ("platform",)),
)
"""The same DAGs that the real servers of this package are given."""


class State:
    """The tables of one server, in a database that compares `names` in its own way. Roles keep their order of creation.

    `users` are by their name in small letters; a second one of the same letters, which no API makes, is by its own name.
    """

    def __init__(self, generation: int, *, dag_run_resources: bool = True, names: Names = "sqlite") -> None:
        self.generation, self._dag_runs, self.names = generation, dag_run_resources, names
        self.roles = built_in(generation)
        self.users: dict[str, AirflowAccount] = {}
        self.twins: set[str] = set()
        self.dags: dict[str, KnownDag] = {}
        self.events: list[dict[str, Any]] = []
        self.sessions = 0
        """Rows of the session table: Airflow 2 adds one for each call with basic credentials below /auth/fab/v1."""
        self.actions = set(ACTIONS.values())
        self.pairs: dict[Permission, None] = dict.fromkeys(sorted(self.roles["Admin"], key=str))
        self._ids = count(1)
        self.add_user("admin", password="admin", email="admin@example.com", roles={"Admin"})  # noqa: S106

    # what is noted of what people do

    def log(self, event: str, owner: str, *, at: datetime, extra: str | None = None, dag_id: str | None = None) -> None:
        """Add a row to the event log."""
        when = at.astimezone(UTC).isoformat()
        empty = dict.fromkeys(("task_id", "run_id", "map_index", "try_number"))
        row = {"event_log_id": len(self.events) + 1, "when": when, "event": event, "owner": owner, "extra": extra}
        date = "execution_date" if self.generation == 2 else "logical_date"
        self.events.append({**empty, date: None, **row, "dag_id": dag_id})

    def log_command(self, event: str, *words: str, at: datetime, owner: str = "root", host: str = "vm") -> None:
        """Note a command of Airflow's own command line, as it does: the words are a list of Python, within JSON."""
        extra = json.dumps({"host_name": host, "full_command": str(["/usr/bin/airflow", *words])})
        self.log(event, owner, at=at, extra=extra)

    # roles

    def has_resource(self, name: str) -> bool:
        return any(pair.resource == name for pair in self.pairs)

    def grant(self, role: str, permission: Permission) -> None:
        self.pairs.setdefault(permission)
        self.roles[role].add(permission)

    def find_role(self, name: str) -> str | None:
        """Give the role that the database takes for the one of this name."""
        if name in self.roles or self.names != "mysql":
            return name if name in self.roles else None
        return next(iter(same(name, self.roles, self.names)), None)

    def rename_role(self, old: str, new: str) -> bool:
        """Rename a role, holders included; a name that is taken leaves everything as it was."""
        if self.find_role(new) not in (None, old):
            return False
        self.roles = {new if name == old else name: permissions for name, permissions in self.roles.items()}
        for account in self.users.values():
            account.roles = {new if name == old else name for name in account.roles}
        return True

    def delete_role(self, name: str) -> None:
        del self.roles[name]
        for account in self.users.values():
            account.roles.discard(name)

    def sync_perm(self) -> None:
        """Do what `airflow sync-perm` does: refill the built-in roles, and give every other role can_read on Website."""
        for name, permissions in built_in(self.generation).items():
            self.roles.setdefault(name, set()).update(permissions)
        for name in self.roles.keys() - built_in(self.generation).keys():
            self.roles[name].add(WEBSITE)

    # users

    def add_user(
        self,
        username: str,
        *,
        password: str,
        email: str = "",
        roles: set[str] | frozenset[str] = frozenset(),
        first_name: str = "",
        last_name: str = "",
    ) -> AirflowAccount:
        account = AirflowAccount(
            next(self._ids), username, email or f"{username}@example.com", first_name, last_name, password, set(roles)
        )
        self._keep_user(account)
        return account

    def find_user(self, username: str) -> AirflowAccount | None:
        """Give the account that the database takes for the one of this name; None where it finds several, as FAB does."""
        if self.names == "sqlite" and small(username) not in self.twins:
            return self.users.get(small(username))
        wanted = lowered(username, self.names)
        found = [account for account in self.users.values() if lowered(account.username, self.names) == wanted]
        return found[0] if len(found) == 1 else None

    def has_email(self, email: str) -> bool:
        """E-mail addresses are compared with their case, but where the database cannot."""
        wanted = compared(email, self.names)
        return any(compared(account.email, self.names) == wanted for account in self.users.values())

    def move_user(self, account: AirflowAccount, new: str) -> None:
        self.remove_user(account)
        account.username = new
        self._keep_user(account)

    def remove_user(self, account: AirflowAccount) -> None:
        del self.users[next(slot for slot, other in self.users.items() if other is account)]

    def _keep_user(self, account: AirflowAccount) -> None:
        slot = small(account.username)
        if slot in self.users:
            self.twins.add(slot)
            slot = account.username if account.username != slot else f"{slot} (2)"
        self.users[slot] = account

    def listed_users(self) -> list[AirflowAccount]:
        return sorted(self.users.values(), key=lambda account: account.id)

    def permissions_of(self, account: AirflowAccount) -> frozenset[Permission]:
        return frozenset().union(*(self.roles[name] for name in account.roles))

    # DAGs

    def parse(self, *codes: DagFile) -> None:
        """Parse DAG files, or, without any, all that are known and not gone."""
        for code in codes or [dag.code for dag in self.dags.values() if not dag.gone]:
            self._parse(code)

    def _parse(self, code: DagFile) -> None:
        before = self.dags.get(code.id)
        changed = before is None or before.code != code
        known = self.dags[code.id] = before or KnownDag(code)
        known.code, known.parsed = code, datetime.now(UTC)
        known.stale, known.gone, known.import_error = False, False, ""
        self.pairs.update(dict.fromkeys(of_dag(code.id, runs=self._dag_runs)))
        if code.access_control is not None and (changed or self.generation == 3):
            self._obey(code, code.access_control)

    def _obey(self, code: DagFile, wanted: Mapping[str, frozenset[str]]) -> None:
        """Take from every role but Admin what the code does not give it on this DAG, then give what it does."""
        missing = [role for role in wanted if role not in self.roles]
        if missing:
            self._break(code, missing[0])
            return
        resources = {f"DAG:{code.id}", f"DAG Run:{code.id}"}
        for role in self.roles.keys() - {"Admin"}:
            kept = wanted.get(role, frozenset())
            self.roles[role] = {p for p in self.roles[role] if p.resource not in resources or p.action in kept}
        for role, actions in wanted.items():
            for action in actions:
                self.grant(role, Permission(action, f"DAG:{code.id}"))

    def _break(self, code: DagFile, role: str) -> None:
        error = f"The access_control mapping for DAG '{code.id}' includes a role named '{role}', but that role does not exist"
        for dag in self._of_file(code.fileloc):
            dag.import_error, dag.stale = error, self.generation == 3

    def _of_file(self, fileloc: str) -> Iterator[KnownDag]:
        return (dag for dag in self.dags.values() if dag.code.fileloc == fileloc)

    def remove_dag(self, dag_id: str) -> None:
        """Take a DAG's file away: it is listed as stale, and its permissions stay with the roles that have them."""
        self.dags[dag_id].gone = self.dags[dag_id].stale = True
