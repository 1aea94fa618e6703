"""A role of a mapping file: what it may do with which DAGs, and the target's own permissions."""

from __future__ import annotations

from syncd.mapping.parse_dags import read_selector
from syncd.mapping.reading import MappingReading, once, words
from syncd.model import Naming, Permission, RoleDefinition
from syncd.text.document import Node, Scalar, Table
from syncd.text.strict import Strict

_GIVES = ("extends", "dags", "permissions")
"""The keys by which a role gives something."""


def read_role(reading: MappingReading, name: Scalar, body: Node) -> None:
    strict = reading.strict
    reading.defined.append((name.text, name.at))
    for problem in once(naming.role_problem(name.text) for naming in reading.namings):
        strict.wrong(name.at, problem)
    found = strict.record(body, "a role", known=("description", "owner", *_GIVES))
    if isinstance(body, Table) and not set(_GIVES) & found.keys():
        strict.wrong(name.at, f'the role "{name.text}" gives nothing; write `dags`, `permissions` or `extends`')
    description = strict.text(found.get("description"), "`description`", lines=True)
    owner = strict.text(found.get("owner"), "`owner`")
    extends = strict.texts(found.get("extends"), "`extends`", alone=True)
    reading.extended.setdefault(name.text, extends)
    selectors = [read_selector(reading, node) for node in strict.items(found.get("dags"), "`dags`", at_least=1)]
    permissions = strict.texts(found.get("permissions"), "`permissions`")
    read = [(_permission(reading, p), p.at) for p in permissions]
    reading.roles.append(
        RoleDefinition(
            name.text,
            description or "",
            tuple(s for s in selectors if s),
            tuple((p, at) for p, at in read if p),
            name.at,
            owner or "",
            words(extends),
        )
    )


def _permission(reading: MappingReading, node: Scalar) -> Permission | None:
    strict = reading.strict
    action, on, resource = node.text.partition(" on ")
    if not (on and action.strip() == action and resource and resource.strip() == resource):
        strict.wrong(
            node.at, f'"{node.text}" is not a permission; write "<action> on <resource>", as in "can_read on Pools"'
        )
        return None
    problems = tuple(once(_permission_problem(naming, strict, action, resource) for naming in reading.namings))
    for problem in problems:
        strict.wrong(node.at, problem)
    return None if problems else Permission(action, resource)


def _permission_problem(naming: Naming, strict: Strict, action: str, resource: str) -> str:
    if action in naming.actions:
        return naming.resource_problem(resource)
    hint = strict.near(action, naming.actions) or f"; there are {', '.join(naming.actions)}"
    return f'unknown action "{action}"{hint}'
