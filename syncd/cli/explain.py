"""`syncd explain`: what one person may do, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_PERSON
from syncd.cli.invocation import invocation
from syncd.cli.options import Deployments
from syncd.cli.output import show
from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from syncd.model import Held, Identity, Reason, User
    from syncd.ports import HeldPlan
    from syncd.reconcile import DeploymentReport, Report, World

_ADVICE = "to let exactly this pass:"


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says of a deployment: the grants that are ours, and what a limit holds there."""

    owned: Mapping[str, frozenset[str]]
    held: HeldPlan | None

    def holds(self, account: str, role: str) -> Held | None:
        """Give what is held, if it takes this role from this account."""
        from syncd.model import key

        held = self.held.held if self.held else None
        taken = (c for c in held.changes if c.subject == "user" and key(c.name) == account) if held else ()
        return held if any(role in change.revoked for change in taken) else None


def explain(
    context: typer.Context,
    user: Annotated[
        str,
        typer.Argument(
            metavar="USER",
            autocompletion=COMPLETE_PERSON,
            help="Account name, e-mail, or login or id at a source.",
        ),
    ],
    deployment: Deployments = None,
) -> int:
    """Show what a person has and why, what is missing, and what is not by syncd."""
    from syncd.orders import check
    from syncd.targets import unreachable

    this = invocation(context)
    check(frozenset({user}), unreachable=unreachable)
    with this.in_use() as (files, store):
        with this.world(files.settings, store, deployments=deployment or (), rules=files.rules) as world:
            report = _planned(world, user)
            people = _people(world, user)
            places = {t.deployment.name: store.places.place(t.deployment.name, t.address).facts for t in world.targets}
        known = {
            name: _Known(store.holdings.owned(facts).grants, store.queries.held(name)) for name, facts in places.items()
        }
    show(_lines(user, people, report, known=known, program=this.program))
    return report.exit_code()


def _planned(world: World, text: str) -> Report:
    """Plan for one person; once more if the sources, which the plan reads, give them accounts not known before."""
    from syncd import reconcile
    from syncd.model import Scope

    names = _account_names(world, text)
    report = reconcile.plan(world, scope=Scope.people(names), command="explain", keep_states=True)
    if new := _account_names(world, text) - names:
        scope = Scope.people(names | new)
        report = reconcile.plan(world, scope=scope, command="explain", keep_states=True)
    return report


def _people(world: World, text: str) -> list[Identity]:
    """Find whom a word means at the sources, by what was read last; with all accounts of a person."""
    from syncd.directory.persons import with_persons
    from syncd.model import Directory, Person, key

    snapshots = [found for source in world.sources if (found := world.journal.readings.last_snapshot(source.name))]
    known = {(i.source, i.id): i for snapshot in snapshots for i in snapshot.identities}
    persons = with_persons(
        Directory(known, {}), world.joining, world.journal.readings.known_persons(world.joining.key)
    ).persons
    wanted = key(text)
    return list(
        dict.fromkeys(
            account
            for place, identity in known.items()
            if wanted in {key(name) for name in (identity.id, identity.login, identity.email)}
            for account in persons.get(place, Person((identity,))).accounts
        )
    )


def _account_names(world: World, text: str) -> set[str]:
    from syncd.directory.usernames import username_of

    people = _people(world, text)
    named = {username_of(person, target.deployment.username) for person in people for target in world.targets}
    return {text} | (named - {""})


def _lines(
    text: str, people: list[Identity], report: Report, *, known: Mapping[str, _Known], program: str
) -> Iterator[Line]:
    for person in people:
        name = f"{person.given_name} {person.family_name}".strip()
        said = ", ".join(safe(word) for word in (name, person.email, "" if person.active else "not active") if word)
        yield Line(f"{safe(str(person))}{f': {said}' if said else ''}", Style.TITLE)
    if not people:
        yield Line(f"no source knows {safe(text)}", Style.WARN)
    for source, why in sorted(report.sources_failed.items()):
        yield Line(f"source {safe(source)} could not be read: {safe(why)}", Style.FAIL)
    for deployment in report.deployments:
        yield from _deployment_lines(deployment, known[deployment.deployment], program=program)


def _deployment_lines(this: DeploymentReport, known: _Known, *, program: str) -> Iterator[Line]:
    name = safe(this.deployment)
    if this.plan is None or this.desired is None or this.observed is None:
        yield Line(f"{name}: {safe(str(this.error))}", Style.FAIL)
        return
    wanted = {**this.desired.undecided, **this.desired.users}
    accounts = sorted(u for u in {*wanted, *this.observed.users} if this.plan.scope.covers(u))
    if not accounts:
        yield Line(f"{name}: no account, and no mapping line gives anything", Style.HEADING)
    for account in accounts:
        have, want = this.observed.users.get(account), wanted.get(account)
        yield Line(f"{name}: {_account(have, want)}", Style.HEADING)
        if account in this.desired.undecided:
            yield Line(
                "  gets nothing more for now: another source may yet name the account (see the plan)", Style.WARN
            )
        roles = sorted((have.roles if have else frozenset()) | (want.roles if want else frozenset()))
        if not roles:
            yield Line("  has no role", Style.QUIET)
        for role in roles:
            reasons = this.desired.because.get(account, {}).get(role, ())
            has = have is not None and role in have.roles
            if has and not reasons:
                fate = _fate(this, account, role, known=known, program=program)
                yield Line(f"  has {safe(role)}: {fate}", Style.WARN, whole=_command(fate))
                continue
            yield Line(f"  {'has' if has else 'lacks'} {safe(role)}", Style.GAIN if has else Style.LOSS)
            yield from (Line(f"    because {_reason(reason)}") for reason in reasons)


def _command(text: str) -> str:
    """Give the command that a text ends with, if it does."""
    return text.rpartition(f"{_ADVICE} ")[2] if _ADVICE in text else ""


def _account(have: User | None, want: User | None) -> str:
    if have is None:
        return f"no account yet; it would be {safe(want.username)}" if want else "no account"
    return f"account {safe(have.username)} ({safe(have.email)})"


def _fate(this: DeploymentReport, account: str, role: str, *, known: _Known, program: str) -> str:
    """Say what becomes of a role that a person has although no mapping line gives it."""
    from syncd.model import key
    from syncd.render.text import approval

    assert this.plan is not None
    assert this.desired is not None
    if account in this.desired.undecided and role in this.desired.undecided[account].roles:
        return "a mapping line gives it; it stays as it is"
    changes = [c for c in this.plan.changes if c.subject == "user" and key(c.name) == account]
    if held := known.holds(account, role):
        command = approval(this.deployment, held.digest, program=program)
        return f"no mapping line gives it; held: {safe('; '.join(held.why))}; {_ADVICE} {command}"
    if any(role in change.revoked for change in changes):
        return "no mapping line gives it; the next apply takes it"
    for kept in this.plan.kept:
        if key(kept.username) == account and kept.role == role:
            return f"no mapping line gives it; kept: {safe(kept.why)}"
    return (
        "no mapping line gives it; left alone" if role in known.owned.get(account, ()) else "not by syncd; left alone"
    )


def _reason(reason: Reason) -> str:
    until = f", until {reason.until:%Y-%m-%d %H:%M %Z}" if reason.until else ""
    stale = " (says an older read; the newest was not whole)" if reason.stale else ""
    during = f", {reason.during}" if reason.during else ""
    return safe(f"{reason}{until}{during}{stale}")
