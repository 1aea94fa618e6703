"""`syncd audit`: what was done, when, by whom and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from syncd.cli.invocation import invocation
from syncd.cli.options import Deployment, Format
from syncd.cli.output import Output, show, show_json
from syncd.render.change import change_text, reasons_text
from syncd.render.json import journal_json, plain
from syncd.render.lines import Line, Style, safe
from syncd.render.view import ChangeView

if TYPE_CHECKING:
    from syncd.ports import AuditRow, Holding

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_STATUSES = ("applied", "failed", "unknown", "held", "skipped", "pending", "intent", "planned")
_STYLES = {"applied": Style.PLAIN, "failed": Style.FAIL, "unknown": Style.FAIL, "intent": Style.FAIL}


_User = Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Only changes of this account.")]
_Role = Annotated[str | None, typer.Option("--role", "-r", metavar="ROLE", help="Only changes about this role.")]
_Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="From then on: 2026-03-31, 2026-03-31T09:30 (UTC), or 12h, 7d ago."),
]
_Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Before then; the same forms.")]
_Status = Annotated[str | None, typer.Option(metavar="STATUS", help=f"One of {', '.join(_STATUSES)}.")]
_Held = Annotated[
    bool, typer.Option("--held", help="Show who held which role between --since and --until, and why, not the changes.")
]
_Limit = Annotated[int, typer.Option(metavar="N", min=1, help="At most so many, the newest.")]


def audit(
    context: typer.Context,
    deployment: Deployment = None,
    user: _User = None,
    role: _Role = None,
    since: _Since = None,
    until: _Until = None,
    status: _Status = None,
    held: _Held = False,
    limit: _Limit = 100,
    output: Format = Output.TEXT,
) -> int:
    """Show the journal: each change that was meant, made, held or refused, the newest last."""
    from syncd.app import utc_now

    now = utc_now()
    if status is not None and status not in _STATUSES:
        raise typer.BadParameter(f"it is one of {', '.join(_STATUSES)}", param_hint="--status")
    this = invocation(context)
    chosen: _Chosen = {
        "deployment": deployment,
        "user": user,
        "role": role,
        "since": moment(since, "--since", now=now),
        "until": moment(until, "--until", now=now),
        "limit": limit + 1,
    }
    with this.store(this.settings()) as store:
        if held:
            _show_held(store.queries.history(**chosen), limit=limit, output=output)
        else:
            _show_changes(store.queries.audit(**chosen, status=status), limit=limit, output=output)
    return 0


class _Chosen(TypedDict):
    """What is asked of the journal, whichever way it is shown."""

    deployment: str | None
    user: str | None
    role: str | None
    since: datetime | None
    until: datetime | None
    limit: int


def _show_changes(found: Sequence[AuditRow], *, limit: int, output: Output) -> None:
    rows = found[:limit][::-1]
    if output is Output.JSON:
        show_json([journal_json(row) for row in rows])
    else:
        show(_lines(rows, more=len(found) > limit))


def moment(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """Read a point in time: a date or a time of ISO 8601 (UTC unless it says otherwise), or a span before now."""
    if text is None:
        return None
    if span := re.fullmatch(r"(\d{1,4})([mhdw])", text):
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-03-31, 2026-03-31T09:30, or 12h, 7d ago", param_hint=option
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _lines(rows: Sequence[AuditRow], *, more: bool) -> list[Line]:
    if not rows:
        return [Line("the journal has nothing of this kind", Style.QUIET)]
    lines = [Line("there is more, and older; see --limit and --until", Style.QUIET)] if more else []
    return lines + [line for row in rows for line in _row_lines(row)]


def _row_lines(row: AuditRow) -> list[Line]:
    view = ChangeView.of(row.change)
    head = f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}  {safe(row.deployment)}  {row.status}  {change_text(view)}"
    why = f"because {reasons_text(view)}; " if view.why else ""
    by = f"run {row.run} ({safe(row.command)} by {safe(row.by)})"
    by += f", approved by {safe(row.approved_by)}" if row.approved_by else ""
    lines = [Line(head, _STYLES.get(row.status, Style.WARN)), Line(f"    {why}{by}", Style.QUIET)]
    return lines + ([Line(f"    {safe(row.detail)}", Style.QUIET)] if row.detail else [])


# --- who held what ----------------------------------------------------------------------------------------------------


def _show_held(found: Sequence[Holding], *, limit: int, output: Output) -> None:
    rows = found[:limit][::-1]
    if output is Output.JSON:
        show_json([plain(row) for row in rows])
        return
    if not rows:
        show([Line("nobody held anything of this kind that syncd gave or adopted", Style.QUIET)])
        return
    more = [Line("there is more, and older; see --limit and --until", Style.QUIET)] if len(found) > limit else []
    show(more + [line for row in rows for line in _held_lines(row)])


def _held_lines(row: Holding) -> list[Line]:
    until = f"{row.until.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if row.until else "now"
    since = f"{row.since.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    head = f"{safe(row.deployment)}  {safe(row.username)}  {safe(row.role)}  from {since} to {until}"
    given = "; ".join(safe(why) for why in row.because)
    by = f"; run {row.run} by {safe(row.by or '?')}" if row.run else ""
    by += f", approved by {safe(row.approved_by)}" if row.approved_by else ""
    why = f"because {given}{by}" if row.change else "it was there before, and a mapping line gave it too: adopted"
    doubt = [] if row.proven else [Line("    nobody knows yet whether that was done", Style.WARN)]
    return [Line(head), Line(f"    {why}", Style.QUIET), *doubt]
