"""What lines would give at another hour: bindings that have not begun, and those whose windows are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from syncd.mapping.compile import compile_desired
from syncd.mapping.expanded import expanded
from syncd.mapping.select import chooses
from syncd.mapping.when import closed, is_on, is_over
from syncd.model import Dag, Deployment, Dialect, Directory, Level, Reason, Rules

Later = Mapping[str, Mapping[str, tuple[tuple[Reason, str], ...]]]
"""By account (its key) and role: the lines that give it at another hour, each with its hours in words."""
_NO_DIALECT = Dialect(frozenset(), {level: (frozenset(), frozenset()) for level in Level})


def given_at_other_hours(
    rules: Rules, directory: Directory, deployment: Deployment, *, dags: Iterable[Dag], now: datetime
) -> Later:
    """Say by account (its key) and role which lines give it at another hour, and when: `only mon-fri UTC; now outside, ...`."""
    rules = expanded(rules, directory, deployment, dags=dags).rules
    waiting = [r for r in rules.bindings if chooses(r, deployment) and not is_over(r, now) and not is_on(r, now)]
    if not waiting:
        return {}
    always = replace(rules, bindings=tuple(replace(rule, since=None, during=()) for rule in waiting))
    then = compile_desired(always, directory, deployment, inventory=(), dialect=_NO_DIALECT, now=now)
    hours = {str(rule.at): closed(rule, now) for rule in waiting}
    return {
        account: {role: tuple((reason, hours[reason.at]) for reason in why) for role, why in roles.items()}
        for account, roles in then.because.items()
    }
