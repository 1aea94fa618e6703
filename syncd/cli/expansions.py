"""What patterns of the mapping stand for, by groups and DAGs as they were seen last: `check --expand`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from syncd.access.known import KnownDeployment
    from syncd.cli.known import Answering
    from syncd.config import Settings
    from syncd.directory.expand import Expanded
    from syncd.model import Rule, Rules


class Expansions(NamedTuple):
    """Every pattern, the groups and values that it is for and what each of them gives; what gives nothing, and why; and which
    lines make one role, and not alike: those are a mistake of the files, whatever groups there are."""

    lines: tuple[str, ...]
    meet: tuple[str, ...] = ()


def listed(settings: Settings, rules: Rules, *, snapshot: Path | None) -> Expansions:
    """List what patterns and `each` stand for, as all was seen last."""
    from syncd.directory.expand import MEET, expand
    from syncd.render.lines import safe

    if not any(rule.pattern or rule.each for rule in rules.bindings):
        return Expansions(("no binding has a pattern, or `each`",))
    of = _known(settings, rules, snapshot)
    by_groups, there = expand(rules, of.view.directory), _on_deployments(of)
    notes = sorted({note for one in (by_groups, *(one for _, one in there)) for note in one.notes})
    meet = [note.text for note in notes if note.code == MEET]
    more = [*_old(of), *(note.text for note in notes if note.code != MEET)]
    lines = (*_lines(rules, by_groups, there), *(f"note: {text}" for text in more))
    return Expansions(tuple(map(safe, lines)), tuple(map(safe, meet)))


def _lines(rules: Rules, by_groups: Expanded, there: list[tuple[KnownDeployment, Expanded]]) -> Iterator[str]:
    for rule in rules.bindings:
        if rule.each:
            yield from _of_each(rule, there)
        elif rule.pattern:
            yield from _of_pattern(rule, by_groups)


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


def _old(of: Answering) -> Iterator[str]:
    for source, why in sorted(of.view.directory.failed.items()):
        if any(rule.pattern and rule.pattern.source == source for rule in of.rules.bindings):
            yield f"the groups of {source} are those of the last read: {why}"


def _known(settings: Settings, rules: Rules, snapshot: Path | None) -> Answering:
    from contextlib import closing

    from syncd import app
    from syncd.cli.known import answered_from, kept_in_file, kept_in_store

    if snapshot is not None:
        return answered_from(settings, rules, kept_in_file(snapshot), deployments=())
    only = [d.deployment.name for d in settings.deployments] if any(rule.each for rule in rules.bindings) else []
    with closing(app.open_store(settings)) as store:
        return answered_from(settings, rules, kept_in_store(settings, store, only=only), deployments=())
