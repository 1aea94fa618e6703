"""`syncd explain --fresh`: what one person may do and why, by a plan for just them: sources and deployments are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncd.cli.explained import Explained, Told, deployment_lines, person_lines
from syncd.cli.invocation import Invocation
from syncd.cli.output import show
from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from syncd.model import Identity, Rules
    from syncd.reconcile import DeploymentReport, Report, World


def explain_fresh(this: Invocation, user: str, deployments: Sequence[str]) -> int:
    """Plan for one person, and show what it says of them; what was seen of them is kept for questions without `--fresh`."""
    with this.in_use() as (files, store):
        with this.world(files.settings, store, deployments=deployments, rules=files.rules) as world:
            report = _planned(world, user)
            people = _people(world, user)
            places = {t.deployment.name: store.places.place(t.deployment.name, t.address).facts for t in world.targets}
        known = {
            name: Told(store.holdings.owned(facts).grants, store.queries.held(name)) for name, facts in places.items()
        }
    lines = [*person_lines(user, people, report.sources_failed)]
    for deployment in report.deployments:
        lines += report_lines(deployment, known[deployment.deployment], program=this.program, rules=files.rules)
    show(lines)
    return report.exit_code()


def report_lines(this: DeploymentReport, told: Told, *, program: str, rules: Rules | None = None) -> Iterator[Line]:
    """Say what a plan for one person found on a deployment, or why there is none."""
    if this.plan is None or this.desired is None or this.observed is None:
        yield Line(f"{safe(this.deployment)}: {safe(str(this.error))}", Style.FAIL)
        return
    there = {*this.desired.undecided, *this.desired.users, *this.observed.users}
    accounts = frozenset(filter(this.plan.scope.covers, there))
    explained = Explained(this.deployment, this.desired, this.observed, this.plan, told, accounts, rules=rules)
    yield from deployment_lines(explained, program=program)


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
