"""A rule and its roles with values in place of their variables, and what is no good about a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from syncd.model import (
    At,
    DagSelector,
    GroupPattern,
    GroupRef,
    LabelTest,
    Level,
    Naming,
    RoleDefinition,
    Rule,
    Subject,
    Where,
    Without,
)
from syncd.model.patterns import Values, filled
from syncd.text.characters import unseen

LONGEST_VALUE: Final = 100
_UNFIT: Final = frozenset("*?[]{}/\\$\"'")
"""Characters that would say more than themselves where a value is put: in globs, regular expressions and variables."""


def filled_rule(rule: Rule, name: str, values: Values) -> Rule:
    """Fill a rule; `name` is that of the group that fits its pattern, if it has one."""
    return replace(
        rule,
        subject=_subject(rule.subject, rule.pattern, name, values) if rule.pattern else rule.subject,
        roles=tuple(dict.fromkeys(filled(role, values) for role in rule.roles)),
        deployments=tuple(_labels(test, values) for test in rule.deployments),
        reason=filled(rule.reason, values),
        owner=filled(rule.owner, values),
        ticket=filled(rule.ticket, values),
        pattern=None,
        each=None,
        captured=tuple(values.items()),
    )


def _subject(subject: Subject, pattern: GroupPattern, name: str, values: Values) -> Subject:
    """Name the group in place of the pattern, and fill the names of those that take out."""
    match subject:
        case GroupRef(source, None, text) if text is not None:
            return GroupRef(
                source, name=name if (source, text) == (pattern.source, pattern.text) else filled(text, values)
            )
        case Without(whole, none_of):
            inner = (_subject(one, pattern, name, values) for one in none_of)
            return Without(_subject(whole, pattern, name, values), tuple(inner))
        case Where(whole, conditions):
            asked = tuple(replace(one, values=frozenset(filled(v, values) for v in one.values)) for one in conditions)
            return Where(_subject(whole, pattern, name, values), asked)
        case _:
            return subject


def _labels(test: LabelTest, values: Values) -> LabelTest:
    among = None if test.among is None else frozenset(filled(value, values) for value in test.among)
    return replace(test, among=among, but=frozenset(filled(value, values) for value in test.but))


def filled_role(role: RoleDefinition, values: Values) -> RoleDefinition:
    """Fill a role with variables in its name."""
    return replace(
        role,
        name=filled(role.name, values),
        description=filled(role.description, values),
        owner=filled(role.owner, values),
        extends=tuple(filled(other, values) for other in role.extends),
        dags=tuple(_selector(entry, values) for entry in role.dags),
    )


def _selector(entry: DagSelector, values: Values) -> DagSelector:
    def several(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filled(text, values) for text in texts))

    level = filled(entry.variable, values)
    return replace(
        entry,
        level=Level(level) if level in set(Level) else entry.level,
        variable="" if level in set(Level) else level,
        ids=several(entry.ids),
        tags=several(entry.tags),
        owners=several(entry.owners),
        all_tags=several(entry.all_tags),
        all_owners=several(entry.all_owners),
        bundles=several(entry.bundles),
        paths=several(entry.paths),
        but=tuple(_selector(left_out, values) for left_out in entry.but),
    )


# --- what is no good --------------------------------------------------------------------------------------------------


def problem(
    roles: tuple[RoleDefinition, ...], values: Values, namings: tuple[Naming, ...], *, is_open: bool = False
) -> str:
    """Say what is no good about values, and about the roles that are filled with them; empty: nothing.

    `is_open`: one more variable stands as it is, so nothing can be said of the roles.
    """
    of_values = (_value_problem(variable, value) for variable, value in values.items())
    of_roles = () if is_open else _role_problems(roles, namings)
    return next(filter(None, (*of_values, *of_roles)), "")


def _role_problems(roles: tuple[RoleDefinition, ...], namings: tuple[Naming, ...]) -> Iterator[str]:
    for role in roles:
        yield from (naming.role_problem(role.name) for naming in namings)
        yield from (_level_problem(entry.variable, entry.at) for entry in role.dags if entry.variable)


def _value_problem(variable: str, value: str) -> str:
    said = f'"{value}" as {{{variable}}}'
    if found := next((c for c in value if c in _UNFIT), "") or unseen(value):
        return f"{said} has the character {found} in it, which a value cannot have"
    if value != value.strip():
        return f"{said} begins or ends with a blank"
    return f"{said} is longer than {LONGEST_VALUE} characters" if len(value) > LONGEST_VALUE else ""


def _level_problem(word: str, at: At) -> str:
    return f'"{word}" is no level ({at}); say in `captures` which of view, trigger, edit and own it is'
