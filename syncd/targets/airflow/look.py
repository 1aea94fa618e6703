"""Finding out what a server can do, by reading only.

Answers are judged by content type and keys, never by status alone: Airflow 3 answers unknown paths with 200 and a web
page, and Airflow 2 answers a wrong password with the same 403 as a missing right. What was found earlier is not asked
again while the versions are the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from syncd.errors import TargetUnavailable, TargetUnmanageable
from syncd.model import key
from syncd.targets.airflow.abilities import Capabilities
from syncd.targets.airflow.auth import Basic, Login, misses_path
from syncd.targets.airflow.levels import release
from syncd.targets.airflow.naming import unreachable
from syncd.targets.airflow.reading import Page, Row, page, read_all, text
from syncd.targets.airflow.version import find_version
from syncd.targets.airflow.wire import Area, Refused, Wire, take_cookie

FAB: Final = "apache-airflow-providers-fab"
TRIMS_FROM: Final = (2, 10, 3)
"""From here on Airflow 2 can list DAGs in short and still say how many there are; see the table of `wire`."""

FAILS_FROM: Final = (3, 2, 0)
WORKS_AGAIN: Final = (3, 4, 0)
"""FAB providers between the two answer 500 to every reading of users (3.2.0 and 3.3.0 were measured)."""


def look(wire: Wire, known: Capabilities | None) -> Capabilities:
    """Find out what the server can do.

    Raises:
        TargetUnavailable: there is no Airflow at this address, or not now.
        TargetUnauthorized: no configured credential was accepted where one is needed.
        TargetUnmanageable: this Airflow has no role API.
    """
    generation, version = find_version(wire, known.generation if known else None)
    wire.generation, wire.trims = generation, release(version) >= TRIMS_FROM
    if known and known.version == version and _recall(wire, known):
        fab = _fab_version(wire)
        if fab == known.fab_version:
            return replace(known, service_user=_service_user(wire, known.service_user))
    return _afresh(wire, generation, version)


# --- what is known already --------------------------------------------------------------------------------------------


def _recall(wire: Wire, known: Capabilities) -> bool:
    """Take the credentials that each area took before; False where one of them is not configured any more."""
    kinds = {Area.ROLES: known.roles_credential, Area.USERS: known.users_credential, Area.DAGS: known.dags_credential}
    for area, kind in kinds.items():
        found = next((who for who in wire.logins if who.kind == kind), None)
        if found is None or not known.users_readable:
            wire.chosen.clear()
            return False
        wire.chosen[area] = found
    if known.generation == 3:
        wire.connexion = frozenset(area for area in (Area.ROLES, Area.USERS) if kinds[area] == "basic")
    if known.session and isinstance(who := wire.chosen[Area.ROLES], Basic) and who.cookie is None:
        take_cookie(wire, who)
    return True


# --- looking afresh ---------------------------------------------------------------------------------------------------


def _afresh(wire: Wire, generation: int, version: str) -> Capabilities:
    wire.chosen.clear()
    if generation == 3:
        wire.connexion = _connexion(wire)
    else:
        _try_cookie(wire)
    roles = _first_roles(wire)
    wire.first(Area.DAGS)
    fab = _fab_version(wire)
    users_readable = _users_readable(wire, fab)
    users = wire.chosen.get(Area.USERS)
    basic = wire.chosen[Area.ROLES]
    return Capabilities(
        generation=generation,
        version=version,
        auth_manager="FAB",
        fab_version=fab,
        roles_credential=wire.chosen[Area.ROLES].kind,
        users_credential=users.kind if users else "",
        dags_credential=wire.chosen[Area.DAGS].kind,
        users_readable=users_readable,
        dag_run_resources=release(version) >= (2, 10) and (fab is None or release(fab) >= (1, 3)),
        page_limit=len(roles.rows) if len(roles.rows) < roles.total else None,
        session=isinstance(basic, Basic) and basic.cookie is not None,
        service_user=_service_user(wire, None) if users_readable else _login(wire).username,
    )


def _try_cookie(wire: Wire) -> None:
    for who in wire.logins:
        if isinstance(who, Basic):
            take_cookie(wire, who)


def _connexion(wire: Wire) -> frozenset[Area]:
    """Name the areas that this Airflow 3 serves the way of Airflow 2: basic authentication, old bodies.

    Raises:
        TargetUnmanageable: there is no role API; the message names the auth manager.
    """
    answer = wire.anonymous("/auth/openapi.json")
    paths, info = answer.fields.get("paths"), answer.fields.get("info")
    if not isinstance(paths, dict) or not isinstance(info, dict):
        raise TargetUnavailable(
            f"{answer.asked}: a description of the role API was wanted, {answer} came; {misses_path(answer)}"
        )
    old = frozenset(area for area in (Area.ROLES, Area.USERS) if f"/fab/v1/{area}" not in paths)
    # FAB provider < 3.1 serves everything in the old way and describes it elsewhere; 3.1 serves users only in the old way.
    if Area.ROLES in old and not isinstance(wire.anonymous("/auth/fab/v1/openapi.json").fields.get("paths"), dict):
        raise TargetUnmanageable(
            f"this deployment has no API for roles: its auth manager is {info.get('title')!r}; "
            "syncd can manage deployments that use the FAB auth manager"
        )
    return old


def _first_roles(wire: Wire) -> Page:
    try:
        return wire.first(Area.ROLES)
    except Refused as e:
        if any(a.status == 400 and "FabAuthManager" in a.detail for a in e.answers):
            raise TargetUnmanageable(
                "this deployment has no API for roles: it uses another auth manager than FabAuthManager, "
                "which is the only one of Airflow 2 that syncd can manage"
            ) from e
        raise


def _users_readable(wire: Wire, fab: str | None) -> bool:
    """Read the first users; False where the release is one that fails over its own answer.

    Any server may answer 500 once, and that is a failure of the moment: only of the releases that were measured to fail
    always it is taken for more.
    """
    try:
        wire.first(Area.USERS)
    except Refused as e:
        if fab is not None and FAILS_FROM <= release(fab) < WORKS_AGAIN and any(a.status == 500 for a in e.answers):
            return False
        raise
    return True


def _fab_version(wire: Wire) -> str | None:
    """Read the version of the FAB provider; None where the account may not see the providers."""
    path = wire.path(Area.DAGS).removesuffix(Area.DAGS) + "providers"

    def fetch(offset: int) -> Page:
        found = page(wire.ask(wire.chosen[Area.DAGS], path, [("limit", "100"), ("offset", str(offset))]), "providers")
        if found is None:
            raise LookupError
        return found

    try:
        rows = read_all(fetch, "package_name", what="providers")
    except LookupError:
        return None
    return next((text(row, "version") for row in rows if row.get("package_name") == FAB), None)


# --- who we are -------------------------------------------------------------------------------------------------------


def _login(wire: Wire) -> Login:
    return wire.chosen.get(Area.USERS) or wire.chosen[Area.ROLES]


def _service_user(wire: Wire, known: str | None) -> str | None:
    """Give the name of the account that syncd runs as; None where a bearer token does not tell it.

    Airflow 3 accepts the e-mail address as a login, so the account may have another name than the one we log in with.
    """
    login = _login(wire).username
    if login is None or (known is not None and key(known) == key(login)):
        return known or login
    if found := own_account(wire.peek(Area.USERS), login, field="username"):
        return found
    for candidate in dict.fromkeys(name for name in (login, known) if name is not None and not unreachable(name)):
        row = wire.get(Area.USERS, candidate).fields
        if key(login) in {key(str(row.get("username"))), key(str(row.get("email")))}:
            return text(row, "username")
    return own_account(wire.all(Area.USERS, keep=True), login, field="email") or login


def own_account(rows: tuple[Row, ...], login: str, *, field: str) -> str | None:
    """Find the account of a login among users, by this field."""
    return next((text(row, "username") for row in rows if key(text(row, field)) == key(login)), None)
