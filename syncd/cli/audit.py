"""`syncd audit`: what was done, when, by whom and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from syncd.cli.audit_export import export
from syncd.cli.audit_keygen import keygen
from syncd.cli.audit_prune import prune
from syncd.cli.audit_verify import verify
from syncd.cli.complete import COMPLETE_PERSON, COMPLETE_ROLE
from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Deployment
from syncd.cli.output import AuditOutput, show, show_error
from syncd.render.lines import Line, Style, safe
from syncd.text.moment import read_moment

if TYPE_CHECKING:
    from syncd.ports import AuditRow, Holding

NOTHING = "the journal has nothing of this kind"
NOBODY = "nobody held anything of this kind that syncd gave or adopted"
TEXT_LIMIT = 100
PAGE = 1000
NESTED = frozenset({"why", "on_dags", "account"})
"""What of a change is no word or list of words, so that no cell of a table can have it."""
MOST = 10**15
"""No journal has so many rows, and no database can be asked for more than some thousand times this."""
_Read = Callable[..., Sequence[Any]]
_STATUSES = ("applied", "failed", "unknown", "held", "skipped", "pending", "intent", "planned")
_STYLES = {"applied": Style.PLAIN, "failed": Style.FAIL, "unknown": Style.FAIL, "intent": Style.FAIL}


_User = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="USER", help="Only changes of this account.", autocompletion=COMPLETE_PERSON),
]
_Role = Annotated[
    str | None,
    typer.Option("--role", "-r", metavar="ROLE", help="Only changes about this role.", autocompletion=COMPLETE_ROLE),
]
_Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="From then on: 2026-03-31, 2026-03-31T09:30 (UTC), or 12h, 7d ago."),
]
_Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Before then; the same forms.")]
_Status = Annotated[str | None, typer.Option(metavar="STATUS", help=f"One of {', '.join(_STATUSES)}.")]
_Holders = Annotated[
    bool,
    typer.Option("--holders", help="Show who held which role between --since and --until, and why, not the changes."),
]
_OldHolders = Annotated[bool, typer.Option("--held", hidden=True, help="The old name of --holders.")]
OLD_HOLDERS = "note: --held is called --holders now; what a limit holds back is shown by --status held"
_Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help=f"At most so many: the newest, or with --after the next; as text {TEXT_LIMIT}, else all.",
    ),
]
_After = Annotated[int | None, typer.Option(metavar="ID", min=0, help="Only what has a higher id, by id; not as text.")]
_Format = Annotated[AuditOutput, typer.Option("--output", "-o", help="Who is to read it.")]


group = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    short_help="Show the journal: each change that was meant, made, held or refused; prove and export it.",
)


@group.callback()
def audit(
    context: typer.Context,
    deployment: Deployment = None,
    user: _User = None,
    role: _Role = None,
    since: _Since = None,
    until: _Until = None,
    status: _Status = None,
    holders: _Holders = False,
    held: _OldHolders = False,
    limit: _Limit = None,
    after: _After = None,
    output: _Format = AuditOutput.TEXT,
) -> int:
    """Show the journal: each change that was meant, made, held or refused, the newest last; by id where all is shown."""
    if context.invoked_subcommand is not None:
        return 0
    from syncd.app import utc_now
    from syncd.cli.rows import write_rows
    from syncd.ports import Holding
    from syncd.render.json import journal_json, plain

    now = utc_now()
    if status is not None and status not in _STATUSES:
        raise typer.BadParameter(f"it is one of {', '.join(_STATUSES)}", param_hint="--status")
    if after is not None and output is AuditOutput.TEXT:
        raise typer.BadParameter("people are shown the newest; add -o jsonl", param_hint="--after")
    if status is not None and (holders or held):
        raise typer.BadParameter("what somebody holds has no status; leave one of the two out", param_hint="--status")
    this = invocation(context)
    holders = holders or _by_old_name(held, this)
    chosen: _Chosen = {
        "deployment": deployment,
        "user": user,
        "role": role,
        "since": moment(since, "--since", now=now),
        "until": moment(until, "--until", now=now),
    }
    with this.store(this.settings()) as store:
        limit, after = (number if number is None else min(number, MOST) for number in (limit, after))
        read = store.queries.history if holders else partial(store.queries.audit, status=status)
        if output is AuditOutput.TEXT:
            show(list(_text(read, chosen, limit=limit or TEXT_LIMIT, holders=holders)))
        else:
            rows = _rows(read, chosen, limit=limit, after=after)
            head = [field.name for field in fields(Holding)] if holders else ()
            write_rows(map(plain if holders else journal_json, rows), output=output, nested=NESTED, head=head)
    return 0


group.command(short_help="Prove that nothing in the journal was edited, removed, inserted or moved.")(verify)
group.command(short_help="Take old records out of the chain, into a file, so that what is left is proven as before.")(
    prune
)
group.command(short_help="Make a key to sign checkpoints with.")(keygen)
group.command(short_help="Write the journal's records, one line each, to be kept and verified elsewhere.")(export)


def _by_old_name(held: bool, this: Invocation) -> bool:
    if held and not this.quiet:
        show_error(OLD_HOLDERS)
    return held


class _Chosen(TypedDict):
    """What is asked of the journal, whichever way it is shown."""

    deployment: str | None
    user: str | None
    role: str | None
    since: datetime | None
    until: datetime | None


def _text(read: _Read, chosen: _Chosen, *, limit: int, holders: bool) -> Iterator[Line]:
    """Show the newest rows to people, the newest last."""
    found = read(**chosen, limit=limit + 1)
    if not found:
        yield Line(NOBODY if holders else NOTHING, Style.QUIET)
    if len(found) > limit:
        yield Line("there is more, and older; see --limit and --until", Style.QUIET)
    for row in found[:limit][::-1]:
        yield from _held_lines(row) if holders else _row_lines(row)


def _rows(read: _Read, chosen: _Chosen, *, limit: int | None, after: int | None) -> Iterator[Any]:
    """Give all rows, page by page, or the newest (after an id: the next) so many; that these are not all is said."""
    if limit is None:
        yield from _pages(read, chosen, after=after or 0)
        return
    found = read(**chosen, limit=limit + 1, after=after)
    yield from found[:limit] if after is not None else found[:limit][::-1]
    if len(found) > limit:
        show_error(f"these are {limit:,} rows and there are more; leave out --limit for all")


def _pages(read: _Read, chosen: _Chosen, *, after: int) -> Iterator[Any]:
    """Read on until a page is not full."""
    while True:
        page = read(**chosen, limit=PAGE, after=after)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def moment(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """Read the point in time that an option names, if it is given."""
    try:
        return None if text is None else read_moment(text, now=now)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time; {error}", param_hint=option) from None


def _approved(row: AuditRow | Holding) -> str:
    reason = f": {safe(row.approved_reason)}" if row.approved_reason else ""
    return f", approved by {safe(row.approved_by)}{reason}" if row.approved_by else ""


def _row_lines(row: AuditRow) -> list[Line]:
    from syncd.render.change import change_text, reasons_text
    from syncd.render.view import ChangeView

    view = ChangeView.of(row.change)
    head = f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}  {safe(row.deployment)}  {row.status}  {change_text(view)}"
    why = f"because {reasons_text(view)}; " if view.why else ""
    by = f"run {row.run} ({safe(row.command)} by {safe(row.by)})"
    by += _approved(row)
    lines = [Line(head, _STYLES.get(row.status, Style.WARN)), Line(f"    {why}{by}", Style.QUIET)]
    return lines + ([Line(f"    {safe(row.detail)}", Style.QUIET)] if row.detail else [])


# --- who held what ----------------------------------------------------------------------------------------------------


def _held_lines(row: Holding) -> list[Line]:
    until = f"{row.until.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if row.until else "now"
    since = f"{row.since.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    head = f"{safe(row.deployment)}  {safe(row.username)}  {safe(row.role)}  from {since} to {until}"
    given = "; ".join(safe(why) for why in row.because)
    by = f"; run {row.run} by {safe(row.by or '?')}" if row.run else ""
    by += _approved(row)
    why = f"because {given}{by}" if row.change else "it was there before, and a mapping line gave it too: adopted"
    doubt = [] if row.proven else [Line("    nobody knows yet whether that was done", Style.WARN)]
    return [Line(head), Line(f"    {why}", Style.QUIET), *doubt]
