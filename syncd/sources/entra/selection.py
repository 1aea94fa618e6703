"""Which groups are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from syncd.answers import paired
from syncd.errors import SourceUnavailable
from syncd.sources.entra.graph import GraphReply
from syncd.sources.entra.people import USER_FIELDS
from syncd.sources.entra.reading import Collection, Reader, query
from syncd.sources.entra.settings import EntraSettings, GroupSelection

GROUP_FIELDS: Final = "id,displayName,visibility"


@dataclass(frozen=True, slots=True)
class Picked:
    """A group that is to be read. The members of a hidden one are shown only with a permission of its own."""

    id: str
    name: str
    transitive: bool = False
    hidden: bool = False

    def members(self, page_size: int) -> Collection:
        """Say where its members are read, and counted: people only, because Graph does not list every other kind."""
        path = f"/groups/{quote(self.id, safe='')}/{'transitiveMembers' if self.transitive else 'members'}"
        first = query(path, select=",".join(USER_FIELDS), top=page_size)
        return Collection(first, query(f"{path}/microsoft.graph.user", select="id", top=1, count="true"))


def user_list(page_size: int) -> Collection:
    """Say where everybody in the tenant is read, and counted."""
    first = query("/users", select=",".join(USER_FIELDS), top=page_size)
    return Collection(first, query("/users", select="id", top=1, count="true"))


def pick(selections: Iterable[GroupSelection], fields: Mapping[str, object]) -> Picked | None:
    """Say how a group is to be read; None if no selection is for it."""
    id_, name = str(fields["id"]), paired(str(fields.get("displayName") or ""))
    for selection in selections:
        if selection.picks(id_, name):
            return Picked(id_, name, selection.transitive, fields.get("visibility") == "HiddenMembership")
    return None


def group_path(id_: str) -> str:
    return query(f"/groups/{quote(id_, safe='')}", select=GROUP_FIELDS)


def select(source: str, settings: EntraSettings, reader: Reader) -> dict[str, Picked]:
    """Find every group to read, by id.

    Raises:
        SourceUnavailable: it is not known for sure which groups there are, or a configured name is not clear.
    """
    found = _by_id(source, settings.groups, reader) + _listed(source, settings, reader)
    # each as the first selection that is for it says, whichever query found it
    picked = {p.id: p for fields in found if (p := pick(settings.groups, fields))}
    check_names(source, settings.groups, picked.values())
    return picked


def found(source: str, reply: GraphReply, wanted: str) -> Mapping[str, object] | None:
    """Give the group of a look-up; None if there is none.

    Raises:
        SourceUnavailable: neither is sure.
    """
    if reply.is_gone:
        return None
    if not reply.ok or str(reply.fields.get("id", "")).casefold() != wanted.casefold():
        raise SourceUnavailable(
            f"source {source}: group {wanted} could not be looked up: {_hint(reply.problem) or 'another object came'}"
        )
    return reply.fields


def check_names(source: str, selections: Iterable[GroupSelection], picked: Iterable[Picked]) -> None:
    """Refuse to guess which group a configured name means: display names are not unique.

    Raises:
        SourceUnavailable: two groups have a configured name; lists their ids.
    """
    groups = list(picked)
    for selection in selections:
        ids = sorted(p.id for p in groups if selection.by == "name" and selection.picks(p.id, p.name))
        if len(ids) > 1:
            raise SourceUnavailable(
                f'source {source}: {len(ids)} groups are named "{selection.value}"; select one by id: {", ".join(ids)}'
            )


def _by_id(source: str, selections: Iterable[GroupSelection], reader: Reader) -> list[Mapping[str, object]]:
    ids = [s.value for s in selections if s.by == "id"]
    replies = reader.look_up([group_path(id_) for id_ in ids])
    groups = [found(source, reply, id_) for id_, reply in zip(ids, replies, strict=True)]
    return [group for group in groups if group is not None]


@dataclass(frozen=True, slots=True)
class _Listed:
    id: str
    fields: Mapping[str, object]


def _listed(source: str, settings: EntraSettings, reader: Reader) -> list[Mapping[str, object]]:
    wanted = [s for s in settings.groups if s.by != "id"]
    collections = [_collection(s, settings.page_size) for s in wanted]
    readings = reader.read(collections, lambda fields: _Listed(str(fields["id"]), fields))
    for selection, reading in zip(wanted, readings, strict=True):
        if not reading.is_whole:
            # a group that is missing here would count as deleted
            raise SourceUnavailable(
                f"source {source}: the list of groups ({selection}) could not be read whole: {_hint(reading.why)}"
            )
    return [item.fields for reading in readings for item in reading.items]


def _collection(selection: GroupSelection, page_size: int) -> Collection:
    value = selection.value.replace("'", "''")
    filters = {"name": f"displayName eq '{value}'", "prefix": f"startswith(displayName,'{value}')"}
    chosen = {"filter": filters[selection.by]} if selection.by in filters else {}
    return Collection(
        query("/groups", select=GROUP_FIELDS, top=page_size, **chosen),
        query("/groups", select="id", top=1, count="true", **chosen),
    )


def _hint(why: str) -> str:
    if "authorization_requestdenied" in why:
        return f"{why}; grant the application permission GroupMember.Read.All"
    return why
