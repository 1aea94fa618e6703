"""`syncd alarms`: what a person should see to, who sees to it, and what is not told for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.alarm_kinds import alarm_id, runbook
from syncd.cli.alarms_said import ack, silence, unsilence
from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output, show, show_json
from syncd.render.lines import Line, Style, safe
from syncd.words import age

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.ports import Acknowledged, KeptAlarms, Silence

SHORT_ID = 8
"""So many characters of an id tell alarms apart."""

group = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    short_help="Show what a person should see to; acknowledge it, or silence it for a while.",
)
group.command(short_help="Say that somebody sees to an alarm: it is told no more until it is over.")(ack)
group.command(short_help="Tell no alarms of a kind, or not this one, for a while.")(silence)
group.command(short_help="End a silence now.")(unsilence)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands; `age` is for how long."""

    kind: str
    subject: str
    text: str
    since: datetime
    age: timedelta
    runbook: str
    acknowledged: Acknowledged | None = None
    silence: Silence | None = None

    @property
    def id(self) -> str:
        return alarm_id(self.kind, self.subject, self.since)

    def lines(self) -> Iterator[Line]:
        """Show it: what it is about and for how long, what is wrong and what to do, and who knows already."""
        yield Line(f"  {safe(self.kind)}  {safe(self.subject)}  for {age(self.age)}  {self.id[:SHORT_ID]}", Style.FAIL)
        yield from (Line(f"    {safe(line)}", Style.WARN) for line in self.text.splitlines())
        yield Line(f"    what to do: {safe(self.runbook)}", Style.QUIET)
        if said := self.acknowledged:
            yield Line(f"    acknowledged {moment(said.at)} by {safe(said.by)}: {safe(said.reason)}", Style.QUIET)
        if said_ := self.silence:
            yield Line(
                f"    silenced until {moment(said_.until)} by {safe(said_.by)}: {safe(said_.reason)}", Style.QUIET
            )

    def json(self) -> dict[str, Any]:
        words = {"id": self.id, "kind": self.kind, "subject": self.subject, "since": self.since.isoformat()}
        return {
            **words,
            "text": self.text,
            "runbook": self.runbook,
            "acknowledged": _acknowledged_json(self.acknowledged) if self.acknowledged else None,
            "silenced": silence_json(self.silence) if self.silence else None,
        }


def _acknowledged_json(said: Acknowledged) -> dict[str, Any]:
    return {"at": said.at.isoformat(), "by": said.by, "reason": said.reason}


def silence_json(said: Silence) -> dict[str, Any]:
    """Give a silence as programs get it."""
    label = "=".join(said.label) if said.label else ""
    asked = {"kind": said.kind, "alarm": said.alarm, "deployment": said.deployment, "label": label}
    return {"id": said.id, **asked, "until": said.until.isoformat(), "by": said.by, "reason": said.reason}


@group.callback()
def alarms(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="End with exit code 1 if any alarm stands.")] = False,
    output: Format = Output.TEXT,
) -> int:
    """Show what a person should see to, as the daemon found it; the oldest first."""
    from syncd.errors import EXIT_DONE, EXIT_FAILED

    if context.invoked_subcommand is not None:
        return EXIT_DONE
    this = invocation(context)
    with this.in_use() as (files, store):
        raised = alarms_of(store.presence, files.settings, now=datetime.now(UTC))
        replicas, silences = store.presence.living(), store.presence.silences()
    if output is Output.JSON:
        said = {"silences": [silence_json(each) for each in silences], "replicas": list(replicas)}
        show_json({"alarms": [alarm.json() for alarm in raised], **said})
    else:
        show(_lines(raised, silences, replicas=replicas))
    return EXIT_FAILED if check and raised else EXIT_DONE


def alarms_of(kept: KeptAlarms, settings: Settings, *, now: datetime) -> tuple[Alarm, ...]:
    """Give the alarms that stand, the oldest first."""
    rows = sorted(kept.alarms().items(), key=lambda item: (item[1].since, item[0]))
    silences = kept.silences()
    labels = {each.deployment.name: each.deployment.labels for each in settings.deployments}
    url = settings.notify.runbook_url
    return tuple(
        Alarm(
            kind,
            subject,
            row.text,
            row.since,
            now - row.since,
            runbook(kind, url),
            row.acknowledged,
            _over(silences, kind, subject, alarm_id(kind, subject, row.since), labels=labels.get(subject, {})),
        )
        for (kind, subject), row in rows
        if row.cleared_at is None
    )


def _over(silences: Sequence[Silence], *alarm: str, labels: Mapping[str, str]) -> Silence | None:
    over = [silence for silence in silences if silence.covers(*alarm, labels=labels)]
    return max(over, key=lambda silence: silence.until, default=None)


def moment(at: datetime) -> str:
    """Show a point in time."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def alarm_lines(raised: Sequence[Alarm], *, replicas: Collection[str]) -> Iterator[Line]:
    """Show alarms; where no daemon lives, with a word on that: an alarm ends by nobody else."""
    if raised and not replicas:
        yield Line("  no daemon runs: they are as the last one left them, and end once one runs again", Style.WARN)
    for alarm in raised:
        yield from alarm.lines()


def _lines(raised: Sequence[Alarm], silences: Sequence[Silence], *, replicas: Collection[str]) -> Iterator[Line]:
    if not raised:
        yield Line("no alarm stands", Style.QUIET)
    yield from alarm_lines(raised, replicas=replicas)
    if silences:
        yield Line("silences", Style.HEADING)
    for each in silences:
        told = f"{safe(each.words)}, until {moment(each.until)}, by {safe(each.by)}: {safe(each.reason)}"
        yield Line(f"  {each.id}  {told}", hang=6)
