"""`syncd whatif`: what other mapping files would have given, on what was known in the past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import typer

from syncd.cli.audit import moment
from syncd.cli.invocation import invocation
from syncd.cli.options import Deployments, Format
from syncd.cli.output import Output, show, show_error, show_json
from syncd.cli.past import told
from syncd.render.lines import Line, Style, counted, few, safe

if TYPE_CHECKING:
    from syncd.access.whatif import OnLevel, Otherwise, Spell, Stage
    from syncd.cli.known import Answering
    from syncd.store import Stores

MOST = 2_000
"""At so many moments at most it is looked."""
SHOWN = 100
"""So many lines of a deployment are shown to people; `--verbose` and `-o json` have all."""
NOT_YET = "nothing of the past is kept yet: what sources and lists of DAGs say is kept from the next `syncd plan` on"
T = TypeVar("T")

_Mappings = Annotated[
    str,
    typer.Option("--mappings", metavar="DIR", help="The other mapping files: a folder, or a revision of git."),
]
_Since = Annotated[
    str,
    typer.Option("--since", metavar="WHEN", help="From then on: 2026-03-31, 2026-03-31T09:30 (UTC), or 12h, 7d ago."),
]
_Every = Annotated[str, typer.Option("--every", metavar="SPAN", help="How far apart to look: 1h, 1d, 1w.")]


def whatif(
    context: typer.Context,
    mappings: _Mappings,
    since: _Since = "90d",
    every: _Every = "1d",
    deployment: Deployments = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 2 if anybody would have had anything otherwise.")
    ] = False,
    output: Format = Output.TEXT,
) -> int:
    """Show what other mapping files would have given on the people and DAGs of the past, beside the ones as they stand.

    What sources and lists of DAGs said is kept for `daemon.keep`. Nobody is asked.
    """
    from syncd import app
    from syncd.access.whatif import Spells
    from syncd.cli.diff import files_of
    from syncd.cli.known import answering
    from syncd.errors import EXIT_CHANGES, EXIT_DONE, EXIT_INVALID, EXIT_NO_ANSWER

    this = invocation(context)
    now = app.utc_now()
    first, step = moment(since, "--since", now=now), _step(every, now=now)
    assert first is not None
    with answering(this, deployments=deployment or []) as of, this.store(of.settings) as store:
        other = app.rules_of(of.settings, files_of(of.settings, mappings, asked="whatif"))
        begins = store.past.begins()
        if begins is None or first >= now:
            show_error(NOT_YET if begins is None else "--since has to be before now")
            return EXIT_INVALID
        moments = _moments(max(first, begins), now, step)
        found = {known.name: Spells(of.rules, other, known) for known in of.deployments}
        for stage in _stages(of, store, moments):
            for one in found.values():
                one.see(stage)
        seen = [spell for one in found.values() for spell in one.found()]
        if output is Output.JSON:
            show_json(_json(seen, moments, step))
        else:
            show(_lines(seen, moments, step, of, wanted=first, begins=begins, most=None if this.verbose else SHOWN))
        if of.never_seen:
            return EXIT_NO_ANSWER
    return EXIT_CHANGES if check and seen else EXIT_DONE


def _step(text: str, *, now: datetime) -> timedelta:
    """Read a span as `--every` has it."""
    then = moment(text, "--every", now=now)
    assert then is not None
    if then >= now or not text[-1:].isalpha():
        raise typer.BadParameter("it is a span: 1h, 1d, 1w", param_hint="--every")
    return now - then


def _moments(first: datetime, last: datetime, step: timedelta) -> list[datetime]:
    """Give the moments at which it is looked, the last of them now.

    Raises:
        typer.BadParameter: they are too many.
    """
    count = int((last - first) / step) + 1
    if count > MOST:
        raise typer.BadParameter(
            f"these are {count:,} moments, and {MOST:,} are the most: take a longer span, or a later --since",
            param_hint="--every",
        )
    return [last - step * n for n in reversed(range(count))]


# --- what was known ---------------------------------------------------------------------------------------------------


class _Course(Generic[T]):
    """What something said in the course of time."""

    def __init__(self, states: Iterator[tuple[datetime, T]]) -> None:
        self._states = states
        self._now: T | None = None
        self._next = next(states, None)

    def at(self, when: datetime) -> T | None:
        """Give what it said at a moment, which is no earlier than the one asked for before; None: nothing yet."""
        while self._next is not None and self._next[0] <= when:
            self._now = self._next[1]
            self._next = next(self._states, None)
        return self._now


def _stages(of: Answering, store: Stores, moments: Sequence[datetime]) -> Iterator[Stage]:
    """Give what was known at each moment; where nothing changed, the same objects."""
    from syncd.access.known import SourcesSaid
    from syncd.access.whatif import Stage

    sources = {s.name: _Course(store.past.snapshots(s.name, since=moments[0])) for s in of.settings.sources}
    dags = {name: _Course(store.past.dags(place, since=moments[0])) for name, place in _places(of, store).items()}
    names, persons = dict(store.readings.group_names()), store.readings.known_persons(of.settings.joining.key)
    last, view = None, of.view
    for when in moments:
        said = {name: state for name, course in sources.items() if (state := course.at(when)) is not None}
        if last is None or said.keys() != last.keys() or any(said[name] is not last[name] for name in said):
            last, view = said, SourcesSaid(said, {}, names, persons).view(of.settings.joining)
        yield Stage(when, view, {name: there for name, c in dags.items() if (there := c.at(when)) is not None})


def _places(of: Answering, store: Stores) -> Mapping[str, str]:
    """Name under which each deployment's facts are kept: those of an address that it had before are not its own."""
    names = {known.name for known in of.deployments}
    return {
        each.deployment.name: store.places.place(each.deployment.name, each.address).facts
        for each in of.settings.deployments
        if each.deployment.name in names
    }


# --- for people, and for programs -------------------------------------------------------------------------------------


def _lines(
    seen: Sequence[Spell],
    moments: Sequence[datetime],
    step: timedelta,
    of: Answering,
    *,
    wanted: datetime,
    begins: datetime,
    most: int | None,
) -> Iterator[Line]:
    more, less = (_people(seen, gives) for gives in (_gives, _takes))
    said = f"{counted(more, 'person', 'people')} would have had more, {counted(less, 'person', 'people')} less"
    looked = f"at {counted(len(moments), 'moment', 'moments')} from {told(moments[0])} to now"
    yield Line(f"whatif: {said if seen else 'nobody would have had anything otherwise'} ({looked})", Style.TITLE)
    by_deployment: defaultdict[str, dict[tuple[Otherwise, datetime, datetime | None], list[str]]] = defaultdict(dict)
    for spell in seen:
        alike = by_deployment[spell.deployment]
        alike.setdefault((spell.otherwise, spell.since, spell.until), []).append(spell.username)
    for name, alike in sorted(by_deployment.items()):
        yield Line(
            f"{safe(name)}: {counted(len({s.username for s in seen if s.deployment == name}), 'person', 'people')}"
        )
        for (otherwise, since, until), people in list(alike.items())[:most]:
            when = f"{_day(since, step)} to {_day(until, step) if until else 'now'}"
            yield Line(f"  {few(people)}: {when}", Style.HEADING)
            yield from _otherwise_lines(otherwise)
        if most is not None and len(alike) > most:
            left = counted(len(alike) - most, "more line", "more lines")
            yield Line(f"  and {left}; --verbose and -o json have all", Style.QUIET)
    if begins - wanted > step:
        yield Line(f"before {told(begins)} nothing is kept", Style.QUIET)
    if of.never_seen:
        yield Line(f"never looked at: {few(of.never_seen)}; `syncd plan` looks", Style.WARN)


def _people(seen: Sequence[Spell], which: Callable[[Otherwise], bool]) -> int:
    return len({spell.username for spell in seen if which(spell.otherwise)})


def _gives(otherwise: Otherwise) -> bool:
    return bool(otherwise.gains or otherwise.more)


def _takes(otherwise: Otherwise) -> bool:
    return bool(otherwise.loses or otherwise.less)


def _otherwise_lines(otherwise: Otherwise) -> Iterator[Line]:
    for roles, levels, word, style in (
        (otherwise.gains, otherwise.more, "would have had", Style.GAIN),
        (otherwise.loses, otherwise.less, "would not have had", Style.LOSS),
    ):
        told_of = [", ".join(map(safe, roles))] if roles else []
        told_of += [f"{level} on {_dags(dags)}" for level, dags in levels]
        if told_of:
            yield Line(f"    {word} {'; '.join(told_of)}", style)
    if otherwise.changed:
        yield Line(f"    with other permissions in {', '.join(map(safe, otherwise.changed))}", Style.EDIT)


def _dags(dags: Sequence[str]) -> str:
    return f"{counted(len(dags), 'DAG', 'DAGs')} ({few(dags)})"


def _day(when: datetime, step: timedelta) -> str:
    form = "%Y-%m-%d" if step >= timedelta(days=1) else "%Y-%m-%d %H:%M"
    return f"{when.astimezone(UTC):{form}}"


def _json(seen: Sequence[Spell], moments: Sequence[datetime], step: timedelta) -> dict[str, object]:
    return {
        "from": moments[0].astimezone(UTC).isoformat(),
        "to": moments[-1].astimezone(UTC).isoformat(),
        "every_s": step.total_seconds(),
        "more": _people(seen, _gives),
        "less": _people(seen, _takes),
        "spells": [_spell_json(spell) for spell in seen],
    }


def _spell_json(spell: Spell) -> dict[str, object]:
    otherwise = spell.otherwise
    return {
        "deployment": spell.deployment,
        "username": spell.username,
        "since": spell.since.astimezone(UTC).isoformat(),
        "until": spell.until and spell.until.astimezone(UTC).isoformat(),
        "gains": list(otherwise.gains),
        "loses": list(otherwise.loses),
        "more": _levels_json(otherwise.more),
        "less": _levels_json(otherwise.less),
        "changed": list(otherwise.changed),
    }


def _levels_json(levels: OnLevel) -> list[dict[str, object]]:
    return [{"level": str(level), "dags": list(dags)} for level, dags in levels]
