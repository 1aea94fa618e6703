"""A sheet as a target: it is read whole, and each change writes it whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.errors import TargetUnavailable
from syncd.model import (
    Change,
    CheckResult,
    Dag,
    Dialect,
    Learned,
    Level,
    LoggedAct,
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
from syncd.targets.kind import TargetSurroundings

from .naming import SheetNaming
from .table import SheetSettings

DIALECT = Dialect(
    every_role=frozenset(),
    levels={
        level: (frozenset(), frozenset({Permission(action, "dag {dag}", "{dag}")}))
        for level, action in zip(Level, SheetNaming.actions, strict=True)
    },
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands in the file; people by `key` of their names."""

    dags: tuple[Dag, ...]
    roles: dict[str, Role]
    users: dict[str, User]


class SheetTarget:
    """One sheet; see `ports.LastingSession`."""

    def __init__(self, settings: SheetSettings, around: TargetSurroundings = TargetSurroundings()) -> None:
        self.calls = 0
        self._file = settings.file
        self._protected = Lookalikes(around.protected)

    # --- reading ------------------------------------------------------------------------------------------------------

    def look(self) -> Learned:
        self._read()
        return self.learned()

    def learned(self) -> Learned:
        return Learned(self._file.name)

    def own_account(self) -> None:
        """Give nobody: the file is written by whoever runs syncd."""

    def dialect(self) -> Dialect:
        return DIALECT

    def inventory(self) -> tuple[Dag, ...]:
        return self._read().dags

    def observe(
        self,
        scope: Scope,
        *,
        role_names: frozenset[str],  # noqa: ARG002 - a role has one name here
        once: frozenset[str] = frozenset(),  # noqa: ARG002
        members: frozenset[str] = frozenset(),  # noqa: ARG002
    ) -> ObservedState:
        there = self._read()
        users = {name: user for name, user in there.users.items() if scope.covers(name)}
        roles = there.roles if scope.everything or scope.dags else {}
        return ObservedState(self._file.name, users, roles, scope)

    def sign_ins(self, names: Collection[str]) -> Mapping[str, SignIns]:  # noqa: ARG002
        """Tell of nobody: nobody signs in to a file."""
        return {}

    def edits(self, since: datetime) -> None:
        """Give nothing: a file has no log."""

    def acts(self, account: str, since: datetime) -> tuple[LoggedAct, ...]:  # noqa: ARG002
        return ()

    # --- writing ------------------------------------------------------------------------------------------------------

    def apply(self, change: Change, record: Recorder) -> Outcome:
        """Make one change and read it back."""
        if why := self._refusal(change):
            return Outcome(change, Status.FAILED, why)
        step = record.before(f"{change.kind} {change.subject} {change.name}")
        try:
            self._write(changed(self._read(), change))
        except TargetUnavailable as error:
            record.after(step, str(error), refused=True)
            return Outcome(change, Status.FAILED, str(error))
        record.after(step, "written")
        return Outcome(change, Status.APPLIED)

    def forget(self, *, looked: bool = False) -> None:
        """Do nothing: nothing is remembered."""

    def close(self) -> None:
        """Do nothing: the file is not open between two calls."""

    def _refusal(self, change: Change) -> str:
        if isinstance(change.thing, User):
            is_protected = change.name in self._protected
            return "it is protected" if is_protected else SheetNaming().username_problem(change.name)
        return SheetNaming().role_problem(change.name)

    def _read(self) -> Sheet:
        self.calls += 1
        try:
            return read(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise TargetUnavailable(f"{self._file} cannot be read: {type(error).__name__}") from error

    def _write(self, sheet: Sheet) -> None:
        """Write it beside, and put it in the place of the old one: whoever reads sees one or the other."""
        self.calls += 1
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(written(sheet), indent=1), encoding="utf-8")
        os.replace(beside, self._file)


def changed(sheet: Sheet, change: Change) -> Sheet:
    """Change what is asked for and nothing else: of an account only what the change grants and revokes."""
    roles, users = dict(sheet.roles), dict(sheet.users)
    match change.after:
        case Role() as role:
            roles[role.name] = role
        case User() as user:
            now = users.get(key(user.username), replace(user, roles=frozenset()))
            users[key(user.username)] = replace(now, roles=(now.roles - set(change.revoked)) | set(change.granted))
        case None if change.subject == "role":
            del roles[change.name]
            users = {name: replace(user, roles=user.roles - {change.name}) for name, user in users.items()}
        case None:
            users.pop(key(change.name), None)
    return replace(sheet, roles=roles, users=users)


def read(rows: dict[str, list[list[str]]]) -> Sheet:
    """Read what stands in a file. A permission is in the words of the file; which DAG it is on says the naming."""
    permission = SheetNaming().permission
    roles = {name: Role(name, frozenset(permission(*_parted(p)) for p in held)) for name, *held in rows["roles"]}
    users = {key(name): User(name, mail, first, last, frozenset(r)) for name, mail, first, last, *r in rows["users"]}
    return Sheet(tuple(Dag(dag) for (dag,) in sorted(rows["dags"])), roles, users)


def written(sheet: Sheet) -> dict[str, list[list[str]]]:
    """Write it as rows."""
    return {
        "dags": [[dag.id] for dag in sheet.dags],
        "roles": [[role.name, *sorted(map(str, role.permissions))] for role in sheet.roles.values()],
        "users": [[u.username, u.email, u.first_name, u.last_name, *sorted(u.roles)] for u in sheet.users.values()],
    }


def _parted(words: str) -> tuple[str, str]:
    action, _, resource = words.partition(" on ")
    return action, resource


def described(learned: Learned) -> tuple[tuple[str, str], ...]:
    """Say what was found out about a sheet."""
    return (("server", f"the sheet {learned}"),)


def examine(name: str, settings: SheetSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    """Say whether the sheet can be read."""
    try:
        SheetTarget(settings).look()
    except TargetUnavailable as error:
        return (CheckResult(f"deployment {name}", "reachable", False, str(error)),)
    return (CheckResult(f"deployment {name}", "reachable", True, settings.address),)
