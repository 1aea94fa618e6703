"""Which paths a server has, and what it answers to those that it has not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from syncd.sandbox.airflow import dags, event_log, roles, site, users
from syncd.sandbox.airflow.abilities import Abilities
from syncd.sandbox.airflow.answers import APPLICATION, LOST, AirflowAnswer, Connexion, Denied, answer

RouteHandler = Callable[..., AirflowAnswer | Awaitable[AirflowAnswer]]


@dataclass(frozen=True, slots=True)
class Route:
    """`area` is who is let in: `open` to anybody, else as that area of the abilities says."""

    method: str
    path: str
    area: str
    handler: RouteHandler


_ROLES = (
    Route("GET", "/roles", "roles", roles.list_roles),
    Route("POST", "/roles", "roles", roles.create_role),
    Route("GET", "/roles/{name}", "roles", roles.get_role),
    Route("PATCH", "/roles/{name}", "roles", roles.patch_role),
    Route("DELETE", "/roles/{name}", "roles", roles.delete_role),
    Route("GET", "/permissions", "roles", roles.list_permissions),
)
_USERS = (
    Route("GET", "/users", "users", users.list_users),
    Route("POST", "/users", "users", users.create_user),
    Route("GET", "/users/{username}", "users", users.get_user),
    Route("PATCH", "/users/{username}", "users", users.patch_user),
    Route("DELETE", "/users/{username}", "users", users.delete_user),
)
_DAGS = (
    Route("GET", "/dags", "dags", dags.list_dags),
    Route("GET", "/dags/{dag_id}", "dags", dags.get_dag),
    Route("PATCH", "/dags/{dag_id}", "dags", dags.patch_dag),
    Route("DELETE", "/dags/{dag_id}", "dags", dags.delete_dag),
    Route("GET", "/dags/{dag_id}/dagRuns", "dags", dags.list_runs),
    Route("POST", "/dags/{dag_id}/dagRuns", "dags", dags.trigger),
    Route("GET", "/dags/{dag_id}/dagRuns/{run_id}", "dags", dags.get_run),
    Route("PATCH", "/dags/{dag_id}/dagRuns/{run_id}", "dags", dags.mark_run),
    Route("DELETE", "/dags/{dag_id}/dagRuns/{run_id}", "dags", dags.delete_run),
    Route("POST", "/dags/{dag_id}/dagRuns/{run_id}/clear", "dags", dags.clear_run),
    Route("GET", "/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "dags", dags.list_tasks),
    Route("POST", "/dags/{dag_id}/clearTaskInstances", "dags", dags.clear_tasks),
    Route("GET", "/eventLogs", "dags", event_log.list_events),
    Route("GET", "/importErrors", "dags", dags.list_import_errors),
    Route("GET", "/providers", "dags", dags.list_providers),
    Route("GET", "/version", "open", site.version),
)
_DAGS_3 = (
    Route("GET", "/dagTags", "dags", dags.list_tags),
    Route("GET", "/dagSources/{dag_id}", "dags", dags.get_source),
    Route("GET", "/monitor/health", "open", site.health),
)
_SITE_2 = (
    Route("GET", "/health", "open", site.health),
    Route("GET", "/api/v1/health", "open", site.health),
    Route("GET", "/auth/fab/v1/openapi.json", "open", site.fab_document),
)
_SITE_3 = (
    Route("GET", "/health", "open", site.moved_health),
    Route("GET", "/auth/openapi.json", "open", site.auth_document),
    Route("POST", "/auth/token", "open", site.token),
    Route("POST", "/auth/token/cli", "open", site.token_cli),
)


def _below(prefix: str, *tables: tuple[Route, ...]) -> tuple[Route, ...]:
    return tuple(Route(r.method, prefix + r.path, r.area, r.handler) for table in tables for r in table)


def routes(abilities: Abilities) -> tuple[Route, ...]:
    """Give the paths of a server. Airflow 2 serves roles and users below /api/v1 too."""
    if abilities.generation == 2:
        return _SITE_2 + _below("/api/v1", _ROLES, _USERS, _DAGS) + _below("/auth/fab/v1", _ROLES, _USERS)
    found = _SITE_3 + _below("/api/v2", _DAGS, _DAGS_3)
    if abilities.auth_manager != "fab":
        return found
    document = Route("GET", "/auth/fab/v1/openapi.json", "open", site.fab_document)
    return (*found, *_below("/auth/fab/v1", _ROLES, _USERS), document)


def find(table: tuple[Route, ...], method: str, path: str) -> tuple[Route | None, dict[str, str], bool]:
    """Find the route of a request and the values in its path; or say that only the method does not fit."""
    fits = [(route, values) for route in table if (values := _values(route.path, path)) is not None]
    for route, values in fits:
        if route.method == method:
            return route, values, False
    return None, {}, bool(fits)


def _values(pattern: str, path: str) -> dict[str, str] | None:
    """Match segment by segment: a name with a slash in it, percent-encoded or not, is never found."""
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    values: dict[str, str] = {}
    for pair in zip(wanted, given, strict=True):
        if pair[0].startswith("{") and pair[1] not in ("", ".", ".."):
            values[pair[0].strip("{}")] = pair[1]
        elif pair[0] != pair[1]:
            return None
    return values


def unrouted(abilities: Abilities, method: str, path: str, *, wrong_method: bool) -> AirflowAnswer:
    """Answer to a path that is not there, or not for this method."""
    if abilities.generation == 2:
        return _unrouted_2(abilities, path, wrong_method=wrong_method)
    if path.startswith("/api/v1"):
        return answer({"error": _REMOVED}, 404)
    if path.startswith("/api/v2"):
        return answer({"detail": "Method Not Allowed"}, 405) if wrong_method else answer(_NO_ROUTE, 404)
    if path.startswith("/auth"):
        return _unrouted_auth(abilities, method)
    return APPLICATION if method == "GET" else LOST


_REMOVED = "/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead."
_NO_ROUTE = {"error": "API route not found"}


def _unrouted_2(abilities: Abilities, path: str, *, wrong_method: bool) -> AirflowAnswer:
    if not path.startswith(("/api/v1", "/auth/fab/v1")):
        return LOST
    refused: Denied = Connexion(abilities.version).unrouted(405 if wrong_method else 404)
    return refused.answer


def _unrouted_auth(abilities: Abilities, method: str) -> AirflowAnswer:
    match abilities.auth_manager:
        case "fab":
            return LOST
        case "simple":
            return APPLICATION if method == "GET" else answer({"detail": "Method Not Allowed"}, 405)
        case "keycloak":
            return answer({"detail": "Not Found"}, 404)
