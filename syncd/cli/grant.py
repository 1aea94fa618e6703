"""`syncd grant`: give a person a role for a time, within what the configuration allows; list, let pass and end such grants."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.callers import REASON_RULE, caller, is_reason, login_user, sudo_user
from syncd.cli.complete import COMPLETE_DEPLOYMENT, COMPLETE_PERSON, COMPLETE_ROLE
from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import LARGEST_NUMBER, Format
from syncd.cli.output import Output, show, show_json
from syncd.render.lines import Line, Style

if TYPE_CHECKING:
    from syncd.access.granting import GrantGround
    from syncd.model import GrantWord, TimedGrant
    from syncd.store import Stores

GIVE = "give"
_Group: Any = typer.core.TyperGroup


class _GivesByItself(_Group):  # type: ignore[misc]
    """Takes `syncd grant USER ROLE` for `syncd grant give USER ROLE`."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        known = (*self.list_commands(context), "--help")
        parsed: list[str] = super().parse_args(context, args if not args or args[0] in known else [GIVE, *args])
        return parsed


group = typer.Typer(cls=_GivesByItself, rich_markup_mode=None, no_args_is_help=True)


@group.callback()
def grant() -> None:
    """Give a person a role for a time.

    `syncd grant USER ROLE --on DEPLOYMENT --for 2h --reason TEXT`. What may be given, by whom and for how long the configuration
    says (`[[grants.allow]]`). It ends by itself."""


_Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, max=LARGEST_NUMBER, help="The number of the grant.")]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the journal: why.")]


@group.command(GIVE, short_help="Give a role for a time; `give` may be left out.")
def give(
    context: typer.Context,
    user: Annotated[
        str,
        typer.Argument(
            metavar="USER", autocompletion=COMPLETE_PERSON, help="Login, e-mail or id at a source, or SOURCE:ID."
        ),
    ],
    role: Annotated[
        str,
        typer.Argument(metavar="ROLE", autocompletion=COMPLETE_ROLE, help="A role of the mapping, or Airflow's own."),
    ],
    on: Annotated[str, typer.Option("--on", metavar="DEPLOYMENT", autocompletion=COMPLETE_DEPLOYMENT, help="Where.")],
    for_: Annotated[str, typer.Option("--for", metavar="SPAN", help="For how long: 30m, 2h, 1d.")],
    reason: _Reason,
    ticket: Annotated[str, typer.Option("--ticket", metavar="TEXT", help="Where it was asked for.")] = "",
    output: Format = Output.TEXT,
) -> int:
    """Give a person a role on a deployment for a time, as `[[grants.allow]]` allows. A running daemon does it within seconds,
    and takes the role back at the end; without one the next `syncd apply` does either."""
    from syncd.access.granting import GrantWish, requested

    this = invocation(context)
    wish = GrantWish(
        user, role, on, _span(for_), _line(reason, "--reason"), _line(ticket, "--ticket") if ticket else ""
    )
    with _ground(this, on) as (ground, store):
        made = store.grants.ask(requested(wish, ground, asked=grant_word()))
        return _told(made, store, this=this, output=output)


@group.command("list", short_help="List grants, the newest first.")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")] = 100,
    output: Format = Output.TEXT,
) -> int:
    """List the grants that are active or wait for somebody's word, the newest first."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.model import GrantState
    from syncd.render.grants import grant_json, grants_table

    this, now = invocation(context), utc_now()
    with this.in_use() as (_, store):
        there = store.grants.newest(limit) if every else tuple(reversed(store.grants.open()))[:limit]
    found = [one for one in there if every or one.state(now) is not GrantState.OVER]
    if output is Output.JSON:
        show_json({"grants": [grant_json(one, now) for one in found]})
    else:
        show([grants_table(found, now)] if found else [Line("no grant is active, and none waits", Style.QUIET)])
    return EXIT_DONE


@group.command("show", short_help="Show one grant: who asked, let it pass, ended it, and why.")
def show_(context: typer.Context, number: _Number, output: Format = Output.TEXT) -> int:
    """Show one grant: what it gives, how it stands, and who said what when."""
    this = invocation(context)
    with this.in_use() as (_, store):
        return _shown(_known(store, number), this=this, output=output)


@group.command("approve", short_help="Let a grant pass that waits for another person's word.")
def approve(context: typer.Context, number: _Number, output: Format = Output.TEXT) -> int:
    """Let a grant pass that waits: it lasts from now. It has to be another person than the one who asked for it."""
    from syncd.access.granting import GrantRefused, check_approval

    this, word = invocation(context), grant_word()
    with this.in_use() as (_, store):
        deployment = _known(store, number).request.deployment
    with _ground(this, deployment) as (ground, store):
        check_approval(_known(store, number), ground, word)
        given = store.grants.give(number, word)
        if given is None:
            raise GrantRefused(f"grant {number} does not wait any more; syncd grant show {number}")
        return _told(given, store, this=this, output=output)


@group.command("revoke", short_help="End a grant now.")
def revoke(context: typer.Context, number: _Number, reason: _Reason, output: Format = Output.TEXT) -> int:
    """End a grant for good, or refuse one that waits. Its role goes as it does at its end."""
    from syncd.access.granting import GrantRefused, may_end

    this, word, why = invocation(context), grant_word(), _line(reason, "--reason")
    with this.in_use() as (files, store):
        found = _known(store, number)
        if os.getuid() != 0 and not may_end(found, files.settings.grants, word):
            raise GrantRefused(f"{word.by} may not end grant {number}: it is for who asked for it, or could have")
        ended = store.grants.end(number, word, why)
        if ended is None:
            raise GrantRefused(f"grant {number} is over already; syncd grant show {number}")
        return _told(ended, store, this=this, output=output)


# --- what they have in common -----------------------------------------------------------------------------------------


@contextmanager
def _ground(this: Invocation, deployment: str) -> Iterator[tuple[GrantGround, Stores]]:
    """Gather what a wish is judged by, as the sources said it and the deployment was seen last."""
    from syncd.access.granting import GrantGround, GrantPlace
    from syncd.cli.invocation import chosen
    from syncd.cli.known import answered_from, kept_in_store

    with this.in_use() as (files, store):
        chosen(files.settings, [deployment])
        kept = kept_in_store(files.settings, store, only=[deployment])
        of = answered_from(files.settings, files.rules, kept, deployments=[deployment])
        places = {each.name: GrantPlace(each.deployment, each.enforce, each.dags(of.now)) for each in of.deployments}
        yield GrantGround(files.settings.grants, files.rules, of.view, places, store.grants.open()), store


def _told(made: TimedGrant, store: Stores, *, this: Invocation, output: Output) -> int:
    """Show a grant that somebody just said something of, and who carries it out."""
    from syncd.app import utc_now
    from syncd.model import GrantState

    code = _shown(made, this=this, output=output)
    if output is Output.TEXT and made.state(utc_now()) is not GrantState.WAITING:
        if store.presence.living():
            show([Line("  the daemon carries it out within seconds", Style.QUIET)])
        else:
            command = f"{this.program} apply -d {made.request.deployment}"
            what = "the role goes" if made.ended else "this is carried out, and ended in time,"
            text = f"  no daemon runs: {what} only when somebody runs: {command}"
            show([Line(text, Style.WARN, whole=command)])
    return code


def _shown(found: TimedGrant, *, this: Invocation, output: Output) -> int:
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.render.grants import grant_json, grant_lines

    if output is Output.JSON:
        show_json(grant_json(found, utc_now()))
    else:
        show(grant_lines(found, utc_now(), program=this.program))
    return EXIT_DONE


def _known(store: Stores, number: int) -> TimedGrant:
    from syncd.access.granting import GrantRefused

    found = store.grants.get(number)
    if found is None:
        raise GrantRefused(f"there is no grant {number}; syncd grant list --all")
    return found


def grant_word() -> GrantWord:
    """Say who speaks, from where, and when: as whom they logged in, where the kernel knows that; only root is believed else."""
    from syncd.app import utc_now
    from syncd.model import GrantWord

    said = login_user(os.getpid()) or (sudo_user(os.environ) if os.getuid() == 0 else "")
    return GrantWord(caller(os.getuid(), said), socket.gethostname(), utc_now())


def _span(text: str) -> timedelta:
    from syncd.fields import read_span

    try:
        return read_span(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None


def _line(text: str, option: str) -> str:
    if not is_reason(text):
        raise typer.BadParameter(f"write {REASON_RULE}", param_hint=option)
    return text
