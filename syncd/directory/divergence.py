"""What reading only the changes got wrong, as a full read shows it.

The full read stands between two refreshes. What changed meanwhile may be in one of them and not in the other; only where
both agree and the full read says something else was a change missed.
"""

from __future__ import annotations

from syncd.model import Group, Snapshot


def diverged(before: Snapshot, full: Snapshot, after: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the ids of groups and of people of whom both refreshes say something else than the full read; sorted."""
    return _groups(before, full, after), _people(before, full, after)


def _groups(before: Snapshot, full: Snapshot, after: Snapshot) -> tuple[str, ...]:
    first, last = _certified(before), _certified(after)
    truth = _certified(full)
    both = truth.keys() & first.keys() & last.keys()
    missed = truth.keys() - {g.id for s in (before, after) for g in s.groups}
    return tuple(sorted({g for g in both if _misread(first[g], truth[g], last[g])} | missed))


def _misread(before: Group, truth: Group, after: Group) -> bool:
    """Say whether anybody is in or out of a group against the word of both refreshes."""
    return bool((truth.members - before.members - after.members) | ((before.members & after.members) - truth.members))


def _people(before: Snapshot, full: Snapshot, after: Snapshot) -> tuple[str, ...]:
    first, truth, last = ({i.id: i.active for i in s.identities} for s in (before, full, after))
    both = truth.keys() & first.keys() & last.keys()
    return tuple(sorted(id_ for id_ in both if first[id_] == last[id_] != truth[id_]))


def _certified(snapshot: Snapshot) -> dict[str, Group]:
    return {group.id: group for group in snapshot.groups if group.certificate.complete}
