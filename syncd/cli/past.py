"""Who had what at a moment in the past: as far as there is a history of it, which is what syncd gave and took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from syncd.cli.audit import _held_lines as holding_lines
from syncd.cli.audit import moment
from syncd.cli.invocation import Invocation, chosen
from syncd.cli.output import AuditOutput, show, show_error
from syncd.render.lines import Line, Style, counted

if TYPE_CHECKING:
    from syncd.ports import Holding
    from syncd.store import Stores

_PAGE = 1000
NEVER = datetime.max.replace(tzinfo=UTC)
NO_DAGS = (
    "what roles allowed on DAGs in the past is not kept, only who held which role: leave out --dag, and ask for a role "
    "(who --role ROLE --at) or for a person (explain USER --at)"
)
NO_FILE = "a file of `syncd snapshot export` has no history; leave out --snapshot, where the database is"


def who_had(
    this: Invocation,
    at: str,
    *,
    role: str | None = None,
    user: str | None = None,
    dag: str | None = None,
    deployments: Sequence[str] = (),
    snapshot: Path | None = None,
    output: AuditOutput = AuditOutput.TEXT,
) -> int:
    """Show who held a role, or what somebody held, at a moment: what syncd gave or adopted."""
    from syncd.app import utc_now
    from syncd.cli.rows import write_rows
    from syncd.errors import EXIT_DONE, EXIT_INVALID
    from syncd.ports import Holding
    from syncd.render.json import plain

    if dag is not None or snapshot is not None:
        raise typer.BadParameter(NO_DAGS if dag is not None else NO_FILE, param_hint="--at")
    when = moment(at, "--at", now=utc_now())
    assert when is not None
    settings = this.settings()
    only = chosen(settings, deployments)
    with this.store(settings) as store:
        if when < (begins := first_change(store)) or begins > utc_now():
            show_error(f"nothing is known of {told(when)}: {begins_text(begins)}")
            return EXIT_INVALID
        found = [row for row in _held(store, when, role=role, user=user) if row.deployment in only]
    if output is AuditOutput.TEXT:
        show(_lines(found, when))
    else:
        write_rows(map(plain, found), output=output, head=[field.name for field in fields(Holding)])
    return EXIT_DONE


def first_change(store: Stores) -> datetime:
    """Tell since when there is a history: the first change that was made, or the first role that was found there already and
    adopted; later than ever, where there is none."""
    rows = store.queries.audit(after=0, limit=1)
    found = store.queries.history(after=0, limit=1)
    return min([*(row.intent_at or row.at for row in rows), *(row.since for row in found)], default=NEVER)


def begins_text(begins: datetime) -> str:
    """Say since when there is a history."""
    if begins == NEVER:
        return "the journal has no change yet, and so no history"
    return f"the journal begins at {told(begins)}; ask for a later moment"


def _held(store: Stores, when: datetime, *, role: str | None, user: str | None) -> Iterator[Holding]:
    """Give what was held then, page by page."""
    after = 0
    while True:
        until = when + timedelta(microseconds=1)
        page = store.queries.history(role=role, user=user, since=when, until=until, after=after, limit=_PAGE)
        yield from (row for row in page if row.since <= when and (row.until is None or row.until > when))
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _lines(found: Sequence[Holding], when: datetime) -> Iterable[Line]:
    yield Line(f"at {told(when)}: {counted(len(found), 'role was', 'roles were')} held that syncd gave", Style.TITLE)
    for row in found:
        yield from holding_lines(row)
    yield Line("of what other hands gave there is no history", Style.QUIET)


def told(when: datetime) -> str:
    """Say a moment, for people."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
