"""`syncd approve`: let held changes go, through the running daemon or, where there is none, from here."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output
from syncd.cli.reconcile import InsecureHttp, TokenEnv, Url, Wait, by_daemon, from_here, tell


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
    wait: Wait = True,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Let exactly the changes pass that a limit holds on DEPLOYMENT under DIGEST."""
    from syncd.cli.daemon_client import NoDaemon, daemon_at
    from syncd.control import Order

    this = invocation(context)
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    as_json = output is Output.JSON
    if daemon is not None:
        try:
            job = daemon.approve(deployment, digest)
            return by_daemon(daemon, job, verb="approve", wait=wait, as_json=as_json, this=this)
        except NoDaemon as error:
            if settings is None:
                raise
            tell(f"syncd: {error}; working from here", this)
    assert settings is not None
    order = Order(deployments=frozenset({deployment}))
    return from_here(this, settings, order, as_json=as_json, approvals=[digest], verb="approve")
