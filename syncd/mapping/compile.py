"""The meaning of the rules for one deployment: rules, people and DAGs -> DesiredState.

rule is for another deployment, or over          = nothing
its group is not there, or which it is is unclear = nothing is given, and its roles are frozen
its group was never read whole                    = its members get the roles, and the roles are frozen
its group is carried over                         = its members, those of the last whole read too, get the roles
its group was read whole                          = its members get the roles
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from syncd.directory.doubt import shown_inactive
from syncd.mapping.diagnostics import Diagnostics
from syncd.mapping.doubtful import is_over, over
from syncd.mapping.groups import bind
from syncd.mapping.people import people
from syncd.mapping.permissions import Speller
from syncd.mapping.select import Inventory, chooses
from syncd.model import Dag, Deployment, DesiredState, Dialect, Directory, Role, Rule, Rules


def compile_desired(
    rules: Rules,
    directory: Directory,
    deployment: Deployment,
    *,
    inventory: tuple[Dag, ...],
    dialect: Dialect,
    now: datetime,
) -> DesiredState:
    """Work out what the rules want of one deployment.

    A role that is not built in is wanted as long as a rule names it, whether or not its group has members.
    """
    diagnostics = Diagnostics(set(directory.notes))
    live = _live(rules, deployment, now, diagnostics)
    found = people(bind(live, directory, diagnostics), directory, deployment, diagnostics)
    inactive = shown_inactive(directory, deployment) if diagnostics.frozen else {}
    roles = _roles(rules, live, Speller(Inventory(inventory), dialect, deployment.naming, diagnostics))
    return DesiredState(
        deployment.name,
        found.users,
        roles,
        found.because,
        diagnostics.frozen,
        diagnostics.frozen_users,
        tuple(sorted(diagnostics.notes)),
        found.whose,
        diagnostics.undecided,
        inactive,
        diagnostics.frozen_for,
    )


def frozen_roles(rules: Rules, directory: Directory, deployment: Deployment, *, now: datetime) -> Mapping[str, str]:
    """Say which roles nobody may lose on a deployment now, and why."""
    diagnostics = Diagnostics()
    people(bind(_live(rules, deployment, now, diagnostics), directory, diagnostics), directory, deployment, diagnostics)
    return diagnostics.frozen


def _live(rules: Rules, deployment: Deployment, now: datetime, diagnostics: Diagnostics) -> tuple[Rule, ...]:
    chosen = [rule for rule in rules.bindings if chooses(rule, deployment)]
    for rule in chosen:
        if is_over(rule, now):
            diagnostics.note("expired_binding", over(rule))
    return tuple(rule for rule in chosen if not is_over(rule, now))


def _roles(rules: Rules, live: Iterable[Rule], speller: Speller) -> dict[str, Role]:
    named = {role for rule in live for role in rule.roles}
    return {name: speller.role(rules.roles[name]) for name in sorted(named & rules.roles.keys())}
