"""What the name of a group means: the group that bore it when it was first used.

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

from syncd.model import Directory, Leaf, Members, Rule


def new_names(rules: Iterable[Rule], directory: Directory) -> Mapping[tuple[str, str], str]:
    """Give what names in rules mean and is not remembered yet; only groups that were just read whole count.

    By a pattern others count as well: no line would say that there was such a group once it is gone.
    """
    lookup = GroupLookup(directory)
    bindings = tuple(rules)
    asked, by_pattern = _asked(bindings), _asked(rule for rule in bindings if rule.captured)
    meant = {name: lookup.by_name.get(name, []) for name in sorted(asked - directory.names.keys())}
    return {
        name: found[0].group.id
        for name, found in meant.items()
        if len(found) == 1 and (found[0].certified or name in by_pattern)
    }


def _asked(rules: Iterable[Rule]) -> set[tuple[str, str]]:
    refs = (ref for rule in rules for ref in rule.groups)
    return {(ref.source, ref.name) for ref in refs if ref.id is None and ref.name is not None}


class GroupLookup:
    """Groups by id, and by name within a source."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.by_name: dict[tuple[str, str | None], list[Members]] = {}
        for members in directory.groups.values():
            self.by_name.setdefault((members.group.source, members.group.name), []).append(members)

    def find(self, ref: Leaf) -> Members | None:
        """Find the group that is meant; None: it is not there, or nobody can say which it is."""
        if ref.id is not None:
            return self.directory.groups.get((ref.source, ref.id))
        if remembered := self.remembered(ref):
            return self.directory.groups.get((ref.source, remembered))
        bearers = self.bearers(ref)
        return bearers[0] if len(bearers) == 1 else None

    def bearers(self, ref: Leaf) -> list[Members]:
        """List the groups that bear a name now."""
        return self.by_name.get((ref.source, ref.name), [])

    def remembered(self, ref: Leaf) -> str | None:
        """Give the id that a rule's name is known to mean; None for a rule that names the id itself."""
        return None if ref.id or ref.name is None else self.directory.names.get((ref.source, ref.name))

    def usurpers(self, ref: Leaf) -> tuple[str, ...]:
        """Give the ids of groups that bear a name which is known to mean another group."""
        known = self.remembered(ref)
        bearers = self.bearers(ref) if known else []
        return tuple(sorted(m.group.id for m in bearers if m.group.id != known))
