"""How many rights changes take: one right is one permission that one person has, by whichever of their roles.

change of         | rights
------------------|---------------------------------------------------------------------------------------------------
a person          | what the roles that are gone allow, and those that stay do not
a role: shrinks   | for each who keeps it what is gone of it, and in no other role that they keep
a role: goes      | for each who still holds it by then the same, of all of it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncd.model import Change, ObservedState, Permission, Role, User
from syncd.plan.given import Everywhere, Roles, SeenRoles, allowed, staying, worth
from syncd.plan.taken import Taken

_NO_ROLES: Roles = frozenset()


@dataclass(frozen=True, slots=True)
class Losses:
    """What the rights that a plan takes are counted by; see `Gains`.

    was, now  the roles before and after the plan
    stay      by role that shrinks or goes, how many of those who hold it before and after have which roles before
    everybody gives what all people hold by us, where that is known of a few of them only
    """

    was: Mapping[str, Role]
    now: Mapping[str, Role]
    stay: Mapping[str, Mapping[Roles, int]] = field(default_factory=dict)
    everywhere: Everywhere = field(default_factory=Everywhere)
    everybody: Callable[[], Mapping[str, Roles]] | None = None
    known: dict[tuple[Roles, Roles], int] = field(default_factory=dict, compare=False, repr=False)

    def counted(self, change: Change, took: Taken) -> Taken:
        """Give what a change takes, with the rights."""
        rights = self.of(change) if took else 0
        return replace(took, rights=rights) if rights else took

    def of(self, change: Change) -> int:
        """Count the rights that one change takes."""
        match change.before, change.after:
            case User() as before, (User() | None) as after:
                stays = before.roles & after.roles if after else _NO_ROLES
                return self._of_roles(stays, before.roles - stays)
            case Role() as was, (Role() | None) as will:
                return self._of_shrinking(was, will)
            case _:
                return 0

    def managed(self, ours: Mapping[str, Roles]) -> int:
        """Count the rights that all people have by us before the plan, where `ours` says what they hold."""
        everybody = self.everybody() if self.everybody else ours
        return sum(self._of_roles(_NO_ROLES, roles) * many for roles, many in Counter(everybody.values()).items())

    def _of_roles(self, stays: Roles, gone: Roles) -> int:
        if not gone:
            return 0
        if (stays, gone) not in self.known:
            left = allowed(self.was, gone) - allowed(self.was, stays)
            self.known[stays, gone] = worth(left, self.everywhere)
        return self.known[stays, gone]

    def _of_shrinking(self, was: Role, will: Role | None) -> int:
        gone = was.permissions - (will.permissions if will else frozenset())
        holders = self.stay.get(was.name, {})
        return sum(
            worth(gone - allowed(self.now, roles - {was.name}), self.everywhere) * n for roles, n in holders.items()
        )


def losses(changes: Iterable[Change], observed: ObservedState, *, everywhere: Everywhere = Everywhere()) -> Losses:
    """Make what the losses of a plan are counted by that a look at roles led to."""
    planned = tuple(changes)
    shrinking = frozenset(c.name for c in planned if (isinstance(c.before, Role) and c.revoked) or _goes(c))
    now = {**observed.roles, **{c.name: c.after for c in planned if isinstance(c.after, Role)}}
    return Losses(observed.roles, now, staying(observed, planned, shrinking), everywhere)


def losses_of_people(
    seen: SeenRoles, permissions: frozenset[Permission], everybody: Callable[[], Mapping[str, Roles]]
) -> Losses:
    """Make the same for a plan that changes no roles, by the roles that were `seen` last; see `gains_of_people`."""
    everywhere = Everywhere(permissions, seen.dags)
    return Losses(seen.roles, seen.roles, everywhere=everywhere, everybody=everybody, known=seen.known)


def _goes(change: Change) -> bool:
    return isinstance(change.before, Role) and change.after is None
