"""From a rule to the group that it names, as the sources know it now.

A group that is not there is not an empty group: nothing is given by it, and nobody may lose the roles of its binding until
it is back, or the binding is taken out.

Names change hands, ids do not. What a name meant when it was first used is remembered, and from then on:

the remembered group | who bears the name | then
---------------------|--------------------|------------------------------------------------------------------------
has the name         | it                 | it is meant
has the name         | it, and others     | it is meant (group_name_shared); the others give nothing
has another name     | nobody, or another | it is meant all the same (group_renamed); who has the name now gets nothing
is gone              | another            | nobody is meant until a person says so (group_recreated)
is gone              | nobody             | there is no such group (group_missing)
none                 | one                | that one is meant, and remembered
none                 | several            | nobody is meant until the line names an id (group_name_shared)

Whoever may create a group may so give it any name: that changes nothing for others, and stops no deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.mapping.findings import Findings, some
from syncd.model import Directory, GroupRef, Members, Rule

UNCERTIFIED = "group_uncertified"
"""The code of the note that a group, which a rule here names, was not read whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A rule and the group it was found to name."""

    rule: Rule
    members: Members


def bind(rules: Iterable[Rule], directory: Directory, findings: Findings) -> tuple[Bound, ...]:
    """Find the group of each rule."""
    lookup = _Lookup(directory)
    found = (_bound(rule, lookup, findings) for rule in rules)
    return tuple(b for b in found if b)


def new_names(rules: Iterable[Rule], directory: Directory) -> Mapping[tuple[str, str], str]:
    """Give what names in rules mean and is not remembered yet; only groups that were just read whole count."""
    lookup = _Lookup(directory)
    asked = {(r.group.source, r.group.name) for r in rules if r.group.id is None and r.group.name is not None}
    meant = {name: lookup.by_name.get(name, []) for name in sorted(asked - directory.names.keys())}
    return {name: found[0].group.id for name, found in meant.items() if len(found) == 1 and found[0].certified}


class _Lookup:
    """Groups by id, and by name within a source."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.by_name: dict[tuple[str, str], list[Members]] = {}
        for members in directory.groups.values():
            self.by_name.setdefault((members.group.source, members.group.name), []).append(members)

    def find(self, rule: Rule) -> Members | None:
        ref = rule.group
        if ref.id is not None:
            return self.directory.groups.get((ref.source, ref.id))
        if remembered := self.remembered(ref):
            return self.directory.groups.get((ref.source, remembered))
        bearers = self.bearers(ref)
        return bearers[0] if len(bearers) == 1 else None

    def bearers(self, ref: GroupRef) -> list[Members]:
        """List the groups that bear a name now."""
        return self.by_name.get((ref.source, ref.name or ""), [])

    def remembered(self, ref: GroupRef) -> str | None:
        """Give the id that a rule's name is known to mean; None for a rule that names the id itself."""
        return None if ref.id or ref.name is None else self.directory.names.get((ref.source, ref.name))

    def usurpers(self, ref: GroupRef) -> tuple[str, ...]:
        """Give the ids of groups that bear a name which is known to mean another group."""
        known = self.remembered(ref)
        bearers = self.bearers(ref) if known else []
        return tuple(sorted(m.group.id for m in bearers if m.group.id != known))


def _bound(rule: Rule, lookup: _Lookup, findings: Findings) -> Bound | None:
    members = lookup.find(rule)
    if members is None:
        _not_there(rule, lookup, findings)
        return None
    others = lookup.usurpers(rule.group)
    if rule.group.name == members.group.name and others:
        findings.note("group_name_shared", _shared(rule, members.group.id, others))
    elif rule.group.name not in {None, members.group.name}:
        now = f'the group with the id {members.group.id} is now called "{members.group.name}"'
        other = f" (what is called so now is another group, {some(others)}, and gives nothing)" if others else ""
        text = f'{rule.at}: {now}, not "{rule.group.name}"{other}; the id decides; correct the name'
        findings.note("group_renamed", text)
    if members.unknown:
        findings.freeze(rule.roles, f"the group {rule.group} was never read whole: {members.why}")
    elif members.stale:
        findings.note("removal_held_back", _held_back(rule, members, lookup.directory))
    if not members.certified and rule.group.source not in lookup.directory.failed:
        findings.note(UNCERTIFIED, _uncertified(rule, members))
    return Bound(rule, members)


def _uncertified(rule: Rule, members: Members) -> str:
    """Say what a read that was not whole leaves open: who is not given anything although they are in the group."""
    seen, roles = len(members.group.members), ", ".join(rule.roles)
    since = f" since {members.since:%Y-%m-%d %H:%M} UTC" if members.since else ""
    return (
        f"{rule.at}: {members.group} was not read whole{since} ({members.why}): {seen} members were seen, others may be in it "
        f"and get no {roles}"
    )


def _shared(rule: Rule, meant: str, others: Iterable[str]) -> str:
    return (
        f"{rule.at}: {some(others)} is called {rule.group} too, and gives nothing: the group {meant} was there first, and is "
        f"meant; to be safe from names write {{source: {rule.group.source}, id: {meant}, name: {rule.group.name}}}"
    )


def _held_back(rule: Rule, members: Members, directory: Directory) -> str:
    """Say who is given something only because a read that was not whole may not take it."""
    source = members.group.source
    who = some(str(directory.identities.get((source, id_), f"{source}:{id_}")) for id_ in members.stale)
    since = f" since {members.since:%Y-%m-%d %H:%M} UTC" if members.since else ""
    roles = ", ".join(rule.roles)
    return f"{rule.at}: {members.group} was not read whole{since} ({members.why}); {who} may keep {roles} only because of that"


def _not_there(rule: Rule, lookup: _Lookup, findings: Findings) -> None:
    ref, roles = rule.group, ", ".join(rule.roles)
    if others := lookup.usurpers(ref):
        why = f"{ref} meant the group {lookup.remembered(ref)}, which is gone; {some(others)} has the name now"
        write = f"write {{source: {ref.source}, id: {others[0]}, name: {ref.name}}}"
        accept = f'{write}, or run: syncd accept-group {ref.source} "{ref.name}"'
        findings.note("group_recreated", f"{rule.at}: {why}, and gives nothing; nobody loses {roles} for now; {accept}")
    elif ref.id is None and (several := lookup.bearers(ref)):
        ids = " or ".join(sorted(f"{{source: {m.group.source}, id: {m.group.id}}}" for m in several))
        why = f"{len(several)} groups are called {ref}"
        findings.note(
            "group_name_shared", f"{rule.at}: {why}; none gives anything, nobody loses {roles} for now; write {ids}"
        )
    else:
        why = _missing(ref, lookup.directory)
        findings.note("group_missing", f"{rule.at}: {why}; nobody loses {roles} for now")
    findings.freeze(rule.roles, why)


def _missing(ref: GroupRef, directory: Directory) -> str:
    if ref.source in directory.failed:
        return f"the group {ref} is not known, because its source failed: {directory.failed[ref.source]}"
    return f"there is no group {ref}"
