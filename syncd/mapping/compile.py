"""The meaning of the rules for one deployment: rules, people and DAGs -> DesiredState.

it has a pattern on the names of groups           = a rule for each group that fits (`directory/expand.py`)
it is for each value that DAGs have               = a rule for each of them
rule is for another deployment, or over          = nothing
rule has not begun, or its windows are closed     = nothing; a role of its own is there all the same
its group is not there, or which it is is unclear = nothing is given, and its roles are frozen
its group was never read whole                    = its members get the roles, and the roles are frozen
its group is carried over                         = its members, those of the last whole read too, get the roles
its group was read whole                          = its members get the roles
it asks for more than to be in a group            = see `subjects`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from syncd.directory.doubt import shown_inactive
from syncd.mapping.diagnostics import Diagnostics
from syncd.mapping.doubtful import over
from syncd.mapping.expanded import expanded
from syncd.mapping.inventory import Inventory
from syncd.mapping.people import freeze_doubted, people
from syncd.mapping.permissions import Speller
from syncd.mapping.select import chooses, chosen
from syncd.mapping.service_accounts import accounts_of, with_accounts
from syncd.mapping.subjects import bind
from syncd.mapping.when import is_on, is_over
from syncd.model import Dag, Deployment, DesiredState, Dialect, Directory, Role, RoleMode, Rule, Rules


def compile_desired(
    rules: Rules,
    directory: Directory,
    deployment: Deployment,
    *,
    inventory: tuple[Dag, ...],
    dialect: Dialect,
    now: datetime,
    also: Iterable[Dag] | None = (),
) -> DesiredState:
    """Work out what the rules want of one deployment.

    A role that is not built in is wanted as long as a rule names it that is not over, whether or not its group has members and
    the rule gives anything at this hour. `also` are DAGs by whose values lines with `each` go beside those of the inventory;
    None: by whatever values there are, and what they give stands under the names of roles as they are written.
    """
    diagnostics = Diagnostics(set(directory.notes))
    dags = None if also is None else (*inventory, *also)
    rules = _expanded(rules, directory, deployment, dags=dags, now=now, diagnostics=diagnostics)
    standing = _standing(rules, deployment, now, diagnostics)
    live = [rule for rule in standing if is_on(rule, now)]
    found = people(bind(live, directory, diagnostics), directory, deployment, diagnostics)
    found = with_accounts(found, live, directory, deployment, diagnostics)
    inactive = shown_inactive(directory, deployment) if diagnostics.frozen else {}
    roles = _roles(rules, standing, Speller(Inventory(inventory), dialect, deployment.naming, diagnostics))
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
        accounts_of(rules.bindings),
        {name: said for name in roles if (said := rules.roles[name].exclusive) is not None},
        {name: role.mode for name, role in rules.roles.items() if role.mode is not RoleMode.FULL},
    )


def compile_roles(
    rules: Rules,
    directory: Directory,
    deployment: Deployment,
    *,
    inventory: tuple[Dag, ...],
    dialect: Dialect,
    now: datetime,
) -> Mapping[str, Role]:
    """Work out the roles alone, as `compile_desired` does."""
    unheard, rules = Diagnostics(), expanded(rules, directory, deployment, dags=inventory).rules
    speller = Speller(Inventory(inventory), dialect, deployment.naming, unheard)
    return _roles(rules, _standing(rules, deployment, now, unheard), speller)


def frozen_roles(
    rules: Rules, directory: Directory, deployments: Iterable[Deployment], *, now: datetime
) -> Iterator[tuple[Deployment, Mapping[str, str]]]:
    """Say of each deployment which roles nobody may lose there now, and why.

    Where the same lines give something, to people who log in alike, the same is frozen: that is looked at once.
    """
    known: dict[tuple[str, tuple[int, ...], tuple[str, ...]], tuple[Sequence[Rule], Mapping[str, str]]] = {}
    for deployment in deployments:
        diagnostics = Diagnostics()
        meant = _expanded(rules, directory, deployment, dags=None, now=now, diagnostics=diagnostics)
        live = [rule for rule in _standing(meant, deployment, now, diagnostics) if is_on(rule, now)]
        alike = deployment.login_source, tuple(map(id, live)), tuple(sorted(diagnostics.frozen))
        if alike not in known:
            freeze_doubted(bind(live, directory, diagnostics), directory, deployment, diagnostics)
            known[alike] = live, diagnostics.frozen
        yield deployment, known[alike][1]


def _expanded(
    rules: Rules,
    directory: Directory,
    deployment: Deployment,
    *,
    dags: Iterable[Dag] | None,
    now: datetime,
    diagnostics: Diagnostics,
) -> Rules:
    """Give the rules without patterns; what a pattern leaves in doubt here is frozen."""
    found = expanded(rules, directory, deployment, dags=dags)
    diagnostics.notes |= set(found.notes)
    for held_back in found.held_back:
        if chooses(held_back.rule, deployment) and not is_over(held_back.rule, now):
            diagnostics.freeze(held_back.rule.roles, held_back.why)
    return found.rules


def _standing(rules: Rules, deployment: Deployment, now: datetime, diagnostics: Diagnostics) -> tuple[Rule, ...]:
    """Give the rules for a deployment that are not over, those too that give nothing at this hour."""
    here = [rule for rule in chosen(rules.bindings, deployment) if _is_there(rule, rules, deployment)]
    for rule in here:
        if is_over(rule, now) and not rule.grant:
            diagnostics.note("expired_binding", over(rule))
    return tuple(rule for rule in here if not is_over(rule, now))


def _is_there(rule: Rule, rules: Rules, deployment: Deployment) -> bool:
    """Say whether what a timed grant gives is a role of the mapping still; of what a line of a file gives that was checked."""
    return not rule.grant or all(role in rules.roles or role in deployment.naming.built_in_roles for role in rule.roles)


def _roles(rules: Rules, standing: Iterable[Rule], speller: Speller) -> dict[str, Role]:
    named = {role for rule in standing for role in rule.roles}
    return {name: speller.role(rules.roles[name]) for name in sorted(named & rules.roles.keys())}
