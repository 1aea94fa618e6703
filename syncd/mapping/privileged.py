"""Roles that administer: who has one can change users, roles, connections or variables, and so get whatever there is.

the role                                        | it administers, because
------------------------------------------------|------------------------------------------------------------------------
is one of the target's own that do              | it is that one
has such a permission, or by a role it extends  | of that permission
extends one of the target's own that do         | of that role

Whoever may edit a mapping file could make themselves an administrator with one word in a list. So a line that gives such a role
says `privileged: true`, or the role does: a reviewer sees it, and a rule of the repository can ask for more eyes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from syncd.model import Naming, RoleDefinition, Rule, Rules


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A line that gives a role that administers, where neither says that this is on purpose, and why it administers."""

    rule: Rule
    role: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.rule.at}: gives {self.role} to {self.rule.subject}, and {self.why}; write `privileged: true` into this line "
            "if that is meant"
        )


@dataclass(frozen=True, slots=True)
class Privileges:
    """Which roles administer, each with why, and who says that they are meant to.

    marked  the roles that say so themselves, or that only lines give which do
    lines   the places of lines that say so
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()


def administering(roles: Iterable[RoleDefinition], namings: Iterable[Naming]) -> dict[str, str]:
    """Give the roles that administer, those of the target too, each with why, as a clause."""
    namings = tuple(namings)
    own = frozenset[str]().union(*(naming.privileged_roles for naming in namings))
    found = dict.fromkeys(own, "that role administers")
    for role in roles:
        if why := _why(role, own, namings):
            found[role.name] = why
    return found


def _why(role: RoleDefinition, own: frozenset[str], namings: tuple[Naming, ...]) -> str:
    for permission, at in role.permissions:
        if any(naming.is_privileged(permission) for naming in namings):
            return f'that role has "{permission}" ({at})'
    return next((f"that role extends {base.role} ({base.at})" for base in role.bases if base.role in own), "")


def privileges(rules: Rules, namings: Iterable[Naming]) -> Privileges:
    """Say of the roles of mapping files, and of the target's own, which administer, and what is meant to."""
    roles = (*rules.roles.values(), *rules.templates.values())
    return Privileges(
        administering(roles, namings),
        frozenset(role.name for role in roles if role.privileged) | _marked_by_lines(rules.bindings),
        frozenset(str(rule.at) for rule in rules.bindings if rule.privileged),
    )


def _marked_by_lines(bindings: Iterable[Rule]) -> frozenset[str]:
    said: dict[bool, set[str]] = {True: set(), False: set()}
    for rule in bindings:
        said[rule.privileged].update(rule.roles)
    return frozenset(said[True] - said[False])


def unmarked(rules: Rules, namings: Iterable[Naming]) -> Iterator[Unmarked]:
    """Give each line that gives a role that administers, where nothing says that this is meant."""
    found = privileges(rules, namings)
    for rule in rules.bindings:
        for role in () if rule.privileged else rule.roles:
            if role in found.roles and role not in found.marked:
                yield Unmarked(rule, role, found.roles[role])
