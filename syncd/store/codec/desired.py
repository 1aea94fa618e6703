"""Desired states."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.model import DesiredState, Reason
from syncd.store.codec.plans import notes_from, notes_to, reason_from, reason_to, role_from, role_to, user_from, user_to
from syncd.store.codec.text import VERSION, Json, reader, versioned

_DESIRED = (
    "deployment",
    "users",
    "roles",
    "because",
    "reasons",
    "frozen",
    "frozen_users",
    "whose",
    "notes",
    "exclusive",
)


def desired_to(desired: DesiredState) -> Json:
    """Write a desired state; a reason stands once in a list and is named by its place (a quarter million grants share
    some hundred reasons)."""
    reasons: dict[Reason, int] = {}
    because = {
        user: {role: [reasons.setdefault(r, len(reasons)) for r in why] for role, why in sorted(roles.items())}
        for user, roles in sorted(desired.because.items())
    }
    return {
        "v": VERSION,
        "deployment": desired.deployment,
        "users": {name: user_to(user) for name, user in desired.users.items()},
        "roles": {name: role_to(role) for name, role in desired.roles.items()},
        "because": because,
        "reasons": [reason_to(r) for r in reasons],
        "frozen": dict(desired.frozen),
        "frozen_users": dict(desired.frozen_users),
        "whose": {user: [list(who) for who in several] for user, several in sorted(desired.whose.items())},
        "notes": notes_to(desired.notes),
        "exclusive": dict(sorted(desired.exclusive.items())),
    }


@reader("a desired state")
def desired_from(body: Json) -> DesiredState:
    versioned(body, *_DESIRED)
    reasons = [reason_from(fields) for fields in body["reasons"]]
    return DesiredState(
        deployment=body["deployment"],
        users={name: user_from(fields) for name, fields in body["users"].items()},
        roles={name: role_from(fields) for name, fields in body["roles"].items()},
        because=_because_from(body["because"], reasons),
        frozen=body["frozen"],
        frozen_users=body["frozen_users"],
        whose={user: tuple((source, id_) for source, id_ in who) for user, who in body.get("whose", {}).items()},
        notes=notes_from(body["notes"]),
        exclusive=body.get("exclusive", {}),
    )


def _because_from(
    body: Mapping[str, Mapping[str, list[int]]], reasons: list[Reason]
) -> dict[str, dict[str, tuple[Reason, ...]]]:
    return {
        user: {role: tuple(reasons[place] for place in why) for role, why in roles.items()}
        for user, roles in body.items()
    }
