"""What patterns of the mapping stand for, by groups and DAGs as they were seen last: `check --expand`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from syncd.access.known import KnownDeployment
    from syncd.cli.known import Answering
    from syncd.config import Settings
    from syncd.directory.expand import Expanded
    from syncd.model import Note, Rule, Rules


def expansion_lines(settings: Settings, rules: Rules, *, snapshot: Path | None) -> Iterator[str]:
    """Give every pattern, the groups and values that it is for and what each of them gives, and what gives nothing, and why."""
    from syncd.render.lines import safe

    yield from map(safe, _lines(_known(settings, rules, snapshot)))


def _lines(of: Answering) -> Iterator[str]:
    from syncd.directory.expand import expand

    rules = of.rules
    by_groups = expand(rules, of.view.directory)
    there = _on_deployments(of)
    for rule in rules.bindings:
        if rule.each:
            yield from _of_each(rule, there)
        elif rule.pattern:
            yield from _of_pattern(rule, by_groups)
    for source, why in sorted(of.view.directory.failed.items()):
        if any(rule.pattern and rule.pattern.source == source for rule in rules.bindings):
            yield f"note: the groups of {source} are those of the last read: {why}"
    yield from (f"note: {note.text}" for note in _notes(by_groups, *(one for _, one in there)))


def _on_deployments(of: Answering) -> list[tuple[KnownDeployment, Expanded]]:
    """Say what lines with `each` stand for on each deployment of which that is known."""
    from syncd.mapping.expanded import expanded

    if not any(rule.each for rule in of.rules.bindings):
        return []
    there = [known for known in of.deployments if known.seen is not None]
    return [
        (known, expanded(of.rules, of.view.directory, known.deployment, dags=known.dags(of.now))) for known in there
    ]


def _of_pattern(rule: Rule, expanded: Expanded) -> Iterator[str]:
    from syncd.render.lines import counted

    made = _made(rule, expanded)
    yield f"{rule.at}: {rule.subject}: {counted(len(made), 'group', 'groups')}"
    yield from (f"  {_told(one)}" for one in made)


def _of_each(rule: Rule, there: Iterable[tuple[KnownDeployment, Expanded]]) -> Iterator[str]:
    from syncd.mapping.select import chooses
    from syncd.render.lines import counted

    assert rule.each is not None
    found = [(known, _made(rule, expanded)) for known, expanded in there]
    lines = [f"  {known.name}: {_told(one)}" for known, made in found for one in made if chooses(one, known.deployment)]
    several = counted(len(lines), "line", "lines")
    yield f"{rule.at}: {rule.subject}, each {rule.each.kind}: {several}, by DAGs as they were listed last"
    yield from lines


def _made(rule: Rule, expanded: Expanded) -> list[Rule]:
    made = (one for one in expanded.rules.bindings if one.captured and one.at == rule.at)
    return sorted(made, key=lambda one: (str(one.subject), one.captured))


def _told(one: Rule) -> str:
    values = ", ".join(f"{variable} {value}" for variable, value in one.captured)
    return f"{one.subject} ({values}): {', '.join(one.roles)}"


def _notes(*several: Expanded) -> list[Note]:
    return sorted({note for one in several for note in one.notes})


def _known(settings: Settings, rules: Rules, snapshot: Path | None) -> Answering:
    from contextlib import closing

    from syncd import app
    from syncd.cli.known import answered_from, kept_in_file, kept_in_store

    if snapshot is not None:
        return answered_from(settings, rules, kept_in_file(snapshot), deployments=())
    only = [d.deployment.name for d in settings.deployments] if any(rule.each for rule in rules.bindings) else []
    with closing(app.open_store(settings)) as store:
        return answered_from(settings, rules, kept_in_store(settings, store, only=only), deployments=())
