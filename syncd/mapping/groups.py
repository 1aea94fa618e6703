"""From a rule to the group that it names, as the sources know it now.

A group that is not there is not an empty group: nothing is given by it, and nobody may lose the roles of its binding until
it is back, or the binding is taken out; nor is anybody given what it keeps from its members (`none_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import category

from syncd.directory.group_names import GroupLookup
from syncd.mapping.diagnostics import Diagnostics, some
from syncd.model import Directory, Everyone, Leaf, Members, Rule, drawn

UNCERTIFIED = "group_uncertified"
"""The code of the note that a group, which a rule here names, was not read whole."""
_SILENT = "its source could not be read"
"""In a note; why that is, is told once, of the source."""


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group that a rule names, as it was found; None: it is not there, or nobody can say which it is.

    `doubt` says why it is not known who is in it; empty: that is known.
    """

    members: Members | None
    doubt: str = ""


def found_group(
    rule: Rule, ref: Leaf, lookup: GroupLookup, diagnostics: Diagnostics, *, takes: bool = False
) -> FoundGroup:
    """Find a group of a rule, and tell what people should know of it; `takes`: whoever is in it gets nothing by the rule."""
    members = lookup.find(ref)
    if members is None:
        return FoundGroup(None, _not_there(rule, ref, lookup, diagnostics, takes=takes))
    others = lookup.usurpers(ref)
    if ref.name == members.group.name and others:
        diagnostics.note("group_name_shared", _shared(rule, ref, others, meant=members.group.id))
    elif ref.name not in {None, members.group.name}:
        now = f'the group with the id {members.group.id} is now called "{members.group.name}"'
        other = f" (what is called so now is another group, {some(others)}, and gives nothing)" if others else ""
        text = f'{rule.at}: {now}, not "{ref.name}"{other}; the id decides; correct the name'
        diagnostics.note("group_renamed", text)
    if members.certified:
        return FoundGroup(members)
    if members.stale and not takes:
        diagnostics.note("removal_held_back", _held_back(rule, members, lookup.directory))
    if ref.source not in lookup.directory.failed:
        diagnostics.note(UNCERTIFIED, _uncertified(rule, members, takes=takes))
    ever = "never read whole" if members.unknown else "not read whole"
    return FoundGroup(members, f"the group {ref} was {ever}: {members.why}")


def _uncertified(rule: Rule, members: Members, *, takes: bool) -> str:
    """Say what a read that was not whole leaves open: who is not given anything although they are in the group."""
    seen, roles = len(members.group.members), ", ".join(rule.roles)
    since = f" since {members.since:%Y-%m-%d %H:%M} UTC" if members.since else ""
    told = f"{rule.at}: {members.group} was not read whole{since} ({members.why}): {seen} members were seen, others may be in it"
    return f"{told}, so {_nobody(roles, takes=True)}" if takes else f"{told} and get no {roles}"


def _nobody(roles: str, *, takes: bool) -> str:
    """Say what a doubt leaves as it is."""
    return f"nobody is given {roles} by this line, or loses what it gave" if takes else f"nobody loses {roles} for now"


def _shared(rule: Rule, ref: Leaf, others: Iterable[str], *, meant: str) -> str:
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


def _not_there(rule: Rule, ref: Leaf, lookup: GroupLookup, diagnostics: Diagnostics, *, takes: bool) -> str:
    """Tell that a group is not there, or that nobody can say which it is; gives why."""
    effect = _nobody(", ".join(rule.roles), takes=takes)
    if others := lookup.usurpers(ref):
        why = f"{ref} meant the group {lookup.remembered(ref)}, which is gone; {some(others)} has the name now"
        write = f"write {{source: {ref.source}, id: {others[0]}, name: {ref.name}}}"
        accept = f'{write}, or run: syncd accept-group {ref.source} "{ref.name}"'
        diagnostics.note("group_recreated", f"{rule.at}: {why}, and gives nothing; {effect}; {accept}")
    elif ref.id is None and (several := lookup.bearers(ref)):
        ids = " or ".join(sorted(f"{{source: {m.group.source}, id: {m.group.id}}}" for m in several))
        why = f"{len(several)} groups are called {ref}"
        diagnostics.note("group_name_shared", f"{rule.at}: {why}; none gives anything, {effect}; write {ids}")
    else:
        why = _missing(ref, lookup.directory)
        told = f"{_named(ref)} is not known, because {_SILENT}" if ref.source in lookup.directory.failed else why
        diagnostics.note("group_missing", f"{rule.at}: {told}; {effect}")
    return why


def _named(ref: Leaf) -> str:
    return f"who is in {ref.source}" if isinstance(ref, Everyone) else f"the group {ref}"


def _missing(ref: Leaf, directory: Directory) -> str:
    if ref.source in directory.failed:
        return f"{_named(ref)} is not known, because its source failed: {directory.failed[ref.source]}"
    if isinstance(ref, Everyone):
        return f"{_named(ref)} is not known, because it was not read yet"
    return f"there is no group {ref}{_alike(ref, directory)}"


def _alike(ref: Leaf, directory: Directory) -> str:
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
