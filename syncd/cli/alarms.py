"""`syncd alarms`: what a person should see to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.alarm_kinds import runbook
from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output, show, show_json
from syncd.render.lines import Line, Style, safe
from syncd.words import age

if TYPE_CHECKING:
    from syncd.ports import KeptAlarms


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands; `age` is for how long."""

    kind: str
    subject: str
    text: str
    since: datetime
    age: timedelta
    runbook: str

    def lines(self) -> Iterator[Line]:
        """Show it: what it is about and for how long, then what is wrong and what to do."""
        yield Line(f"  {safe(self.kind)}  {safe(self.subject)}  for {age(self.age)}", Style.FAIL)
        yield from (Line(f"    {safe(line)}", Style.WARN) for line in self.text.splitlines())
        yield Line(f"    what to do: {safe(self.runbook)}", Style.QUIET)

    def json(self) -> dict[str, Any]:
        words = {"kind": self.kind, "subject": self.subject, "since": self.since.isoformat(), "text": self.text}
        return {**words, "runbook": self.runbook}


def alarms(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="End with exit code 1 if any alarm stands.")] = False,
    output: Format = Output.TEXT,
) -> int:
    """Show what a person should see to, as the daemon found it; the oldest first."""
    from syncd.errors import EXIT_DONE, EXIT_FAILED

    this = invocation(context)
    with this.in_use() as (files, store):
        raised = alarms_of(store.presence, now=datetime.now(UTC), url=files.settings.notify.runbook_url)
        replicas = store.presence.living()
    if output is Output.JSON:
        show_json({"alarms": [alarm.json() for alarm in raised], "replicas": list(replicas)})
    else:
        show(_lines(raised, replicas=replicas))
    return EXIT_FAILED if check and raised else EXIT_DONE


def alarms_of(kept: KeptAlarms, *, now: datetime, url: str | None) -> tuple[Alarm, ...]:
    """Give the alarms that stand, the oldest first; `url` is that of the runbook."""
    rows = sorted(kept.alarms().items(), key=lambda item: (item[1].since, item[0]))
    return tuple(
        Alarm(kind, subject, row.text, row.since, now - row.since, runbook(kind, url))
        for (kind, subject), row in rows
        if row.cleared_at is None
    )


def alarm_lines(raised: Sequence[Alarm], *, replicas: Collection[str]) -> Iterator[Line]:
    """Show alarms; where no daemon lives, with a word on that: an alarm ends by nobody else."""
    if raised and not replicas:
        yield Line("  no daemon runs: they are as the last one left them, and end once one runs again", Style.WARN)
    for alarm in raised:
        yield from alarm.lines()


def _lines(raised: Sequence[Alarm], *, replicas: Collection[str]) -> Iterator[Line]:
    if not raised:
        yield Line("no alarm stands", Style.QUIET)
    yield from alarm_lines(raised, replicas=replicas)
