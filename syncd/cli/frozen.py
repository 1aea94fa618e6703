"""Which roles are frozen, as far as that can be told without asking anybody: for `check` and `doctor`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.directory.expand import Expanded
    from syncd.model import CheckResult, Deployment, Directory, Note, Rule, Rules, Snapshot
    from syncd.ports import Readings


def frozen(deployments: Iterable[Deployment], rules: Rules, directory: Directory) -> Iterator[str]:
    """Say of each cause which roles nobody loses by it, and on which deployments."""
    from syncd import app
    from syncd.mapping.compile import frozen_roles
    from syncd.mapping.diagnostics import some

    causes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for deployment, roles in frozen_roles(rules, directory, deployments, now=app.utc_now()):
        for role, why in roles.items():
            causes[why, role].append(deployment.name)
    for (why, role), where in sorted(causes.items()):
        yield f"{role} on {some(where)}: {why}; nobody who left loses it for now"


def seen_in_files(
    settings: Settings, rules: Rules, snapshots: Iterable[Snapshot], saved: Mapping[str, Snapshot]
) -> Iterator[Note]:
    """Say which bindings name no group of a file source, and which roles are frozen by what else these lack; and what nobody
    is whom they ask for, in files and in what is `saved` of other sources."""
    from syncd.directory.expand import MEET
    from syncd.directory.join import join
    from syncd.directory.narrow import DirectoryView
    from syncd.mapping.doubtful import unknown_groups
    from syncd.mapping.vain import vain_conditions
    from syncd.model import Note

    fresh = {snapshot.source: snapshot for snapshot in snapshots}
    expanded = _known(rules, fresh)
    yield from (note for note in expanded.notes if note.code == MEET)
    rules = expanded.rules
    unknown = tuple(unknown_groups(rules.bindings, {name: snapshot.groups for name, snapshot in fresh.items()}))
    yield from (Note("unknown_group", text) for _, text in unknown)
    yield from (Note("nobody_meets", text) for text in vain_conditions(rules.bindings, {**saved, **fresh}))
    mine = (rule for rule in rules.bindings if rule.sources <= fresh.keys() and rule not in {of for of, _ in unknown})
    bindings = tuple(rule for rule in mine if _is_of(rule, fresh.keys(), settings))
    directory = DirectoryView(join(fresh, {}, {})).looked_for(bindings).directory
    # who logs in by a source that is not on this machine is known once that was asked
    known = (d.deployment for d in settings.deployments if d.deployment.login_source in {"", *fresh})
    found = frozen(known, replace(rules, bindings=bindings), directory)
    yield from (Note("frozen", text) for text in found)


def _known(rules: Rules, fresh: Mapping[str, Snapshot]) -> Expanded:
    """Give the rules with one for each group of the patterns on what was read, and none for patterns on other sources."""
    from syncd.directory.expand import expand
    from syncd.directory.join import join

    bindings = tuple(r for r in rules.bindings if r.pattern is None or r.pattern.source in fresh)
    return expand(replace(rules, bindings=bindings), join(fresh, {}, {}))


def _is_of(rule: Rule, read: Collection[str], settings: Settings) -> bool:
    """Say whether everybody whom a rule names one by one is looked for in what was read alone."""
    from syncd.model import people_named

    every = all(source.name in read for source in settings.sources)
    return all(ref.source in read if ref.source else every for ref in people_named(rule.subject))


def examined(settings: Settings, rules: Rules, readings: Readings) -> tuple[CheckResult, ...]:
    """Say which roles are frozen by what the sources said the last time."""
    from syncd.directory.expand import expand
    from syncd.directory.join import join
    from syncd.directory.narrow import DirectoryView
    from syncd.mapping.vain import vain_conditions
    from syncd.model import CheckResult

    saved = [readings.last_snapshot(source.name) for source in settings.sources]
    fresh = {snapshot.source: snapshot for snapshot in saved if snapshot is not None}
    if unread := sorted({source for rule in rules.bindings for source in rule.sources} - fresh.keys()):
        return (
            CheckResult(
                "mapping", "frozen", None, f"not known: {', '.join(unread)} was not read yet; run: syncd apply"
            ),
        )
    known = readings.known_persons(settings.joining.key)
    directory = join(fresh, fresh, {}, names=readings.group_names(), joining=settings.joining, known=known)
    directory = DirectoryView(directory).looked_for(rules.bindings).directory
    lines = expand(rules, directory).rules.bindings
    deployments = [d.deployment for d in settings.deployments]
    found = tuple(CheckResult("mapping", "frozen", False, text) for text in frozen(deployments, rules, directory))
    found += tuple(CheckResult("mapping", "where", False, text) for text in vain_conditions(lines, fresh))
    return found or (CheckResult("mapping", "frozen", True, "no role is frozen, as the sources were read last"),)
