"""What the files of one folder may grant: judges the roles and bindings in them, whatever deployments and DAGs there are.

what a file has            | is allowed where each scope from its folder upwards
---------------------------|----------------------------------------------------------------------------------
the name of a role         | has a glob in `roles` that matches it
a level                    | has that `level`, or a higher one
a word of `also`           | lists it in `permissions`, or has the highest level there is
an entry of `dags`         | has entries in `dags` that match every DAG which this one can match
a permission of Airflow's  | lists it in `permissions`
a role in a binding        | has a glob in `roles` that matches it, or lists it in `built_in` where it is Airflow's
the name of a role that    | has a glob in `roles` that matches it, or lists it in `built_in` where it is Airflow's: so, or as
is extended                | "User without all_dags" where nothing else of it is used
a group                    | has a glob in `groups` that matches its source and its id, or its name where it has no id
everyone in a source       | has globs in `groups` that match every group of this source
people, one by one         | has a glob in `people` that matches the id with its source, or the name where it has no id; without
                           | `people`, has globs in `groups` that match every group of the source
accounts                   | has a glob in `accounts` that matches each of their names
any_of, all_of, none_of    | allows each of the first, one of the second; the third may be anybody
where                      | allows whom it stands beside: it only leaves people out
the labels of a binding    | has no label in `deployments` that the binding does not keep to
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import assert_never

from syncd.mapping.within import Inclusion, Labels, labels_beyond
from syncd.model import (
    Accounts,
    AllOf,
    AnyOf,
    At,
    Base,
    DagSelector,
    Everyone,
    GroupRef,
    LabelTest,
    Level,
    PersonRef,
    RoleDefinition,
    Rule,
    Subject,
    Where,
    Without,
    givers,
    people_named,
)
from syncd.model.patterns import as_glob, variables, widened
from syncd.text.strict import Strict
from syncd.words import some

WITHOUT_ALL_DAGS = " without all_dags"
OUT, ANOTHER = "take it out", "bind another"


@dataclass(frozen=True, slots=True)
class FolderScope:
    """What one `_scope.yaml` allows. None allows whatever the scopes above it allow."""

    at: At
    places: Mapping[str, At]
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    people: tuple[str, ...] | None
    """None: those of sources of which every group is allowed."""
    accounts: tuple[str, ...]
    built_in: frozenset[str] | None
    permissions: frozenset[str] | None
    level: Level | None
    """The highest; None: not even the lowest."""
    dags: tuple[DagSelector, ...] | None
    deployments: Labels | None
    """None: none at all."""


@dataclass(slots=True)
class Judge:
    """Finds what is outside of the scopes of its folder; `scopes` are by folder, as in `mappings/finance`."""

    scopes: Mapping[str, FolderScope]
    built_in: frozenset[str]
    strict: Strict
    inclusion: Inclusion = field(default_factory=Inclusion)
    chains: dict[str, tuple[FolderScope, ...]] = field(default_factory=dict)

    def judge(self, roles: Iterable[RoleDefinition], bindings: Iterable[Rule]) -> None:
        """Note all of it, each at its place, with the place that forbids it."""
        for role in roles:
            for scope in self._above(role.at.file):
                self._role(role, scope)
        for rule in bindings:
            for scope in self._above(rule.at.file):
                self._binding(rule, scope)

    def _above(self, file: str) -> tuple[FolderScope, ...]:
        """Give the scopes that a file is in, the nearest first."""
        if file not in self.chains:
            folders = map(str, PurePosixPath(file).parents)
            self.chains[file] = tuple(self.scopes[folder] for folder in folders if folder in self.scopes)
        return self.chains[file]

    def _role(self, role: RoleDefinition, scope: FolderScope) -> None:
        if not self._is_named_within(role.name, scope):
            self._outside(role.at, f'the role "{role.name}" is', scope, "roles", listed(scope.roles), "rename it")
        for other in role.extends:
            if not self._is_named_within(other, scope):
                self._outside(role.at, f'the extended role "{other}" is', scope, "roles", listed(scope.roles), OUT)
        for base in role.bases:
            if scope.built_in is not None and scope.built_in.isdisjoint({base.role, base_name(base)}):
                what = f"the base {base_name(base)} is"
                self._outside(base.at, what, scope, "built_in", listed(scope.built_in), OUT)
        for entry in role.dags:
            self._entry(entry, scope)
        for permission, at in role.permissions:
            if scope.permissions is not None and str(permission) not in scope.permissions:
                self._outside(at, f'"{permission}" is', scope, "permissions", listed(scope.permissions), "take it out")

    def _is_named_within(self, role: str, scope: FolderScope) -> bool:
        """Say whether a scope allows the name of a role, whatever its variables stand for."""
        if variables(role):
            return self.inclusion.is_glob_within(as_glob(role), scope.roles)
        return self.inclusion.is_match(role, scope.roles)

    def _entry(self, entry: DagSelector, scope: FolderScope) -> None:
        entry = _widest(entry)
        if scope.level is None or entry.level not in scope.level.included:
            highest = f"{scope.level} at most" if scope.level else "none"
            advice = f"write `level: {scope.level}`" if scope.level else OUT
            self._outside(entry.at, f"the level {entry.level} is", scope, "level", highest, advice)
        listed_there = scope.permissions or frozenset()
        for word in entry.also if scope.level is not tuple(Level)[-1] else ():
            if word not in listed_there:
                self._outside(entry.at, f'"{word}" beside a level is', scope, "permissions", listed(listed_there), OUT)
        if scope.dags is not None and not self.inclusion.is_selector_within(entry, scope.dags):
            allowed = some([shown(dags) for dags in scope.dags], 3, between=" or ") or "none"
            advice = f"narrow it to {shown(scope.dags[0])}" if scope.dags else OUT
            self._outside(entry.at, "DAGs that this entry can match are", scope, "dags", allowed, advice)

    def _binding(self, rule: Rule, scope: FolderScope) -> None:
        for role in rule.roles:
            self._bound(rule, role, scope)
        if not self._allows(rule.subject, scope):
            key, whom = _whom(rule.subject, scope)
            self._outside(rule.at, f"the binding of {named(rule.subject)} is", scope, key, listed(whom), ANOTHER)
        if scope.deployments is None:
            self._outside(rule.at, "this binding, for any deployment, is", scope, "deployments", "none", OUT)
        elif beyond := labels_beyond(tuple(map(_widest_test, rule.deployments)), scope.deployments):
            what, allowed = "deployments that this binding can reach are", labels(scope.deployments)
            self._outside(rule.at, what, scope, "deployments", allowed, f"keep to {labels(beyond)} in `deployments`")

    def _allows(self, subject: Subject, scope: FolderScope) -> bool:
        """Say whether whoever is meant is in a group that a scope allows."""
        match subject:
            case Accounts(names):
                return all(self.inclusion.is_match(name, scope.accounts) for name in names)
            case GroupRef(source, None, name) if variables(name or ""):
                return self.inclusion.is_glob_within(as_glob(f"{source}:{name}"), scope.groups)
            case GroupRef():
                return self.inclusion.is_match(f"{subject.source}:{subject.id or subject.name}", scope.groups)
            case Everyone(source):
                return self.inclusion.is_glob_within(f"{source}:*", scope.groups)
            case PersonRef(source) if scope.people is None:
                return self.inclusion.is_glob_within(f"{source or '*'}:*", scope.groups)
            case PersonRef(source, id_, name):
                names = (f"{source}:{id_}",) if id_ else (name or "", f"{source}:{name}")
                return any(self.inclusion.is_match(word, scope.people or ()) for word in names)
            case AnyOf(of):
                return all(self._allows(one, scope) for one in of)
            case AllOf(of):
                return any(self._allows(one, scope) for one in of)
            case Where(whole, _) | Without(whole, _):
                return self._allows(whole, scope)
            case _:
                assert_never(subject)

    def _bound(self, rule: Rule, role: str, scope: FolderScope) -> None:
        if role not in self.built_in:
            if not self._is_named_within(role, scope):
                self._outside(rule.at, f'the role "{role}" is', scope, "roles", listed(scope.roles), ANOTHER)
        elif scope.built_in is not None and role not in scope.built_in:
            self._outside(rule.at, f"Airflow's own role {role} is", scope, "built_in", listed(scope.built_in), ANOTHER)

    def _outside(self, at: At, what: str, scope: FolderScope, key: str, allowed: str, advice: str) -> None:
        place = scope.places.get(key, scope.at)
        self.strict.wrong(at, f"{what} not within the scope of this folder ({place}), which allows {allowed}; {advice}")


def _widest(entry: DagSelector) -> DagSelector:
    """Give an entry that fits whatever one with variables can fit, at the highest level that a variable can be."""
    level = tuple(Level)[-1] if entry.variable else entry.level
    return replace(entry, level=level, ids=tuple(map(widened, entry.ids)), paths=tuple(map(widened, entry.paths)))


def _widest_test(test: LabelTest) -> LabelTest:
    """Give what is asked of a label so that it accepts every value that a variable can become."""
    certain = replace(test, but=frozenset(word for word in test.but if not variables(word)))
    return replace(certain, among=None, exists=True) if any(map(variables, test.among or ())) else certain


def _whom(subject: Subject, scope: FolderScope) -> tuple[str, tuple[str, ...]]:
    """Give the key of a scope that says whether a subject is allowed, and what it says."""
    if isinstance(subject, Accounts):
        return "accounts", scope.accounts
    if scope.people is not None and any(people_named(subject, giving=True)) and not any(givers(subject)):
        return "people", scope.people
    return "groups", scope.groups


def named(subject: Subject) -> str:
    """Say who is meant; a group by its id, where there is one, because that decides."""
    return f"{subject.source}:{subject.id or subject.name}" if isinstance(subject, GroupRef) else f"{subject}"


def base_name(base: Base) -> str:
    """Name a built-in role with what is left out of it, as a scope does."""
    return f"{base.role}{WITHOUT_ALL_DAGS if base.without_all_dags else ''}"


def listed(words: Collection[str]) -> str:
    """List what a scope allows."""
    return some(sorted(words), 5) or "none"


def shown(entry: DagSelector) -> str:
    """Write which DAGs are meant, as a mapping file does."""
    kinds = (
        ("id", entry.ids, ()),
        ("tag", entry.tags, entry.all_tags),
        ("owner", entry.owners, entry.all_owners),
        ("bundle", entry.bundles, ()),
        ("path", entry.paths, ()),
    )
    said = [f"{kind}: {_words(one, every)}" for kind, one, every in kinds if one or every]
    said += [f"not: {', '.join(map(shown, entry.but))}"] if entry.but else []
    return f"{{{', '.join(said)}}}"


def _words(one: Collection[str], every: Collection[str]) -> str:
    if not every:
        return _values(one)
    return f"{{any: {_values(one)}, all: {_values(every)}}}" if one else f"{{all: {_values(every)}}}"


def labels(tests: Labels) -> str:
    """Write what is asked of labels, as a mapping file does."""
    return f"{{{', '.join(f'{test.label}: {_test(test)}' for test in tests)}}}" if tests else "all"


def _test(test: LabelTest) -> str:
    if test == LabelTest(test.label, test.among) and test.among is not None:
        return _values(test.among)
    said = [f"in: {_values(test.among)}"] if test.among is not None else []
    said += [f"not: {_values(test.but)}"] if test.but else []
    said += [f"exists: {str(test.exists).lower()}"] if test.exists is not None else []
    return f"{{{', '.join(said)}}}"


def _values(values: Collection[str]) -> str:
    return f"[{some(sorted(values), 5)}]" if len(values) > 1 else "".join(values)
