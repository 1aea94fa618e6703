"""Look at one deployment, by reading only, and say whether syncd can work with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from syncd.answers import http_date
from syncd.errors import TargetUnauthorized, TargetUnavailable, TargetUnmanageable
from syncd.http.backoff import Retries
from syncd.http.session import Session
from syncd.model import CheckResult, Permission
from syncd.targets.airflow.abilities import Capabilities
from syncd.targets.airflow.event_log import RIGHT as AUDIT
from syncd.targets.airflow.event_log import why_unread
from syncd.targets.airflow.leak import leaks
from syncd.targets.airflow.levels import release
from syncd.targets.airflow.look import look
from syncd.targets.airflow.mirror import Mirror, unreadable
from syncd.targets.airflow.reading import page
from syncd.targets.airflow.settings import AirflowSettings
from syncd.targets.airflow.version import VERSION_PATHS
from syncd.targets.airflow.wire import Area, Wire

NEEDED = frozenset(
    {Permission(action, area) for action in ("can_create", "can_read", "can_edit") for area in ("Roles", "Users")}
    | {Permission("can_delete", "Roles"), Permission("can_read", "DAGs"), Permission("can_read", "Providers")}
)
"""What the account must hold. Deleting accounts (`leavers = "delete"`) needs can_delete on Users besides.

Providers tell the version of the one that serves the role API: without it an upgrade goes unseen, and what was learned of the
server is a guess until a write shows it again.
"""
PROMISED = (2, 9)
OLD = "Airflow 2.7 and 2.8 work where they were tried (2.7.3, 2.8.4), and are not promised: 2.9 and later are"
OPEN = (
    "whoever asks without any credential may read its roles: AUTH_ROLE_PUBLIC (Airflow 3: [fab] auth_role_public) gives "
    "everybody a role with such rights, and a wrong password passes unnoticed; give it Public, or none. syncd goes on there"
)
"""Passes go on: what is given by name stays right, and is what counts once the role of everybody is mended. To stop would keep
the access of leavers, and on Airflow 2 no answer tells whether our own password counted."""
CACHED = (
    "Airflow 3 remembers what a user may for 30 s ([fab] cache_ttl), each worker by itself: so long somebody who lost a role "
    "can go on"
)
LEARNED = "what PATCH and DELETE of roles do is seen by the first change that needs it, and shown by syncd status -d"
UNNAMED = (
    "it cannot be seen which account this is, so not what it may, nor that it is left alone: write its name as `username` of "
    "the credential of kind `bearer`"
)
UNREAD = "what the account may cannot be seen, because this server's users cannot be read"
LOGIN_SYNC = (
    "no API tells whether AUTH_ROLES_SYNC_AT_LOGIN is on; where it is, each login replaces the roles that syncd gave by "
    "those that the login brings: look at webserver_config.py"
)

UNLOGGED = (
    "the event log cannot be read, so nobody is named who changes accounts and roles by Airflow's command line, nor what an "
    f"account for emergencies did: give the account {AUDIT} where you want that ({{why}})"
)


def examine(deployment: str, settings: AirflowSettings, *, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    """Find out about reach, credential, rights, clock and abilities."""
    session = Session(settings.connection, retries=Retries(attempts=2))
    try:
        return tuple(_findings(f"deployment {deployment}", Wire(settings, session, now=time.time), now=now))
    finally:
        session.close()


def _findings(subject: str, wire: Wire, *, now: Callable[[], datetime]) -> Iterator[CheckResult]:
    root = wire.session.connection.root
    try:
        can = look(wire, None)
    except TargetUnauthorized as error:
        yield CheckResult(subject, "credential", False, str(error))
        return
    except TargetUnmanageable as error:
        yield CheckResult(subject, "reachable", True, root)
        yield CheckResult(subject, "abilities", False, str(error))
        return
    except TargetUnavailable as error:
        yield CheckResult(subject, "reachable", False, str(error))
        return
    yield CheckResult(subject, "reachable", True, root)
    yield CheckResult(subject, "credential", True, f"{can.service_user or 'a bearer token'} is accepted")
    if page(wire.anonymous(wire.path(Area.ROLES)), Area.ROLES):
        yield CheckResult(subject, "closed", False, OPEN)
    yield from _rights(subject, Mirror(wire, can))
    yield CheckResult.of_clock(subject, _server_time(wire), now=now())
    yield _abilities(subject, can)
    if release(can.version) < PROMISED:
        yield CheckResult(subject, "release", None, OLD)
    if why := leaks(can):
        yield CheckResult(subject, "memory", None, why)
    if can.generation >= 3:
        yield CheckResult(subject, "delay", None, CACHED)
    yield CheckResult(subject, "login sync", None, LOGIN_SYNC)
    if why := why_unread(wire):
        yield CheckResult(subject, "event log", None, UNLOGGED.format(why=why))


def _server_time(wire: Wire) -> datetime | None:
    answer = wire.anonymous(VERSION_PATHS[wire.generation])
    return http_date(answer.headers.get("date"))


def _rights(subject: str, mirror: Mirror) -> Iterator[CheckResult]:
    """Compare what the roles of our own account hold with what syncd needs."""
    name = mirror.capabilities.service_user
    try:
        account = mirror.user(name) if name and mirror.capabilities.users_readable else None
        roles = mirror.read_roles() if account else {}
    except TargetUnavailable as error:
        yield CheckResult(subject, "rights", None, str(error))
        return
    if account is None:
        yield CheckResult(subject, "rights", None, UNNAMED if mirror.capabilities.users_readable else UNREAD)
        return
    held = frozenset().union(*(roles.get(role, frozenset()) for role in account.roles), frozenset[Permission]())
    missing = sorted(map(str, NEEDED - held))
    yield CheckResult(
        subject, "rights", not missing, f"it lacks {', '.join(missing)}" if missing else "all that is needed"
    )
    if "Admin" in account.roles:
        told = f"{name} holds Admin, which is more than is needed: give it a role with {', '.join(sorted(map(str, NEEDED)))}"
        yield CheckResult(subject, "no more rights", None, told)
    else:
        yield CheckResult(
            subject, "no more rights", True, f"{name} holds {', '.join(sorted(account.roles))}, and not Admin"
        )


def _abilities(subject: str, can: Capabilities) -> CheckResult:
    unknown = ", FAB provider unknown (can_read on Providers would tell)" if can.generation >= 3 else ""
    fab = f", FAB provider {can.fab_version}" if can.fab_version else unknown
    users = "users can be read" if can.users_readable else unreadable(can)
    told = f"Airflow {can.version}{fab}; {users}; {LEARNED}"
    return CheckResult(subject, "abilities", can.users_readable, told)
