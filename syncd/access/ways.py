"""The ways in which people have something: by which role, and by whose hand they hold it.

the account | a line    | it is | then the role is
holds it    | gives it  | ours  |
------------|-----------|-------|-------------------------------------------------------------------
yes         | yes       | any   | given by mapping lines
yes         | no        | yes   | going with the next apply; or kept, because of a doubt or as its end was rejected
yes         | no        | no    | given by another hand, and left alone
no          | yes       | any   | coming with the next apply; or not, as somebody rejected it
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from syncd.access.standing import Standing
from syncd.model import DesiredState, Level, ObservedState, Plan, Reason, User, key
from syncd.plan.allowed import Levels


class Hand(StrEnum):
    """By whose hand somebody holds a role, and what becomes of that."""

    LINES = "mapping"
    COMING = "coming"
    GOING = "going"
    KEPT = "kept"
    REJECTED = "rejected"
    OTHER = "other"


class RoleKind(StrEnum):
    """What kind of role it is: of a mapping file, of the target itself, or made by another hand."""

    MAPPING = "mapping"
    BUILT_IN = "built_in"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which somebody has something: on a deployment, by a role that they hold.

    `account` is None of whoever is not signed in. `level` is the highest on the DAG that was asked about; None where none was, or
    where what the role gives makes no level. `because` are the lines that give the role; `detail` says why it is kept.
    """

    deployment: str
    account: User | None
    role: str
    kind: RoleKind
    hand: Hand
    level: Level | None = None
    because: tuple[Reason, ...] = ()
    detail: str = ""


class Hands:
    """Says of everybody on a deployment by whose hand they hold a role; accounts are named by key."""

    def __init__(
        self,
        desired: DesiredState,
        observed: ObservedState,
        plan: Plan | None,
        rejected: Mapping[tuple[str, str], str] = MappingProxyType({}),
    ) -> None:
        self._desired, self._observed, self._rejected = desired, observed, rejected
        changes = [change for change in plan.changes if change.subject == "user"] if plan else []
        self._taken = {(key(change.name), role) for change in changes for role in change.revoked}
        self._kept = {(key(kept.username), kept.role): kept.why for kept in plan.kept} if plan else {}

    def of(self, account: str, role: str) -> Hand:
        """Say by whose hand an account holds a role, or is to hold it."""
        have, desired = self._observed.users.get(account), self._desired
        if role in desired.because.get(account, {}):
            if have and role in have.roles:
                return Hand.LINES
            return Hand.REJECTED if (account, role) in self._rejected else Hand.COMING
        if account in desired.undecided and role in desired.undecided[account].roles:
            return Hand.LINES
        if (account, role) in self._kept or (account, role) in self._rejected:
            return Hand.KEPT
        return Hand.GOING if (account, role) in self._taken else Hand.OTHER

    def why_kept(self, account: str, role: str) -> str:
        """Say why a role is kept that no line gives, or does not come that one gives; empty where neither is so."""
        return self._kept.get((account, role), "") or self._rejected.get((account, role), "")


def ways(
    this: Standing,
    *,
    role: str = "",
    dag: str = "",
    level: Level | None = None,
    among: Collection[str] | None = None,
) -> Iterator[Way]:
    """Give every way in which somebody has a role, or something on a DAG (`level`, or anything), sorted by account and role.

    Where neither is asked for, every role that anybody holds is given. `among`: only of these accounts, by key.
    """
    giving, hands = _Giving(this, role, dag, level), Hands(this.desired, this.observed, this.plan, this.rejected)
    wanted = {**this.desired.undecided, **this.desired.users}
    everybody = {*this.observed.users, *wanted}
    for name in sorted(everybody if among is None else everybody & frozenset(among)):
        have, want, given = this.observed.users.get(name), wanted.get(name), this.desired.because.get(name, {})
        account = have or want
        assert account is not None
        for held in sorted({*(have.roles if have else ()), *given}):
            levels = giving.levels(held, wanted=have is None or held not in have.roles)
            if levels is not None:
                hand, kind = hands.of(name, held), kind_of(this, held)
                because, why = given.get(held, ()), hands.why_kept(name, held)
                yield Way(this.name, account, held, kind, hand, _highest(levels), because, why)
    if among is None:
        yield from _of_strangers(this, giving)


def _of_strangers(this: Standing, giving: _Giving) -> Iterator[Way]:
    """Give what whoever is not signed in may do, where the server lets them in at all."""
    public = this.known.deployment.naming.public_role
    if public and public in this.observed.roles and (giving.dag or giving.role == public):
        levels = giving.levels(public)
        if levels is not None and this.observed.roles[public].permissions:
            yield Way(this.name, None, public, RoleKind.BUILT_IN, Hand.OTHER, _highest(levels))


def kind_of(this: Standing, role: str) -> RoleKind:
    """Say what kind of role it is on a deployment."""
    if role in this.known.deployment.naming.built_in_roles:
        return RoleKind.BUILT_IN
    return RoleKind.MAPPING if role in this.desired.roles else RoleKind.OTHER


def _highest(levels: Levels) -> Level | None:
    return max((level for level in levels if level is not None), key=tuple(Level).index, default=None)


class _Giving:
    """Which roles of a deployment give what was asked for; each is looked at once."""

    def __init__(self, this: Standing, role: str, dag: str, level: Level | None) -> None:
        self.this, self.role, self.dag, self.level = this, role, dag, level
        self._known: dict[tuple[str, bool], Levels | None] = {}

    def levels(self, role: str, *, wanted: bool = False) -> Levels | None:
        """Give the levels on the DAG that was asked about, () where none was; None where the role does not give it."""
        if (role, wanted) not in self._known:
            self._known[role, wanted] = self._read(role, wanted)
        return self._known[role, wanted]

    def _read(self, role: str, wanted: bool) -> Levels | None:
        if self.role and role != self.role:
            return None
        if not self.dag:
            return ()
        levels = self.this.levels(role, self.dag, wanted=wanted)
        gives = self.level in levels if self.level else bool(levels)
        return levels if gives else None
