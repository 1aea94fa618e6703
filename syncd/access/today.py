"""Who has something today by mapping lines, for tests of these: people by their identities, and accounts that lines name.

What other hands gave is not looked at: `who` and `audit` tell it. What a doubt keeps is no grant, and a doubt all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from syncd.access.giving import GivingRoles, TooManyRoles, giving_roles
from syncd.access.known import KnownDeployment
from syncd.access.possible import Steps
from syncd.access.standing import compiled
from syncd.directory.narrow import DirectoryView
from syncd.mapping.diagnostics import Diagnostics
from syncd.mapping.expanded import expanded
from syncd.mapping.select import chosen
from syncd.mapping.subjects import bind
from syncd.model import DesiredState, Directory, PersonKey, Rule, Rules, Subject, User, key
from syncd.model.mapping_tests import Entitlement, MappingTest

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Have:
    """An account that has what a test asks about: by these roles, and on these DAGs where it is about DAGs."""

    account: User
    who: tuple[PersonKey, ...]
    roles: frozenset[str]
    dags: tuple[str, ...] = ()


@dataclass(slots=True)
class Site:
    """One deployment as tests look at it; what everybody has there is worked out once, when it is first asked for."""

    rules: Rules
    view: DirectoryView
    known: KnownDeployment
    now: datetime
    steps: Steps
    _desired: DesiredState | None = None
    _meant: Rules | None = None
    _giving: GivingRoles | None = None
    _lines: Mapping[str, tuple[tuple[int, Rule], ...]] | None = None
    _lines_for: dict[frozenset[str], tuple[Rule, ...]] = field(default_factory=dict)
    _names: Mapping[PersonKey, tuple[str, ...]] | None = None
    _alike: Mapping[frozenset[str], tuple[str, ...]] | None = None
    _dags: dict[Entitlement, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.known.name

    @property
    def directory(self) -> Directory:
        return self.view.looked_for(self.rules.bindings).directory

    @property
    def desired(self) -> DesiredState:
        if self._desired is None:
            self._desired = compiled(self.rules, self.directory, self.known, now=self.now)
        return self._desired

    @property
    def meant(self) -> Rules:
        """Give the lines as they are meant here: what patterns and `each` stand for by the groups and DAGs of today."""
        if self._meant is None:
            dags = self.known.dags(self.now)
            self._meant = expanded(self.rules, self.directory, self.known.deployment, dags=dags).rules
        return self._meant

    @property
    def asks_for_dags(self) -> bool:
        """Say whether lines here go by what DAGs have, so that without these nothing is known of them."""
        return any(rule.each for rule in chosen(self.rules.bindings, self.known.deployment))

    @property
    def giving(self) -> GivingRoles:
        if self._giving is None:
            self._giving = giving_roles(self.meant, self.directory, self.known, now=self.now)
        return self._giving

    @property
    def lines(self) -> Mapping[str, tuple[tuple[int, Rule], ...]]:
        """Give the lines for this deployment by the roles that they give, numbered as they stand in the files."""
        if self._lines is None:
            here = enumerate(chosen(self.meant.bindings, self.known.deployment))
            self._lines = _gathered((role, (n, rule)) for n, rule in here for role in rule.roles)
        return self._lines

    def lines_for(self, roles: frozenset[str]) -> tuple[Rule, ...]:
        """Give the lines for this deployment that give one of some roles."""
        if roles not in self._lines_for:
            mine = dict(line for role in roles & self.lines.keys() for line in self.lines[role])
            self._lines_for[roles] = tuple(mine[n] for n in sorted(mine))
        return self._lines_for[roles]

    def alike(self, right: Entitlement) -> tuple[tuple[str, ...], ...]:
        """Name the DAGs there that a right is about, those together of which the same is true; none where it is about a role.

        Raises:
            OutOfSteps: it takes too long.
        """
        if right not in self._dags:
            self.steps.take(len(self.giving.inventory.dags) // 2)  # so long a glob is matched against each
            self._dags[right] = tuple(self.giving.alike(self.giving.dags(right.dags))) if right.dags else ()
        return self._dags[right]

    def dags(self, right: Entitlement) -> tuple[str, ...]:
        """Name the DAGs there that a right is about."""
        return tuple(sorted(dag for alike in self.alike(right) for dag in alike))

    def having(self, right: Entitlement, who: Collection[PersonKey] = ()) -> Iterator[Have]:
        """Give every account (of `who`, or of anybody) that has something by mapping lines.

        Raises:
            OutOfSteps: it takes too long.
        """
        for roles, names in sorted(self._by_roles(who).items(), key=lambda item: item[1]):
            by, dags = self._by(roles, right)
            yield from self._haves(names if by else (), by, dags)

    def holding(self, roles: frozenset[str]) -> Iterator[Have]:
        """Give every account that has all of these roles.

        Raises:
            OutOfSteps: it takes too long.
        """
        for held, names in sorted(self._by_roles(()).items(), key=lambda item: item[1]):
            self.steps.take()
            yield from self._haves(names if roles <= held else (), roles)

    def _haves(self, names: Iterable[str], roles: frozenset[str], dags: tuple[str, ...] = ()) -> Iterator[Have]:
        users, whose = self.desired.users, self.desired.whose
        return (Have(users[name], whose.get(name, ()), roles, dags) for name in names)

    def _by_roles(self, who: Collection[PersonKey]) -> Mapping[frozenset[str], tuple[str, ...]]:
        """Name the accounts that have the same roles."""
        users = self.desired.users
        if who:
            mine = sorted({name for one in who for name in self.names.get(one, ())} & users.keys())
            return _gathered((users[name].roles, name) for name in mine)
        if self._alike is None:
            self._alike = _gathered((users[name].roles, name) for name in sorted(users))
        return self._alike

    @property
    def names(self) -> Mapping[PersonKey, tuple[str, ...]]:
        """Name the accounts of each person."""
        if self._names is None:
            self._names = _gathered((one, name) for name, of in self.desired.whose.items() for one in of)
        return self._names

    def _by(self, roles: frozenset[str], right: Entitlement) -> tuple[frozenset[str], tuple[str, ...]]:
        """Say by which of some roles a right is had (as few of them as are enough on the first DAG), and on which DAGs."""
        self.steps.take(1 + len(self.alike(right)))
        if right.dags is None:
            return roles & {right.role}, ()
        of = self.giving
        dags = tuple(
            sorted(dag for dags in self.alike(right) if of.is_given(roles, dags[0], right.level) for dag in dags)
        )
        return of.least(roles, dags[0], right.level) if dags else frozenset(), dags

    def because(self, have: Have) -> str:
        """Say by which roles and lines somebody has something."""
        given = self.desired.because.get(key(have.account.username), {})
        return " and ".join(f"{role} by {', '.join(map(str, given.get(role, ())))}" for role in sorted(have.roles)) + (
            f", on {have.dags[0]}" if have.dags else ""
        )

    def in_doubt(self, right: Entitlement, who: Collection[PersonKey] = ()) -> str:
        """Say why somebody (of `who`, or anybody) may have something whom no line is known to give it; empty: nobody."""
        roles = self._that_may_give(right)
        for role, why in sorted(self.desired.frozen.items()):
            only = self.desired.frozen_for.get(role)
            if role in roles and (not who or only is None or any(d.may_be(one) for d in only for one in who)):
                return f"who is to have {role} is not known: {why}"
        undecided = sorted(self.desired.undecided)
        mine = {name for one in who for name in self.names.get(one, ())} if who else self.desired.whose.keys()
        return next((f"whose the account {name} is is not known" for name in undecided if name in mine), "")

    def _that_may_give(self, right: Entitlement) -> frozenset[str]:
        if right.dags is None:
            return frozenset({right.role})
        try:
            ways = [way for dag, *_ in self.alike(right) for way in self.giving.needed(dag, right.level)]
        except TooManyRoles:
            return frozenset(self.lines)
        return frozenset[str]().union(*(one for way in ways for one in way))


def _gathered(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, tuple[_V, ...]]:
    found: dict[_K, list[_V]] = defaultdict(list)
    for one, value in pairs:
        found[one].append(value)
    return {one: tuple(values) for one, values in found.items()}


def meant(subject: Subject, test: MappingTest, view: DirectoryView) -> tuple[frozenset[PersonKey], str]:
    """Give the identities of whoever is meant today, and why that is not known for sure; empty: it is."""
    doubts = Diagnostics()
    rule = Rule(subject, ("",), (), test.at)
    directory = view.looked_for((rule,)).directory
    bounds = bind([rule], directory, doubts)
    found = {(bound.members.group.source, id_) for bound in bounds for id_ in bound.members.group.members}
    return frozenset(found), doubts.frozen.get("", "")
