"""The role area: list, create, change, delete, as the releases differ in it."""

from __future__ import annotations

from typing import Any

from syncd.model import Permission
from syncd.sandbox.airflow.answers import DELETED, OOOPS, AirflowAnswer, Denied, answer
from syncd.sandbox.airflow.request import Field, Request, check

_TWO = (Field("name", required=True, shortest=1, longest=64), Field("actions", "pairs"))
_THREE = (Field("name", required=True, shortest=1), Field("actions", "pairs"))


def list_roles(request: Request) -> AirflowAnswer:
    request.known_parameters("limit", "offset", "order_by")
    request.require(request.caller.may("GET", "Roles"))
    ids = {name: number for number, name in enumerate(request.state.roles)}
    names = request.sorted(list(ids), {"name": str, "role_id": ids.__getitem__}, default="name")
    rows = request.page(names, at_zero=_at_zero(request))
    return answer({"roles": [_role(request, name) for name in rows], "total_entries": len(names)})


def _at_zero(request: Request) -> int:
    return request.abilities.page_limit if request.connexion else 50


def get_role(request: Request, name: str) -> AirflowAnswer:
    request.require(request.caller.may("GET", "Roles"))
    return answer(_role(request, _found(request, name)))


async def create_role(request: Request) -> AirflowAnswer:
    request.require(request.caller.may("POST", "Roles"))
    body = check(request, _TWO if request.connexion else _THREE)
    name = body["name"]
    if request.state.find_role(name) is not None:
        raise request.dialect.refuse(
            409, f"Role with name {name!r} already exists; please update with the PATCH endpoint"
        )
    if request.connexion and "actions" not in body:
        raise Denied(OOOPS)
    wanted = _wanted(request, body.get("actions", []))
    request.state.roles[name] = set()
    await _add(request, name, wanted)
    return answer({} if request.connexion else _role(request, name))


async def patch_role(request: Request, name: str) -> AirflowAnswer:
    request.known_parameters("update_mask")
    request.require(request.caller.may("PATCH", "Roles") and request.abilities.patch != "forbidden")
    body = check(request, _TWO if request.connexion else _THREE)
    name = _found(request, name)
    fields = _masked(request, body)
    claimed = _role(request, name)
    if "actions" in fields:
        wanted = _wanted(request, body["actions"])
        await _add(request, name, wanted)
        if request.abilities.patch == "replaces":
            await _remove_others(request, name, wanted)
        claimed["actions"] = body["actions"]
    now = name
    if "name" in fields and body["name"] != name and request.state.rename_role(name, body["name"]):
        now = body["name"]
    claimed["name"] = body["name"] if "name" in fields else name
    return answer(claimed if request.abilities.patch_claims else _role(request, now))


def delete_role(request: Request, name: str) -> AirflowAnswer:
    request.require(request.caller.may("DELETE", "Roles"))
    name = _found(request, name)
    match request.abilities.delete:
        case 500:
            raise request.dialect.crashed()
        case 204:
            request.state.delete_role(name)
            return DELETED
        case 200:
            request.state.delete_role(name)
            return answer(None)


def list_permissions(request: Request) -> AirflowAnswer:
    """Airflow 2, and connexion elsewhere, can only list the names of actions."""
    request.known_parameters("limit", "offset")
    rows: list[Any] = []
    if request.connexion:
        request.require(request.caller.may("GET", "Permissions"))
        rows = [{"name": action} for action in sorted(request.state.actions)]
    else:
        request.require(request.caller.may("GET", "Roles"))
        rows = [_pair(pair) for pair in request.state.pairs]
    return answer({"actions": request.page(rows, at_zero=_at_zero(request)), "total_entries": len(rows)})


def _found(request: Request, name: str) -> str:
    found = request.state.find_role(name)
    if found is not None:
        return found
    if request.connexion:
        raise request.dialect.refuse(404, f"Role with name {name!r} was not found", title="Role not found")
    raise request.dialect.refuse(404, f"Role with name {name!r} does not exist.")


def _masked(request: Request, body: dict[str, Any]) -> set[str]:
    """Say which fields of the body count."""
    mask = [field.strip() for field in ",".join(request.all("update_mask")).split(",") if field.strip()]
    for field in mask:
        if field not in ("name", "actions"):
            raise request.dialect.refuse(400, f"'{field}' in update_mask is unknown")
    return set(body) & set(mask) if mask else set(body)


def _wanted(request: Request, actions: list[dict[str, dict[str, str]]]) -> list[Permission]:
    """Read the wanted permissions; the first unknown action or resource refuses them all before anything is written."""
    wanted = [Permission(pair["action"]["name"], pair["resource"]["name"]) for pair in actions]
    for permission in wanted:
        if permission.action not in request.state.actions:
            raise request.dialect.refuse(400, f"The specified action: {permission.action!r} was not found")
        if not request.state.has_resource(permission.resource):
            raise request.dialect.refuse(400, f"The specified resource: {permission.resource!r} was not found")
    return wanted


async def _add(request: Request, name: str, wanted: list[Permission]) -> None:
    for permission in wanted:
        await request.write_permission()
        if name in request.state.roles:
            request.state.grant(name, permission)


async def _remove_others(request: Request, name: str, wanted: list[Permission]) -> None:
    for permission in sorted(request.state.roles[name] - set(wanted), key=str):
        await request.write_permission()
        request.state.roles.get(name, set()).discard(permission)


def _role(request: Request, name: str) -> dict[str, Any]:
    return {"name": name, "actions": [_pair(pair) for pair in sorted(request.state.roles[name], key=str)]}


def _pair(permission: Permission) -> dict[str, dict[str, str]]:
    return {"action": {"name": permission.action}, "resource": {"name": permission.resource}}
