"""`syncd hold`: the inbox of what is held: look at it, let it pass, reject it, ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.callers import NAME_RULE, REASON_RULE, is_caller, is_reason
from syncd.cli.approve import As, Reason, approve_as, checked, show_waiting
from syncd.cli.invocation import Invocation, chosen, invocation
from syncd.cli.options import Deployments, Format
from syncd.cli.output import Output, show, show_json, show_text
from syncd.cli.reconcile import InsecureHttp, TokenEnv, Url, Wait, by_daemon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from syncd.cli.daemon_client import DaemonClient
    from syncd.config import Settings
    from syncd.plan.rulings import HoldRecord
    from syncd.store import Stores

group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_Hold = Annotated[str, typer.Argument(metavar="HOLD", help="The hold, as `hold list` calls it (h12), or its digest.")]


@group.callback()
def hold() -> None:
    """Look at what limits hold back, and say what becomes of it."""


@group.command("list", short_help="List what is held, and what was said of it.")
def list_(
    context: typer.Context,
    deployment: Deployments = None,
    over: Annotated[bool, typer.Option("--all", help="List those too that are over, the newest 1,000.")] = False,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """List what is held, the newest first: what waits for a word, what was approved and has not passed yet, what was rejected."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.render.holds import hold_record_json, holds_grid
    from syncd.render.lines import Line, Style

    this = invocation(context)
    expires = None
    if url:
        from syncd.cli.holds_told import told_holds

        daemon = _remote(url, token_env, insecure_http=insecure_http)
        found: Sequence[HoldRecord] = told_holds(daemon, deployments=deployment or (), over=over)
    else:
        with this.in_use() as (files, store):
            only = chosen(files.settings, deployment or ())
            found = store.inbox.listed(deployments=only, over=over, limit=1000)
        expires = files.settings.daemon.hold_expires
    if output is Output.JSON:
        show_json({"holds": [hold_record_json(hold) for hold in found]})
    elif found:
        show([holds_grid(found, now=utc_now(), expires=expires)])
        show([Line(f"one of them whole: {this.program} hold show {found[0].name}", Style.QUIET)])
    else:
        show([Line("nothing is held", Style.QUIET)])
    return EXIT_DONE


@group.command("show", short_help="Show one hold whole: its changes, why, and what was said of it.")
def show_(
    context: typer.Context,
    hold: _Hold,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Show one hold whole: why it is held, its changes with their reasons, what passing it would do to people, who said what of
    it, and what can be done."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.holds import hold_lines, hold_record_json

    this = invocation(context)
    extent = EVERYTHING_SHOWN if this.verbose else SHORT
    if url:
        from syncd.cli.holds_told import told_hold

        told = told_hold(_remote(url, token_env, insecure_http=insecure_http), hold)
        if output is Output.JSON:
            show_json(told.json())
        else:
            show(told.lines(now=utc_now(), program=this.program, extent=extent))
        return EXIT_DONE
    with this.in_use() as (files, store):
        found = _found(store, hold)
    expires = files.settings.daemon.hold_expires
    if output is Output.JSON:
        show_json(hold_record_json(found, whole=True))
    else:
        show(hold_lines(found, now=utc_now(), expires=expires, program=this.program, extent=extent))
    return EXIT_DONE


def _remote(url: str, token_env: str | None, *, insecure_http: bool) -> DaemonClient:
    from syncd.cli.daemon_client import daemon_at

    daemon = daemon_at(None, url=url, token_env=token_env, insecure_http=insecure_http)
    assert daemon is not None
    return daemon


@group.command(short_help="Let exactly these changes pass, once: the same as `syncd approve`.")
def approve(
    context: typer.Context,
    hold: _Hold,
    as_: As = None,
    reason: Reason = None,
    wait: Wait = True,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Let exactly the changes of a hold pass, once, by the daemon if one runs: what `syncd approve` does with its digest."""
    from syncd.cli.daemon_client import daemon_at, is_hold

    this, as_json = invocation(context), output is Output.JSON
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    job = _by_daemon(daemon, settings, ("approve", hold), _checked(as_, reason))
    if daemon is not None and job is not None:
        if is_hold(job):
            return show_waiting(job, as_json=as_json)
        return by_daemon(daemon, job, verb="approve", wait=wait, as_json=as_json, this=this)
    assert settings is not None
    with this.store(settings) as store:
        found = _found(store, hold)
    return approve_as(
        this, settings, daemon, (found.deployment, found.digest), (as_, reason), wait=wait, as_json=as_json
    )


@group.command(short_help="Leave these changes undone, and do not ask again until they are other ones.")
def reject(
    context: typer.Context,
    hold: _Hold,
    as_: As = None,
    reason: Reason = None,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Leave the changes of a hold undone: none of them passes, whatever plans it, and nobody is asked again, until it is not
    planned any more. What else is planned goes on. An approval that has not passed yet is taken back by it."""
    from syncd.cli.daemon_client import daemon_at

    this = invocation(context)
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    return _say(this, settings, daemon, ("reject", hold), (as_, reason), output=output)


@group.command(short_help="Take a rejection back, or an approval that has not passed yet.")
def reopen(
    context: typer.Context,
    hold: _Hold,
    as_: As = None,
    reason: Reason = None,
    output: Format = Output.TEXT,
    url: Url = None,
    token_env: TokenEnv = None,
    insecure_http: InsecureHttp = False,
) -> int:
    """Take back what was said of a hold: it is planned under the limits again, and where they hold it somebody is asked."""
    from syncd.cli.daemon_client import daemon_at

    this = invocation(context)
    settings = None if url else this.settings()
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    return _say(this, settings, daemon, ("reopen", hold), (as_, reason), output=output)


def _say(
    this: Invocation,
    settings: Settings | None,
    daemon: DaemonClient | None,
    what: tuple[str, str],
    said: tuple[str | None, str | None],
    *,
    output: Output,
) -> int:
    """Say something of a hold (ruling, name), as somebody and for a reason: to the daemon, which knows who we are, or in the
    database where none runs."""
    from syncd.errors import EXIT_DONE
    from syncd.render.lines import safe

    who, why = _checked(*said)
    shown: Mapping[str, Any] | None = _by_daemon(daemon, settings, what, (who, why))
    if shown is None:
        assert settings is not None
        shown = _from_here(this, settings, what, who, why)
    if output is Output.JSON:
        show_json(shown)
    else:
        show_text(f"{safe(shown['id'])} on {safe(shown['deployment'])}: {_THEN[what[0]]}")
    return EXIT_DONE


def _by_daemon(
    daemon: DaemonClient | None, settings: Settings | None, what: tuple[str, str], said: tuple[str, str]
) -> dict[str, Any] | None:
    """Say something of a hold to the daemon; None: none runs here, so it is said in the database."""
    from syncd.cli.daemon_client import NoDaemon

    if daemon is None:
        return None
    try:
        return daemon.rule(what[1], what[0], said=said[0], reason=said[1])
    except NoDaemon:
        if settings is None:
            raise
        return None


def _from_here(this: Invocation, settings: Settings, what: tuple[str, str], who: str, why: str) -> Mapping[str, Any]:
    from syncd.app import utc_now
    from syncd.plan.rulings import HoldRuling
    from syncd.reconcile.approving import give_word, hold_word
    from syncd.render.holds import hold_record_json
    from syncd.store.processes import os_user

    ruling, name = HoldRuling(what[0]), what[1]
    with this.store(settings) as store:
        _found(store, name)
        word = hold_word(ruling, by=os_user(), approver=who, reason=why, origin="command", at=utc_now())
        found = give_word(store.inbox, name, word, needs=1, expires=settings.daemon.hold_expires)
    return hold_record_json(found, whole=True)


def _checked(as_: str | None, reason: str | None) -> tuple[str, str]:
    return (
        checked(as_, "--as", is_caller, rule=NAME_RULE),
        checked(reason, "--reason", is_reason, rule=REASON_RULE),
    )


_THEN = {
    "reject": "rejected; it stays undone, and nobody is asked again until it is other changes",
    "reopen": "what was said of it counts no more; the next pass decides by the limits",
}


def _found(store: Stores, name: str) -> HoldRecord:
    from syncd.errors import ConfigInvalid, Problem

    found = store.inbox.find(name)
    if found is None:
        raise ConfigInvalid([Problem("hold", 0, 0, f'there is no hold "{name}"; what there is: syncd hold list --all')])
    return found
