"""A role of a mapping file: what it may do with which DAGs, and the target's own permissions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from syncd.mapping.keys import ALL_DAGS, ROLE
from syncd.mapping.parse_dags import read_selector
from syncd.mapping.parse_patterns import check_template
from syncd.mapping.reading import MappingReading, once, words
from syncd.model import Base, Naming, Permission, RoleDefinition, RoleMode
from syncd.model.patterns import variables
from syncd.text.document import Node, Scalar, Table
from syncd.text.strict import Strict


def read_role(reading: MappingReading, name: Scalar, body: Node) -> None:
    strict = reading.strict
    reading.defined.append((name.text, name.at))
    is_template = bool(variables(name.text))
    for problem in once(naming.role_problem(name.text) for naming in reading.namings if not is_template):
        strict.wrong(name.at, problem)
    found = strict.record(body, "a role", known=ROLE.known)
    if isinstance(body, Table) and not set(ROLE.some) & found.keys():
        strict.wrong(name.at, f'the role "{name.text}" gives nothing; write `dags`, `permissions` or `extends`')
    if is_template:
        check_template(strict, name, found)
    description = strict.text(found.get("description"), "`description`", lines=True)
    owner = strict.text(found.get("owner"), "`owner`")
    extends, bases = _extended(reading, found)
    reading.extended.setdefault(name.text, extends)
    entries = strict.items(found.get("dags"), "`dags`", at_least=1)
    selectors = [read_selector(reading, node, is_template=is_template) for node in entries]
    permissions = strict.texts(found.get("permissions"), "`permissions`")
    read = [(read_permission(reading, p), p.at) for p in permissions]
    reading.roles.append(
        RoleDefinition(
            name.text,
            description or "",
            tuple(s for s in selectors if s),
            tuple((p, at) for p, at in read if p),
            name.at,
            owner or "",
            words(extends),
            bases,
            strict.flag(found.get("exclusive"), "`exclusive`"),
            _mode(strict, found.get("mode")),
            bool(strict.flag(found.get("privileged"), "`privileged`")),
        )
    )


def _mode(strict: Strict, node: Node | None) -> RoleMode:
    word = strict.text(node, "`mode`")
    if node is None or word is None or word in list(RoleMode):
        return RoleMode(word) if word else RoleMode.FULL
    hint = strict.near(word, tuple(RoleMode)) or f"; write one of {', '.join(RoleMode)}"
    strict.wrong(node.at, f'unknown word "{word}" in `mode`{hint}')
    return RoleMode.FULL


def _extended(reading: MappingReading, found: Mapping[str, Node]) -> tuple[tuple[Scalar, ...], tuple[Base, ...]]:
    """Read what a role extends: roles of mapping files, and one of the target's own at most, `without` something perhaps."""
    strict, without = reading.strict, found.get("without")
    named = strict.texts(found.get("extends"), "`extends`", alone=True)
    built_in = frozenset().union(*(naming.built_in_roles for naming in reading.namings))
    bases = [role for role in named if role.text in built_in]
    for role in bases:
        if problem := _base_problem(reading, role, bases):
            strict.wrong(role.at, problem)
    word = strict.text(without, "`without`")
    if without and word and word != ALL_DAGS:
        hint = strict.near(word, (ALL_DAGS,)) or f"; write {ALL_DAGS}"
        strict.wrong(without.at, f'unknown word "{word}" in `without`{hint}')
    elif without and not bases:
        strict.wrong(
            without.at, f"`without` takes something out of a built-in role, and none is in `extends`; {_some(reading)}"
        )
    others = tuple(role for role in named if role.text not in built_in)
    return others, tuple(Base(role.text, role.at, word == ALL_DAGS) for role in bases)


def _base_problem(reading: MappingReading, role: Scalar, bases: list[Scalar]) -> str:
    if not all(role.text in naming.base_roles for naming in reading.namings):
        return f'what the built-in role "{role.text}" holds is not known beforehand, so no role can extend it; bind it'
    if role is not bases[0]:
        return f'a role extends one built-in role, and "{bases[0].text}" stands before "{role.text}"; keep one'
    return ""


def _some(reading: MappingReading) -> str:
    known = frozenset[str]().union(*(naming.base_roles for naming in reading.namings))
    return f"extend one of {', '.join(sorted(known))}, or take it out" if known else "take it out"


def read_permission(reading: MappingReading, node: Scalar, *, or_one_of: Collection[str] = ()) -> Permission | None:
    """Read a permission of the target's own; None where it is none. `or_one_of` are words that may stand there too."""
    strict = reading.strict
    action, on, resource = node.text.partition(" on ")
    if not (on and action.strip() == action and resource and resource.strip() == resource):
        strict.wrong(
            node.at,
            f'"{node.text}" is not a permission; write "<action> on <resource>", as in "can_read on Pools"'
            + strict.near(node.text, or_one_of),
        )
        return None
    problems = tuple(once(_permission_problem(naming, strict, action, resource) for naming in reading.namings))
    for problem in problems:
        strict.wrong(node.at, problem)
    if problems:
        return None
    read = [naming.permission(action, resource) for naming in reading.namings]
    return next((one for one in read if one.dag is not None), Permission(action, resource))


def _permission_problem(naming: Naming, strict: Strict, action: str, resource: str) -> str:
    if action in naming.actions:
        return naming.resource_problem(resource)
    hint = strict.near(action, naming.actions) or f"; there are {', '.join(naming.actions)}"
    return f'unknown action "{action}"{hint}'
