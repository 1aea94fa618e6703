"""What the patterns of the mapping stand for, by the groups that sources had when they were read last: `check --expand`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from syncd.access.known import LastKnown
    from syncd.config import Settings
    from syncd.directory.expand import Expanded
    from syncd.model import Rule, Rules


def expansion_lines(settings: Settings, rules: Rules, *, snapshot: Path | None) -> Iterator[str]:
    """Give every pattern, the groups that it is for and what each of them gives, and what gives nothing, and why."""
    from syncd.directory.expand import expand

    view = _known(settings, snapshot).said.view(settings.joining)
    expanded = expand(rules, view.directory)
    for rule in rules.bindings:
        if rule.pattern:
            yield from _of_pattern(rule, expanded)
    for source, why in sorted(view.directory.failed.items()):
        if any(rule.pattern and rule.pattern.source == source for rule in rules.bindings):
            yield f"note: the groups of {source} are those of the last read: {why}"
    yield from (f"note: {note.text}" for note in expanded.notes)


def _of_pattern(rule: Rule, expanded: Expanded) -> Iterator[str]:
    from syncd.render.lines import counted

    made = sorted((one for one in expanded.rules.bindings if one.captured and one.at == rule.at), key=_group)
    yield f"{rule.at}: {rule.subject}: {counted(len(made), 'group', 'groups')}"
    for one in made:
        values = ", ".join(f"{variable} {value}" for variable, value in one.captured)
        yield f"  {_group(one)} ({values}): {', '.join(one.roles)}"


def _group(rule: Rule) -> str:
    return str(rule.subject)


def _known(settings: Settings, snapshot: Path | None) -> LastKnown:
    from contextlib import closing

    from syncd import app
    from syncd.cli.known import kept_in_file, kept_in_store

    if snapshot is not None:
        return kept_in_file(snapshot)
    with closing(app.open_store(settings)) as store:
        return kept_in_store(settings, store, only=())
