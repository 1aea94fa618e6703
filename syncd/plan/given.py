"""How much changes give, counted in people and in rights: what the limits on gains are asked about.

A right is one permission that one person has, by whichever of their roles. What is on every DAG counts once for each DAG that is
listed. What was ours before is put back and not given, and so is what the last pass over everything wanted in a role.

change of       | people who gain                          | rights
----------------|------------------------------------------|------------------------------------------------------------
a person        | that person, if a role is new to them    | what these roles allow and those that they had do not
a role: grows   | everybody who keeps it, if more than     | for each who keeps it what is new in it and in no role that they
                | half of it is new                        | had, but for DAGs that were not listed before
a role: is made | nobody                                   | none: whoever gets it is counted then
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from syncd.model import Change, ObservedState, Owned, Permission, Role, User, key
from syncd.plan.taken import HOLLOW

Roles = frozenset[str]
_NOTHING: Roles = frozenset()


@dataclass(frozen=True, slots=True)
class Gained:
    """What a change gives, or many changes together: people who gain a role, and rights."""

    people: int = 0
    rights: int = 0

    def __bool__(self) -> bool:
        return self != NOTHING_GAINED


NOTHING_GAINED = Gained()


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What is on every DAG, and how many DAGs are listed."""

    permissions: frozenset[Permission] = frozenset()
    dags: int = 1


class LateRoles(Mapping[str, Role]):
    """Roles that are read once one of them is asked for: a pass over a few people looks at none, and mostly knows the answer."""

    def __init__(self, load: Callable[[], Mapping[str, Role]]) -> None:
        self._load = load
        self._roles: Mapping[str, Role] | None = None

    def _all(self) -> Mapping[str, Role]:
        if self._roles is None:
            self._roles = self._load()
        return self._roles

    def __getitem__(self, name: str) -> Role:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


@dataclass(frozen=True, slots=True)
class SeenRoles:
    """The roles of a deployment as they were seen last, how many DAGs were listed then, and the rights that were counted by
    these two: `known` goes with them, so it is another one once they are other ones."""

    roles: Mapping[str, Role]
    dags: int
    known: dict[tuple[Roles, Roles], int]


@dataclass(frozen=True, slots=True)
class Gains:
    """What the gains of one plan are measured by. Its answers are kept, as thousands of people gain the same.

    ours      by key, the roles that people hold by us
    was, now  the roles before and after the plan
    wanted    the roles as the last pass over everything wanted them
    keepers   by role that grows, how many of those who keep it have which roles before
    new_dags  DAGs that were not listed before
    everybody gives what all people hold by us, where `ours` is of a few of them
    """

    ours: Mapping[str, Roles] = field(default_factory=dict)
    was: Mapping[str, Role] = field(default_factory=dict)
    now: Mapping[str, Role] = field(default_factory=dict)
    wanted: Mapping[str, Role] = field(default_factory=dict)
    keepers: Mapping[str, Mapping[Roles, int]] = field(default_factory=dict)
    new_dags: frozenset[str] = frozenset()
    everywhere: Everywhere = Everywhere()
    everybody: Callable[[], Mapping[str, Roles]] | None = None
    known: dict[tuple[Roles, Roles], int] = field(default_factory=dict, compare=False, repr=False)

    def of(self, change: Change) -> Gained:
        """Count what one change gives."""
        match change.before, change.after:
            case (User() | None) as before, User() as after:
                had = before.roles if before else _NOTHING
                new = after.roles - had - self.ours.get(key(after.username), _NOTHING)
                return Gained(1, self._of_roles(had, new)) if new else NOTHING_GAINED
            case Role() as was, Role() as will:
                return self._of_growth(was, will)
            case _:
                return NOTHING_GAINED

    def _of_roles(self, had: Roles, new: Roles) -> int:
        if (had, new) not in self.known:
            self.known[had, new] = worth(allowed(self.now, new) - allowed(self.was, had), self.everywhere)
        return self.known[had, new]

    def _of_growth(self, was: Role, will: Role) -> Gained:
        keepers = self.keepers.get(will.name)
        if not keepers:
            return NOTHING_GAINED
        before = was.permissions
        if will.name in self.wanted:
            before = before | self.wanted[will.name].permissions
        new = frozenset(p for p in will.permissions - before if p.dag not in self.new_dags)
        rights = sum(worth(new - allowed(self.was, roles), self.everywhere) * many for roles, many in keepers.items())
        return Gained(sum(keepers.values()) if len(new) > HOLLOW * len(will.permissions) else 0, rights)

    def managed(self, gainers: Mapping[str, Roles]) -> int:
        """Count the rights of all people, by the roles that they hold after the plan, which gives these roles to the gainers."""
        people = {**(self.everybody() if self.everybody else self.ours), **gainers}
        return sum(self._of_roles(_NOTHING, roles) * many for roles, many in Counter(people.values()).items())


def gains(
    changes: Iterable[Change],
    observed: ObservedState,
    *,
    owned: Owned,
    wanted: Mapping[str, Role] | None = None,
    new_dags: Collection[str] = (),
    everywhere: Everywhere = Everywhere(),
) -> Gains:
    """Make what the gains of a plan are measured by that a look at roles led to."""
    planned = tuple(changes)
    now = {**observed.roles, **{c.name: c.after for c in planned if isinstance(c.after, Role)}}
    keepers = staying(observed, planned, frozenset(_growing(planned)))
    return Gains(owned.grants, observed.roles, now, wanted or {}, keepers, frozenset(new_dags), everywhere)


def gains_of_people(
    owned: Owned, seen: SeenRoles, permissions: frozenset[Permission], everybody: Callable[[], Mapping[str, Roles]]
) -> Gains:
    """Make what the gains of a plan are measured by that changes no roles, by the roles that were `seen` last; `permissions` are
    those that are on every DAG."""
    everywhere = Everywhere(permissions, seen.dags)
    return Gains(owned.grants, seen.roles, seen.roles, everywhere=everywhere, everybody=everybody, known=seen.known)


def grown_on(changes: Iterable[Change]) -> frozenset[str]:
    """Name the DAGs on which roles that are there get something."""
    return frozenset(
        p.dag
        for change in changes
        if isinstance(change.before, Role) and isinstance(change.after, Role)
        for p in change.after.permissions - change.before.permissions
        if p.dag is not None
    )


def _growing(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        match change.before, change.after:
            case Role() as was, Role() as will if not will.permissions <= was.permissions:
                yield will.name


def staying(observed: ObservedState, changes: Iterable[Change], which: Roles) -> dict[str, Counter[Roles]]:
    """Count, by each of these roles and by the roles that they have before, who holds it before and after."""
    found: dict[str, Counter[Roles]] = {role: Counter() for role in which}
    if not which:
        return found
    after = {
        key(c.name): c.after.roles if isinstance(c.after, User) else _NOTHING for c in changes if c.subject == "user"
    }
    for name, user in observed.users.items():
        for role in user.roles & after.get(name, user.roles) & which:
            found[role][user.roles] += 1
    return found


def worth(permissions: Collection[Permission], everywhere: Everywhere) -> int:
    """Count permissions as rights of one person: what is on every DAG once for each DAG."""
    on_all = sum(1 for p in permissions if p in everywhere.permissions) if everywhere.permissions else 0
    return len(permissions) + on_all * (max(1, everywhere.dags) - 1)


def allowed(roles: Mapping[str, Role], names: Roles) -> frozenset[Permission]:
    """Give what these roles allow together; those that are not there allow nothing."""
    return frozenset().union(*(roles[name].permissions for name in names if name in roles))
