"""What a server says to anybody: its version, its health, its documents, and tokens for credentials."""

from __future__ import annotations

from typing import Any

from syncd.sandbox.airflow.abilities import Abilities
from syncd.sandbox.airflow.answers import LOST, AirflowAnswer, Wrong, answer
from syncd.sandbox.airflow.request import Request

TOKEN_CLI_S = 3600.0
_TITLES = {
    "fab": "FAB auth manager API",
    "simple": "Simple auth manager sub application",
    "keycloak": "Keycloak auth manager sub application",
}
_PATHS = {
    "fab": ("/token", "/token/cli"),
    "simple": ("/token", "/token/cli", "/token/login"),
    "keycloak": ("/login", "/login_callback", "/logout", "/logout_callback", "/token", "/token/cli"),
}
_AREAS = {"roles": ("/roles", "/roles/{name}", "/permissions"), "users": ("/users", "/users/{username}")}


def version(request: Request) -> AirflowAnswer:
    git = "" if request.abilities.generation == 2 else ".release:0000000000000000000000000000000000000000"
    return answer({"version": request.abilities.version, "git_version": git})


def health(_: Request) -> AirflowAnswer:
    """No scheduler runs, and a stand-in says so."""
    idle = {"status": None}
    return answer(
        {
            "metadatabase": {"status": "healthy"},
            "scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": None},
            "triggerer": idle | {"latest_triggerer_heartbeat": None},
            "dag_processor": idle | {"latest_dag_processor_heartbeat": None},
        }
    )


def moved_health(_: Request) -> AirflowAnswer:
    return answer({"error": "Moved in Airflow 3. Please change config to check `/api/v2/monitor/health`"}, 404)


def auth_document(request: Request) -> AirflowAnswer:
    """The OpenAPI document of Airflow 3's auth manager: its title names the manager, its paths what it can do."""
    abilities = request.abilities
    areas = [area for area in _AREAS if abilities.auth_manager == "fab" and "token" in _accepted(abilities, area)]
    paths = [*_PATHS[abilities.auth_manager], *(f"/fab/v1{path}" for area in areas for path in _AREAS[area])]
    return answer(_document(_TITLES[abilities.auth_manager], "0.1.0", paths))


def fab_document(request: Request) -> AirflowAnswer:
    """The OpenAPI document of the areas that connexion serves; where there is none it is not found, as a page."""
    areas = [area for area in _AREAS if "token" not in _accepted(request.abilities, area)]
    if not areas or request.abilities.auth_manager != "fab":
        return LOST
    paths = [path for area in areas for path in _AREAS[area]]
    return answer(_document("Flask App Builder User & Role API", "1.0.0", paths))


def _accepted(abilities: Abilities, area: str) -> frozenset[str]:
    return abilities.roles if area == "roles" else abilities.users


def _document(title: str, number: str, paths: list[str]) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": number},
        "paths": {path: {} for path in paths},
    }


def token(request: Request) -> AirflowAnswer:
    return _token(request, ttl_s=request.abilities.token_ttl_s)


def token_cli(request: Request) -> AirflowAnswer:
    return _token(request, ttl_s=TOKEN_CLI_S)


def _token(request: Request, *, ttl_s: float) -> AirflowAnswer:
    body = request.json()
    if not isinstance(body, dict):
        raise request.dialect.invalid([Wrong("dict_type", ("body",), "Input should be a valid dictionary", body)])
    abilities = request.abilities
    if abilities.provider_account and body.get("provider_token"):
        account = request.gate.by_name(abilities.provider_account)
        return answer({"access_token": request.gate.issue_token(account, ttl_s=ttl_s)}, 201)
    username, password = body.get("username"), body.get("password")
    if not username or not password:
        raise request.dialect.refuse(400, "Username and password must be provided")
    found = request.gate.by_password(str(username), str(password)) if abilities.password_tokens else None
    if found is None:
        raise request.dialect.refuse(401, "Invalid credentials")
    return answer({"access_token": request.gate.issue_token(found, ttl_s=ttl_s)}, 201)
