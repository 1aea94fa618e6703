"""From a rule to the group that it names, as the sources know it now.

A group that is not there is not an empty group: nothing is given by it, and nobody may lose the roles of its binding until
it is back, or the binding is taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import category

from syncd.directory.group_names import GroupLookup
from syncd.mapping.diagnostics import Diagnostics, some
from syncd.model import Directory, GroupRef, Members, Rule, drawn

UNCERTIFIED = "group_uncertified"
"""The code of the note that a group, which a rule here names, was not read whole."""
_SILENT = "its source could not be read"
"""In a note; why that is, is told once, of the source."""


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A rule and the group it was found to name."""

    rule: Rule
    members: Members


def bind(rules: Iterable[Rule], directory: Directory, diagnostics: Diagnostics) -> tuple[Bound, ...]:
    """Find the group of each rule."""
    lookup = GroupLookup(directory)
    found = (_bound(rule, ref, lookup, diagnostics) for rule in rules for ref in rule.groups)
    return tuple(b for b in found if b)


def _bound(rule: Rule, ref: GroupRef, lookup: GroupLookup, diagnostics: Diagnostics) -> Bound | None:
    members = lookup.find(ref)
    if members is None:
        _not_there(rule, ref, lookup, diagnostics)
        return None
    others = lookup.usurpers(ref)
    if ref.name == members.group.name and others:
        diagnostics.note("group_name_shared", _shared(rule, ref, others, meant=members.group.id))
    elif ref.name not in {None, members.group.name}:
        now = f'the group with the id {members.group.id} is now called "{members.group.name}"'
        other = f" (what is called so now is another group, {some(others)}, and gives nothing)" if others else ""
        text = f'{rule.at}: {now}, not "{ref.name}"{other}; the id decides; correct the name'
        diagnostics.note("group_renamed", text)
    if members.unknown:
        diagnostics.freeze(rule.roles, f"the group {ref} was never read whole: {members.why}")
    elif members.stale:
        diagnostics.note("removal_held_back", _held_back(rule, members, lookup.directory))
    if not members.certified and ref.source not in lookup.directory.failed:
        diagnostics.note(UNCERTIFIED, _uncertified(rule, members))
    return Bound(rule, members)


def _uncertified(rule: Rule, members: Members) -> str:
    """Say what a read that was not whole leaves open: who is not given anything although they are in the group."""
    seen, roles = len(members.group.members), ", ".join(rule.roles)
    since = f" since {members.since:%Y-%m-%d %H:%M} UTC" if members.since else ""
    return (
        f"{rule.at}: {members.group} was not read whole{since} ({members.why}): {seen} members were seen, others may be in it "
        f"and get no {roles}"
    )


def _shared(rule: Rule, ref: GroupRef, others: Iterable[str], *, meant: str) -> str:
    return (
        f"{rule.at}: {some(others)} is called {ref} too, and gives nothing: the group {meant} was there first, and is "
        f"meant; to be safe from names write {{source: {ref.source}, id: {meant}, name: {ref.name}}}"
    )


def _held_back(rule: Rule, members: Members, directory: Directory) -> str:
    """Say who is given something only because a read that was not whole may not take it."""
    source = members.group.source
    who = some(str(directory.identities.get((source, id_), f"{source}:{id_}")) for id_ in members.stale)
    since = f" since {members.since:%Y-%m-%d %H:%M} UTC" if members.since else ""
    roles = ", ".join(rule.roles)
    why = _SILENT if source in directory.failed else members.why
    return f"{rule.at}: {members.group} was not read whole{since} ({why}); {who} may keep {roles} only because of that"


def _not_there(rule: Rule, ref: GroupRef, lookup: GroupLookup, diagnostics: Diagnostics) -> None:
    roles = ", ".join(rule.roles)
    if others := lookup.usurpers(ref):
        why = f"{ref} meant the group {lookup.remembered(ref)}, which is gone; {some(others)} has the name now"
        write = f"write {{source: {ref.source}, id: {others[0]}, name: {ref.name}}}"
        accept = f'{write}, or run: syncd accept-group {ref.source} "{ref.name}"'
        diagnostics.note(
            "group_recreated", f"{rule.at}: {why}, and gives nothing; nobody loses {roles} for now; {accept}"
        )
    elif ref.id is None and (several := lookup.bearers(ref)):
        ids = " or ".join(sorted(f"{{source: {m.group.source}, id: {m.group.id}}}" for m in several))
        why = f"{len(several)} groups are called {ref}"
        diagnostics.note(
            "group_name_shared", f"{rule.at}: {why}; none gives anything, nobody loses {roles} for now; write {ids}"
        )
    else:
        why = _missing(ref, lookup.directory)
        told = f"the group {ref} is not known, because {_SILENT}" if ref.source in lookup.directory.failed else why
        diagnostics.note("group_missing", f"{rule.at}: {told}; nobody loses {roles} for now")
    diagnostics.freeze(rule.roles, why)


def _missing(ref: GroupRef, directory: Directory) -> str:
    if ref.source in directory.failed:
        return f"the group {ref} is not known, because its source failed: {directory.failed[ref.source]}"
    return f"there is no group {ref}{_alike(ref, directory)}"


def _alike(ref: GroupRef, directory: Directory) -> str:
    """Name a group whose name a reader cannot tell from the one that is wanted: with other letters, or marks that nobody sees."""
    wanted = drawn(ref.name or "") if ref.id is None else ""
    groups = (members.group for members in directory.groups.values() if members.group.source == ref.source)
    found = sorted(group.id for group in groups if wanted and drawn(_seen(group.name)) == wanted)
    return (
        f"; {some(found)} has a name that looks like it: write {{source: {ref.source}, id: {found[0]}}}"
        if found
        else ""
    )


def _seen(name: str) -> str:
    return " ".join("".join(c for c in name if category(c) not in {"Cf", "Cc"}).split())
