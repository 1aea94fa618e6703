"""The journal of a pass in memory, for tests of what a pass decides; `test_store_contract.py` holds its parts to the real ones.

It forgets at its end, does not share with another process, and does not make deployments change their address: what is about
that is tested with a database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from fakes import MemoryReadings

from syncd.errors import DeploymentBusy
from syncd.model import (
    Awaited,
    Change,
    Dag,
    Deployment,
    DesiredState,
    GrantRequest,
    GrantState,
    GrantWord,
    Held,
    KeptSignIns,
    Kind,
    LastSeen,
    Learned,
    Loss,
    MadeAccount,
    Outcome,
    Owned,
    Pause,
    Paused,
    Plan,
    RolloutRecord,
    RolloutRow,
    RolloutVerb,
    RolloutWord,
    Scope,
    SeenDags,
    Sighting,
    Status,
    TimedGrant,
    VanishedDag,
    key,
)
from syncd.plan.another import RivalSign
from syncd.plan.approval import Hold
from syncd.plan.contested import Tally
from syncd.plan.given import NOTHING_GAINED, Gained, SeenRoles
from syncd.plan.rejected import Rejection
from syncd.plan.rivals import GrantTally, LostGrant
from syncd.plan.rulings import HoldRecord, HoldWord, NotTaken
from syncd.plan.taken import NOTHING, Taken
from syncd.ports import Basis, DatabaseDoubt, Failing, Lease, MovedThere, PassClaim, Place, Unsettled

Thing = tuple[str, str, str]
"""What is owned: user, role or grant; its name; the role of a grant."""


@dataclass
class MemoryHoldings:
    """Implements `ports.Holdings`."""

    things: dict[str, set[Thing]] = field(default_factory=dict)
    made: dict[str, dict[str, MadeAccount]] = field(default_factory=dict)
    roles_once: dict[str, set[str]] = field(default_factory=dict)

    def owned(self, deployment: str, *, usernames: frozenset[str] | None = None) -> Owned:
        things = self.things.get(deployment, set())
        mine = [t for t in things if t[0] == "role" or usernames is None or t[1] in usernames]
        grants: dict[str, frozenset[str]] = {}
        for kind, name, role in mine:
            if kind == "grant":
                grants[name] = grants.get(name, frozenset()) | {role}
        roles = frozenset(name for kind, name, _ in mine if kind == "role")
        return Owned(
            frozenset(name for kind, name, _ in mine if kind == "user"),
            roles,
            grants,
            frozenset(self.roles_once.get(deployment, set())) - roles,
            None if usernames is None else len({name for kind, name, _ in things if kind == "grant"}),
            None if usernames is None else len({name for kind, name, _ in things if kind == "user"}),
        )

    def adopt(self, deployment: str, found: Owned) -> None:
        self.things.setdefault(deployment, set()).update(_things(found))

    def disown(self, deployment: str, gone: Owned, *, now: datetime) -> None:  # noqa: ARG002
        self.take(deployment, _things(gone))

    def disown_role(self, deployment: str, role: str) -> None:
        self.take(deployment, [t for t in self.things.get(deployment, set()) if role in t[1:]])

    def take(self, deployment: str, gone: Iterable[Thing]) -> None:
        """Own these things no more."""
        ended = set(gone) & self.things.get(deployment, set())
        self.things.get(deployment, set()).difference_update(ended)
        self.roles_once.setdefault(deployment, set()).update(name for kind, name, _ in ended if kind == "role")

    def made_accounts(
        self,
        deployment: str,
        *,
        ids: Collection[str] | None = None,
        emails: Collection[str] = (),
        names: Collection[str] = (),
    ) -> tuple[MadeAccount, ...]:
        found = self.made.get(deployment, {}).values()
        close = {key(email) for email in emails}
        wanted = (a for a in found if ids is None or a.who[1] in ids or key(a.email) in close or a.name in names)
        return tuple(sorted(wanted, key=lambda account: account.name))

    def remember_accounts(self, deployment: str, made: Iterable[MadeAccount], *, now: datetime) -> None:  # noqa: ARG002
        self.made.setdefault(deployment, {}).update({account.name: account for account in made})


def _things(owned: Owned) -> set[Thing]:
    grants = {("grant", key(name), role) for name, roles in owned.grants.items() for role in roles}
    return {("user", key(n), "") for n in owned.users} | {("role", n, "") for n in owned.roles} | grants


def brought(change: Change) -> set[Thing]:
    """Name what a change brings."""
    if change.subject == "role":
        return {("role", change.name, "")} if change.kind is Kind.CREATE else set()
    grants = {("grant", key(change.name), role) for role in change.granted}
    return grants | ({("user", key(change.name), "")} if change.kind is Kind.CREATE else set())


def gone(change: Change, there: Collection[Thing]) -> set[Thing]:
    """Name what a change takes of what is owned."""
    name = change.name if change.subject == "role" else key(change.name)
    if change.kind is Kind.DELETE:
        place = 2 if change.subject == "role" else 1
        return {t for t in there if t[:2] == (change.subject, name) or (t[0] == "grant" and t[place] == name)}
    return {("grant", name, role) for role in change.revoked} if change.subject == "user" else set()


@dataclass
class Row:
    """A change in the journal."""

    id: int
    deployment: str
    change: Change
    status: str = "planned"
    detail: str = ""
    at: datetime | None = None
    calls: list[str] = field(default_factory=list)
    marked: set[Thing] = field(default_factory=set)
    takes: Taken = NOTHING
    gives: Gained = NOTHING_GAINED


@dataclass
class MemoryLedger:
    """Implements `ports.Ledger`. What was written in which order stands in `log`."""

    holdings: MemoryHoldings
    rows: list[Row] = field(default_factory=list)
    plans: list[tuple[Plan, Held | None, Basis]] = field(default_factory=list)
    runs: list[tuple[str, int | None]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    reached: dict[str, int] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def start_run(self, command: str, *, scope: Scope, now: datetime, by: str = "") -> int:  # noqa: ARG002
        self.runs.append((command, None))
        return len(self.runs)

    def end_run(self, run: int, *, exit_code: int, summary: Mapping[str, object], now: datetime) -> None:  # noqa: ARG002
        self.runs[run - 1] = self.runs[run - 1][0], exit_code

    def record_plan(
        self,
        run: int,  # noqa: ARG002
        plan: Plan,
        *,
        held: Held | None,
        approved: str | None,  # noqa: ARG002
        now: datetime,
        basis: Basis = Basis(),
    ) -> int:
        self.plans.append((plan, held, basis))
        self.log.append("plan")
        for change in plan.changes:
            takes = NOTHING if change in basis.covered else basis.measure.took(change)
            gives = NOTHING_GAINED if change in basis.covered else basis.measure.gave(change)
            status = "held" if held and change in held.changes else "planned"
            self.rows.append(
                Row(next(self._numbers), plan.deployment, change, status, at=now, takes=takes, gives=gives)
            )
        return len(self.plans)

    def is_in_force(self, files: str) -> bool:
        applied = [basis.files for _, _, basis in self.plans if basis.applying]
        return not applied or applied[-1] == files

    def hold(self, deployment: str, digest: str, *, scope: Scope) -> Hold | None:  # noqa: ARG002
        return None  # an approval is of what was held before, perhaps by another process: that is for a database

    def taken_since(self, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Taken:
        lately = [row.takes for row in self._since(deployment, since, but)]
        return Taken(*(sum(getattr(one, kind.name) for one in lately) for kind in fields(Taken)))

    def given_since(self, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Gained:
        lately = [row.gives for row in self._since(deployment, since, but)]
        return Gained(*(sum(getattr(one, kind.name) for one in lately) for kind in fields(Gained)))

    def done_since_reached(self, deployment: str) -> tuple[Change, ...]:
        maybe_done = ("intent", "applied", "unknown", "pending")
        later = self.rows[self.reached.get(deployment, len(self.rows)) :]
        return tuple(row.change for row in later if row.deployment == deployment and row.status in maybe_done)

    def _since(self, deployment: str, since: datetime, but: Collection[int]) -> list[Row]:
        open_or_made = ("intent", "applied", "unknown")
        these = [r for r in self.rows if r.deployment == deployment and r.status in open_or_made and r.id not in but]
        return [row for row in these if row.at and row.at >= since]

    @contextmanager
    def entries(
        self,
        plan: int,
        *,
        lease: Lease | None = None,
        on: Deployment | None = None,  # noqa: ARG002 - nothing is paused here
        but: int = 0,  # noqa: ARG002
    ) -> Iterator[MemoryEntries]:
        deployment = self.plans[plan - 1][0].deployment
        yield MemoryEntries(self, deployment, lease)

    def unsettled(self, deployment: str) -> tuple[Unsettled, ...]:
        these = [r for r in self.rows if r.deployment == deployment and r.status in ("intent", "unknown")]
        return tuple(Unsettled(r.id, r.change) for r in these)

    def settle(self, change: int, status: Status, detail: str, *, now: datetime, final: bool = False) -> None:  # noqa: ARG002
        self.end(next(r for r in self.rows if r.id == change), status, detail, now=now)

    def awaited(self, deployment: str) -> tuple[Awaited, ...]:  # noqa: ARG002
        return ()  # calls of this target end before their answer, so nothing comes late

    def came(self, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
        raise NotImplementedError

    def forget_awaited(self, changes: Collection[int]) -> None:
        assert not changes

    def begin(self, row: Row, *, now: datetime) -> None:
        """Write down that a change is about to be made, and own what it brings."""
        row.status, row.at = "intent", now
        there = self.holdings.things.setdefault(row.deployment, set())
        row.marked = brought(row.change) - there
        there |= row.marked
        self.log.append(f"intent {row.change.name}")

    def end(self, row: Row, status: Status, detail: str, *, now: datetime) -> None:
        """Write down how a change ended, and move what is owned."""
        row.status, row.detail, row.at = status.value, detail, now
        self.log.append(f"{status.value} {row.change.name}")
        if status is Status.APPLIED:
            there = self.holdings.things.setdefault(row.deployment, set())
            self.holdings.take(row.deployment, gone(row.change, there))
            there |= brought(row.change)
        elif status in (Status.FAILED, Status.SKIPPED):
            self.holdings.things[row.deployment] -= row.marked


@dataclass
class MemoryEntries:
    """Implements `ports.Entries`."""

    ledger: MemoryLedger
    deployment: str
    lease: Lease | None

    def begin(self, change: Change, *, now: datetime) -> MemoryEntry:
        waiting = [
            r for r in self.ledger.rows if (r.deployment, r.change, r.status) == (self.deployment, change, "planned")
        ]
        return MemoryEntry(self, waiting[-1], now)

    def flush(self) -> None:
        """Do nothing: what was taken down is there."""


@dataclass
class MemoryEntry:
    """Implements `ports.Entry`."""

    entries: MemoryEntries
    row: Row
    begun_at: datetime

    def before(self, call: str, *, makes: str = "") -> int:  # noqa: ARG002 - a deployment in memory makes none
        if self.entries.lease is not None:
            self.entries.lease.check()
        if self.row.status == "planned":
            self.entries.ledger.begin(self.row, now=self.begun_at)
        self.row.calls.append(call)
        self.entries.ledger.log.append(f"call {call}")
        return len(self.row.calls)

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:  # noqa: ARG002
        assert step == len(self.row.calls)

    def gone(self, name: str) -> None:
        """Do nothing: a deployment in memory makes no second roles."""

    def conclude(self, outcome: Outcome, *, now: datetime) -> None:
        if self.row.status == "planned":
            self.entries.ledger.begin(self.row, now=now)
        self.entries.ledger.end(self.row, outcome.status, outcome.detail, now=now)


@dataclass
class MemoryLease:
    """Implements `ports.Lease`."""

    name: str
    leases: MemoryLeases
    fence: int = 1

    def check(self) -> None:
        if self.leases.taken.get(self.name) is not self:
            raise DeploymentBusy(f"{self.name}: the lease was lost")

    def give_way(self, stopping: Callable[[], bool]) -> bool:  # noqa: ARG002
        return False


@dataclass
class MemoryLeases:
    """Implements `ports.Leases`."""

    taken: dict[str, MemoryLease] = field(default_factory=dict)

    @contextmanager
    def take(self, name: str, *, urgent: bool = False) -> Iterator[MemoryLease]:  # noqa: ARG002
        if name in self.taken:
            raise DeploymentBusy(f"{name} is being changed by somebody else")
        mine = self.taken[name] = MemoryLease(name, self)
        try:
            yield mine
        finally:
            if self.taken.get(name) is mine:
                del self.taken[name]

    def release_all(self) -> None:
        self.taken.clear()


class MemoryPauses:
    """Implements `ports.Pauses`: nothing is paused."""

    def pause(self, of: Paused, *, until: datetime | None, reason: str, by: str, host: str = "") -> Pause:
        raise NotImplementedError

    def resume(self, id_: int, *, by: str, reason: str = "") -> Pause | None:
        raise NotImplementedError

    def standing(self) -> tuple[Pause, ...]:
        return ()

    def every(self, limit: int = 100) -> tuple[Pause, ...]:  # noqa: ARG002
        return ()


class MemoryPlaces:
    """Implements `ports.Places`: no deployment has another address than before."""

    def place(self, deployment: str, address: str) -> Place:  # noqa: ARG002
        return Place(deployment)

    def move(self, deployment: str, address: str, *, now: datetime) -> Place:  # noqa: ARG002
        return Place(deployment)

    def accept_server(self, deployment: str) -> None:
        raise NotImplementedError

    def leave_server(self, deployment: str) -> None:
        raise NotImplementedError


@dataclass
class MemoryMemory:
    """Implements `ports.Memory`; what other hands take again and again is not counted."""

    ledger: MemoryLedger
    known: dict[str, Learned] = field(default_factory=dict)
    desired: dict[str, DesiredState] = field(default_factory=dict)
    seen: dict[str, tuple[frozenset[str], Mapping[str, str]]] = field(default_factory=dict)

    def learned(self, deployment: str) -> Learned | None:
        return self.known.get(deployment)

    def save_learned(self, deployment: str, learned: Learned, *, only_new: bool = False) -> None:
        if not (only_new and deployment in self.known):
            self.known[deployment] = learned

    def last_desired(self, deployment: str) -> DesiredState | None:
        return self.desired.get(deployment)

    def save_desired(self, run: int, desired: DesiredState, *, reached: bool = True) -> None:  # noqa: ARG002
        if reached:
            self.ledger.reached[desired.deployment] = len(self.ledger.rows)
        self.desired[desired.deployment] = replace(desired, undecided={}, inactive={}, frozen_for={})

    def losses(self, deployment: str) -> tuple[Loss, ...]:  # noqa: ARG002
        return ()

    def gains(self, deployment: str) -> tuple[Loss, ...]:  # noqa: ARG002
        return ()

    def contest(self, deployment: str, *, losses: Tally, gains: Tally, now: datetime) -> None:
        """Do nothing."""

    def signs(self, deployment: str) -> tuple[RivalSign, ...]:  # noqa: ARG002
        return ()

    def note_signs(self, deployment: str, found: Collection[RivalSign], *, now: datetime) -> None:
        """Do nothing."""

    def lost_grants(self, deployment: str) -> tuple[LostGrant, ...]:  # noqa: ARG002
        return ()

    def contest_grants(self, deployment: str, tally: GrantTally, *, now: datetime) -> None:
        """Do nothing."""

    def roles_seen(self, deployment: str) -> frozenset[str] | None:
        return self.seen[deployment][0] if deployment in self.seen else None

    def sound_roles(self, deployment: str) -> Mapping[str, str]:
        return self.seen[deployment][1] if deployment in self.seen else {}

    def save_roles_seen(self, deployment: str, names: Collection[str], *, sound: Mapping[str, str]) -> None:
        self.seen[deployment] = frozenset(names), dict(sound)

    def renamed_roles(self, deployment: str) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def remember_renamed(self, deployment: str, found: Mapping[str, str], *, now: datetime) -> None:  # noqa: ARG002
        assert not found

    def forget_renamed(self, deployment: str, names: Collection[str]) -> None:
        """Do nothing."""


@dataclass
class MemoryFailures:
    """Implements `ports.Failures`."""

    known: dict[str, Failing] = field(default_factory=dict)

    def failing(self) -> Mapping[str, Failing]:
        return self.known

    def failed(self, deployment: str, *, now: datetime) -> None:
        before = self.known.get(deployment, Failing(now, 0))
        self.known[deployment] = replace(before, times=before.times + 1)

    def tries_again(self, deployment: str, *, at: datetime) -> None:
        if deployment in self.known:
            self.known[deployment] = replace(self.known[deployment], next_try_at=at)

    def worked(self, deployment: str) -> None:
        self.known.pop(deployment, None)

    def forget_others(self, deployments: Collection[str]) -> None:
        self.known = {name: failing for name, failing in self.known.items() if name in deployments}


@dataclass
class MemoryLooks:
    """Implements `ports.Looks`: the parts of the last looks, by deployment."""

    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: dict[str, tuple[VanishedDag, ...]] = field(default_factory=dict)

    def listed(self, deployment: str) -> SeenDags | None:
        seen = self.last(deployment)
        return None if seen is None else SeenDags(seen.learned, seen.dags, seen.at)

    def vanished(self, deployment: str) -> tuple[VanishedDag, ...]:
        return self.gone.get(deployment, ())

    def keep(self, deployment: str, look: Sighting) -> None:
        parts, observed = self.seen.setdefault(deployment, {}), look.observed
        parts |= {"learned": look.learned, "own_account": look.own_account}
        if look.dags is not None:
            parts |= {"dags": look.dags, "dags_at": look.at}
            self.gone[deployment] = look.vanished
        if observed.scope.everything or observed.scope.dags:
            parts |= {"roles": dict(observed.roles), "roles_at": look.at}
        if observed.scope.everything:
            parts |= {"users": dict(observed.users), "unclear": dict(observed.unclear), "people_at": look.at}
        elif "users" in parts:
            for name in observed.scope.usernames or ():
                for kept, found in (("users", observed.users), ("unclear", observed.unclear)):
                    parts[kept] = {n: v for n, v in parts[kept].items() if n != name}
                    parts[kept] |= {name: found[name]} if name in found else {}

    def last(self, deployment: str) -> LastSeen | None:
        parts = self.seen.get(deployment, {})
        return LastSeen(deployment, **parts) if {"users", "roles", "dags"} <= parts.keys() else None

    def dags(self, deployment: str) -> tuple[Dag, ...]:
        found: tuple[Dag, ...] = self.seen.get(deployment, {}).get("dags", ())
        return found

    def roles(self, deployment: str) -> SeenRoles | None:
        seen = self.last(deployment)
        return None if seen is None else SeenRoles(seen.roles, len(seen.dags), {})


class MemoryClaims:
    """Implements `ports.Claims` for a world without limits over several deployments."""

    def moved_since(
        self,
        since: datetime,  # noqa: ARG002
        *,
        deployment: str = "",  # noqa: ARG002
        run: int = 0,  # noqa: ARG002
        but: Collection[int] = (),  # noqa: ARG002
    ) -> MovedThere:
        return {}

    def claim(
        self,
        claim: PassClaim,  # noqa: ARG002
        *,
        since: datetime,  # noqa: ARG002
        but: Collection[int] = (),  # noqa: ARG002
        fits: Callable[[MovedThere], bool],
    ) -> bool:
        return fits({})

    def people(self, deployments: Collection[str]) -> int:  # noqa: ARG002
        return 0

    def rights(self, deployments: Collection[str]) -> int:  # noqa: ARG002
        return 0

    def note_rights(self, deployment: str, rights: int, *, now: datetime) -> None:
        pass


class MemoryInbox:
    """Implements `ports.Inbox`: nobody says anything of what is held."""

    def find(self, name: str) -> None:  # noqa: ARG002
        return None

    def listed(
        self,
        *,
        deployments: Collection[str] | None = None,  # noqa: ARG002
        over: bool = False,  # noqa: ARG002
        limit: int = 100,  # noqa: ARG002
    ) -> tuple[HoldRecord, ...]:
        return ()

    def named(self, held: Held) -> str:  # noqa: ARG002
        return ""

    def say(self, name: str, word: HoldWord, *, needs: int, expires: timedelta) -> NotTaken:  # noqa: ARG002
        return NotTaken(f"there is no hold {name}")

    def rejections(self, deployment: str) -> tuple[Rejection, ...]:  # noqa: ARG002
        return ()

    def approved(self, deployment: str, *, since: datetime, needs: int = 1) -> frozenset[str]:  # noqa: ARG002
        return frozenset()


@dataclass
class MemoryInstallation:
    """Implements `ports.Installation`: what is in memory is never an older copy, unless a test says so."""

    doubted: DatabaseDoubt | None = None
    marks: int = 0

    def doubt(self) -> DatabaseDoubt | None:
        return self.doubted

    def notice(self) -> DatabaseDoubt | None:
        return self.doubted

    def mark(self) -> None:
        self.marks += 1


@dataclass
class MemoryBreakGlass:
    """Implements `ports.BreakGlass`."""

    known: dict[str, dict[str, KeptSignIns]] = field(default_factory=dict)

    def seen(self, deployment: str) -> Mapping[str, KeptSignIns]:
        return self.known.get(deployment, {})

    def keep(self, deployment: str, found: Mapping[str, KeptSignIns]) -> None:
        self.known[deployment] = {**self.known.get(deployment, {}), **found}


class MemoryGrants:
    """Implements `ports.Grants`."""

    def __init__(self) -> None:
        self.all: dict[int, TimedGrant] = {}

    def ask(self, request: GrantRequest) -> TimedGrant:
        word = None if request.expires_at else request.asked
        id_ = len(self.all) + 1
        self.all[id_] = TimedGrant(id_, request, word, word.at + request.lasts if word else None)
        return self.all[id_]

    def give(self, id_: int, word: GrantWord) -> TimedGrant | None:
        grant = self.all.get(id_)
        if grant is None or grant.state(word.at) is not GrantState.WAITING:
            return None
        self.all[id_] = replace(grant, given=word, until=word.at + grant.request.lasts)
        return self.all[id_]

    def end(self, id_: int, word: GrantWord, why: str) -> TimedGrant | None:
        grant = self.all.get(id_)
        if grant is None or grant.ended:
            return None
        self.all[id_] = replace(grant, ended=word, ended_why=why)
        return self.all[id_]

    def get(self, id_: int) -> TimedGrant | None:
        return self.all.get(id_)

    def open(self, deployment: str | None = None) -> tuple[TimedGrant, ...]:
        there = (grant for grant in self.all.values() if not grant.ended)
        return tuple(grant for grant in there if deployment in (None, grant.request.deployment))

    def active(self, deployment: str | None = None, *, now: datetime) -> tuple[TimedGrant, ...]:
        return tuple(grant for grant in self.open(deployment) if grant.state(now) is GrantState.ACTIVE)

    def newest(self, limit: int, *, offset: int = 0) -> tuple[TimedGrant, ...]:
        return tuple(self.all[id_] for id_ in sorted(self.all, reverse=True)[offset : offset + limit])


class MemoryRollouts:
    """Implements `ports.Rollouts`."""

    def __init__(self) -> None:
        self.rows: dict[str, RolloutRow] = {}
        self.words: list[RolloutWord] = []
        self.kept: dict[str, dict[str, bytes]] = {}

    def record(self) -> RolloutRecord:
        return RolloutRecord(dict(self.rows), tuple(self.words), datetime.now(UTC))

    def files(self, revision: str) -> Mapping[str, bytes] | None:
        return self.kept.get(revision)

    def begin(self, deployment: str, revision: str, files: Mapping[str, bytes], *, soaks: bool) -> RolloutRow:
        self.rows[deployment] = row = RolloutRow(deployment, revision, datetime.now(UTC), soaks=soaks)
        used = {row.revision for row in self.rows.values()}
        self.kept = {known: texts for known, texts in self.kept.items() if known in used} | {revision: dict(files)}
        self.words = [word for word in self.words if word.revision == revision]
        return row

    def note(self, deployment: str, revision: str, trouble: str) -> RolloutRow | None:
        row = self.rows.get(deployment)
        if row is None or row.revision != revision or (row.trouble == trouble and (trouble or row.reached_at)):
            return None
        reached = None if trouble else datetime.now(UTC)
        self.rows[deployment] = row = replace(row, trouble=trouble, reached_at=reached)
        return row

    def leave(self, deployment: str) -> None:
        self.rows.pop(deployment, None)

    def say(self, verb: RolloutVerb, revision: str, deployments: Collection[str], *, by: str, reason: str) -> None:
        now = datetime.now(UTC)
        self.words += [RolloutWord(revision, verb, name, by, "", reason, now) for name in deployments]


class MemoryJournal:
    """Implements `ports.Journal`."""

    def __init__(self) -> None:
        self.readings = MemoryReadings()
        self.holdings = MemoryHoldings()
        self.ledger = MemoryLedger(self.holdings)
        self.leases = MemoryLeases()
        self.installation = MemoryInstallation()
        self.pauses = MemoryPauses()
        self.rollouts = MemoryRollouts()
        self.places = MemoryPlaces()
        self.memory = MemoryMemory(self.ledger)
        self.failures = MemoryFailures()
        self.break_glass = MemoryBreakGlass()
        self.grants = MemoryGrants()
        self.looks = MemoryLooks()
        self.inbox = MemoryInbox()
        self.claims = MemoryClaims()
