"""`syncd status`: what needs somebody first, then one line for each deployment, or one card where it is named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.alarms import Alarm, alarm_lines, alarms_of
from syncd.cli.failing import Fails
from syncd.cli.invocation import invocation
from syncd.cli.last_plan import last_plan_json
from syncd.cli.options import Deployments, Format
from syncd.cli.output import Output, show, show_json
from syncd.cli.pauses import pause_lines
from syncd.cli.rollout import under_way
from syncd.render.layout import Grid, Row
from syncd.render.lines import Line, Style, counted, safe
from syncd.words import age, in_one_line

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.errors import SyncdError
    from syncd.model import Held, Learned, Note, Pause
    from syncd.ports import LastPlan, Readings
    from syncd.reconcile import Target, World
    from syncd.store import Stores
    from syncd.targets.kind import TargetKind


OK = "ok"
_FACTS = 15
"""The column in which the facts of a card begin."""
FAILED = (1, 5)
"""Exit codes of runs that did not do all that they meant to."""


@dataclass(frozen=True, slots=True)
class _Card:
    """What is known of one deployment. `error` says why it was not looked at just now."""

    target: Target
    kind: TargetKind
    learned: Learned | None
    last_plan: LastPlan | None
    unsettled: int
    error: SyncdError | None = None
    fails: Fails | None = None
    pause: Pause | None = None
    rollout: str = ""
    """How it stands in the rollout of a change of the mapping, where that is not over there."""

    @property
    def name(self) -> str:
        return self.target.deployment.name

    @property
    def held(self) -> Held | None:
        return self.last_plan.held.held if self.last_plan and self.last_plan.held else None

    @property
    def hold(self) -> str:
        """What the inbox calls what is held; empty: it is in none."""
        return self.last_plan.held.hold if self.last_plan and self.last_plan.held else ""

    @property
    def state(self) -> str:
        """Say in a few words how it stands."""
        last = self.last_plan
        said = [str(self.error).splitlines()[0]] if self.error else []
        said += [self.fails.short] if self.fails else []
        said += [f"{len(self.held.changes):,} held{f' as {self.hold}' if self.hold else ''}"] if self.held else []
        said += [f"{self.pause.of.what} paused"] if self.pause else []
        said += [self.rollout.partition(" (")[0].partition(": ")[0]] if self.rollout else []
        said += [f"{self.unsettled:,} unsettled"] if self.unsettled else []
        said += (
            ["another installation"] if last and any(note.code == "another_installation" for note in last.notes) else []
        )
        said += ["the last run failed"] if last and last.run.exit_code in FAILED else []
        return "; ".join(said) or (OK if last else "never planned")


def status(
    context: typer.Context,
    deployment: Deployments = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server; show what the database knows.")] = False,
    output: Format = Output.TEXT,
) -> int:
    """Show what each deployment can do, and how it stands."""
    from syncd import app
    from syncd.errors import EXIT_DONE, EXIT_INVALID, worst
    from syncd.render.grants import grant_json, standing, standing_lines

    this = invocation(context)
    with this.in_use() as (files, store):
        with this.world(files.settings, store, deployments=deployment or (), rules=files.rules) as world:
            kinds = {each.deployment.name: app.kind_of(each) for each in files.settings.deployments}
            cards = _with_failures(_cards(world, store, kinds, offline=offline), store)
        pauses = store.pauses.standing()
        granted = standing(store.grants.open(), now(), deployments={card.name for card in cards})
        cards = [_with_pause(card, pauses) for card in cards]
        waves = under_way(files, store)
        cards = [replace(card, rollout=waves.get(card.name, "")) for card in cards]
        uncertified = _uncertified(world, store.readings)
        silent, doubt = _silent(world, store.readings), store.installation.doubt()
        raised = _about(alarms_of(store.presence, files.settings, now=now()), files.settings, cards)
        replicas = store.presence.living()
    if output is Output.JSON:
        sources = {"failed_sources": silent, "uncertified_groups": uncertified}
        from syncd.render.json import pause_json

        said = {"alarms": [alarm.json() for alarm in raised], "replicas": list(replicas)}
        more = {**said, "files_error": files.error or None, "pauses": [pause_json(pause) for pause in pauses]}
        more |= {
            "grants": [grant_json(grant, now()) for grant in granted],
            "database_doubted": doubt.why if doubt else None,
        }
        show_json({"deployments": [_json(card) for card in cards], **sources, **more})
    else:
        if doubt and not any(alarm.kind == "database_doubted" for alarm in raised):
            text = f"the database is in doubt, so nothing is taken: {doubt.why}; what to do: {this.program} recover"
            show([Line(safe(text), Style.FAIL)])
        show(pause_lines(pauses, program=this.program))
        show(standing_lines(granted, now(), program=this.program))
        show(_attention(raised, cards, replicas=replicas, program=this.program))
        if deployment:
            show(_cards_lines(cards, program=this.program, whole=this.verbose))
        else:
            show(_table(cards, program=this.program))
        show(_source_lines(silent, uncertified, alarmed={a.subject for a in raised if a.kind == "source_failed"}))
    codes = [card.error.exit_code for card in cards if card.error]
    return worst([*codes, EXIT_INVALID if files.error else EXIT_DONE])


def _cards(world: World, store: Stores, kinds: Mapping[str, TargetKind], *, offline: bool) -> list[_Card]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(world.workers) as pool:
        return list(
            pool.map(lambda target: _card(target, store, kinds[target.deployment.name], offline=offline), world.targets)
        )


def _card(target: Target, store: Stores, kind: TargetKind, *, offline: bool) -> _Card:
    from contextlib import closing

    from syncd.errors import SyncdError

    name = target.deployment.name
    known, last_plan = store.memory.learned(name), store.queries.last_plan(name)
    unsettled = len(store.ledger.unsettled(name))
    if offline:
        return _Card(target, kind, known, last_plan, unsettled)
    try:
        with closing(target.open(known)) as session:
            return _Card(target, kind, session.look(), last_plan, unsettled)
    except SyncdError as error:
        return _Card(target, kind, known, last_plan, unsettled, error)


def _with_failures(cards: Sequence[_Card], store: Stores) -> list[_Card]:
    """Lay beside each card since when its deployment fails, as whoever tried last wrote it down."""
    failing, is_tended, at = store.failures.failing(), bool(store.presence.living()), now()
    fails = {name: Fails(this, at, is_tended) for name, this in failing.items()}
    return [replace(card, fails=fails.get(card.name)) for card in cards]


def _with_pause(card: _Card, pauses: Sequence[Pause]) -> _Card:
    from syncd.plan.pauses import stopping

    return replace(card, pause=stopping(pauses, card.target.deployment) if card.target.enforce else None)


def _about(raised: Sequence[Alarm], settings: Settings, cards: Sequence[_Card]) -> tuple[Alarm, ...]:
    """Leave out the alarms of deployments that were not asked for; those of sources and of syncd itself are about all."""
    others = {each.deployment.name for each in settings.deployments} - {card.name for card in cards}
    return tuple(alarm for alarm in raised if alarm.subject not in others)


def _uncertified(world: World, readings: Readings) -> list[dict[str, str | None]]:
    """List the groups whose last read does not allow anybody to lose access, and when each was last read whole."""
    return [
        {
            "source": source.name,
            "group": doubt.called,
            "id": doubt.group_id,
            "since": doubt.since.isoformat() if doubt.since else None,
            "for": age(now() - doubt.since) if doubt.since else None,
            "why": doubt.why,
        }
        for source in world.sources
        if (reading := readings.health(source.name))
        for doubt in reading.doubts
    ]


def _silent(world: World, readings: Readings) -> list[dict[str, str | None]]:
    """List the sources that could not be read the last time."""
    return [
        {
            "source": source.name,
            "since": reading.failed_at.isoformat(),
            "for": age(now() - reading.failed_at),
            "last_read": reading.read_at.isoformat() if reading.read_at else None,
            "why": reading.failure,
        }
        for source in world.sources
        if (reading := readings.health(source.name)) and reading.failed_at
    ]


def now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


# --- for people -------------------------------------------------------------------------------------------------------


def _attention(
    raised: Sequence[Alarm], cards: Sequence[_Card], *, replicas: Collection[str], program: str
) -> Iterator[Line]:
    """Say what somebody should see to: alarms, and what is held where no alarm says so."""
    told = {alarm.subject for alarm in raised if alarm.kind == "held"}
    held = [card for card in cards if card.held and card.name not in told]
    if raised:
        yield Line("alarms", Style.HEADING)
        yield from alarm_lines(raised, replicas=replicas)
    if held:
        yield Line("held", Style.HEADING)
    for card in held:
        yield Line(f"  {safe(card.name)}: {_held_text(card)}", Style.WARN)
        command = _approval(card, program=program)
        yield Line(f"    to let exactly this pass: {command}", Style.WARN, whole=command)
        yield from _ways_to_see(card, program=program, indent=4)
    if raised or held:
        yield Line("")


def _table(cards: Sequence[_Card], *, program: str) -> Iterator[Line | Grid]:
    rows = [_row(card) for card in sorted(cards, key=lambda card: (card.state == OK, card.name))]
    yield Grid(tuple(rows), head=("deployment", "mode", "server", "converged", "state"), drop=("server", "mode"))
    command = f"{program} status -d {safe(cards[0].name) if len(cards) == 1 else 'NAME'}"
    yield Line(f"all of one: {command}", Style.QUIET, whole=command)


def _row(card: _Card) -> Row:
    server = dict(card.kind.described(card.learned)).get("server", "") if card.learned else "never looked at"
    reached = card.last_plan.reached_at if card.last_plan else None
    since = f"{age(now() - reached)} ago" if reached else "never"
    cells = (safe(card.name), _mode(card), safe(server.partition(" (")[0]), since, safe(card.state))
    return Row(cells, Style.PLAIN if card.state == OK else Style.WARN)


def _cards_lines(cards: Sequence[_Card], *, program: str, whole: bool = False) -> Iterator[Line]:
    for card in cards:
        yield Line(f"{safe(card.name)} ({_mode(card)})", Style.TITLE)
        if card.error:
            yield from (Line(f"  {safe(line)}", Style.FAIL) for line in str(card.error).splitlines())
        yield from (Line(f"  {name:<12} {safe(text)}", hang=_FACTS) for name, text in _facts(card) if text)
        if card.pause:
            yield Line(f"  {'paused':<12} {safe(str(card.pause))}", Style.WARN, hang=_FACTS)
        if card.rollout:
            yield Line(f"  {'rollout':<12} {safe(card.rollout)}", Style.WARN, hang=_FACTS)
        if card.held:
            command = _approval(card, program=program)
            yield Line(f"  {'held':<12} {_held_text(card)}", Style.WARN, hang=_FACTS)
            yield Line(f"  {'':<12} to let exactly this pass: {command}", Style.WARN, hang=_FACTS, whole=command)
            yield from _ways_to_see(card, program=program, indent=_FACTS)
        yield from _note_lines(card.last_plan.notes if card.last_plan else (), whole=whole)


def _held_text(card: _Card) -> str:
    held = card.held
    called = f"{card.hold}: " if card.hold else ""
    return f"{called}{counted(len(held.changes), 'change', 'changes')}: {safe('; '.join(held.why))}" if held else ""


def _approval(card: _Card, *, program: str) -> str:
    """Give the command; what is held is that of the newest plan over everything, whatever the last plan was about."""
    from syncd.render.text import approval

    assert card.held is not None
    return approval(card.name, card.held.digest, program=program)


def _ways_to_see(card: _Card, *, program: str, indent: int) -> Iterator[Line]:
    from syncd.render.text import way_to_see

    if card.hold:
        yield way_to_see(card.hold, program=program, indent=indent)


def _note_lines(notes: Sequence[Note], *, whole: bool) -> Iterator[Line]:
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.notes import note_line, note_texts

    texts = note_texts(notes, EVERYTHING_SHOWN if whole else SHORT)
    yield from (note_line(text, before=f"  {'note':<12} ", hang=_FACTS) for text in texts)


def _source_lines(
    silent: Sequence[dict[str, str | None]],
    uncertified: Sequence[dict[str, str | None]],
    *,
    alarmed: Collection[str] = (),
) -> Iterator[Line]:
    """Say of sources and groups what could not be read; of a source whose alarm stands above, why is told there."""
    if silent:
        yield Line("sources that could not be read; nobody loses access by them", Style.WARN)
        for source in silent:
            last = f"last read {_shown(source['last_read'])}" if source["last_read"] else "never read"
            why = "see its alarm" if source["source"] in alarmed else _one_line(source["why"])
            yield Line(f"  {safe(str(source['source']))}: for {source['for']}, {last}: {why}")
    if uncertified:
        yield Line("groups that were not read whole; nobody loses access by them", Style.WARN)
        for group in uncertified:
            name = safe(f"{group['source']}:{group['group']}")
            since = f"for {group['for']}, since {_shown(group['since'])}" if group["since"] else "never read whole"
            yield Line(f"  {name}: {since}: {_one_line(group['why'])}")


def _shown(written: str) -> str:
    """Show a point in time that programs get as ISO 8601 as all others are shown."""
    return _time(datetime.fromisoformat(written))


def _one_line(text: str | None) -> str:
    return safe(in_one_line(text or ""))


def _mode(card: _Card) -> str:
    from syncd.render.reports import mode_of

    return mode_of(enforce=card.target.enforce, add_only=card.target.deployment.add_only)


def _facts(card: _Card) -> Iterator[tuple[str, str]]:
    yield "fails", card.fails.whole(_time(card.fails.failing.since)) if card.fails else ""
    yield from card.kind.described(card.learned) if card.learned else [("server", "never looked at")]
    if card.last_plan is None:
        yield "last run", "none"
    else:
        yield from _history(card.last_plan)
    yield (
        "unsettled",
        f"{card.unsettled} changes whose end nobody knows; the next apply looks" if card.unsettled else "",
    )


def _history(last_plan: LastPlan) -> Iterator[tuple[str, str]]:
    run = last_plan.run
    ended = "not ended" if run.exit_code is None else f"exit code {run.exit_code}"
    yield "last run", f"{run.id} ({run.command}), {_time(run.started_at)}, {ended}"
    yield "last plan", _counted(last_plan)
    reached = f"{_time(last_plan.reached_at)}, run {last_plan.reached_run}" if last_plan.reached_at else "never"
    yield "converged", reached


def _counted(last_plan: LastPlan) -> str:
    counts = ", ".join(f"{number} {status}" for status, number in last_plan.counts.items())
    return f"{counts or 'nothing to do'} ({last_plan.digest})"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


# --- for programs -----------------------------------------------------------------------------------------------------


def _json(card: _Card) -> dict[str, Any]:
    from syncd.render.json import pause_json

    last_plan = card.last_plan
    return {
        "deployment": card.target.deployment.name,
        "mode": _mode(card),
        "error": {"kind": type(card.error).__name__, "message": str(card.error)} if card.error else None,
        "capabilities": card.kind.figures(card.learned) if card.learned else None,
        "failing": card.fails.json() if card.fails else None,
        "unsettled": card.unsettled,
        "pause": pause_json(card.pause) if card.pause else None,
        "rollout": card.rollout or None,
        "last_run": last_plan_json(last_plan) if last_plan else None,
    }
