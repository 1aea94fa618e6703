"""`syncd pause`: change nothing, or take nothing, on the fleet or a part of it, for a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.callers import NAME_RULE, REASON_RULE, acting, is_caller, is_reason
from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import invocation
from syncd.cli.output import show
from syncd.cli.pauses import pause_lines

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.model import Paused

Fleet = Annotated[bool, typer.Option("--fleet", help="All deployments, those too that are added later.")]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="KEY=VALUE", help="All deployments with this label; may be given several times."),
]
Named = Annotated[
    list[str] | None,
    typer.Option(
        "--deployment",
        "-d",
        metavar="NAME",
        help="This deployment; may be given several times.",
        autocompletion=COMPLETE_DEPLOYMENT,
    ),
]


def pause(
    context: typer.Context,
    fleet: Fleet = False,
    label: Labels = None,
    deployment: Named = None,
    removals_only: Annotated[
        bool, typer.Option("--removals-only", help="Go on giving; only take nothing from anybody.")
    ] = False,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Its end: 2026-03-31T09:30 (UTC).")
    ] = None,
    for_: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="Its end from now: 90m, 2h, 3d.")] = None,
    until_resumed: Annotated[
        bool, typer.Option("--until-resumed", help="Without an end, where the configuration allows it.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is shown everywhere.")] = None,
    as_: Annotated[str | None, typer.Option("--as", metavar="NAME", help="For the journal: who, if not you.")] = None,
) -> int:
    """Change nothing, or take nothing, until a moment: every process stops before its next call.

    Who leaves meanwhile keeps their access until then; an alarm says how many people that are.
    """
    from syncd import app
    from syncd.errors import EXIT_DONE
    from syncd.store.processes import os_user

    if not reason or not is_reason(reason):
        raise typer.BadParameter(f"say why: {REASON_RULE}", param_hint="--reason")
    if as_ is not None and not is_caller(as_):
        raise typer.BadParameter(f"write {NAME_RULE}", param_hint="--as")
    this = invocation(context)
    with this.database() as (settings, store):
        ends = end_of(settings, until=until, span=for_, until_resumed=until_resumed, now=app.utc_now())
        wanted = scopes(settings, fleet=fleet, labels=label or (), names=deployment or (), removals_only=removals_only)
        by = acting(os_user(), said=as_ or "")
        begun = [store.pauses.pause(of, until=ends, reason=reason, by=by) for of in wanted]
    show(pause_lines(begun, program=this.program))
    return EXIT_DONE


def end_of(
    settings: Settings, *, until: str | None, span: str | None, until_resumed: bool, now: datetime
) -> datetime | None:
    """Read the end of a pause; None: it has none, which the configuration has to allow.

    Raises:
        BadParameter: none or several are given, or it is further away than the configuration allows.
    """
    from syncd.text.moment import read_end

    if sum((until is not None, span is not None, until_resumed)) != 1:
        raise typer.BadParameter(
            "say when it ends, in one way: --until, --for or --until-resumed", param_hint="--until"
        )
    if until_resumed:
        if not settings.pause.open_ended:
            raise typer.BadParameter(
                "a pause needs an end here: give --until or --for, or allow it with [pause] open_ended = true",
                param_hint="--until-resumed",
            )
        return None
    text, option = (until, "--until") if until is not None else (span, "--for")
    try:
        found = read_end(text or "", now=now)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}", param_hint=option) from None
    if found - now > settings.pause.longest:
        most = f"{settings.pause.longest.total_seconds() / 86400:g}d"
        raise typer.BadParameter(f"a pause lasts at most {most} here ([pause] longest)", param_hint=option)
    return found


def scopes(
    settings: Settings, *, fleet: bool, labels: Sequence[str], names: Sequence[str], removals_only: bool = False
) -> list[Paused]:
    """Read what is meant: the fleet, or labels and deployments, of which there has to be one at least.

    Raises:
        BadParameter: nothing is meant, or no deployment has such a label.
        ConfigInvalid: there is no deployment of such a name.
    """
    from syncd.cli.invocation import chosen
    from syncd.model import Paused
    from syncd.model.labels import NAME

    if fleet == bool(labels or names):
        raise typer.BadParameter("say what: --fleet, or --label and --deployment", param_hint="--fleet")
    if fleet:
        return [Paused(removals_only=removals_only)]
    if names:
        chosen(settings, names)
    pairs = [*_pairs(settings, labels), *((NAME, name) for name in names)]
    return [Paused(label, value, removals_only) for label, value in dict.fromkeys(pairs)]


def _pairs(settings: Settings, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    known = [each.deployment.labels for each in settings.deployments]
    for text in labels:
        label, _, value = text.partition("=")
        if not label or not value:
            raise typer.BadParameter(f"{text!r}: write KEY=VALUE, such as env=prod", param_hint="--label")
        if not any(of.get(label) == value for of in known):
            there = sorted({f"{label}={of[label]}" for of in known if label in of}) or sorted(set().union(*known))
            raise typer.BadParameter(
                f"no deployment has the label {text}; there are {', '.join(there[:10])}", param_hint="--label"
            )
        yield label, value
