"""One Airflow deployment as the rest of syncd sees it: look, list, observe, apply."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from syncd.errors import TargetUnavailable
from syncd.http.backoff import Retries, Waiting
from syncd.http.session import NotAsked, Session
from syncd.model import (
    Change,
    Dag,
    Dialect,
    Learned,
    LoggedAct,
    LoggedEdit,
    Lookalikes,
    ObservedState,
    Outcome,
    Role,
    Scope,
    SignIns,
    Status,
    User,
    key,
)
from syncd.ports import Recorder
from syncd.targets.airflow import event_log
from syncd.targets.airflow.abilities import Capabilities, Delete, Patch, read, written
from syncd.targets.airflow.calls import Calls, Fence, Stopped
from syncd.targets.airflow.dags import read_dag
from syncd.targets.airflow.levels import BREAKS_A_FILE, dialect
from syncd.targets.airflow.look import look
from syncd.targets.airflow.mirror import Mirror, OtherName
from syncd.targets.airflow.names import Family, families, logical, seconds
from syncd.targets.airflow.naming import BUILT_IN_ROLES
from syncd.targets.airflow.roles import write_role
from syncd.targets.airflow.settings import AirflowSettings
from syncd.targets.airflow.users import UserWriter
from syncd.targets.airflow.wire import Area, Wire
from syncd.targets.kind import TargetSurroundings

DELETE_BY_HAND: Final = "delete it in the web interface; FAB provider 3.6 and newer can"


@dataclass(frozen=True, slots=True)
class Timing:
    """How often a call is repeated, and the clocks by which a session goes and waits."""

    retries: Retries = field(default_factory=Retries)
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


class AirflowTarget:
    """Reads and writes one deployment, for one pass or for months. Not for use by several threads at once.

    `known` is what an earlier session found out; what still holds is not asked again. Who keeps a session calls `forget`
    between passes.
    """

    def __init__(
        self,
        deployment: str,
        settings: AirflowSettings,
        around: TargetSurroundings = TargetSurroundings(),
        *,
        known: Learned | None = None,
        timing: Timing = Timing(),
    ) -> None:
        self.deployment = deployment
        self._protected = Lookalikes(around.protected)
        self._dags_folder = settings.dags_folder
        self._session = Session(
            settings.connection,
            retries=timing.retries,
            throttle=around.throttle,
            rest=around.rest,
            waiting=Waiting(pause=timing.pause),
        )
        self._wire = Wire(settings, self._session, now=timing.now)
        self._known = read(known) if known else None
        self._monotonic = timing.monotonic
        self._pause = timing.pause
        self._mirror: Mirror | None = None
        self._has_log = True

    @property
    def calls(self) -> int:
        """Requests made so far, those that were repeated included."""
        return self._session.calls

    def close(self) -> None:
        self._session.close()

    def forget(self, *, looked: bool = False) -> None:
        """Drop what was read of users, roles and DAGs, so that the next pass sees the deployment as it is then.

        Logins, tokens, cookies and what is known of the server are kept; with `looked` the next `look` asks whether it
        still is the same server, which costs two calls where it is.
        """
        if self._mirror is None:
            return
        self._mirror.forget()
        if looked:
            self._has_log = True
            self._known, self._mirror = self._mirror.capabilities, None

    # --- reading ------------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do, as far as looking and the writes of this pass showed it."""
        return self._looked.capabilities

    def look(self) -> Learned:
        """Find out what the server can do; asks only once, and again after `forget(looked=True)`.

        Raises:
            TargetUnmanageable: nothing can be managed there, for its users cannot be read.
        """
        self._looked.require_users()
        return written(self.capabilities)

    def learned(self) -> Learned:
        """Give what is known of the server after the writes of this pass."""
        return written(self.capabilities)

    def own_account(self) -> str | None:
        """Name the account that syncd runs as; None where a bearer token does not tell it."""
        return self.capabilities.service_user

    def dialect(self) -> Dialect:
        """Say how this server spells levels."""
        return dialect(self._looked.capabilities, dags_folder=self._dags_folder)

    def sign_ins(self, names: Collection[str]) -> Mapping[str, SignIns]:
        """Read each of these accounts by itself: a listing may be a page of thousands, and it is about a few.

        FAB counts every sign-in with a password, at the pages and (Airflow 2, basic) with each call.
        """
        self._looked.require_users()
        found = {name: self._looked.sign_ins(name) for name in names}
        return {name: said for name, said in found.items() if said is not None}

    def edits(self, since: datetime) -> tuple[LoggedEdit, ...] | None:
        """Read what the event log says of edits by Airflow's command line; of others it has nothing.

        Where it may not be read it is not asked again, until it is looked anew what the server can do.
        """
        assert self._looked
        found = event_log.edits(self._wire, since) if self._has_log else None
        self._has_log = found is not None
        return found

    def acts(self, account: str, since: datetime) -> tuple[LoggedAct, ...]:
        """Read what the event log says that an account did: runs, pauses, variables, connections, and no edit of roles."""
        assert self._looked
        found = event_log.acts(self._wire, account, since) if self._has_log else None
        self._has_log = found is not None
        return found or ()

    def inventory(self) -> tuple[Dag, ...]:
        """List every DAG, those included whose file is gone, sorted by id."""
        assert self._looked
        self._wire.prove()
        rows = self._wire.all(Area.DAGS)
        return tuple(sorted((read_dag(row, self._dags_folder) for row in rows), key=lambda dag: dag.id))

    def observe(
        self,
        scope: Scope,
        *,
        role_names: frozenset[str],
        once: frozenset[str] = frozenset(),
        members: frozenset[str] = frozenset(),
    ) -> ObservedState:
        """Read users and roles under the names that the rest of syncd uses.

        With a scope of DAGs, every role is read; no user, beside those that the scope names.
        """
        mirror = self._looked
        mirror.names, mirror.made = role_names, set(members)
        mirror.require_users()
        if not scope.everything:
            return self._observe_some(mirror, scope)
        mirror.read_roles()
        mirror.read_users()
        assert mirror.users is not None
        _bury(mirror, once - role_names)
        found = mirror.families()
        return ObservedState(
            self.deployment,
            users=_logical_users(mirror.users, logical(found)),
            roles=_logical_roles(mirror, found),
            scope=scope,
            leftovers={name: _by_hand(name, mirror) for name in _leftovers(mirror, found)},
            unclear={name: _twins(several) for name, several in mirror.twins.items()},
            members=members & mirror.all_roles().keys(),
            namesakes=_namesakes(mirror),
        )

    @property
    def _looked(self) -> Mirror:
        if self._mirror is None:
            can = look(self._wire, self._known)
            self._mirror = Mirror(self._wire, can, self._monotonic)
            self._mirror.certain = can.generation == 2 or can.fab_version is not None
        return self._mirror

    def _observe_some(self, mirror: Mirror, scope: Scope) -> ObservedState:
        roles: Mapping[str, Role] = {}
        if scope.dags:
            mirror.read_roles()
            roles = _logical_roles(mirror, mirror.families())
        users: dict[str, User] = {}
        unclear: dict[str, str] = {}
        for username in sorted(scope.usernames or ()):
            try:
                user = mirror.user(username)
            except OtherName as e:
                unclear[key(username)] = str(e)
            else:
                users |= {key(user.username): user} if user is not None else {}
        held = frozenset().union(*(user.roles for user in users.values()), frozenset())
        names = logical(families(mirror.names, held, made=mirror.made))
        return ObservedState(
            self.deployment, users=_logical_users(users, names), roles=roles, scope=scope, unclear=unclear
        )

    # --- writing ------------------------------------------------------------------------------------------------------

    def apply(self, change: Change, record: Recorder) -> Outcome:
        """Make one change and look whether it was made; never raises for a refusal or for silence."""
        calls = Calls(self._wire, record, Fence(self._protected, Lookalikes(())))
        beside: frozenset[str] = frozenset()
        before, answered, not_asked = self._session.calls, self._session.answered, False
        try:
            mirror = self._looked
            mirror.require_users()
            calls.fence = Fence(self._protected, self._own(mirror), mirror.names, mirror.made)
            users = UserWriter(mirror, calls)
            if isinstance(change.thing, User):
                status, detail = users.write(change)
                beside = users.beside
            else:
                status, detail = write_role(change, mirror, calls, users=users, pause=self._pause)
        except Stopped as e:
            status, detail = e.status, e.detail
        except TargetUnavailable as e:
            status, detail = (Status.UNKNOWN if calls.silent or calls.made else Status.FAILED), str(e)
            not_asked = isinstance(e.__cause__, NotAsked)
        tried = not_asked or self._session.calls > before
        unanswered = tried and self._session.answered == answered
        return Outcome(change, status, detail, tuple(sorted(beside)), unanswered)

    def _own(self, mirror: Mirror) -> Lookalikes:
        login = self._wire.chosen[Area.USERS].username
        return Lookalikes(name for name in (mirror.capabilities.service_user, login) if name)


def _logical_users(users: Mapping[str, User], names: Mapping[str, str]) -> dict[str, User]:
    return {
        name: User(
            user.username,
            user.email,
            user.first_name,
            user.last_name,
            frozenset(names.get(role, role) for role in user.roles),
        )
        for name, user in users.items()
    }


def _logical_roles(mirror: Mirror, found: Mapping[str, Family]) -> dict[str, Role]:
    assert mirror.roles is not None
    in_use = _with_holders(mirror)
    hidden = frozenset(logical(found)) | mirror.buried
    roles = {name: Role(name, permissions) for name, permissions in mirror.roles.items() if name not in hidden}
    for name, family in found.items():
        if family.current is not None:
            roles[name] = Role(name, mirror.roles[family.current], unfinished=_unfinished(mirror, family, in_use))
    return roles


def _unfinished(mirror: Mirror, family: Family, in_use: Collection[str]) -> bool:
    """Say whether a change of this role was cut off.

    people still hold another member                                   | they must be moved
    it lives under a number, and the server is not known to refuse that | it can have its name back
    a replaced member is there, and the server can perhaps delete it    | it must go
    """
    can = mirror.capabilities
    return (
        any(member in in_use for member in family.others)
        or (family.current != family.name and can.patch_role is not Patch.FORBIDDEN)
        or (bool(family.others) and can.delete_role is not Delete.BROKEN)
        or (bool(family.replaced) and can.patch_role is not Patch.FORBIDDEN)
    )


def _leftovers(mirror: Mirror, found: Mapping[str, Family]) -> tuple[str, ...]:
    assert mirror.roles is not None
    in_use = _with_holders(mirror)
    left = {member for family in found.values() for member in family.others if member not in in_use}
    if mirror.capabilities.delete_role is not Delete.BROKEN:
        left = {member for family in found.values() if family.current is None for member in family.dead}
    return tuple(sorted((left | mirror.buried) & mirror.roles.keys()))


def _by_hand(name: str, mirror: Mirror) -> str:
    """Say how to be rid of a role; code may name one that has the name it was made with."""
    named = mirror.capabilities.generation >= 3 and name in mirror.names
    return f"{DELETE_BY_HAND}. First make sure that no code names it: {BREAKS_A_FILE}" if named else DELETE_BY_HAND


def _bury(mirror: Mirror, once: frozenset[str]) -> None:
    """See what is left, without people, of roles that are managed no more, where the server cannot delete them."""
    if mirror.capabilities.delete_role is Delete.BROKEN:
        left = {member for name in once for member in mirror.families([name])[name].members}
        mirror.buried |= left - _with_holders(mirror)


def _namesakes(mirror: Mirror) -> frozenset[str]:
    """Name the roles that another hand gave a name as our second roles have."""
    others = mirror.all_roles().keys() - mirror.made - mirror.names - mirror.buried
    return seconds(others, of=mirror.names - BUILT_IN_ROLES)


def _with_holders(mirror: Mirror) -> frozenset[str]:
    return frozenset().union(*(user.roles for user in mirror.accounts()), frozenset())


def _twins(several: Collection[User]) -> str:
    names = " and ".join(f"`{user.username}`" for user in several)
    return (
        f"the server has the accounts {names}, which Airflow cannot tell apart: neither is touched; rename one of them"
    )
