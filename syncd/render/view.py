"""A change as it is shown: text, JSON, Markdown, the OpenAPI schema and what a daemon's answer says are all made of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from syncd.model import Change, Kind, Reason, Role, User, What, Why

Subject = Literal["user", "role"]


@dataclass(frozen=True, slots=True)
class Account:
    """The names of a new account."""

    email: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What a person or a program sees of a change. The JSON of a change has these keys, `account` only where it is new.

    `why` are its reasons, `because` is the same in words. `finishes`: an earlier change of this role was cut off.
    """

    kind: Kind
    subject: Subject
    name: str
    granted: tuple[str, ...]
    revoked: tuple[str, ...]
    because: tuple[str, ...]
    why: tuple[Why, ...]
    finishes: bool = False
    account: Account | None = None
    on_dags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By DAG, what the permissions on it allow there: as in `{"sales": {"can_read on Sales": "read"}}`."""

    @classmethod
    def of(cls, change: Change) -> ChangeView:
        """Show a change."""
        return cls(
            change.kind,
            "user" if change.subject == "user" else "role",
            change.name,
            change.granted,
            change.revoked,
            tuple(map(str, change.because)),
            change.because,
            isinstance(change.before, Role) and change.before.unfinished and change.after is not None,
            _account(change),
            _on_dags(change),
        )

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> ChangeView:
        """Read the JSON of a change, that of an older or a newer syncd too; `cli.daemon_job` has looked at it before."""
        because = tuple(found["because"])
        # an older daemon says of no reason which role it is about
        whys = found.get("why") or [{"role": "", "text": text} for text in because]
        return cls(
            Kind(found["kind"]) if found["kind"] in set(Kind) else Kind.UPDATE,
            "user" if found["subject"] == "user" else "role",
            found["name"],
            tuple(found["granted"]),
            tuple(found["revoked"]),
            because,
            tuple(Why(w["text"], w["role"], _what(w.get("what")), _reasons(w.get("reasons"))) for w in whys),
            found.get("finishes") is True,
            on_dags=found.get("on_dags") or {},
        )

    @property
    def loses(self) -> bool:
        """Whether somebody or something has less by it."""
        return bool(self.revoked) or self.kind is Kind.DELETE


def _on_dags(change: Change) -> dict[str, dict[str, str]]:
    roles = [thing for thing in (change.before, change.after) if isinstance(thing, Role)]
    touched = {*change.granted, *change.revoked} if roles else set()
    found: dict[str, dict[str, str]] = {}
    for permission in sorted({p for role in roles for p in role.permissions}, key=str):
        if permission.dag is not None and str(permission) in touched:
            found.setdefault(permission.dag, {})[str(permission)] = permission.verb
    return found


def _account(change: Change) -> Account | None:
    if change.before is not None or not isinstance(change.after, User):
        return None
    return Account(change.after.email, change.after.first_name, change.after.last_name)


def _reasons(found: object) -> tuple[Reason, ...]:
    """Read the groups and lines of a reason; none where they are not as this version writes them."""
    try:
        return tuple(_reason(**fields) for fields in found) if isinstance(found, list) else ()
    except (TypeError, ValueError):
        return ()


def _reason(*, until: str | None = None, **fields: Any) -> Reason:
    return Reason(**fields, until=datetime.fromisoformat(until) if until else None)


def _what(word: object) -> What:
    return What(word) if isinstance(word, str) and word in set(What) else What.OTHER
