"""A role of a mapping file: what it may do with which DAGs, and the target's own permissions."""

from __future__ import annotations

from syncd.mapping.reading import MappingReading, once, words
from syncd.mapping.select import glob_problem
from syncd.model import DagSelector, Level, Naming, Permission, RoleDefinition
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
    selectors = [_selector(strict, node) for node in strict.items(found.get("dags"), "`dags`", at_least=1)]
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


def _selector(strict: Strict, node: Node) -> DagSelector | None:
    kinds = ("id", "tag", "owner")
    found = strict.record(node, "an entry of `dags`", known=("level", *kinds), required=("level",))
    if isinstance(node, Table) and not set(kinds) & found.keys():
        strict.wrong(node.at, 'an entry of `dags` needs `id`, `tag` or `owner`; write `id: "*"` for every DAG')
    ids, tags, owners = (strict.texts(found.get(kind), f"`{kind}`", alone=True) for kind in kinds)
    for glob in ids:
        if problem := glob_problem(glob.text):
            strict.wrong(glob.at, problem)
    for owner in owners:
        if owner.text != owner.text.strip():
            strict.wrong(
                owner.at, f'the owner "{owner.text}" begins or ends with a blank, and no owner does; take it out'
            )
    level = _level(strict, found.get("level"))
    return DagSelector(level, node.at, words(ids), words(tags), words(owners)) if level else None


def _level(strict: Strict, node: Node | None) -> Level | None:
    word = strict.text(node, "`level`")
    if node is None or word is None:
        return None
    if word not in set(Level):
        hint = strict.near(word, tuple(Level)) or "; write view, trigger or edit"
        strict.wrong(node.at, f'unknown level "{word}"{hint}')
        return None
    return Level(word)


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
