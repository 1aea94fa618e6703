"""Revisions of mapping files: which is which, and for whom two of them say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from syncd.mapping.files_of_tests import is_tests
from syncd.mapping.select import chosen
from syncd.model import At, Deployment, RoleMode, Rule, Rules


def revision_of(files: Mapping[str, bytes]) -> str:
    """Hash what stands in mapping files; tests that stand beside them say nothing of what is given."""
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        if not is_tests(name):
            found.update(b"%d %s %d " % (len(name.encode()), name.encode(), len(content)) + content)
    return found.hexdigest()


def says_the_same(one: Rules, other: Rules, deployment: Deployment) -> bool:
    """Say whether two mappings give and take the same on a deployment, whatever people and DAGs there are, wherever the lines
    stand; `other` comes after `one`."""
    ours, theirs = (_here(rules, deployment) for rules in (one, other))
    if list(map(_meaning, ours)) != list(map(_meaning, theirs)) or _keeps_less(one, other):
        return False
    if any(rule.pattern or rule.each for rule in ours):
        return bool(_meaning((one.roles, one.templates)) == _meaning((other.roles, other.templates)))
    return bool(_roles(one, ours) == _roles(other, ours))


def _here(rules: Rules, deployment: Deployment) -> tuple[Rule, ...]:
    """Give the lines for a deployment without what they say of others."""
    return tuple(replace(rule, deployments=()) for rule in chosen(rules.bindings, deployment))


def _keeps_less(one: Rules, other: Rules) -> bool:
    """Say whether a role was kept by its mode, which needs no line, and is so no more, or not as far."""
    kept = {name: role.mode for name, role in one.roles.items() if role.mode is not RoleMode.FULL}
    return any(name not in other.roles or other.roles[name].mode is not mode for name, mode in kept.items())


def together(rules: Rules, others: Iterable[Rules]) -> Rules:
    """Give rules with the lines of others beside them: what is read is what any of them asks for."""
    more = tuple(rule for other in others for rule in other.bindings)
    return replace(rules, bindings=tuple(dict.fromkeys((*rules.bindings, *more)))) if more else rules


def _roles(rules: Rules, bindings: Iterable[Rule]) -> Any:
    named = {name for rule in bindings for name in rule.roles}
    return _meaning({name: rules.roles[name] for name in named & rules.roles.keys()})


def _meaning(value: object) -> Any:
    """Give a value without the places of what is in it."""
    match value:
        case At():
            return None
        case Mapping():
            return {name: _meaning(item) for name, item in value.items()}
        case tuple():
            return tuple(map(_meaning, value))
        case _ if is_dataclass(value):
            return (type(value).__name__, *(_meaning(getattr(value, field.name)) for field in fields(value)))
        case _:
            return value
