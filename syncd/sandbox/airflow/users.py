"""The user area."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from syncd.sandbox.airflow.answers import CRASHED_2, DELETED, OOOPS, AirflowAnswer, Denied, answer
from syncd.sandbox.airflow.request import Field, Request, check
from syncd.sandbox.airflow.state import AirflowAccount

_TWO = (
    Field("username", required=True, shortest=1, longest=512),
    Field("email", required=True, shortest=1, longest=512),
    Field("first_name", required=True, longest=256),
    Field("last_name", required=True, longest=256),
    Field("roles", "names"),
    Field("password"),
)
_NAMES = ("username", "email", "first_name", "last_name")
_THREE = (
    *(Field(name, required=True, shortest=1) for name in _NAMES),
    Field("roles", "names", nullable=True),
    Field("password", required=True),
)
_THREE_PATCH = (
    *(Field(name, nullable=True, shortest=1) for name in _NAMES),
    Field("roles", "names", nullable=True),
    Field("password", nullable=True),
)
_ORDERS: dict[str, Callable[[AirflowAccount], Any]] = {
    "id": lambda account: account.id,
    "first_name": lambda account: account.first_name,
    "last_name": lambda account: account.last_name,
    "email": lambda account: account.email,
}
_ORDERS_THREE: dict[str, Callable[[AirflowAccount], Any]] = _ORDERS | {
    "user_id": lambda account: account.id,
    "username": lambda account: account.username,
    "active": lambda account: account.active,
}
_ORDERS_THAT_CRASH = {"user_name", "is_active", "role"}
"""In 2.x's own list of orders, and not attributes of the model."""


def list_users(request: Request) -> AirflowAnswer:
    request.known_parameters("limit", "offset", "order_by")
    request.require(request.caller.may("GET", "Users"))
    if request.connexion and request.one("order_by") in _ORDERS_THAT_CRASH:
        raise Denied(OOOPS)
    orders = _ORDERS if request.connexion else _ORDERS_THREE
    accounts = request.sorted(request.state.listed_users(), orders, default="id")
    rows = request.page(accounts, at_zero=request.abilities.page_limit if request.connexion else 50)
    return answer({"users": [_user(account) for account in rows], "total_entries": len(accounts)})


def get_user(request: Request, username: str) -> AirflowAnswer:
    request.require(request.caller.may("GET", "Users"))
    return answer(_user(_found(request, username)))


def create_user(request: Request) -> AirflowAnswer:
    request.require(request.caller.may("POST", "Users"))
    body = check(request, _TWO if request.connexion else _THREE)
    username, email = body["username"], body["email"]
    if any("\ud800" <= c <= "\udfff" for c in "".join(body[name] for name in _NAMES)):
        raise request.dialect.crashed()  # half a surrogate pair: the database driver cannot encode it (seen on 3.3.2)
    if any(account.username == username for account in request.state.users.values() if request.state.twins):
        raise request.dialect.crashed()  # FAB finds several and says none; the database then refuses a third
    if request.state.find_user(username) is not None:
        raise request.dialect.refuse(409, f"Username `{username}` already exists. Use PATCH to update.")
    if request.state.has_email(email):
        raise request.dialect.refuse(409, f"The email `{email}` is already taken.")
    roles = _roles(request, body.get("roles") or [])
    if request.connexion and len(roles) != len(set(roles)):
        raise request.dialect.refuse(500, f"Failed to add user `{username}`.", title="Internal Server Error")
    account = request.state.add_user(
        username,
        password=body.get("password", ""),
        email=email,
        roles=set(roles) or {_registration_role(request, username)},
        first_name=body["first_name"],
        last_name=body["last_name"],
    )
    return answer(_user(account))


def patch_user(request: Request, username: str) -> AirflowAnswer:
    request.known_parameters("update_mask")
    request.require(request.caller.may("PATCH", "Users"))
    body = check(request, _TWO if request.abilities.user_patch_needs_names else _THREE_PATCH)
    account = _found(request, username)
    _still_unique(request, account, username, body)
    fields = {field: body[field] for field in _masked(request, body) if body[field] is not None}
    if "roles" in fields:
        account.roles = set(_roles(request, fields.pop("roles")))
    if "username" in fields:
        request.state.move_user(account, fields.pop("username"))
    for field, value in fields.items():
        setattr(account, field, value)
    return answer(_user(account))


def delete_user(request: Request, username: str) -> AirflowAnswer:
    """A user who wrote a note cannot be deleted on Airflow 2, ever; nothing is changed then."""
    request.require(request.caller.may("DELETE", "Users"))
    account = _found(request, username)
    if account.noted and request.abilities.generation == 2:
        raise Denied(CRASHED_2)
    request.state.remove_user(account)
    return DELETED


def _found(request: Request, username: str) -> AirflowAccount:
    account = request.state.find_user(username)
    if account is None:
        raise request.dialect.refuse(404, f"The User with username `{username}` was not found", title="User not found")
    return account


def _roles(request: Request, rows: list[dict[str, str]]) -> list[str]:
    names = [row["name"] for row in rows]
    found = {name: request.state.find_role(name) for name in names}
    unknown = [name for name in names if found[name] is None]
    if unknown:
        raise request.dialect.refuse(400, f"Unknown roles: {', '.join(map(repr, unknown))}")
    return [found[name] or name for name in names]


def _registration_role(request: Request, username: str) -> str:
    role = request.abilities.registration_role
    if role is not None and role in request.state.roles:
        return role
    if request.connexion:
        raise request.dialect.refuse(500, f"Failed to add user `{username}`.", title="Internal Server Error")
    raise request.dialect.refuse(500, "Default registration role is not configured or not found.")


def _still_unique(request: Request, account: AirflowAccount, username: str, body: dict[str, Any]) -> None:
    new, email = body.get("username"), body.get("email")
    if new and new != username and request.state.find_user(new) is not None:
        raise request.dialect.refuse(409, f"The username `{new}` already exists")
    if email and email != account.email and request.state.has_email(email):
        raise request.dialect.refuse(409, f"The email `{email}` already exists")


def _masked(request: Request, body: dict[str, Any]) -> set[str]:
    if "update_mask" not in request.call.query:
        return set(body)
    mask = {field.strip() for field in ",".join(request.all("update_mask")).split(",") if field.strip()}
    known = set(body) if request.connexion else {field.name for field in _THREE}
    if mask - known:
        raise request.dialect.refuse(400, f"Unknown update masks: {', '.join(map(repr, sorted(mask - known)))}")
    return mask & set(body)


def _user(account: AirflowAccount) -> dict[str, Any]:
    return {
        "username": account.username,
        "email": account.email,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "roles": [{"name": name} for name in sorted(account.roles)],
        "active": account.active,
        "last_login": _time(account.last_login),
        "login_count": account.login_count,
        "fail_login_count": None,
        "created_on": _time(account.created_on),
        "changed_on": _time(account.created_on),
    }


def _time(moment: datetime | None) -> str | None:
    """Write a time as these APIs do: without a zone. `changed_on` never moves on a real server either."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
