"""`syncd pauses`: what is paused now, or was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output, show, show_json
from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from syncd.model import Pause


def pauses(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Those too that are over, the newest hundred.")] = False,
    output: Format = Output.TEXT,
) -> int:
    """Show what is paused, until when, by whom and why."""
    from syncd.errors import EXIT_DONE
    from syncd.render.json import pause_json

    this = invocation(context)
    with this.database() as (_settings, store):
        found = store.pauses.every()[::-1] if all_ else store.pauses.standing()
    if output is Output.JSON:
        show_json({"pauses": [pause_json(pause) for pause in found]})
    elif all_:
        show(_history(found))
    else:
        show(pause_lines(found, program=this.program) if found else [Line("nothing is paused", Style.QUIET)])
    return EXIT_DONE


def pause_lines(found: Sequence[Pause], *, program: str) -> Iterator[Line]:
    """Show the pauses that stand, each with the command that ends it."""
    if found:
        yield Line("paused", Style.HEADING)
    for pause in found:
        command = f"{program} resume {pause.id}"
        yield Line(f"  {safe(str(pause))}", Style.WARN)
        yield Line(f"    since {_time(pause.since)}; to end it: {command}", Style.QUIET, whole=command)


def _history(found: Iterable[Pause]) -> Iterator[Line]:
    now, none = datetime.now(UTC), True
    for pause in found:
        none = False
        yield Line(
            f"{pause.id}  {_time(pause.since)}  {safe(str(pause))}",
            Style.WARN if pause.is_standing(now) else Style.PLAIN,
        )
        if pause.ended_at is not None:
            why = f": {safe(pause.ended_reason)}" if pause.ended_reason else ""
            yield Line(f"    ended {_time(pause.ended_at)} by {safe(pause.ended_by)}{why}", Style.QUIET)
    if none:
        yield Line("nothing was ever paused", Style.QUIET)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
