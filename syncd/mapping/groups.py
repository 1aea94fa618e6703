"""From a rule to the group that it names, as the sources know it now.

A group that is not there is not an empty group: nothing is given by it, and nobody may lose the roles of its binding until
it is back, or the binding is taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncd.errors import MappingInvalid, Problem
from syncd.mapping.findings import Findings
from syncd.model import Directory, GroupRef, Members, Rule


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A rule and the group it was found to name."""

    rule: Rule
    members: Members


def bind(rules: Iterable[Rule], directory: Directory, findings: Findings) -> tuple[Bound, ...]:
    """Find the group of each rule.

    Raises:
        MappingInvalid: a name stands for several groups.
    """
    lookup = _Lookup(directory)
    found = tuple(_bound(rule, lookup, findings) for rule in rules)
    if lookup.problems:
        raise MappingInvalid(lookup.problems)
    return tuple(b for b in found if b)


class _Lookup:
    """Groups by id, and by name within a source."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.problems: list[Problem] = []
        self.by_name: dict[tuple[str, str], list[Members]] = {}
        for members in directory.groups.values():
            self.by_name.setdefault((members.group.source, members.group.name), []).append(members)

    def find(self, rule: Rule) -> Members | None:
        ref = rule.group
        if ref.id is not None:
            return self.directory.groups.get((ref.source, ref.id))
        assert ref.name is not None
        found = self.by_name.get((ref.source, ref.name), [])
        if len(found) > 1:
            self.problems.append(_ambiguous(rule, found))
        return found[0] if found else None


def _ambiguous(rule: Rule, found: Iterable[Members]) -> Problem:
    ids = " or ".join(sorted(f"{{source: {m.group.source}, id: {m.group.id}}}" for m in found))
    return Problem(rule.at.file, rule.at.line, rule.at.column, f"several groups are called {rule.group}; write {ids}")


def _bound(rule: Rule, lookup: _Lookup, findings: Findings) -> Bound | None:
    members = lookup.find(rule)
    if members is None:
        why = _missing(rule.group, lookup.directory)
        findings.note("group_missing", f"{rule.at}: {why}; nobody loses {', '.join(rule.roles)} for now")
        findings.freeze(rule.roles, why)
        return None
    if rule.group.name not in {None, members.group.name}:
        now = f'the group with the id {rule.group.id} is now called "{members.group.name}"'
        findings.note("group_renamed", f'{rule.at}: {now}, not "{rule.group.name}"; the id decides; correct the name')
    if members.unknown:
        findings.freeze(rule.roles, f"the group {rule.group} was never read whole: {members.why}")
    return Bound(rule, members)


def _missing(ref: GroupRef, directory: Directory) -> str:
    if ref.source in directory.failed:
        return f"the group {ref} is not known, because its source failed: {directory.failed[ref.source]}"
    return f"there is no group {ref}"
