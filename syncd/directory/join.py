"""What sources said, joined into one directory, with the last certified read laid over what was not read whole.

This is where "a read that is not proven complete can add access, never remove it" is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from syncd.directory.persons import with_persons
from syncd.directory.untold import untold
from syncd.model import Directory, Doubt, Group, Joining, JoinKey, KnownPersons, Members, Snapshot, nfc

ALONE = Joining(JoinKey.NONE)


def join(
    fresh: Mapping[str, Snapshot],
    earlier: Mapping[str, Snapshot],
    failed: Mapping[str, str],
    *,
    names: Mapping[tuple[str, str], str] | None = None,
    joining: Joining = ALONE,
    known: KnownPersons = KnownPersons(),
) -> Directory:
    """Join what was just read with what was saved before; all by source. `names` is what group names are known to mean,
    `known` who is known to be one person.

    fresh read of a group | saved read    | result
    complete              | any           | certified: the fresh members
    incomplete            | certified     | carried over: both
    incomplete            | not certified | unknown: the fresh members
    source failed         | certified     | carried over: the saved members
    source failed         | not certified | unknown: no members
    not in the snapshot   | any           | no such group
    """
    saved = {source: _groups(snapshot) for source, snapshot in earlier.items()}
    groups = [_members(g, saved.get(g.source, {}).get(g.id)) for snapshot in fresh.values() for g in snapshot.groups]
    groups += [_members(_unread(g, why), g) for source, why in failed.items() for g in saved.get(source, {}).values()]
    identities = {(i.source, i.id): i for snapshot in fresh.values() for i in snapshot.identities}
    stale = {(m.group.source, person) for m in groups for person in m.stale}
    for identity in (i for snapshot in earlier.values() for i in snapshot.identities):
        if identity.source in failed or (identity.source, identity.id) in stale:
            identities.setdefault((identity.source, identity.id), identity)
    by_id = {(m.group.source, m.group.id): _as_written(m) for m in groups}
    read = frozenset(fresh.keys() | (earlier.keys() & failed.keys()))
    seen = {source for source in fresh if source in earlier}
    seen |= {source for source, snapshot in fresh.items() if all(g.certificate.complete for g in snapshot.groups)}
    found = Directory(
        identities,
        by_id,
        dict(failed),
        dict(names or {}),
        read=read,
        domains=joining.domains,
        untold=untold([*fresh.values(), *(snapshot for source, snapshot in earlier.items() if source in failed)]),
        read_at={
            source: snapshot.taken_at for source, snapshot in sorted({**earlier, **fresh}.items()) if source in read
        },
    )
    return with_persons(found, joining, known, read=seen)


def doubts(fresh: Snapshot, earlier: Snapshot | None) -> tuple[Doubt, ...]:
    """List the groups that were not read whole, and when each of them last was."""
    saved = _groups(earlier)
    unread = (_members(g, saved.get(g.id)) for g in fresh.groups if not g.certificate.complete)
    return tuple(Doubt(m.group.id, m.group.name, m.since, m.why) for m in unread)


def lay_over(fresh: Snapshot, earlier: Snapshot | None) -> Snapshot:
    """Give the snapshot that is worth saving.

    A certified group is saved as read. An uncertified one keeps the certificate and the members of the last whole read,
    and those who were just seen besides: what one doubtful read gave, the next doubtful read may not take. People are saved as
    read, and as they were those alone who just may still be in such a group: of a member who was seen, and of whom the source
    says nothing any more, nothing is known either once it fails.
    """
    saved = _groups(earlier)
    groups = tuple(_worth_saving(group, saved.get(group.id)) for group in fresh.groups)
    stale = {person for group in fresh.groups for person in _members(group, saved.get(group.id)).stale}
    absent = stale - {i.id for i in fresh.identities}
    known = tuple(i for i in earlier.identities if i.id in absent) if earlier else ()
    return replace(fresh, identities=fresh.identities + known, groups=groups)


def _groups(snapshot: Snapshot | None) -> dict[str, Group]:
    return {group.id: group for group in snapshot.groups} if snapshot else {}


def _unread(saved: Group, why: str) -> Group:
    """Give a group of a source that failed: known by name, nobody seen in it."""
    return replace(saved, members=frozenset(), certificate=replace(saved.certificate, complete=False, why=why))


def _as_written(members: Members) -> Members:
    """Give a group under the form of its name in which mapping files are read."""
    name = nfc(members.group.name)
    return members if name == members.group.name else replace(members, group=replace(members.group, name=name))


def _members(group: Group, saved: Group | None) -> Members:
    if group.certificate.complete:
        return Members(group)
    if saved and saved.certificate.complete:
        since = saved.certificate.taken_at
        return Members(group, saved.members - group.members, certified=False, why=group.certificate.why, since=since)
    return Members(group, certified=False, unknown=True, why=group.certificate.why)


def _worth_saving(group: Group, saved: Group | None) -> Group:
    if group.certificate.complete or saved is None or not saved.certificate.complete:
        return group
    return replace(group, members=group.members | saved.members, certificate=saved.certificate)
