"""Snapshots: what was said, and when, apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from syncd.model import Certificate, Doubt, Group, Identity, Snapshot
from syncd.store.codec.text import (
    UNKNOWN,
    VERSION,
    Json,
    dumps,
    reader,
    time_from,
    time_to,
    until_from,
    until_to,
    versioned,
)

_TOLD: Final = 9
"""A row of so many fields was written when attributes were read: what is not in it has its default."""


def snapshot_to(snapshot: Snapshot) -> tuple[str, str]:
    """Give a snapshot as two texts: everything but its times, and its times.

    Equal reads at different times so have the same first text.
    """
    body = {
        "v": VERSION,
        "source": snapshot.source,
        "identities": [identity_to(i) for i in snapshot.identities],
        "groups": [group_to(g) for g in snapshot.groups],
    }
    return dumps(body), times_to(snapshot)


def times_to(snapshot: Snapshot) -> str:
    """Give the second text of `snapshot_to`."""
    return dumps({"v": VERSION, "taken_at": time_to(snapshot.taken_at), **_times_to(snapshot.groups)})


@reader("a snapshot")
def untimed(body: Json) -> Snapshot:
    """Give a snapshot whose times are not known."""
    versioned(body, "source", "identities", "groups")
    return Snapshot(
        source=body["source"],
        identities=tuple(map(identity_from, body["identities"])),
        groups=tuple(group_from(fields, UNKNOWN) for fields in body["groups"]),
        taken_at=UNKNOWN,
    )


@reader("times of a snapshot")
def timed(snapshot: Snapshot, times: Json) -> Snapshot:
    """Give a snapshot with these times."""
    versioned(times, "taken_at", "moments", "groups")
    moments = [time_from(t) for t in times["moments"]]
    groups = zip(snapshot.groups, times["groups"], strict=True)
    return replace(
        snapshot,
        groups=tuple(_taken(group, moments[at]) for group, at in groups),
        taken_at=time_from(times["taken_at"]),
    )


def _taken(group: Group, at: datetime) -> Group:
    is_same = group.certificate.taken_at == at
    return group if is_same else replace(group, certificate=replace(group.certificate, taken_at=at))


def _times_to(groups: Iterable[Group]) -> dict[str, Json]:
    """Thousands of groups share a few moments: each is written once and then named by its place."""
    moments: dict[datetime, int] = {}
    places = [moments.setdefault(g.certificate.taken_at, len(moments)) for g in groups]
    return {"moments": [time_to(moment) for moment in moments], "groups": places}


def identity_to(i: Identity) -> Json:
    fields = [i.source, i.id, i.login, i.email, i.given_name, i.family_name, i.active]
    if i.department is None and i.user_type is None and i.guest is None:
        return [*fields, i.employee_number] if i.employee_number else fields
    told = [i.employee_number, i.department, i.user_type, i.guest]
    while len(told) > _TOLD - len(fields) and told[-1] in ("", False):
        told.pop()
    return [*fields, *told]


def identity_from(fields: Json) -> Identity:
    """Read a person; rows of before their attributes were read are shorter, and say of none what it is."""
    identity = Identity(*fields)
    return identity if len(fields) >= _TOLD else replace(identity, department=None, user_type=None, guest=None)


def group_to(group: Group) -> Json:
    c = group.certificate
    certificate = [c.pages, c.count, c.independent_count, c.complete, c.why]
    return [group.source, group.id, group.name, sorted(group.members), certificate]


def group_from(fields: Json, taken_at: datetime) -> Group:
    source, id_, name, members, (pages, count, independent, complete, why) = fields
    certificate = Certificate(pages, count, independent, taken_at, complete, why)
    return Group(source, id_, name, frozenset(members), certificate)


def doubts_to(doubts: Iterable[Doubt]) -> Json:
    return {"v": VERSION, "doubts": [[d.group_id, d.group, until_to(d.since), d.why] for d in doubts]}


@reader("doubts")
def doubts_from(body: Json) -> tuple[Doubt, ...]:
    fields = versioned(body, "doubts")["doubts"]
    return tuple(Doubt(id_, name, until_from(since), why) for id_, name, since, why in fields)
