"""`syncd resume`: end a pause before its time."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.callers import NAME_RULE, REASON_RULE, acting, is_caller, is_reason
from syncd.cli.invocation import invocation

if TYPE_CHECKING:
    from syncd.model import Pause


def resume(
    context: typer.Context,
    pause: Annotated[
        list[int] | None, typer.Argument(metavar="PAUSE", help="The number of a pause, as `syncd pauses` shows it.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every pause that stands.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="For the journal: why.")] = None,
    as_: Annotated[str | None, typer.Option("--as", metavar="NAME", help="For the journal: who, if not you.")] = None,
) -> int:
    """End pauses before their time; a running daemon then looks at everything they were about."""
    from syncd.cli.output import show_text
    from syncd.errors import EXIT_DONE
    from syncd.render.lines import safe
    from syncd.store.processes import os_user

    if reason is not None and not is_reason(reason):
        raise typer.BadParameter(f"write {REASON_RULE}", param_hint="--reason")
    if as_ is not None and not is_caller(as_):
        raise typer.BadParameter(f"write {NAME_RULE}", param_hint="--as")
    if all_ == bool(pause):
        raise typer.BadParameter("say which: the numbers of pauses, or --all", param_hint="PAUSE")
    this = invocation(context)
    with this.database() as (_settings, store):
        ids = _meant(pause or (), store.pauses.standing(), all_=all_)
        ended = [store.pauses.resume(id_, by=acting(os_user(), said=as_ or ""), reason=reason or "") for id_ in ids]
        alive = bool(store.presence.living())
    then = "a running daemon does what waited" if alive else "no daemon runs: what waited is done by the next apply"
    for one in filter(None, ended):
        show_text(f"ended: {safe(str(one))}")
    show_text(then if any(ended) else "nothing is paused")
    return EXIT_DONE


def _meant(asked: Collection[int], standing: Collection[Pause], *, all_: bool) -> list[int]:
    known = [one.id for one in standing]
    if unknown := [id_ for id_ in asked if id_ not in known]:
        there = f"there are {', '.join(map(str, known))}" if known else "nothing is paused"
        raise typer.BadParameter(f"no pause {unknown[0]} stands; {there}", param_hint="PAUSE")
    return known if all_ else list(dict.fromkeys(asked))
