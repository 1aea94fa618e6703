"""From what a role holds on some deployments to a definition that gives just that on all of them.

what it holds                             | is written as
------------------------------------------|------------------------------------------------------------------------
a level on a DAG, and what is beside it   | an entry of `dags`: see `adopt_dags`
all that a built-in role holds here       | `extends`, where that saves lines; `without: all_dags` where it holds just that
all lines of another role                 | `extends`, where that saves lines
anything else                             | Airflow's own permission
permissions on DAGs that are not there    | nothing: they are left as they are, and told
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from syncd.mapping.adopt_dags import NOWHERE, LiveDeployment, entries
from syncd.mapping.diagnostics import Diagnostics, some
from syncd.mapping.permissions import Speller
from syncd.model import Adopt, Base, Naming, Permission, Role, RoleDefinition
from syncd.model.patterns import variables

Permissions = frozenset[Permission]


def infer_role(name: str, lives: Iterable[LiveDeployment]) -> tuple[RoleDefinition | None, dict[str, str]]:
    """Define a role as it is on as many of these deployments as one definition fits; says of the others why it does not."""
    lives = list(lives)
    if lives and not _misses(together := _definition(name, lives), lives):
        return together, {}
    fits: list[LiveDeployment] = []
    definition, refused = None, {}
    for live in lives:
        tried = _definition(name, [*fits, live])
        if problem := _misses(tried, [*fits, live]):
            refused[live.name] = problem
        else:
            fits, definition = [*fits, live], tried
    return definition, refused


def of_nothing(role: str, live: LiveDeployment) -> Permissions:
    """Give the permissions of a role on DAGs that are not there, where a plan takes them from no role that is not syncd's."""
    if live.deployment.adopt is Adopt.DECLARED:
        return Permissions()
    held = live.observed.roles[role].permissions
    return frozenset(p for p in held if p.dag is not None and p.dag not in live.inventory)


def _misses(definition: RoleDefinition, lives: Iterable[LiveDeployment]) -> str:
    """Say where a definition gives something else than is there; empty: nowhere."""
    if not definition.dags and not definition.permissions and not definition.bases:
        return "it holds nothing"
    if used := variables(definition.name):
        return f"{{{min(used)}}} in its name would make it a role for each group of a pattern; rename it on the server"
    for live in lives:
        naming = live.deployment.naming
        problems = (naming.role_problem(definition.name), *(_unwritable(naming, p) for p, _ in definition.permissions))
        if problem := next(filter(None, problems), ""):
            return problem
        wanted, there = _spelled(definition, live).permissions, _there(definition.name, live)
        if wanted != there:
            more, less = some(map(str, wanted - there)), some(map(str, there - wanted))
            said = (f"{more} would be added" if more else "", f"{less} would be taken" if less else "")
            return f"no definition gives just what it holds on {live.name}: {', '.join(filter(None, said))}"
    return ""


def _unwritable(naming: Naming, permission: Permission) -> str:
    is_known = permission.action in naming.actions
    return naming.resource_problem(permission.resource) if is_known else f"a mapping file cannot say {permission}"


def _there(role: str, live: LiveDeployment) -> Permissions:
    return live.observed.roles[role].permissions - of_nothing(role, live)


# --- one definition ---------------------------------------------------------------------------------------------------


def _definition(name: str, lives: list[LiveDeployment]) -> RoleDefinition:
    """Give the shortest of the definitions by each base that fits, and by none."""
    held = {live.name: _there(name, live) for live in lives}
    bare = RoleDefinition(name, "", tuple(entries(held, lives)), (), NOWHERE)
    rest = {live.name: held[live.name] - _spelled(bare, live).permissions for live in lives}
    tried = [_with(bare, base, rest, held, lives) for base in (None, *_bases(held, lives))]
    return min(tried, key=_length)


def _bases(held: Mapping[str, Permissions], lives: list[LiveDeployment]) -> Iterator[Base]:
    """Give each built-in role, whole or without all DAGs, all of which is held everywhere."""
    for role in sorted(lives[0].dialect.built_in):
        for without in (False, True):
            base = Base(role, NOWHERE, without)
            given = [(_of_base(base, live), held[live.name]) for live in lives]
            if all(permissions is not None and permissions <= there for permissions, there in given):
                yield base


def _of_base(base: Base, live: LiveDeployment) -> Permissions | None:
    """Give what a base gives on a deployment; None: that is not known for sure."""
    known = live.dialect.built_in.get(base.role)
    if known is None or known.doubt:
        return None
    return known.permissions if base.without_all_dags else known.permissions | known.all_dags


def _with(
    bare: RoleDefinition,
    base: Base | None,
    rest: Mapping[str, Permissions],
    held: Mapping[str, Permissions],
    lives: list[LiveDeployment],
) -> RoleDefinition:
    """Add to the entries of a role a base, and as permissions whatever is left then."""
    given = {live.name: (_of_base(base, live) if base else None) or Permissions() for live in lives}
    left = set[Permission]().union(*(rest[live.name] - given[live.name] for live in lives))
    if not (bare.dags or left or base):  # a definition gives something
        left = set(lives[0].dialect.every_role) & held[lives[0].name]
    permissions = tuple((permission, NOWHERE) for permission in sorted(left, key=str))
    return replace(bare, permissions=permissions, bases=(base,) if base else ())


def _length(definition: RoleDefinition) -> int:
    """Say how many lines a definition has."""
    return (
        len(definition.dags) + len(definition.permissions) + sum(1 + base.without_all_dags for base in definition.bases)
    )


def _spelled(definition: RoleDefinition, live: LiveDeployment) -> Role:
    return Speller(live.inventory, live.dialect, live.deployment.naming, Diagnostics()).role(definition)


# --- one role by another ----------------------------------------------------------------------------------------------


def by_one_another(roles: Mapping[str, RoleDefinition]) -> dict[str, RoleDefinition]:
    """Let a role that has all lines of another extend it, where that saves lines: what it gives stays the same everywhere."""
    lines = {name: _lines(role) for name, role in roles.items()}
    found = {}
    for name, role in roles.items():
        among = [
            other for other in roles if lines[other] < lines[name] or (lines[other] == lines[name] and other < name)
        ]
        base = max(among, key=lambda other: (len(lines[other]), other), default="")
        found[name] = _extending(role, roles[base]) if base and len(lines[base]) > 1 else role
    return found


def _lines(role: RoleDefinition) -> frozenset[object]:
    return frozenset((*role.dags, *role.permissions, *role.bases))


def _extending(role: RoleDefinition, base: RoleDefinition) -> RoleDefinition:
    return replace(
        role,
        extends=(base.name,),
        dags=tuple(entry for entry in role.dags if entry not in base.dags),
        permissions=tuple(line for line in role.permissions if line not in base.permissions),
        bases=tuple(each for each in role.bases if each not in base.bases),
    )
