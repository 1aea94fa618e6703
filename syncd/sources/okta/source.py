"""Okta as a source: full reads, and reads of what changed since the last.

The transport wants an event loop; the loop lives as long as the source and runs only inside a call, so a source can be
used from any thread that has no loop of its own running. One call at a time; others wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from syncd.errors import SourceUnavailable
from syncd.http.rests import Rest
from syncd.model import EVERYONE, Group, Snapshot
from syncd.sources.again import NEVER, Again, resting
from syncd.sources.kind import SourceSurroundings
from syncd.sources.okta.answers import NotRead
from syncd.sources.okta.budget import Budget
from syncd.sources.okta.cursor import EPOCH, OktaCursor, fingerprint, mark
from syncd.sources.okta.pager import Listing, Pager
from syncd.sources.okta.people import Known, ListedGroup, SeenUser, seen_user
from syncd.sources.okta.reading import Groups, OrgRead
from syncd.sources.okta.settings import OktaSettings

if TYPE_CHECKING:
    from syncd.sources.okta.transport import OktaTransport

_LOOK_S: Final = 0.2

ReadWork = Callable[[OrgRead], Awaitable[tuple[Snapshot, str]]]


class OktaSource:
    """One org; see `ports.Source` and `ports.Feed`.

    Groups of the last saved snapshot are followed by their ids whatever they are called now, and who has a status that is
    not known stays as they were in it.
    """

    def __init__(self, name: str, settings: OktaSettings, around: SourceSurroundings) -> None:
        self.name: Final = name
        self.settings: Final = settings
        self.calls = 0
        self._now = around.now
        self._emit = around.emit
        self._rest = Rest(settings.provider, around.rests, now=around.now)
        self._stopping = around.stopping
        self._everyone = around.everyone
        self._made_for = fingerprint(settings, everyone=around.everyone)
        self._budget = Budget(settings.leave_free, settings.concurrency)
        self._one_at_a_time = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: OktaTransport | None = None

    @property
    def feed(self) -> OktaSource:
        return self

    @property
    def ignored(self) -> Mapping[str, int]:
        """Nothing: all members of Okta's groups are people."""
        return {}

    def close(self) -> None:
        """Close the event loop; the next read makes another one. That of a read that goes on is closed when it is forgotten."""
        if self._loop is None or not self._one_at_a_time.acquire(blocking=False):
            return
        try:
            self._loop.close()
            self._loop = self._transport = None
        finally:
            self._one_at_a_time.release()

    def read(self) -> Snapshot:
        """Read everything; see `ports.Source`. People and groups come sorted by id."""
        return self.read_from_here()[0]

    def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
        """Read everything, and give the cursor to go on from; see `ports.Feed`."""
        return self._run(self._full, earlier)

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        """Give `earlier` with what changed; see `ports.Feed`.

        With nothing changed this costs two requests. A deleted group does not show in what changed: a full read finds it.
        """
        since = OktaCursor.read(cursor, settings=self._made_for)

        async def work(reading: OrgRead) -> tuple[Snapshot, str]:
            return await self._changes(reading, earlier, since)

        return self._run(work, earlier)

    # --- running -------------------------------------------------------------------------------------------------------

    def _run(self, work: ReadWork, earlier: Snapshot | None) -> tuple[Snapshot, str]:
        with self._one_at_a_time:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                weakref.finalize(self, self._loop.close)
            return _completed(self._loop, self._until_stopped(self._opened(work, Known.of(earlier))))

    async def _until_stopped(self, work: Coroutine[Any, Any, tuple[Snapshot, str]]) -> tuple[Snapshot, str]:
        """Do work, and end it where the process is to end: whatever it waits for."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_LOOK_S)
                if self._stopping() and not task.done():
                    raise SourceUnavailable(f"source {self.name}: not read to its end, because syncd is stopping")
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _opened(self, work: ReadWork, known: Known) -> tuple[Snapshot, str]:
        settings = self.settings
        try:
            transport = self._signed_in()
            deadline = asyncio.get_running_loop().time() + settings.deadline_s
            pager = Pager(transport, self._budget, settings.retries, deadline, settings.page_limit, self._rest)
            reading = OrgRead(self.name, pager, settings.groups, known, self._now, self._emit)
            async with transport.open():
                return await self._counted(work, reading)
        except (NotRead, SourceUnavailable) as e:
            raise SourceUnavailable(f"source {self.name}: {settings.connection.root}: {e}") from None

    def _signed_in(self) -> OktaTransport:
        from syncd.sources.okta.transport import OktaTransport  # a second of importing, which other commands are spared

        if self._transport is None:
            self._transport = OktaTransport(self.settings, heard=self._rest.heard)
        return self._transport

    async def _counted(self, work: ReadWork, reading: OrgRead) -> tuple[Snapshot, str]:
        try:
            return await work(reading)
        finally:
            self.calls += reading.pager.calls
            if reading.pager.page_limit < self.settings.page_limit:
                self._emit("pages_made_smaller", source=self.name, page_limit=reading.pager.page_limit)
            if reading.pager.halted:  # perhaps a credential was replaced: the next read looks it up anew
                self._transport = None
                self._emit("read_cut_short", source=self.name, why=reading.pager.halted)

    # --- everything ----------------------------------------------------------------------------------------------------

    async def _full(self, reading: OrgRead) -> tuple[Snapshot, str]:
        found = await reading.all_groups()
        groups = await reading.groups(found)
        everybody = [await reading.everybody()] if self._everyone else []
        people = reading.identities((*everybody, *groups), reading.known.people)
        since = OktaCursor(EPOCH, EPOCH, self._made_for)
        asked = [found.asked_at.isoformat()] if found.asked_at else []
        cursor = self._next(
            reading,
            since,
            [*everybody, *groups],
            found.listed,
            asked_at=found.asked_at,
            users=asked or [s.updated for s in reading.people.values()],
            stamps=[] if found.listed else asked,
        )
        return Snapshot(self.name, people, (*everybody, *groups), self._now()), cursor.text()

    def _next(
        self,
        reading: OrgRead,
        since: OktaCursor,
        read: list[Group],
        listed: tuple[ListedGroup, ...],
        *,
        rested: Iterable[str] = (),
        asked_at: datetime | None,
        users: list[str],
        stamps: Iterable[str] = (),
    ) -> OktaCursor:
        """Move the marks on. Groups changed after the mark are remembered with their stamps, so each is read once."""
        overlap_s = self.settings.overlap_s
        groups = mark(
            (*stamps, *(g.newest for g in listed)), asked_at=asked_at, overlap_s=overlap_s, floor=since.groups
        )
        again = {g.id: _read_in_vain(g, since, reading) for g in read if not g.certificate.complete}
        again |= {id_: since.again[id_].passed() for id_ in rested}
        seen = {**since.seen, **{g.id: g.stamps for g in listed}}
        return replace(
            since,
            groups=groups,
            users=mark(users, asked_at=asked_at, overlap_s=overlap_s, floor=since.users),
            seen={id_: stamps for id_, stamps in seen.items() if max(stamps) > groups and id_ not in again},
            again=again,
        )

    # --- what changed --------------------------------------------------------------------------------------------------

    async def _changes(self, reading: OrgRead, earlier: Snapshot, since: OktaCursor) -> tuple[Snapshot, str]:
        (listed, listing), users = await _both(reading.changed_groups(since.groups), reading.changed_users(since.users))
        changed = self._users(reading, users)
        before = {g.id: g for g in earlier.groups}
        shown = {g.id for g in listed} | {EVERYONE}
        again, unread, _ = await reading.groups_by_id(since.again.keys() - shown)
        gone = since.again.keys() - shown - {g.id for g in again} - set(unread)
        rested = {g.id for g in (*listed, *again) if g.id in before and since.again.get(g.id, NEVER).rests(g.look)}
        moved = (g for g in listed if _to_be_read(g, before.get(g.id), since))
        due = tuple(g for g in (*moved, *again) if g.id not in rested)
        read = await reading.groups(Groups(due, unread))
        if self._everyone:
            everybody, is_read = await self._everybody(reading, before.get(EVERYONE), changed, since)
            before[EVERYONE] = everybody
            read += [everybody] if is_read else []
            rested |= {EVERYONE} if not is_read and EVERYONE in since.again else set()
        renamed = {g.id: replace(before[g.id], name=g.name) for g in listed if g.name and g.id in before}
        doubtful = {id_: resting(renamed.get(id_, before[id_]), since.again[id_]) for id_ in rested}
        groups = {**before, **renamed, **doubtful, **{g.id: g for g in read}}
        groups = {id_: groups[id_] for id_ in sorted(groups) if id_ not in gone}
        people = reading.identities(groups.values(), reading.known.people)
        crowded = listing.pages > 1  # a mass change, behind which the mark would stay until the next change anywhere
        cursor = self._next(
            reading,
            since,
            read,
            (*listed, *again),
            rested=rested,
            asked_at=listing.asked_at,
            users=[s.updated for s in changed],
            stamps=[listing.asked_at.isoformat()] if crowded and listing.asked_at else [],
        )
        return Snapshot(self.name, people, tuple(groups.values()), self._now()), cursor.text()

    async def _everybody(
        self, reading: OrgRead, before: Group | None, changed: Iterable[SeenUser], since: OktaCursor
    ) -> tuple[Group, bool]:
        """Give everybody, as they were and with who is new in the list of changes; and whether they were read anew.

        Who is hired shows there, and who is deactivated too; whether the stamp of Okta's own group of everybody moves with them
        is not documented.
        """
        again = since.again.get(EVERYONE, NEVER)
        if before is None or (not before.certificate.complete and not again.left):
            return await reading.everybody(), True
        seen = before.members | {s.identity.id for s in changed if not s.doubt and not s.deprovisioned}
        more, counted = len(seen) - len(before.members), before.certificate.independent_count
        count = None if counted is None else counted + more
        certificate = replace(before.certificate, count=len(seen), independent_count=count)
        return replace(before, members=seen, certificate=certificate), False

    def _users(self, reading: OrgRead, users: Listing) -> list[SeenUser]:
        changed = [seen_user(self.name, item) for item in users.items]
        for one in changed:
            reading.see(one)
        members = reading.known.people
        reading.tell(s for s in changed if s.doubt and s.identity.id in members)
        return changed


def _completed(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, tuple[Snapshot, str]]
) -> tuple[Snapshot, str]:
    """Run work to its end; an interruption from the keyboard ends it too."""
    task = loop.create_task(work)
    try:
        return loop.run_until_complete(task)
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)


async def _both(
    groups: Awaitable[tuple[tuple[ListedGroup, ...], Listing]], users: Awaitable[Listing]
) -> tuple[tuple[tuple[ListedGroup, ...], Listing], Listing]:
    """Ask for both lists at once."""
    first, second = await asyncio.gather(groups, users, return_exceptions=True)
    for found in (first, second):
        if isinstance(found, BaseException):
            raise found
    assert not isinstance(first, BaseException)
    assert not isinstance(second, BaseException)
    return first, second


def _read_in_vain(group: Group, since: OktaCursor, reading: OrgRead) -> Again:
    before, look = since.again.get(group.id, NEVER), reading.looks.get(group.id, "")
    return before.failed(look, group.certificate.why, answered=group.id not in reading.unanswered)


def _to_be_read(group: ListedGroup, before: Group | None, since: OktaCursor) -> bool:
    """Say whether a group that a list of changes shows has members that were not read yet.

    membership changed after the mark | read since at these stamps | count as before = read?
    no                                | any                        | yes             = no, it was renamed
    yes                               | yes                        | yes             = no, it is in the overlap
    yes                               | no                         | any             = yes
    any                               | any                        | no              = yes
    """
    if before is None or group.id in since.again or not before.certificate.complete:
        return True
    if group.users_count != before.certificate.independent_count:
        return True
    known = since.seen.get(group.id)
    return group.membership_updated > since.groups and (known is None or known[1] != group.membership_updated)
