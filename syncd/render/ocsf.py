"""The journal's records as events of OCSF 1.3 (schema.ocsf.io): what a SIEM takes without a parser of its own.

a user is made, or deleted      Account Change (3001), activities Create and Delete
a role is given to, or taken    User Access Management (3005), activities Assign Privileges and Revoke Privileges
a role itself                   Entity Management (3004), activities Create, Update and Delete
anything else                   Base Event (0), activity Other

A record may be several events: an account that is made with a role is two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from syncd.render.told import ToldRecord

VERSION: Final = "1.3.0"
_ACCOUNT, _ENTITY, _ACCESS = 3001, 3004, 3005
_ACTIVITY: Final = {
    _ACCOUNT: {"create": (1, "Create"), "delete": (6, "Delete")},
    _ENTITY: {"create": (1, "Create"), "update": (3, "Update"), "delete": (4, "Delete")},
    _ACCESS: {"grant": (1, "Assign Privileges"), "revoke": (2, "Revoke Privileges")},
}
_STATUS: Final = {"success": (1, "Success"), "failure": (2, "Failure"), "unknown": (0, "Unknown")}
_OTHER: Final = (99, "Other")


def ocsf_lines(told: ToldRecord) -> Iterator[str]:
    """Give the events of a record as JSON; `metadata.sequence` is its number, and `metadata.uid` tells its events apart."""
    return (told.with_facts(event, "unmapped") for event in _events(told))


def _events(told: ToldRecord) -> Iterator[dict[str, Any]]:
    if not told.ends:
        yield _event(told, 0, _OTHER, {}, "")
    elif told.subject == "role":
        activity = _ACTIVITY[_ENTITY].get(told.does, _OTHER)
        yield _event(told, _ENTITY, activity, {"entity": {"name": told.name, "type": "Airflow role"}}, "")
    else:
        yield from _of_user(told)


def _of_user(told: ToldRecord) -> Iterator[dict[str, Any]]:
    user = {"user": {"name": told.name, "type_id": 1, "type": "User"}}
    if told.does in _ACTIVITY[_ACCOUNT]:
        yield _event(told, _ACCOUNT, _ACTIVITY[_ACCOUNT][told.does], user, "account")
    where = {"resource": {"name": told.deployment, "type": "Airflow deployment"}}
    for does, roles in (("grant", told.grants), ("revoke", told.revokes)):
        if roles:
            yield _event(told, _ACCESS, _ACTIVITY[_ACCESS][does], {**user, **where, "privileges": list(roles)}, does)


def _event(told: ToldRecord, class_: int, activity: tuple[int, str], own: dict[str, Any], part: str) -> dict[str, Any]:
    status_id, status = _STATUS.get(told.came_to, _OTHER)
    return {
        "metadata": {
            "version": VERSION,
            "product": {"name": "syncd", "vendor_name": "syncd"},
            "log_name": "journal",
            "uid": f"{told.seq}-{part}" if part else str(told.seq),
            "sequence": told.seq,
        },
        "time": told.time_ms,
        "category_uid": 3 if class_ else 0,
        "class_uid": class_,
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": class_ * 100 + activity[0],
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status_id,
        "status": status,
        **({"status_detail": told.detail} if told.detail else {}),
        "message": told.message,
        **({"actor": {"user": {"name": told.by}}} if told.by else {}),
        **own,
    }
