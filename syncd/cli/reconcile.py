"""`syncd reconcile`: have something put right now, by the running daemon or, where there is none, from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_GROUP, COMPLETE_PERSON
from syncd.cli.invocation import Invocation, chosen, invocation
from syncd.cli.options import Deployments, Format
from syncd.cli.output import Output, show_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from syncd.cli.daemon_client import DaemonClient
    from syncd.config import Settings
    from syncd.control import DeploymentResult, Order
    from syncd.model import Directory, Identity, Scope
    from syncd.reconcile import Report, World

Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Ask the daemon at this address, not on its control socket.")
]
InsecureHttp = Annotated[
    bool, typer.Option("--insecure-http", help="Let --url send the token in the clear, over a network that is yours.")
]
TokenEnv = Annotated[
    str | None,
    typer.Option("--token-env", metavar="NAME", help="The environment variable with the token for --url."),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end and show what was done.")]


def reconcile(
    context: typer.Context,
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user",
            "-u",
            metavar="USER",
            autocompletion=COMPLETE_PERSON,
            help="This person, by account name or e-mail; several times.",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            "-g",
            metavar="SOURCE:GROUP",
            autocompletion=COMPLETE_GROUP,
            help="The members of this group; several times.",
        ),
    ] = None,
    deployment: Deployments = None,
    dag: Annotated[
        list[str] | None,
        typer.Option("--dag", metavar="DAG", help="What roles hold on this DAG; several times."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    wait: Wait = True,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Put people, deployments or DAGs right now, ahead of everything else the daemon does."""
    from syncd.cli.daemon_client import NoDaemon, daemon_at
    from syncd.control import Order
    from syncd.orders import check
    from syncd.targets import unreachable

    if dag and (user or group):
        raise typer.BadParameter(
            "it is about roles, not about people; leave --user and --group out", param_hint="--dag"
        )
    this = invocation(context)
    check(frozenset(user or ()), unreachable=unreachable)
    order = Order(
        frozenset(user or ()), frozenset(group or ()), frozenset(deployment or ()), frozenset(dag or ()), dry_run
    )
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    as_json = output is Output.JSON
    if daemon is not None:
        try:
            return by_daemon(daemon, daemon.reconcile(order), verb="reconcile", wait=wait, as_json=as_json, this=this)
        except NoDaemon as error:
            if settings is None:
                raise
            tell(f"syncd: {error}; working from here", this)
    assert settings is not None
    return from_here(this, settings, order, as_json=as_json)


def by_daemon(
    daemon: DaemonClient, job: dict[str, object], *, verb: str, wait: bool, as_json: bool, this: Invocation
) -> int:
    """Show what became of a job; without waiting, that it was queued."""
    from syncd.cli.daemon_client import DaemonSilent, JobOutcome, NoDaemon, show_queued, show_results
    from syncd.cli.daemon_job import results_of, strangers_of

    if not wait:
        show_queued(job, as_json=as_json)
        return 0
    try:
        ended = daemon.ended(job)
    except NoDaemon as error:
        raise DaemonSilent("the daemon went away before it was done; what it did: syncd audit") from error
    found = JobOutcome(results_of(ended), ended["exit_code"], strangers_of(ended))
    return show_results(found, verb=verb, as_json=as_json, this=this)


def tell(text: str, this: Invocation) -> None:
    """Say something aside, on standard error."""
    if not this.quiet:
        show_error(text)


# --- without a daemon ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person lets pass, and who that is, as it stands in the journal."""

    digest: str
    by: str
    approver: str = ""
    reason: str = ""


def from_here(
    this: Invocation,
    settings: Settings,
    order: Order,
    *,
    as_json: bool,
    approval: Approval | None = None,
    verb: str = "reconcile",
) -> int:
    """Do what a daemon would, in this process and under the same leases."""
    from syncd.cli.daemon_client import JobOutcome, show_results
    from syncd.control import unknown_dags
    from syncd.errors import EXIT_DONE, EXIT_INVALID, worst
    from syncd.reconcile import strangers

    only = chosen(settings, sorted(order.deployments))
    with this.store(settings) as store, this.world(settings, store, deployments=sorted(only)) as world:
        report = _reported(world, order, approval=approval, verb=verb)
        unknown = strangers(world, order.users)
    found = results(report)
    unknown += unknown_dags(order.dags, found)
    code = worst([report.exit_code(), EXIT_INVALID if unknown else EXIT_DONE])
    return show_results(JobOutcome(found, code, unknown), verb=verb, as_json=as_json, this=this)


def _reported(world: World, order: Order, *, approval: Approval | None, verb: str) -> Report:
    from syncd import reconcile as core

    scope = _scope(world, order)
    if order.dry_run:
        return core.plan(world, scope=scope, command=verb)
    if approval is None:
        return core.apply(world, scope=scope, command=verb)
    approve_here(world, scope, [approval.digest], approver=approval.approver, reason=approval.reason)
    return core.apply(world, scope=scope, approvals=(approval.digest,), command=verb, by=approval.by)


def refuse_unknown(world: World, scope: Scope, digests: Collection[str]) -> None:
    """Raise ApprovalRefused where one of these digests is of nothing that is in the inbox, or held of this scope."""
    from syncd.reconcile import require_holds
    from syncd.reconcile.approving import is_in

    names, inbox = {target.deployment.name for target in world.targets}, world.journal.inbox
    oldest = world.clock() - world.hold_expires

    def is_known(digest: str) -> bool:
        """Say whether something can be said of it now; what was planned too long ago would be younger after the next plan."""
        hold = inbox.find(digest)
        return is_in(inbox, digest, deployments=names) and hold is not None and hold.planned_at >= oldest

    require_holds(world, scope, [digest for digest in digests if not is_known(digest)])


def approve_here(world: World, scope: Scope, digests: Collection[str], *, approver: str = "", reason: str = "") -> None:
    """Write down that whoever runs this lets what is held under these digests pass.

    Raises:
        ApprovalRefused: one of them lets nothing pass on any deployment, or not by them; nothing was begun.
    """
    from syncd.plan.rulings import HoldRuling, HoldState
    from syncd.reconcile.approving import approve_held, hold_word, waits_for_another
    from syncd.store.processes import os_user

    inbox = world.journal.inbox
    refuse_unknown(world, scope, digests)
    for digest in sorted(digests):
        word = hold_word(
            HoldRuling.APPROVE, by=os_user(), approver=approver, reason=reason, origin="command", at=world.clock()
        )
        needs = {target.deployment.name: target.limits.approvers for target in world.targets}
        said = approve_held(inbox, digest, word, needs=needs, expires=world.hold_expires)
        if said is not None and said.state is HoldState.WAITS:
            raise waits_for_another(said)


def _scope(world: World, order: Order) -> Scope:
    from syncd.model import key, nfc
    from syncd.orders import scope_of
    from syncd.reconcile import read_directory

    groups = [*map(nfc, order.groups)]
    named = frozenset(key(user) for user in order.users)
    if not order.groups:
        return scope_of(order, users=lambda: named, members=frozenset)
    directory = read_directory(world)
    return scope_of(
        order,
        users=lambda: named | _accounts(world, [i for i in directory.identities.values() if named & _words(i)]),
        members=lambda: _accounts(world, _people(directory, groups)) | _were_members(world, groups, named=named),
    )


def _words(identity: Identity) -> set[str]:
    """Give what a person may be called by."""
    from syncd.model import key

    return {key(word) for word in (identity.id, identity.login, identity.email)}


def _accounts(world: World, people: Iterable[Identity]) -> frozenset[str]:
    """Give the account names that these people have on any of the deployments."""
    from syncd.directory.usernames import username_of
    from syncd.model import key

    found = {username_of(person, target.deployment.username) for person in people for target in world.targets}
    return frozenset(key(name) for name in found - {""})


def _people(directory: Directory, groups: Collection[str]) -> list[Identity]:
    """List the members of groups, with all accounts of each person.

    Raises:
        ConfigInvalid: no source knows such a group.
    """
    from syncd.errors import ConfigInvalid, Problem
    from syncd.model import Person

    found, seen = [], set()
    for (source, id_), members in directory.groups.items():
        meant = {f"{source}:{id_}", f"{source}:{members.group.name}"} & set(groups)
        seen |= meant
        found += [(source, member) for member in sorted(members.members)] if meant else []
    if unknown := sorted(set(groups) - seen):
        raise ConfigInvalid(Problem("--group", 0, 0, f"no source knows {name}; write source:name") for name in unknown)
    known = [(place, directory.identities[place]) for place in found if place in directory.identities]
    return [a for place, one in known for a in directory.persons.get(place, Person((one,))).accounts]


def _were_members(world: World, groups: Collection[str], *, named: frozenset[str]) -> frozenset[str]:
    """Find who held a role through the groups when each deployment last was as it should be: account name, and e-mail
    where they are named by it."""
    from syncd.model import key

    states = [state for t in world.targets if (state := world.journal.memory.last_desired(t.deployment.name))]
    were = {
        (name, key(state.users[name].email))
        for state in states
        for name, roles in state.because.items()
        for reasons in roles.values()
        for reason in reasons
        if {f"{reason.source}:{reason.group}", f"{reason.source}:{reason.group_id}"} & set(groups)
    }
    return frozenset(name for name, _ in were) | frozenset(email for _, email in were if email in named)


def results(report: Report) -> list[DeploymentResult]:
    """Give a report as a daemon gives the results of a job."""
    from syncd.control import DeploymentResult
    from syncd.model import Status
    from syncd.reconcile import Report
    from syncd.render.json import report_json

    shown = report_json(report)["deployments"]
    found = []
    for deployment, plan in zip(report.deployments, shown, strict=True):
        ended = [outcome.status for outcome in deployment.outcomes]
        found.append(
            DeploymentResult(
                deployment.deployment,
                exit_code=Report(report.run, (deployment,), {}).exit_code(),
                error=str(deployment.error or ""),
                applied=ended.count(Status.APPLIED),
                failed=ended.count(Status.FAILED) + ended.count(Status.UNKNOWN),
                held=deployment.held.digest if deployment.held else "",
                hold=deployment.hold,
                not_converged=len(deployment.not_converged),
                calls=deployment.calls,
                seconds=round(sum(deployment.seconds.values()), 3),
                run=report.run,
                plan=plan,
                unknown_dags=deployment.unknown_dags,
            )
        )
    return found
