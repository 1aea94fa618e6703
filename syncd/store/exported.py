"""A file with what is known of sources and deployments, for machines that have no database and no credential: pipelines.

It is JSON, compressed, with a version of its own. Whoever reads one may have got it from anywhere: its size is bounded packed
and unpacked, and what is not as it should be is one error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

from syncd.access.known import LastKnown, Noted, SourcesSaid
from syncd.errors import SnapshotInvalid, StoreError
from syncd.files import MIB, read_file, shown
from syncd.model import KnownPersons, LastSeen, Learned, MadeAccount, Owned, Snapshot
from syncd.store import codec

FORMAT: Final = "syncd snapshot"
VERSION: Final = 1
LARGEST: Final = 64 * MIB
"""Of a file, in bytes."""
LARGEST_UNPACKED: Final = 256 * MIB
MOST_VALUES: Final = 20_000_000
"""Of all tables, lists and texts: each takes some 60 bytes of memory and more, however short it is in the file."""
_GZIP: Final = 31
"""The words of zlib for the format of gzip."""


def export(known: LastKnown, *, at: datetime) -> bytes:
    """Write what is known to the bytes of a file; equal knowledge gives equal bytes.

    Raises:
        SnapshotInvalid: it is more than is read.
    """
    said = known.said
    body = {
        "format": FORMAT,
        "version": VERSION,
        "at": at.isoformat(),
        "sources": {name: list(codec.snapshot_to(one)) for name, one in said.snapshots.items()},
        "failed": dict(said.failed),
        "names": [[*where, id_] for where, id_ in sorted(said.names.items())],
        "persons": [[*who, person] for who, person in sorted(said.persons.persons.items())],
        "joined": sorted(said.persons.sources),
        "deployments": {name: _noted_to(noted) for name, noted in known.noted.items()},
    }
    text = codec.dumps(body).encode("ascii")
    if too_large := _too_large(text):
        raise SnapshotInvalid(f"nothing was written: {too_large}")
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return packer.compress(text) + packer.flush()


def read_export(file: Path) -> LastKnown:
    """Read such a file.

    Raises:
        SnapshotInvalid: it cannot be read, is too large, or is something else.
    """
    try:
        packed = read_file(file, largest=LARGEST)
    except OSError as error:
        raise SnapshotInvalid(f"{file}: it cannot be read: {error.strerror or error}") from error
    try:
        return _known_from(codec.loads(_unpacked(packed)))
    except (*_NO_FILE_OF_OURS, StoreError) as error:
        why = str(error) if isinstance(error, _Told) else "it is no file that `syncd snapshot export` wrote"
        raise SnapshotInvalid(f"{file}: {why}; export it anew") from error


class _Told(ValueError):
    """The file is of another syncd, or too large; the text says so."""


_NO_FILE_OF_OURS = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, zlib.error)
"""What reading another thing may come to."""


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    text = unpacker.decompress(packed, LARGEST_UNPACKED)
    if too_large := _too_large(text):
        raise _Told(too_large)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it goes on, or ends too early")
    return text


def _too_large(text: bytes) -> str:
    """Say that a text is more than a machine should have to hold, before it is read; empty where it is not."""
    if len(text) >= LARGEST_UNPACKED:
        return f"it has more than {shown(LARGEST_UNPACKED)} unpacked; it has to be of fewer deployments (`-d`)"
    if sum(map(text.count, (b",", b"[", b"{", b":"))) > MOST_VALUES:
        return f"it has more than {MOST_VALUES:,} values; it has to be of fewer deployments (`-d`)"
    return ""


def _known_from(body: Any) -> LastKnown:
    if body["format"] != FORMAT:
        raise ValueError(body["format"])
    if body["version"] != VERSION:
        raise _Told(f"it is of version {body['version']}, and this syncd reads version {VERSION}")
    said = SourcesSaid(
        {str(name): _snapshot_from(what, when) for name, (what, when) in body["sources"].items()},
        {str(name): str(why) for name, why in body["failed"].items()},
        {(source, name): id_ for source, name, id_ in body["names"]},
        KnownPersons({(source, id_): who for source, id_, who in body["persons"]}, frozenset(body["joined"])),
    )
    known = LastKnown(said, {name: _noted_from(name, noted) for name, noted in body["deployments"].items()})
    if not all(isinstance(word, str) for word in _words_of(known)):
        raise ValueError("a name is no text")
    return known


def _snapshot_from(what: str, when: str) -> Snapshot:
    return codec.timed(codec.untimed(codec.loads(what)), codec.loads(when))


def _words_of(known: LastKnown) -> Iterator[object]:
    """Give all that has to be text: whatever reads the file later takes it for that."""
    said = known.said
    yield from chain.from_iterable((*where, id_) for where, id_ in said.names.items())
    yield from chain.from_iterable((*who, name) for who, name in said.persons.persons.items())
    yield from said.persons.sources
    for snapshot in said.snapshots.values():
        yield snapshot.source
        for i in snapshot.identities:
            yield from (i.source, i.id, i.login, i.email, i.given_name, i.family_name, i.employee_number)
            yield from (said for said in (i.department, i.user_type) if said is not None)
        for group in snapshot.groups:
            yield from (group.source, group.id, group.name, group.certificate.why, *group.members)
    for noted in known.noted.values():
        yield from chain.from_iterable(noted.owned.grants.values())
        yield from chain.from_iterable((one.name, one.email, *one.who) for one in noted.made)
        yield from () if noted.seen is None else _words_seen(noted.seen)


def _words_seen(seen: LastSeen) -> Iterator[object]:
    yield from (seen.learned, seen.own_account or "", *seen.unclear, *seen.unclear.values())
    for user in seen.users.values():
        yield from (user.username, user.email, user.first_name, user.last_name, *user.roles)
    for role in seen.roles.values():
        yield from chain.from_iterable((p.action, p.resource, p.dag or "", p.part) for p in role.permissions)
    for dag in (*seen.dags, *(gone.dag for gone in seen.vanished)):
        yield from (*dag.tags, *dag.owners)


# --- one deployment ---------------------------------------------------------------------------------------------------


def _noted_to(noted: Noted) -> Any:
    owned = noted.owned
    return {
        "seen": None if noted.seen is None else _seen_to(noted.seen),
        "users": sorted(owned.users),
        "roles": sorted(owned.roles),
        "once": sorted(owned.once),
        "grants": {name: sorted(roles) for name, roles in owned.grants.items()},
        "made": [[one.name, *one.who, one.email] for one in noted.made],
    }


def _noted_from(name: str, body: Any) -> Noted:
    grants = {who: frozenset(roles) for who, roles in body["grants"].items()}
    owned = Owned(frozenset(body["users"]), frozenset(body["roles"]), grants, frozenset(body["once"]))
    made = tuple(MadeAccount(account, (source, id_), email) for account, source, id_, email in body["made"])
    return Noted(None if body["seen"] is None else _seen_from(name, body["seen"]), owned, made)


def _seen_to(seen: LastSeen) -> Any:
    return {
        "abilities": codec.abilities_to(seen.learned, seen.own_account),
        "people": codec.people_to(seen.observed()),
        "roles": codec.roles_to(seen.roles),
        "dags": codec.dags_to(seen.dags, seen.vanished),
        "at": [moment.isoformat() for moment in (seen.people_at, seen.roles_at, seen.dags_at)],
    }


def _seen_from(name: str, body: Any) -> LastSeen:
    learned, own = codec.abilities_from(body["abilities"])
    users, unclear = codec.people_from(body["people"])
    people_at, roles_at, dags_at = map(codec.time_from, body["at"])
    roles, gone = codec.roles_from(body["roles"]), codec.vanished_from(body["dags"])
    dags = codec.dags_from(body["dags"])
    return LastSeen(name, Learned(learned), users, roles, dags, people_at, roles_at, dags_at, own, unclear, gone)
