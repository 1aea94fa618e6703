"""What changed since: rounds of Graph's delta queries, and the cursor that keeps our place in them.

A round only says where to look. It is replayed, repeats itself, comes in any order, says `@removed` for "deleted" and for
"no longer a member", and knows nothing of nested groups; so nothing is taken from it but the ids of what was touched, and
each of those is then read for itself. A round that does not reach its delta link is not used at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from syncd.errors import CursorLost, SourceUnavailable
from syncd.sources.again import Again, again_from
from syncd.sources.entra.graph import GraphClient, GraphReply
from syncd.sources.entra.people import USER_FIELDS
from syncd.sources.entra.reading import is_id, query

LATEST_GROUPS: Final = query("/groups/delta", select="displayName,members", deltatoken="latest")
LATEST_USERS: Final = query("/users/delta", select=",".join(USER_FIELDS[1:]), deltatoken="latest")
"""A delta tells of the fields that are selected, and of no other: they are all that make a person for us."""
LOST: Final = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
VERSION: Final = 3
MOST_PAGES: Final = 10_000
MOST_BARREN: Final = 200
"""So many pages one after the other without an entry (some are documented), and a round is taken to be without an end."""


@dataclass(frozen=True, slots=True)
class Round:
    """The ids that a round touched, each with what was last said of its members (group: {person: is a member}); and where
    the next round begins."""

    touched: Mapping[str, Mapping[str, bool]]
    link: str


def read_round(graph: GraphClient, start: str) -> Round:
    """Read a delta from where the last round ended, to its end.

    Raises:
        CursorLost: Graph does not go on from there any more (after seven days, or when it says so).
        SourceUnavailable: the round did not come to its end; nothing of it may be used.
    """
    touched: dict[str, dict[str, bool]] = {}
    seen: set[str] = set()
    barren = 0
    path: str | None = start
    while path and path not in seen:
        if len(seen) >= MOST_PAGES or barren >= MOST_BARREN:
            raise _broken(graph.source, f"it does not end: {len(seen)} pages, of which the last {barren} were empty")
        seen.add(path)
        reply = graph.get(path)
        _check(graph.source, reply)
        entries = _entries(graph.source, reply)
        barren = 0 if entries else barren + 1
        for entry in entries:
            touched.setdefault(str(entry["id"]), {}).update(_claims(entry))
        if "@odata.deltaLink" in reply.fields:
            link = graph.below(reply.fields["@odata.deltaLink"])
            if link is None:
                raise _broken(graph.source, "its delta link leads to another host")
            return Round(touched, link)
        path = graph.below(reply.fields.get("@odata.nextLink"))
    raise _broken(graph.source, "it leads back to a page it had" if path else "a page has no link that can be followed")


def _check(source: str, reply: GraphReply) -> None:
    if reply.ok:
        return
    if reply.status in (400, 410) or reply.codes & LOST:
        raise CursorLost(
            f"source {source}: Graph does not go on from the last delta ({reply.problem}); a full read will"
        )
    raise _broken(source, reply.problem)


def _entries(source: str, reply: GraphReply) -> list[Mapping[str, object]]:
    value = reply.fields.get("value")
    if not isinstance(value, list) or not all(isinstance(e, dict) and is_id(e.get("id")) for e in value):
        raise _broken(source, "a page without entries, or an entry without id")
    return value


def _claims(entry: Mapping[str, object]) -> dict[str, bool]:
    """Give what an entry says of people's membership; later words overrule earlier ones."""
    members = entry.get("members@delta")
    found = [m for m in members if isinstance(m, dict)] if isinstance(members, list) else []
    return {str(m.get("id")): "@removed" not in m for m in found if m.get("@odata.type") == "#microsoft.graph.user"}


def _broken(source: str, why: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"source {source}: the list of changes did not come to its end: {why}; nothing of it is used"
    )


# --- the cursor -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AppCursor:
    """What was last read of an application: its service principal, a digest of the assignments, the groups in them."""

    principal: str
    digest: str
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntraCursor:
    """Our place.

    `made_for` is the fingerprint of the settings that the snapshot was read with. `again` are the groups that were not
    read whole, with when each is read again, `nested` the groups inside of each group that is read with its nested ones.
    """

    made_for: str
    groups: str
    users: str
    again: Mapping[str, Again] = field(default_factory=dict)
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    apps: Mapping[str, AppCursor] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps({"version": VERSION} | asdict(self), sort_keys=True, separators=(",", ":"))


def parse_cursor(text: str, *, source: str, made_for: str) -> EntraCursor:
    """Read a cursor.

    Raises:
        CursorLost: it is none of ours, of another version, or was made with other settings.
    """
    try:
        found = json.loads(text)
        if found.pop("version") != VERSION or found["made_for"] != made_for:
            raise CursorLost(f"source {source}: its settings are others than at the last read; a full read is needed")
        nested = {id_: tuple(inner) for id_, inner in found.pop("nested").items()}
        apps = {id_: AppCursor(a["principal"], a["digest"], tuple(a["via"])) for id_, a in found.pop("apps").items()}
        again = again_from(found.pop("again"))
        return EntraCursor(**found, again=again, nested=nested, apps=apps)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CursorLost(f"source {source}: the saved cursor cannot be read; a full read is needed") from None
