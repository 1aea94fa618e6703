"""Who changed what, where the log of the server says so: only where it names the very thing that is gone, or there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from syncd.model import DesiredState, LoggedEdit, Permission, key
from syncd.plan.rivals import TakenGrant
from syncd.words import some

_SHOWN = 5
_NOBODY: Mapping[TakenGrant, LoggedEdit] = {}


def who_took(
    taken: Iterable[TakenGrant], edits: Iterable[LoggedEdit], desired: DesiredState
) -> dict[TakenGrant, LoggedEdit]:
    """Give for each grant the newest edit that took just that from just that account; `edits` are the newest first."""
    ordered, found = tuple(edits), {}
    for grant in taken:
        user = desired.users.get(grant.username)
        names = {key(grant.username), *({key(user.email)} if user is not None and user.email else ())}
        match = next((e for e in ordered if e.account and key(e.account) in names and _is_of(e, grant.role)), None)
        if match is not None:
            found[grant] = match
    return found


def _is_of(edit: LoggedEdit, role: str) -> bool:
    return edit.takes and (role in edit.roles or not edit.roles)


def said_of_grants(found: Mapping[TakenGrant, LoggedEdit]) -> Iterator[str]:
    """Say who took what from whom, one sentence for each edit."""
    by_edit: dict[LoggedEdit, list[TakenGrant]] = {}
    for grant, edit in sorted(found.items()):
        by_edit.setdefault(edit, []).append(grant)
    for edit, grants in by_edit.items():
        what = some([f"{grant.role} from {grant.username}" for grant in grants], _SHOWN)
        yield f"who took {what}: {edit}"


def said_of_permissions(
    gone: Mapping[str, frozenset[Permission]], came: Mapping[str, frozenset[Permission]], edits: Iterable[LoggedEdit]
) -> Iterator[str]:
    """Say who took permissions from roles and who gave them some, where an edit names role and permission."""
    ordered = tuple(edits)
    for verb, between, changed, takes in (("took", "from", gone, True), ("gave", "to", came, False)):
        for role, permissions in sorted(changed.items()):
            by_edit: dict[LoggedEdit, list[str]] = {}
            for permission in sorted(map(str, permissions)):
                if (edit := _edit_of(ordered, role, permission, takes=takes)) is not None:
                    by_edit.setdefault(edit, []).append(permission)
            for edit, found in by_edit.items():
                yield f"who {verb} {some(found, _SHOWN)} {between} role {role}: {edit}"


def _edit_of(edits: Iterable[LoggedEdit], role: str, permission: str, *, takes: bool) -> LoggedEdit | None:
    fitting = (e for e in edits if not e.account and e.takes is takes and role in e.roles)
    return next((e for e in fitting if permission in e.permissions), None)
