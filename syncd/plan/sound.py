"""Which roles a pass over a few people may give: those of which the last look at all roles found no more than the mapping says.

Such a pass does not look at roles, and a role may hold what it held under other lines: it was defined otherwise since, its change
was refused or is held, or it was left behind where nobody can delete it. What is kept of a role is what its definition
meant then. A change that gives a role without that, or with another meaning now, waits whole, so that nobody loses what it
replaces: the pass over everything puts the role right first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from syncd.model import Change, DagSelector, ObservedState, Plan, RoleDefinition, User

WAITS = (
    "by the last look at all roles it is not there or holds more than the mapping says; the next pass over everything puts it "
    "right and gives it"
)


def meaning(role: RoleDefinition) -> str:
    """Hash what a definition says, wherever it stands."""
    dags = sorted(map(_said, role.dags))
    permissions = sorted({(p.action, p.resource) for p, _ in role.permissions})
    bases = sorted({(base.role, base.without_all_dags) for base in role.bases})
    said = [dags, permissions, *([bases] if bases else [])]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _said(s: DagSelector) -> tuple[Any, ...]:
    """Give all that a selector says; what it does not say is left out, so that what was kept before there was such goes on."""
    more = (s.all_tags, s.all_owners, s.bundles, s.paths, tuple(sorted(map(_said, s.but))), tuple(sorted(s.also)))
    return (s.level.value, s.ids, s.tags, s.owners, *(more if any(more) else ()))


def sound(roles: Mapping[str, RoleDefinition], observed: ObservedState, left: Plan) -> dict[str, str]:
    """Give what the roles meant that a look at all found to hold no more than that; `left` is the plan of that look."""
    too_much = {change.name for change in left.changes if change.subject == "role" and change.revoked}
    there = observed.roles.keys() - too_much
    return {name: meaning(role) for name, role in roles.items() if name in there}


def unseen(
    change: Change, roles: Mapping[str, RoleDefinition], known: Mapping[str, str], *, built_in: frozenset[str]
) -> str:
    """Say why a change of a person waits for a pass over everything; empty: it does not."""
    given = frozenset(change.granted) - built_in if isinstance(change.after, User) else frozenset()
    means = {role: meaning(roles[role]) for role in given & roles.keys()}
    waits = sorted(role for role in given if role not in means or known.get(role) != means[role])
    return f"{', '.join(waits)}: {WAITS}" if waits else ""
