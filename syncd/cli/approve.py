"""`syncd approve`: let held changes go, through the running daemon or, where there is none, from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from syncd.callers import NAME_RULE, REASON_RULE, acting, is_caller, is_reason
from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output
from syncd.cli.reconcile import Approval, InsecureHttp, TokenEnv, Url, Wait, by_daemon, from_here, tell


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
    from syncd.cli.daemon_client import NoDaemon, daemon_at
    from syncd.control import Order
    from syncd.store.processes import os_user

    said, why = (
        _checked(as_, "--as", is_caller, rule=NAME_RULE),
        _checked(reason, "--reason", is_reason, rule=REASON_RULE),
    )
    this = invocation(context)
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    as_json = output is Output.JSON
    if daemon is not None:
        try:
            job = daemon.approve(deployment, digest, said=said, reason=why)
            return by_daemon(daemon, job, verb="approve", wait=wait, as_json=as_json, this=this)
        except NoDaemon as error:
            if settings is None:
                raise
            tell(f"syncd: {error}; working from here", this)
    assert settings is not None
    order = Order(deployments=frozenset({deployment}))
    approval = Approval(digest, acting(os_user(), said=said, reason=why))
    return from_here(this, settings, order, as_json=as_json, approval=approval, verb="approve")


def _checked(text: str | None, option: str, fits: Callable[[str], bool], *, rule: str) -> str:
    if text is not None and not fits(text):
        raise typer.BadParameter(f"write {rule}", param_hint=option)
    return text or ""
