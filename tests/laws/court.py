"""The laws, judged by what people hold on the servers. Nothing of the mapping, the plan or the model is asked.

law | what it says
----|--------------------------------------------------------------------------------------------------------------
a   | nobody loses what is not ours
b   | nobody who was entitled by what was told, all the time, loses anything
c   | nobody gets by us what no line gives by what was told
d   | who is entitled to nothing has nothing of ours after a healthy pass, or it is said to be held or in doubt
e   | every writing call has its open step in the journal and a lease that is ours; none names what is protected
f   | once the faults are over a pass converges, the next one changes nothing, and nothing stays unsettled
g   | nothing is raised that nobody expected: no traceback, no pass that ends with a defect
h   | within an hour no more goes without a person's word than the limits say
i   | nobody loses by a pass what somebody had rejected that they lose before it began
j   | where a pause stands nothing is changed, or nothing taken, from the next call on
k   | a role for a time outlives neither its end nor its person's leaving: not a pass that is healthy, nor is it given again
m   | once an older copy of the database was put back, nothing is taken until a person says which is true
l   | a role that administers is given by what says that it is meant, or after a person's word
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from servers import Holding, Holdings, Server, account_of, place, role_of
from truth import BUILT_IN, ROLES, Due, lower

from syncd.sandbox.airflow.request import RouteCall

HOUR_S: Final = 3600.0

KNOWN: dict[str, str] = {}
"""What is known and not mended yet, by its number: a move or a mishap that is left out, or words that its violations have.
Empty is how it should be."""


class Broken(BaseException):
    """A law does not hold. It is no Exception, because the product outlives those."""


@dataclass(slots=True)
class Ledger:
    """Whose grants are whose on one server, as whoever watches every call can know it."""

    ours: set[tuple[str, str]] = field(default_factory=set)
    """Given by a call of ours and held since."""
    once: set[tuple[str, str]] = field(default_factory=set)
    """Given by a call of ours and not taken by one; somebody else may have taken it, and given it again."""
    adoptable: set[tuple[str, str]] = field(default_factory=set)
    """Held by another hand while a line gave it too, where such grants are adopted."""
    made: dict[str, tuple[str, str]] = field(default_factory=dict)
    """For whom (source, id) we made an account."""
    losses: deque[tuple[float, str]] = field(default_factory=deque)
    """When who lost something by us without a person's word."""
    most: int = 0
    """Of how many people it managed grants, at most."""


class Court:
    """Hears of every call and every hand, and raises `Broken`."""

    def __init__(self, servers: Mapping[str, Server], *, now: Callable[[], float]) -> None:
        self.servers = servers
        self.ledgers = {name: Ledger() for name in servers}
        self.excused: dict[str, int] = {}
        self.calls = self.grants = self.revokes = self.rejections = self.paused = 0
        self.doubted = False
        """Whether the database is an older copy of which no person spoke yet."""
        self.lent: set[tuple[str, tuple[str, str] | None, str]] = set()
        """What was ever given for a time: where, to whom, which role."""
        self._now = now

    def broken(self, law: str, text: str) -> None:
        """Raise, unless it is known."""
        for finding, words in KNOWN.items():
            if words in f"law {law}: {text}":
                self.excused[finding] = self.excused.get(finding, 0) + 1
                return
        raise Broken(f"law {law}: {text}")

    def judged(self) -> Counter[str]:
        """Count what was judged."""
        known = {f"known {name}": number for name, number in self.excused.items()}
        return Counter(
            calls=self.calls,
            grants=self.grants,
            revokes=self.revokes,
            rejections=self.rejections,
            calls_under_pauses_of_removals=self.paused,
            roles_for_a_time=len(self.lent),
            **known,
        )

    # --- another hand -------------------------------------------------------------------------------------------------

    def hand(self, site: str, before: Holdings) -> None:
        """Take note of what somebody else just did."""
        ledger = self.ledgers[site]
        for account, role, gained in _moves(before, self.servers[site].holdings()):
            if not gained:
                ledger.ours.discard((account, role))
                ledger.adoptable.discard((account, role))

    def look(self, site: str, dues: Iterable[Due], *, adopt: str) -> None:
        """Take note of what a pass may adopt, by what it was told."""
        if adopt == "never":
            return
        ledger = self.ledgers[site]
        for account, held in self.servers[site].holdings().items():
            for role in held.roles:
                who = ledger.made.get(account)
                wanted = any(due.may_gain(due.names(account, held.email, who), role) for due in dues)
                if wanted and (account, role) not in ledger.ours:
                    ledger.adoptable.add((account, role))

    def begin_anew(self) -> None:
        """Take note that a person said that nothing of before is ours."""
        self.doubted = False
        for ledger in self.ledgers.values():
            for of in (ledger.ours, ledger.once, ledger.adoptable):
                of.clear()
            ledger.made.clear()

    # --- our calls ----------------------------------------------------------------------------------------------------

    def asked(self, site: str, call: RouteCall, *, protected: frozenset[str]) -> None:
        """Judge a call by what it names, before it is carried out."""
        self.calls += 1
        account, role = account_of(call), role_of(call)
        if account is not None and account in protected:
            self.broken("e", f"{site}: {place(call)} names a protected account")
        if role is not None and (role in BUILT_IN or role == "by_hand"):
            self.broken("e", f"{site}: {place(call)} names a role that is not ours")

    def called(
        self, site: str, call: RouteCall, before: Holdings, dues: Iterable[Due], *, approved: bool = False
    ) -> None:
        """Judge a call by what it did, and by what whoever sent it had been told."""
        dues = tuple(dues)
        after, ledger = self.servers[site].holdings(), self.ledgers[site]
        ledger.most = max(ledger.most, len({account for account, _ in ledger.ours}))
        for account in after.keys() - before.keys():
            owners = [due.owners[account] for due in dues if account in due.owners]
            ledger.made.update((account, who) for who in owners[-1:])
        for account in before.keys() - after.keys():
            ledger.made.pop(account, None)
        for account, role, gained in _moves(before, after):
            if gained:
                self._gained(site, call, after[account], account, role, dues, approved=approved)
            else:
                self._lost(site, call, before[account], account, role, dues, approved=approved)
        self._reach(site, call, before, after, dues)

    def heeded(self, site: str, call: RouteCall, before: Holdings, rejected: set[tuple[str, str]]) -> None:
        """Judge whether a call took what somebody had said, before its pass began, that nobody shall lose."""
        after = self.servers[site].holdings()
        for account, role in sorted(rejected):
            if account in before and role in before[account].roles:
                self.rejections += 1
                if account not in after or role not in after[account].roles:
                    self.broken("i", f"{site}: {place(call)} took {role} from {account}, which somebody had rejected")

    def obeyed(self, site: str, call: RouteCall, pauses: Mapping[int, bool]) -> None:
        """Judge a call that is about to go out by the pauses that stand there: `True` is one of what takes only."""
        if pauses and not all(pauses.values()):
            self.broken("j", f"{site}: {place(call)} goes out although all is paused there")

    def spared(self, site: str, call: RouteCall, before: Holdings, *, paused: bool) -> None:
        """Judge whether a call took anything where nothing was to be taken for a time."""
        if not paused:
            return
        self.paused += 1
        lost = [
            (account, role) for account, role, gained in _moves(before, self.servers[site].holdings()) if not gained
        ]
        if any(role != "Public" for _, role in lost):
            self.broken("j", f"{site}: {place(call)} took {lost} although nothing may be taken there now")

    def _gained(
        self,
        site: str,
        call: RouteCall,
        now: Holding,
        account: str,
        role: str,
        dues: tuple[Due, ...],
        *,
        approved: bool,
    ) -> None:
        self.grants += 1
        ledger = self.ledgers[site]
        ledger.ours.add((account, role))
        is_back = (account, role) in ledger.once  # what another hand took is put back, which needs no second word
        ledger.once.add((account, role))
        if role == "Public":  # what Airflow itself gives to accounts that are made without a role
            return
        who = ledger.made.get(account)
        if not any(due.may_gain(due.names(account, now.email, who), role) for due in dues):
            law = "k" if (site, who, role) in self.lent else "c"
            self.broken(law, f"{site}: {place(call)} gave {role} to {account}, which no line gives")
        meant = any(due.is_meant(due.names(account, now.email, who), role) for due in dues)
        if role == "Op" and not approved and not meant and not is_back:
            self.broken("l", f"{site}: {place(call)} gave {role} to {account}, which nobody says is meant")

    def _lost(
        self,
        site: str,
        call: RouteCall,
        was: Holding,
        account: str,
        role: str,
        dues: tuple[Due, ...],
        *,
        approved: bool,
    ) -> None:
        self.revokes += 1
        ledger, pair = self.ledgers[site], (account, role)
        said = f"{site}: {place(call)} took {role} from {account}"
        manual = self.servers[site].site.remove_manual and role in ROLES
        stranger = ledger.made.get(account, ("", ""))
        if dues and all(role in due.strangers.get(stranger, ()) for due in dues):
            self.broken("b", f"{said}, of whom the source says nothing")
        lent = role == "Public" and account in ledger.made
        if self.doubted and not approved and not lent:
            self.broken("m", f"{said}, by a database that is an older copy")
        if pair not in ledger.once | ledger.adoptable and not manual and not lent:
            self.broken("a", f"{said}, which is not ours")
        if dues and all(due.must_keep(account, role) for due in dues):
            self.broken("b", f"{said}, who is entitled")
        if dues and all(due.must_keep(account, role) or due.in_doubt(account, role) for due in dues):
            self.broken("b", f"{said}, although {[due.in_doubt(account, role) for due in dues]}")
        if pair in ledger.ours and not approved and not lent:
            self._count(site, account)
        for of in (ledger.ours, ledger.once, ledger.adoptable):
            of.discard(pair)
        _ = was

    def _count(self, site: str, account: str) -> None:
        ledger, now, limits = self.ledgers[site], self._now(), self.servers[site].site
        ledger.losses.append((now, account))
        while ledger.losses and ledger.losses[0][0] <= now - HOUR_S:
            ledger.losses.popleft()
        lost = {who for _, who in ledger.losses}
        most = max(limits.floor, min(limits.removals, int(limits.share * (ledger.most + len(lost)))))
        if len(lost) > most:
            self.broken("h", f"{site}: {len(lost)} people lost something within the hour, the limit is {most}")

    def _reach(self, site: str, call: RouteCall, before: Holdings, after: Holdings, dues: tuple[Due, ...]) -> None:
        """See that no role lost on a DAG what its holders are entitled to all the time."""
        if role_of(call) is None or not dues:
            return
        tags = {dag.code.id: dag.code.tags for dag in self.servers[site].state.dags.values()}
        for account, was in before.items():
            now = after.get(account)
            for action, dag in was.reach - (now.reach if now else frozenset()):
                for role in (now.roles if now else was.roles) & ROLES.keys():
                    level, tag = ROLES[role]
                    gives = tag in tags.get(dag, ()) and (action == "can_read" or level == "trigger")
                    if gives and all(due.must_keep(account, role) for due in dues):
                        self.broken("b", f"{site}: {place(call)} left {account} without {action} on {dag}, of {role}")

    # --- when all is well ---------------------------------------------------------------------------------------------

    def converged(
        self, site: str, wanted: Due, *, excused: set[tuple[str, str]], contested: set[tuple[str, str]]
    ) -> None:
        """Judge one server after a healthy pass.

        `excused` are (account, role) that are said to be held, `contested` (site, role) whose permissions another hand took.
        """
        server, ledger = self.servers[site], self.ledgers[site]
        holdings = server.holdings()
        for account, roles in sorted(wanted.roles.items()):
            there = self._account(site, account, wanted.emails.get(account, ""), wanted)
            if there is not None:
                self._has(site, account, roles, holdings.get(there), contested)
        for account, role in sorted(ledger.ours):
            held = holdings.get(account)
            if held is None or role not in held.roles or role == "Public":
                continue
            names = wanted.names(account, held.email, ledger.made.get(account))
            due = wanted.may_gain(names, role) or wanted.in_doubt(account, role) or account in wanted.frozen_accounts
            if not due and (account, role) not in excused and account not in server.site.protected:
                law = "k" if (site, ledger.made.get(account), role) in self.lent else "d"
                self.broken(law, f"{site}: {account} still holds {role}, which no line gives, and nobody says so")

    def _has(
        self, site: str, account: str, roles: set[str], held: Holding | None, contested: set[tuple[str, str]]
    ) -> None:
        """See that somebody holds roles, and sees the DAGs that these are on."""
        if missing := roles - (held.roles if held else frozenset()):
            self.broken("f", f"{site}: {account} should hold {', '.join(sorted(missing))} and does not")
        seen = {dag for action, dag in (held.reach if held else ()) if action == "can_read"}
        for role in sorted(roles & ROLES.keys()):
            unread = self._dags_of(site, role) - seen
            if unread and not missing and (site, role) not in contested:
                self.broken("f", f"{site}: {account} holds {role} and cannot see {', '.join(sorted(unread))}")

    def _dags_of(self, site: str, role: str) -> set[str]:
        _, tag = ROLES[role]
        return {dag.code.id for dag in self.servers[site].state.dags.values() if tag in dag.code.tags}

    def _account(self, site: str, account: str, email: str, wanted: Due) -> str | None:
        """Say under which name somebody should have an account; None where an account of another hand has their e-mail."""
        holdings, ledger = self.servers[site].holdings(), self.ledgers[site]
        if account in holdings:
            return account
        theirs = [n for n, who in ledger.made.items() if who == wanted.owners.get(account) and n not in wanted.roles]
        if len(theirs) == 1:
            return theirs[0]
        alike = [name for name, held in holdings.items() if lower(held.email) == lower(email)]
        if not alike:
            return account
        free = len(alike) == 1 and alike[0] not in wanted.roles and alike[0] not in ledger.made
        return alike[0] if self.servers[site].site.match_email and free else None


def _moves(before: Holdings, after: Holdings) -> list[tuple[str, str, bool]]:
    """Name who gained (True) or lost (False) which role."""
    found = []
    for account in sorted(before.keys() | after.keys()):
        had = before[account].roles if account in before else frozenset()
        has = after[account].roles if account in after else frozenset()
        found += [(account, role, True) for role in sorted(has - had)]
        found += [(account, role, False) for role in sorted(had - has)]
    return found
