"""`syncd rollout`: how far a change of the mapping is, and what a person says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.callers import NAME_RULE, REASON_RULE, acting, is_caller, is_reason
from syncd.cli.invocation import Invocation, chosen, invocation
from syncd.cli.options import Deployments, Format
from syncd.cli.output import Output, show, show_json, show_text

if TYPE_CHECKING:
    from syncd.daemon.loaded import LoadedFiles
    from syncd.model import RolloutVerb
    from syncd.plan.waves import InWave, WaveStanding
    from syncd.store import Stores

group = typer.Typer(rich_markup_mode=None, invoke_without_command=True)

NO_WAVES = "there are no waves: without the table [rollout] every deployment gets a change of the mapping at once"
_Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is in the journal.")]
_As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="For the journal: who, if not you.")]


@group.callback()
def rollout(context: typer.Context, output: Format = Output.TEXT) -> int:
    """Show how far a change of the mapping is: which deployment has it, soaks, halts it, or waits for what.

    The exit code is 0 where all have it, 2 where it is under way, and 4 where it is halted.
    """
    from syncd.errors import EXIT_CHANGES, EXIT_DONE, EXIT_HELD
    from syncd.render.rollout import rollout_json, rollout_lines

    if context.invoked_subcommand is not None:
        return EXIT_DONE
    this = invocation(context)
    standing = _standing(this)
    if standing is None:
        show_json({"rollout": None}) if output is Output.JSON else show_text(NO_WAVES)
        return EXIT_DONE
    if output is Output.JSON:
        show_json({"rollout": rollout_json(standing)})
    else:
        show(rollout_lines(standing, program=this.program))
    if standing.halted:
        return EXIT_HELD
    return EXIT_DONE if standing.is_over else EXIT_CHANGES


@group.command(short_help="Go on although deployments halt the rollout: nobody waits for them any more.")
def resume(context: typer.Context, deployment: Deployments = None, reason: _Reason = None, as_: _As = None) -> int:
    """Go on with this change although deployments halt it: nobody waits for them any more, in whatever state they are."""
    from syncd.model import RolloutVerb

    def halts(standing: WaveStanding) -> Iterable[InWave]:
        return standing.halted

    return _say(context, RolloutVerb.RESUME, deployment or (), (reason, as_), meant=halts, nothing="halts the rollout")


@group.command(short_help="Let deployments that wait have the change now, whatever stands before them.")
def skip(context: typer.Context, deployment: Deployments = None, reason: _Reason = None, as_: _As = None) -> int:
    """Let deployments that wait for earlier waves (default: all that do) have this change with their next pass."""
    from syncd.model import RolloutVerb

    def waits(standing: WaveStanding) -> Iterable[InWave]:
        return standing.waiting

    return _say(context, RolloutVerb.SKIP, deployment or (), (reason, as_), meant=waits, nothing="waits for a wave")


def under_way(files: LoadedFiles, store: Stores) -> Mapping[str, str]:
    """Say of each deployment that does not have a change of the mapping for good how it stands."""
    from syncd import app
    from syncd.plan.waves import WaveState
    from syncd.render.rollout import where

    revisions = app.revisions_of(files.settings, store, files.rules, files.mappings, recall=False)
    if revisions is None:
        return {}
    standing = revisions.standing(store.rollouts.record())
    return {name: where(standing, one) for name, one in standing.of.items() if one.state is not WaveState.DONE}


def _standing(this: Invocation) -> WaveStanding | None:
    from syncd import app

    with this.in_use() as (files, store):
        revisions = app.revisions_of(files.settings, store, files.rules, files.mappings, recall=False)
        return revisions.standing(store.rollouts.record()) if revisions else None


def _say(
    context: typer.Context,
    verb: RolloutVerb,
    names: Sequence[str],
    said: tuple[str | None, str | None],
    *,
    meant: Callable[[WaveStanding], Iterable[InWave]],
    nothing: str,
) -> int:
    """Write down what a person says of those that are meant."""
    from syncd.errors import EXIT_DONE
    from syncd.store.processes import os_user

    reason, as_ = said
    if not reason or not is_reason(reason):
        raise typer.BadParameter(f"say why: {REASON_RULE}", param_hint="--reason")
    if as_ is not None and not is_caller(as_):
        raise typer.BadParameter(f"write {NAME_RULE}", param_hint="--as")
    this = invocation(context)
    standing = _standing(this)
    if standing is None:
        raise typer.BadParameter(NO_WAVES, param_hint="rollout")
    with this.database() as (settings, store):
        chosen(settings, names)
        there = [one.deployment for one in meant(standing)]
        if other := [name for name in names if name not in there]:
            raise typer.BadParameter(f"{other[0]} is none that {nothing}", param_hint="--deployment")
        those = list(names) or there
        if those:
            by = acting(os_user(), said=as_ or "")
            store.rollouts.say(verb, standing.revision, those, by=by, reason=reason)
        alive = bool(store.presence.living())
    _tell(verb, those, alive=alive, nothing=nothing)
    return EXIT_DONE


def _tell(verb: RolloutVerb, names: Sequence[str], *, alive: bool, nothing: str) -> None:
    if not names:
        show_text(f"no deployment {nothing}")
        return
    then = "a running daemon does so in a moment" if alive else "no daemon runs: the next apply does so"
    done = "nobody waits any more for" if verb.value == "resume" else "the change is let through to"
    show_text(f"{done} {', '.join(names)}\n{then}")
