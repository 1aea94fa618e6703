"""What one person has and why, what is missing and what becomes of it, in lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from syncd.mapping.not_now import Later
    from syncd.model import DesiredState, Held, Identity, ObservedState, Plan, Reason, Rules, User
    from syncd.ports import HeldPlan

_ADVICE = "to let exactly this pass:"
NOTHING_THERE = "-"
"""What a role gives that gives nothing on the DAG that was asked about."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the database says of a deployment: the grants that are ours, and what a limit holds there."""

    owned: Mapping[str, frozenset[str]]
    held: HeldPlan | None

    def holds(self, account: str, role: str) -> Held | None:
        """Give what is held, if it takes this role from this account."""
        from syncd.model import key

        held = self.held.held if self.held else None
        taken = (c for c in held.changes if c.subject == "user" and key(c.name) == account) if held else ()
        return held if any(role in change.revoked for change in taken) else None


def person_lines(text: str, people: list[Identity], failed: Mapping[str, str]) -> Iterator[Line]:
    """Say who is meant, and which sources could not be read."""
    for person in people:
        name = f"{person.given_name} {person.family_name}".strip()
        said = ", ".join(safe(word) for word in (name, person.email, "" if person.active else "not active") if word)
        yield Line(f"{safe(str(person))}{f': {said}' if said else ''}", Style.TITLE)
    if not people:
        yield Line(f"no source knows {safe(text)}", Style.WARN)
    for source, why in sorted(failed.items()):
        yield Line(f"source {safe(source)} could not be read: {safe(why)}", Style.FAIL)


@dataclass(frozen=True, slots=True)
class Explained:
    """What is explained of one deployment. `plan` is about just the person, None where it was never looked at; `gives` says
    what a role of an account gives on the DAG that was asked about."""

    deployment: str
    desired: DesiredState
    observed: ObservedState
    plan: Plan | None
    told: Told
    accounts: frozenset[str]
    gives: Callable[[str, str], str] = lambda _account, _role: ""
    rules: Rules | None = None
    """What the mapping files say: with them the owner of each role is told."""
    later: Later = field(default_factory=dict)
    """By account and role: which lines give it at another hour, and when."""
    rejected: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By account and role: what does not come or go, with who rejected it."""


def deployment_lines(this: Explained, *, program: str) -> Iterator[Line]:
    """Say what a person has on one deployment, what they lack, and what becomes of what no line gives."""
    name = safe(this.deployment)
    wanted = {**this.desired.undecided, **this.desired.users}
    if this.plan is None:
        yield Line(f"{name}: never looked at, so what is there is not known", Style.WARN)
    elif not this.accounts and not this.later:
        yield Line(f"{name}: no account, and no mapping line gives anything", Style.HEADING)
    for account in sorted(this.accounts | this.later.keys()):
        yield Line(f"{name}: {_account(this, account, wanted.get(account))}", Style.HEADING)
        if account in this.desired.undecided:
            yield Line(
                "  gets nothing more for now: another source may yet name the account (see the plan)", Style.WARN
            )
        yield from _role_lines(this, account, wanted.get(account), program=program)
        for role, reasons in sorted(this.later.get(account, {}).items()):
            yield Line(f"  {safe(role)} at other hours", Style.QUIET)
            yield from (Line(f"    by {safe(str(reason))}: {when}", Style.QUIET) for reason, when in reasons)


def _role_lines(this: Explained, account: str, want: User | None, *, program: str) -> Iterator[Line]:
    have = this.observed.users.get(account)
    roles = sorted((have.roles if have else frozenset()) | (want.roles if want else frozenset()))
    shown = [role for role in roles if this.gives(account, role) != NOTHING_THERE]
    if not shown:
        yield Line("  has no role that gives anything there" if roles else "  has no role", Style.QUIET)
    for role in shown:
        reasons = this.desired.because.get(account, {}).get(role, ())
        has, gives = have is not None and role in have.roles, this.gives(account, role)
        said = f"{safe(role)}{f' ({gives})' if gives else ''}"
        if has and not reasons:
            fate = _fate(this, account, role, program=program)
            yield Line(f"  has {said}: {fate}", Style.WARN, whole=_command(fate))
            continue
        verb = ("has" if has else "lacks") if this.plan is not None else "is to have"
        yield Line(f"  {verb} {said}", Style.LOSS if verb == "lacks" else Style.GAIN)
        yield from (Line(f"    because {reason_text(reason)}") for reason in reasons)
        if not has and (account, role) in this.rejected:
            yield Line(f"    not coming: {safe(this.rejected[account, role])}", Style.WARN)
        defined = this.rules.roles.get(role) if this.rules else None
        if defined is not None and defined.owner:
            yield Line(f"    owner of the role: {safe(defined.owner)}", Style.QUIET)


def _command(text: str) -> str:
    """Give the command that a text ends with, if it does."""
    return text.rpartition(f"{_ADVICE} ")[2] if _ADVICE in text else ""


def _account(this: Explained, account: str, want: User | None) -> str:
    have = this.observed.users.get(account)
    if have is not None:
        return f"account {safe(have.username)} ({safe(have.email)})"
    if want is None:
        return "no account"
    known = "no account yet; it would be" if this.plan is not None else "the account would be"
    return f"{known} {safe(want.username)}"


def _fate(this: Explained, account: str, role: str, *, program: str) -> str:
    """Say what becomes of a role that a person has although no mapping line gives it."""
    from syncd.access.ways import Hand, Hands
    from syncd.render.text import approval

    hands = Hands(this.desired, this.observed, this.plan, this.rejected)
    match hands.of(account, role):
        case Hand.LINES | Hand.COMING:
            return "a mapping line gives it; it stays as it is"
        case Hand.GOING | Hand.OTHER if held := this.told.holds(account, role):
            command = approval(this.deployment, held.digest, program=program)
            hold = this.told.held.hold if this.told.held else ""
            called = f"held as {hold}" if hold else "held"
            return f"no mapping line gives it; {called}: {safe('; '.join(held.why))}; {_ADVICE} {command}"
        case Hand.GOING:
            return "no mapping line gives it; the next apply takes it"
        case Hand.KEPT:
            return f"no mapping line gives it; kept: {safe(hands.why_kept(account, role))}"
        case Hand.OTHER if role in this.told.owned.get(account, ()):
            return "no mapping line gives it; left alone"
        case _:
            return "not by syncd; left alone"


def reason_text(reason: Reason) -> str:
    """Say by which group and line a role is given, and until when."""
    from syncd.model import is_place_of_grant

    says_until = is_place_of_grant(reason.at)
    until = f", until {reason.until:%Y-%m-%d %H:%M %Z}" if reason.until and not says_until else ""
    stale = " (says an older read; the newest was not whole)" if reason.stale else ""
    during = f", {reason.during}" if reason.during else ""
    return safe(f"{reason}{until}{during}{stale}")
