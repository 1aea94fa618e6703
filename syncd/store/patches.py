"""What changed from one read of a source to the next, as text: a joiner among fifty thousand is a line, not the whole.

Sources list people and groups by id, so that a walk along both lists finds the shortest patch; lists in another order
give a longer one that is just as right. Times are no part of it: they are kept beside it, see `codec.snapshot_to`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from syncd.model import Certificate, Group, Identity, Snapshot
from syncd.store import codec
from syncd.store.codec import Json

MOST = 2_000
"""Longer patches are not worth it: the whole is written instead."""

T = TypeVar("T", Identity, Group)


def patch_to(before: Snapshot, after: Snapshot) -> Json | None:
    """Give what changed but times; None where that is too much, or the two are of different sources."""
    people = _splices(before.identities, after.identities, lambda a, b: a is b or a == b)
    groups = _splices(before.groups, after.groups, _is_same_group)
    if before.source != after.source or people is None or groups is None:
        return None
    return {
        "v": codec.VERSION,
        "identities": [[at, was is not None, now and codec.identity_to(now)] for at, was, now in people],
        "groups": [[at, was is not None, now and _group_to(now, was)] for at, was, now in groups],
    }


def is_empty(patch: Json) -> bool:
    return not patch["identities"] and not patch["groups"]


@codec.reader("what changed in a snapshot")
def patched(before: Snapshot, patch: Json) -> Snapshot:
    """Give what `patch_to` was given as `after`, but for its times."""
    codec.versioned(patch, "identities", "groups")
    return replace(
        before,
        identities=_applied(before.identities, patch["identities"], lambda fields, _was: codec.identity_from(fields)),
        groups=_applied(before.groups, patch["groups"], lambda fields, was: _group_from(fields, was)),
    )


def _splices(
    before: Sequence[T], after: Sequence[T], is_same: Callable[[T, T], bool]
) -> list[tuple[int, T | None, T | None]] | None:
    """Give (place in `before`, what stands there, what stands there afterwards) of each difference; None: nothing."""
    found: list[tuple[int, T | None, T | None]] = []
    if before == after:  # mostly the same objects, which tuples compare in no time
        return found
    i = j = 0
    while (i < len(before) or j < len(after)) and len(found) <= MOST:
        was = before[i] if i < len(before) else None
        now = after[j] if j < len(after) else None
        if was is None or now is None or not is_same(was, now):
            if was is not None and now is not None and was.id != now.id:
                was, now = (was, None) if was.id < now.id else (None, now)
            found.append((i, was, now))
        i += was is not None
        j += now is not None
    return found if len(found) <= MOST else None


def _applied(before: Sequence[T], splices: Iterable[Json], read: Callable[[Json, T | None], T]) -> tuple[T, ...]:
    after: list[T] = []
    done: int = 0
    for at, replaces, fields in splices:
        after += before[done:at]
        if fields is not None:
            after.append(read(fields, before[at] if replaces else None))
        done = at + replaces
    after += before[done:]
    return tuple(after)


# --- groups -----------------------------------------------------------------------------------------------------------


def _is_same_group(a: Group, b: Group) -> bool:
    return a is b or (
        (a.source, a.id, a.name) == (b.source, b.id, b.name)
        and _facts(a.certificate) == _facts(b.certificate)
        and (a.members is b.members or a.members == b.members)
    )


def _facts(c: Certificate) -> tuple[object, ...]:
    return c.pages, c.count, c.independent_count, c.complete, c.why


def _group_to(group: Group, was: Group | None) -> Json:
    """Write a group; instead of its members who came and who went, where it is there before."""
    if was is None:
        return codec.group_to(group)
    came, went = sorted(group.members - was.members), sorted(was.members - group.members)
    return [*codec.group_to(replace(group, members=frozenset())), [came, went]]


def _group_from(fields: Json, was: Group | None) -> Group:
    if was is None:
        return codec.group_from(fields, codec.UNKNOWN)
    *rest, (came, went) = fields
    group = codec.group_from(rest, codec.UNKNOWN)
    return replace(group, members=(was.members | frozenset(came)) - frozenset(went))
