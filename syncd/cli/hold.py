"""`syncd hold`: the inbox of what is held: look at it, let it pass, reject it, ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.callers import NAME_RULE, REASON_RULE, is_caller, is_reason
from syncd.cli.approve import As, Reason, approve_as, checked
from syncd.cli.invocation import Invocation, chosen, invocation
from syncd.cli.options import Deployments, Format
from syncd.cli.output import Output, show, show_json, show_text
from syncd.cli.reconcile import InsecureHttp, TokenEnv, Url, Wait

if TYPE_CHECKING:
    from syncd.plan.rulings import HoldRecord, HoldRuling
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
) -> int:
    """List what is held, the newest first: what waits for a word, what was approved and has not passed yet, what was rejected."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.render.holds import hold_record_json, holds_grid
    from syncd.render.lines import Line, Style

    this = invocation(context)
    with this.in_use() as (files, store):
        only = chosen(files.settings, deployment or ())
        found = store.inbox.listed(deployments=only, over=over, limit=1000)
    expires = files.settings.daemon.hold_expires
    if output is Output.JSON:
        show_json({"holds": [hold_record_json(hold, expires=expires) for hold in found]})
    elif found:
        show([holds_grid(found, now=utc_now(), expires=expires)])
        show([Line(f"one of them whole: {this.program} hold show {found[0].name}", Style.QUIET)])
    else:
        show([Line("nothing is held", Style.QUIET)])
    return EXIT_DONE


@group.command("show", short_help="Show one hold whole: its changes, why, and what was said of it.")
def show_(context: typer.Context, hold: _Hold, output: Format = Output.TEXT) -> int:
    """Show one hold whole: why it is held, its changes with their reasons, who said what of it, and what can be done."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.holds import hold_lines, hold_record_json

    this = invocation(context)
    with this.in_use() as (files, store):
        found = _found(store, hold)
    expires = files.settings.daemon.hold_expires
    if output is Output.JSON:
        show_json(hold_record_json(found, expires=expires, whole=True))
    else:
        extent = EVERYTHING_SHOWN if this.verbose else SHORT
        show(hold_lines(found, now=utc_now(), expires=expires, program=this.program, extent=extent))
    return EXIT_DONE


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
    from syncd.cli.daemon_client import daemon_at

    this = invocation(context)
    settings = this.settings()
    with this.store(settings) as store:
        found = _found(store, hold)
    daemon = daemon_at(settings, url=url, token_env=token_env, insecure_http=insecure_http)
    return approve_as(
        this,
        settings,
        daemon,
        (found.deployment, found.digest),
        (as_, reason),
        wait=wait,
        as_json=output is Output.JSON,
    )


@group.command(short_help="Leave these changes undone, and do not ask again until they are other ones.")
def reject(
    context: typer.Context, hold: _Hold, as_: As = None, reason: Reason = None, output: Format = Output.TEXT
) -> int:
    """Leave the changes of a hold undone: none of them passes, whatever plans it, and nobody is asked again, until it is not
    planned any more. What else is planned goes on. An approval that has not passed yet is taken back by it."""
    from syncd.plan.rulings import HoldRuling

    return _say(invocation(context), HoldRuling.REJECT, hold, (as_, reason), output=output)


@group.command(short_help="Take a rejection back, or an approval that has not passed yet.")
def reopen(
    context: typer.Context, hold: _Hold, as_: As = None, reason: Reason = None, output: Format = Output.TEXT
) -> int:
    """Take back what was said of a hold: it is planned under the limits again, and where they hold it somebody is asked."""
    from syncd.plan.rulings import HoldRuling

    return _say(invocation(context), HoldRuling.REOPEN, hold, (as_, reason), output=output)


def _say(
    this: Invocation, ruling: HoldRuling, name: str, said: tuple[str | None, str | None], *, output: Output
) -> int:
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.reconcile.approving import give_word, hold_word
    from syncd.render.holds import hold_record_json
    from syncd.store.processes import os_user

    who = checked(said[0], "--as", is_caller, rule=NAME_RULE)
    why = checked(said[1], "--reason", is_reason, rule=REASON_RULE)
    settings = this.settings()
    expires = settings.daemon.hold_expires
    with this.store(settings) as store:
        _found(store, name)
        word = hold_word(ruling, by=os_user(), approver=who, reason=why, origin="command", at=utc_now())
        found = give_word(store.inbox, name, word, needs=1, expires=expires)
    if output is Output.JSON:
        show_json(hold_record_json(found, expires=expires))
    else:
        show_text(f"{found.name} on {found.deployment}: {_THEN[ruling.value]}")
    return EXIT_DONE


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
