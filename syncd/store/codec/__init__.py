"""Values to JSON and back, one pair of functions per type.

The text is canonical: keys and sets are sorted, so equal values give equal text. Order within tuples means something and
is kept. It is pure ASCII: PostgreSQL keeps no NUL and no lone surrogate, and names may hold anything. Every body that
stands alone carries its version as `v`.
"""

from syncd.store.codec.desired import desired_from, desired_to
from syncd.store.codec.looks import (
    abilities_from,
    abilities_to,
    dags_from,
    dags_to,
    people_from,
    people_to,
    person_over,
    person_to,
    roles_from,
    roles_to,
    vanished_from,
)
from syncd.store.codec.plans import (
    because_from,
    because_to,
    change_with,
    kept_from,
    kept_to,
    notes_from,
    notes_to,
    scope_from,
    scope_to,
    thing_from,
    thing_to,
)
from syncd.store.codec.snapshots import (
    doubts_from,
    doubts_to,
    group_from,
    group_to,
    identity_from,
    identity_to,
    snapshot_to,
    timed,
    times_to,
    untimed,
)
from syncd.store.codec.text import UNKNOWN, VERSION, Json, digest, dumps, loads, pack, reader, unpack, versioned

__all__ = [
    "UNKNOWN",
    "VERSION",
    "Json",
    "abilities_from",
    "abilities_to",
    "because_from",
    "because_to",
    "change_with",
    "dags_from",
    "dags_to",
    "desired_from",
    "desired_to",
    "digest",
    "doubts_from",
    "doubts_to",
    "dumps",
    "group_from",
    "group_to",
    "identity_from",
    "identity_to",
    "kept_from",
    "kept_to",
    "loads",
    "notes_from",
    "notes_to",
    "pack",
    "people_from",
    "people_to",
    "person_over",
    "person_to",
    "reader",
    "roles_from",
    "roles_to",
    "scope_from",
    "scope_to",
    "snapshot_to",
    "thing_from",
    "thing_to",
    "timed",
    "times_to",
    "unpack",
    "untimed",
    "vanished_from",
    "versioned",
]
