"""Microsoft Entra ID as a source: people and groups, read whole, or what changed since the last time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from syncd.errors import CursorLost
from syncd.http.backoff import Waiting
from syncd.http.rests import Rest
from syncd.model import EVERYONE, Group, Snapshot
from syncd.sources.again import NEVER
from syncd.sources.entra.delta import (
    LATEST_GROUPS,
    LATEST_USERS,
    EntraCursor,
    Round,
    parse_cursor,
    read_round,
)
from syncd.sources.entra.draft import Draft, look_of
from syncd.sources.entra.graph import GraphClient
from syncd.sources.entra.people import TenantPeople
from syncd.sources.entra.reading import Reader
from syncd.sources.entra.roles import AppRoles, user_path
from syncd.sources.entra.selection import Picked, check_names, found, group_path, pick, select, user_list
from syncd.sources.entra.settings import EntraSettings
from syncd.sources.entra.tokens import Tokens
from syncd.sources.kind import SourceSurroundings

MANY: Final = 100
"""Up to so many people, or a tenth of all, are looked at one by one when the feed names them."""


_NAP_S: Final = 0.2


def _nap(stopping: Callable[[], bool], seconds: float) -> None:
    """Wait, but not beyond the end of the process."""
    until = time.monotonic() + seconds
    while (rest_s := until - time.monotonic()) > 0 and not stopping():
        time.sleep(min(rest_s, _NAP_S))


class EntraSource:
    """Reads one tenant; see `ports.Source` and `ports.Feed`. Not for two reads at once.

    calls    requests made to Graph so far; a batch is one, tokens are not counted
    ignored  what the last read met in groups and left out, by kind (device, servicePrincipal, orgContact, guest)
    """

    def __init__(
        self, name: str, settings: EntraSettings, around: SourceSurroundings, *, waiting: Waiting | None = None
    ) -> None:
        """Nothing is asked yet. What is waited for ends with the process, unless `waiting` is given."""
        self.name = name
        self._emit = around.emit
        self.ignored: Mapping[str, int] = {}
        self._settings = settings
        self._now = around.now
        waiting = waiting or Waiting(pause=partial(_nap, around.stopping))
        rest = Rest(settings.provider, around.rests, now=around.now, monotonic=waiting.clock)
        tokens = Tokens(name, settings, now=around.now, rest=rest, waiting=waiting)
        self._graph = GraphClient(name, settings, tokens, rest=rest, waiting=waiting, stopping=around.stopping)
        self._reader = Reader(
            self._graph, concurrency=settings.concurrency, settle_s=settings.settle_s, pause=waiting.pause
        )
        self._everyone = around.everyone
        self._made_for = _fingerprint(settings, everyone=around.everyone)

    @property
    def feed(self) -> EntraSource:
        return self

    @property
    def calls(self) -> int:
        return self._graph.calls

    def close(self) -> None:
        """Close the connections to Graph; the next read opens others."""
        self._graph.close()

    def read(self) -> Snapshot:
        """Read everything; people and groups come sorted by id. See `ports.Source`."""
        self._reader.begin()
        return self._read().snapshot(self._now())

    def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:  # noqa: ARG002 - doubt is told of
        """Read everything. The cursor is from before the read: what changes meanwhile is seen, if need be twice."""
        self._reader.begin()
        groups = read_round(self._graph, LATEST_GROUPS).link
        users = read_round(self._graph, LATEST_USERS).link
        draft = self._read()
        return draft.snapshot(self._now()), draft.cursor(self._made_for, groups=groups, users=users).text()

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        """Read what changed since. Where nothing did, that is two calls, and one for each application with app roles.

        What the delta names is read anew and whole: the group, every group that holds it and is read with its nested ones,
        every group of a person who was deleted or became a guest.
        """
        was = parse_cursor(cursor, source=self.name, made_for=self._made_for)
        self._reader.begin()
        groups, users = (read_round(self._graph, start) for start in (was.groups, was.users))
        draft = self._refreshed(earlier, was, groups, users)
        text = draft.cursor(self._made_for, groups=groups.link, users=users.link).text()
        return draft.snapshot(self._now()), text

    # --- everything

    def _read(self) -> Draft:
        draft = Draft(self.name, self._settings, TenantPeople(self.name))
        picked = select(self.name, self._settings, self._reader)
        self._read_groups(draft, list(picked.values()))
        if self._everyone:
            self._read_everyone(draft)
        for app_id in self._settings.app_roles:
            self._read_app(draft, app_id)
        draft.people.check()
        self._tell(draft)
        return draft

    def _tell(self, draft: Draft) -> None:
        self.ignored = dict(draft.ignored)
        for id_, why in sorted(draft.people.doubts.items()):
            self._emit("user_in_doubt", source=self.name, user=id_, why=why, kept=id_ in draft.known)
        if why := self._graph.over:
            self._emit("read_cut_short", source=self.name, why=why)

    def _read_groups(self, draft: Draft, picked: Sequence[Picked]) -> None:
        wanted = [group.members(self._settings.page_size) for group in picked]
        taken_at = self._now()
        readings = self._reader.read(wanted, draft.people.member, counted=lambda m: m.is_person)
        for group, reading in zip(picked, readings, strict=True):
            draft.add(group, reading, taken_at=taken_at)

    def _read_everyone(self, draft: Draft) -> None:
        """Read the list of all users as a group."""
        taken_at, everybody = self._now(), Picked(EVERYONE, EVERYONE)
        wanted = user_list(self._settings.page_size)
        reading = self._reader.read([wanted], draft.people.user, counted=lambda m: m.is_person)[0]
        draft.add(everybody, reading, taken_at=taken_at)

    def _read_app(self, draft: Draft, app_id: str) -> None:
        read = self._roles(draft).read(app_id, known=draft.known, taken_at=self._now())
        draft.add_app(app_id, read.groups, read.cursor)

    def _roles(self, draft: Draft) -> AppRoles:
        return AppRoles(self.name, self._reader, draft.people, page_size=self._settings.page_size)

    # --- what changed

    def _refreshed(self, earlier: Snapshot, was: EntraCursor, groups: Round, users: Round) -> Draft:
        draft = Draft(
            self.name,
            self._settings,
            TenantPeople(self.name),
            known={i.id: i for i in earlier.identities},
            before={g.id: g.members for g in earlier.groups},
            was_again=was.again,
        )
        left = self._look_at_people(draft, users.touched.keys() & draft.known.keys())
        crowd = self._everyone and self._has_moved(users, earlier, left, was)
        rested = self._resting(earlier, was, groups.touched.keys())
        stirred = groups.touched.keys() | (was.again.keys() - rested.keys() - {EVERYONE})
        due = {g.id for g in earlier.groups if g.id != EVERYONE and _is_due(g, was, stirred=stirred, left=left)}
        apps = {app_id: self._app_is_due(draft, app_id, was, stirred | due) for app_id in self._settings.app_roles}
        draft.keep((g for g in earlier.groups if g.id not in due and not (crowd and g.id == EVERYONE)), was, apps=apps)
        for group in rested.values():
            if group.id in draft.groups and group.id not in due:
                draft.rest(group)
        self._read_groups(draft, self._still_picked(due | stirred))
        check_names(self.name, self._settings.groups, (Picked(g.id, g.name) for g in draft.groups.values()))
        if crowd:
            self._read_everyone(draft)
        elif EVERYONE in was.again and EVERYONE in draft.groups:
            draft.rest(draft.groups[EVERYONE])
        for app_id in (app_id for app_id, is_due in apps.items() if is_due):
            self._read_app(draft, app_id)
        draft.doubt(groups.touched)
        draft.hold(earlier)
        draft.people.check(least=2)  # one alone may be odd
        self._tell(draft)
        return draft

    def _has_moved(self, users: Round, earlier: Snapshot, left: set[str], was: EntraCursor) -> bool:
        """Say whether the list of everybody is to be read again: somebody came or went, or it was not read whole."""
        before = next((g for g in earlier.groups if g.id == EVERYONE), None)
        if before is None or not before.certificate.complete:
            return not was.again.get(EVERYONE, NEVER).left
        return bool(left & before.members) or not users.touched.keys() <= before.members

    def _resting(self, earlier: Snapshot, was: EntraCursor, touched: Collection[str]) -> dict[str, Group]:
        """Give the groups in doubt that are left alone at this poll: nothing names them, and their count did not move."""
        waiting = [g for g in earlier.groups if g.id not in {*touched, EVERYONE} and was.again.get(g.id, NEVER).left]
        picked = {g.id: pick(self._settings.groups, {"id": g.id, "displayName": g.name}) for g in waiting}
        counted = {id_: p.members(self._settings.page_size).count or "" for id_, p in picked.items() if p}
        counts = dict(zip(counted, self._reader.counts(list(counted.values())), strict=True))
        return {g.id: g for g in waiting if was.again[g.id].rests(look_of(counts.get(g.id)))}

    def _look_at_people(self, draft: Draft, touched: Iterable[str]) -> set[str]:
        """Learn how people are now; gives those whose groups must be read again: who may be in none any more (deleted, or guests
        who do not count), and who is in doubt.

        Raises:
            CursorLost: they are too many to be looked at one by one.
        """
        ids = sorted(touched)
        if len(ids) > max(MANY, len(draft.known) // 10):
            raise CursorLost(
                f"source {self.name}: {len(ids)} people changed; a full read costs less than to look at each"
            )
        left = set()
        for id_, reply in zip(ids, self._reader.look_up([user_path(id_) for id_ in ids]), strict=True):
            if reply.ok and reply.fields.get("id") == id_:
                draft.people.person(reply.fields)
            elif not reply.is_gone:
                draft.people.doubt(id_, f"not looked up: {reply.problem or 'Graph answered with another object'}")
            if reply.is_gone or id_ in draft.people.doubts or draft.is_left_out(id_):
                left.add(id_)
        return left

    def _still_picked(self, ids: Iterable[str]) -> list[Picked]:
        """Look groups up; gives those that exist and are to be read."""
        selections = self._settings.groups
        wanted = sorted(id_ for id_ in ids if ":" not in id_ and _may_pick(self._settings, id_))
        replies = self._reader.look_up([group_path(id_) for id_ in wanted])
        groups = [found(self.name, reply, id_) for id_, reply in zip(wanted, replies, strict=True)]
        return [p for fields in groups if fields is not None and (p := pick(selections, fields))]

    def _app_is_due(self, draft: Draft, app_id: str, was: EntraCursor, stirred: set[str]) -> bool:
        cursor = was.apps[app_id]
        hit = stirred & set(cursor.via) or any(id_.startswith(f"{app_id}:") for id_ in stirred)
        return bool(hit) or not self._roles(draft).is_unchanged(cursor)


def _is_due(group: Group, was: EntraCursor, *, stirred: set[str], left: set[str]) -> bool:
    """Say whether a group has to be read again."""
    touched = group.id in stirred or not stirred.isdisjoint(was.nested.get(group.id, ()))
    return touched or not left.isdisjoint(group.members)


def _may_pick(settings: EntraSettings, id_: str) -> bool:
    """Say whether a group of this id, whatever its name, may be one to read."""
    return any(s.by != "id" or s.picks(id_, "") for s in settings.groups)


def _fingerprint(settings: EntraSettings, *, everyone: bool) -> str:
    """Hash the settings that decide what is in a snapshot."""
    who = settings.guests, settings.agents
    decisive: tuple[object, ...] = (settings.groups, *who, settings.app_roles, settings.graph_url, settings.tenant)
    decisive = (*decisive, EVERYONE) if everyone else decisive  # a cursor of before there was such a thing goes on
    return hashlib.sha256(repr(decisive).encode()).hexdigest()[:16]
