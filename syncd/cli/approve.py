"""`syncd approve`: let held changes go, through the running daemon or, where there is none, from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.callers import NAME_RULE, REASON_RULE, acting, is_caller, is_reason
from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Format
from syncd.cli.output import Output
from syncd.cli.reconcile import Approval, InsecureHttp, TokenEnv, Url, Wait, by_daemon, from_here, tell

if TYPE_CHECKING:
    from syncd.cli.daemon_client import DaemonClient
    from syncd.config import Settings
    from syncd.control import Order

As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="For the journal: who says it, if not you.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="For the journal: why.")]


def approve(
    context: typer.Context,
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="DEPLOYMENT",
            autocompletion=COMPLETE_DEPLOYMENT,
            help="The deployment, as it is configured.",
        ),
    ],
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="What stands for exactly these held changes.")],
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="For the journal: who approves it, if not you.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="For the journal: why it may pass.")
    ] = None,
    wait: Wait = True,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Let exactly the changes pass that a limit holds on DEPLOYMENT under DIGEST."""
    from syncd.cli.daemon_client import daemon_at

    this = invocation(context)
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    return approve_as(
        this, settings, daemon, (deployment, digest), (as_, reason), wait=wait, as_json=output is Output.JSON
    )


def approve_as(
    this: Invocation,
    settings: Settings | None,
    daemon: DaemonClient | None,
    held: tuple[str, str],
    said: tuple[str | None, str | None],
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """Let what is held (deployment, digest) pass, as somebody and for a reason: by the daemon, or from here under its leases."""
    from syncd.cli.daemon_client import NoDaemon, is_hold
    from syncd.store.processes import os_user

    who = checked(said[0], "--as", is_caller, rule=NAME_RULE)
    why = checked(said[1], "--reason", is_reason, rule=REASON_RULE)
    deployment, digest = held
    if daemon is not None:
        try:
            job = daemon.approve(deployment, digest, said=who, reason=why)
            if is_hold(job):
                return show_waiting(job, as_json=as_json)
            return by_daemon(daemon, job, verb="approve", wait=wait, as_json=as_json, this=this)
        except NoDaemon as error:
            if settings is None:
                raise
            tell(f"syncd: {error}; working from here", this)
    assert settings is not None
    order = _order(this, settings, deployment, digest)
    approval = Approval(digest, acting(os_user(), said=who, reason=why), who, why)
    return from_here(this, settings, order, as_json=as_json, approval=approval, verb="approve")


def _order(this: Invocation, settings: Settings, deployment: str, digest: str) -> Order:
    """Say what is to be planned anew: what was held of some people or DAGs alone is so of these alone."""
    from syncd.control import Order
    from syncd.model import EVERYTHING

    with this.store(settings) as store:
        hold = store.inbox.find(digest)
    is_there = hold is not None and not hold.state.is_over and hold.deployment == deployment
    scope = hold.scope if hold is not None and is_there else EVERYTHING
    return Order(scope.usernames or frozenset(), frozenset(), frozenset({deployment}), scope.dags)


def show_waiting(hold: Mapping[str, Any], *, as_json: bool) -> int:
    """Say that another person has to let a hold pass too; gives the exit code."""
    from syncd.cli.output import show_json, show_text
    from syncd.errors import EXIT_HELD
    from syncd.render.lines import safe

    if as_json:
        show_json(hold)
    else:
        who = " and ".join(safe(word["who"]) for word in hold["said"][-1:])
        place = safe(f"{hold['deployment']} {hold['digest']}")
        said = f"{safe(hold['id'])} on {safe(hold['deployment'])}: approved by {who}"
        show_text(f"{said}; it passes once another person says so too: syncd approve {place}")
    return EXIT_HELD


def checked(text: str | None, option: str, fits: Callable[[str], bool], *, rule: str) -> str:
    """Give what was said by an option; empty where nothing was.

    Raises:
        BadParameter: it cannot stand in the journal.
    """
    if text is not None and not fits(text):
        raise typer.BadParameter(f"write {rule}", param_hint=option)
    return text or ""
