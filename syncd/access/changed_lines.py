"""The lines and roles of which two sets of rules say something else, wherever they stand in which file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from functools import lru_cache

from syncd.mapping.select import chosen
from syncd.mapping.service_accounts import accounts_of
from syncd.mapping.when import is_over
from syncd.model import At, Deployment, RoleDefinition, Rule, Rules

_Givers = tuple[tuple[Rule, ...], tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """What two sets of rules without patterns do not have in common.

    lines     rules of which the other side does not have as many
    roles     roles that are defined on one side alone, or otherwise
    given     by role, the rules of the one side and of the other that give it, changed or not
    accounts  accounts that no directory has (by key) and that rules of either side name, changed or not
    """

    lines: tuple[Rule, ...]
    roles: frozenset[str]
    given: Mapping[str, _Givers]
    accounts: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.lines or self.roles)

    def here(self, deployment: Deployment, now: datetime) -> ChangedLines:
        """Give what is for one deployment: its lines, and roles that are wanted there by one side alone, or otherwise."""
        lines = tuple(chosen(self.lines, deployment))
        asked = self.roles.union(*(rule.roles for rule in lines))
        given = self._given(asked, deployment, now)
        moved = {role for role, (old, new) in given.items() if role in self.roles or bool(old) != bool(new)}
        return replace(self, lines=lines, roles=frozenset(moved), given=given)

    def unwanted(self, roles: Iterable[str], deployment: Deployment, now: datetime) -> frozenset[str]:
        """Name those of some roles that neither side wants there."""
        roles = frozenset(roles)
        return roles - self._given(roles, deployment, now).keys()

    def _given(self, roles: Iterable[str], deployment: Deployment, now: datetime) -> Mapping[str, _Givers]:
        """Give the rules for one deployment that are not over, of roles that have some."""

        def here(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
            return tuple(rule for rule in chosen(rules, deployment) if not is_over(rule, now))

        found = {role: (here(self.given[role][0]), here(self.given[role][1])) for role in roles if role in self.given}
        return {role: rules for role, rules in found.items() if any(rules)}


class _These:
    """Rules that are the same where they are the same object: to compare a thousand of them costs as much as the rest."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _These) and self.rules is other.rules

    def __hash__(self) -> int:
        return id(self.rules)


def changed_lines(old: Rules, new: Rules) -> ChangedLines:
    """Compare two sets of rules without patterns; the same two are compared once, however many deployments they are for."""
    return _changed(_These(old), _These(new))


@lru_cache(maxsize=16)
def _changed(before: _These, after: _These) -> ChangedLines:
    old, new = before.rules, after.rules
    was, is_ = ([without_places(rule) for rule in rules.bindings] for rules in (old, new))
    differ = (Counter(was) - Counter(is_)) + (Counter(is_) - Counter(was))
    both = zip((*was, *is_), (*old.bindings, *new.bindings), strict=True)
    lines = tuple(rule for said, rule in both if said in differ)
    names = old.roles.keys() | new.roles.keys()
    roles = frozenset(name for name in names if _differ(old.roles.get(name), new.roles.get(name)))
    had, has = _givers(old.bindings), _givers(new.bindings)
    given = {role: (had.get(role, ()), has.get(role, ())) for role in had.keys() | has.keys()}
    return ChangedLines(lines, roles, given, accounts_of(old.bindings) | accounts_of(new.bindings))


def _differ(was: RoleDefinition | None, is_: RoleDefinition | None) -> bool:
    return was is not is_ and without_places(was) != without_places(is_)


def _givers(rules: Iterable[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        for role in rule.roles:
            found[role].append(rule)
    return {role: tuple(giving) for role, giving in found.items()}


def without_places(value: object) -> object:
    """Give what a value of the rules says, without its places in files, to be compared."""
    if isinstance(value, At):
        return None
    if is_dataclass(value):
        return type(value).__name__, *(without_places(getattr(value, field.name)) for field in fields(value))
    return tuple(map(without_places, value)) if isinstance(value, tuple) else value
