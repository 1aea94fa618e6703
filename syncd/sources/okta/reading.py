"""One read of an org: which groups there are, who is in each, and the certificate that says how far to trust it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import quote

from syncd.model import EVERYONE, Certificate, Group, Identity
from syncd.ports import Emit
from syncd.sources.okta.answers import Missing, NotRead
from syncd.sources.okta.pager import API, Listing, Pager
from syncd.sources.okta.people import Known, ListedGroup, SeenUser, listed_group, seen_user, settle
from syncd.sources.okta.settings import GroupFilter

READS: Final = 3
"""So often at most is a group read whose members do not agree with its count: it may have changed meanwhile."""
_IDS_AT_ONCE: Final = 50
_EVERYBODY: Final = "Everyone"
"""The name of the built-in group of an org; no other built-in group has it, and it cannot be renamed."""
_USER_FIELDS: Final = (
    "id,status,lastUpdated,profile:(login,email,firstName,lastName,employeeNumber,department,userType)"
)


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that are to be read. `unread` are those that are there, or may be, and could not be looked at."""

    listed: tuple[ListedGroup, ...]
    unread: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime | None = None


@dataclass(slots=True)
class OrgRead:
    """Collects what one read finds. `people` holds everybody seen, the newest sight of each."""

    source: str
    pager: Pager
    selection: GroupFilter
    known: Known
    now: Callable[[], datetime]
    emit: Emit
    people: dict[str, SeenUser] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    looks: dict[str, str] = field(default_factory=dict)
    """How each group looked whose members were read, or tried to be."""
    unanswered: set[str] = field(default_factory=set)
    """Groups of which the members could not be read to an end."""
    everyone: str = ""
    """The id of the group that Okta puts everybody into, once that is known."""

    # --- lists ---------------------------------------------------------------------------------------------------------

    async def all_groups(self) -> Groups:
        """List every group that is to be read.

        Raises:
            NotRead: the list of groups cannot be read whole, so nothing can be said of what is not in it.
        """
        listing = Listing((), 0, None)
        if self.selection.lists:
            listing = await self._groups(filter=_any("type", self.selection.types))
        found = {g.id: g for g in map(listed_group, listing.items)}
        wanted = (set(self.selection.ids) | set(self.known.members)) - set(found) - {EVERYONE}
        more, unread, asked_at = await self.groups_by_id(wanted)
        chosen = [g for g in (*found.values(), *more) if self._chosen(g)]
        return Groups(_by_id(chosen), unread, listing.asked_at or asked_at)

    async def changed_groups(self, since: str) -> tuple[tuple[ListedGroup, ...], Listing]:
        """List the groups, of those that are read, that changed after a time of the server."""
        changed = f'(lastMembershipUpdated gt "{since}" or lastUpdated gt "{since}")'
        listing = await self._groups(filter=changed)
        return _by_id(g for g in map(listed_group, listing.items) if self._chosen(g)), listing

    async def changed_users(self, since: str) -> Listing:
        """List the users, of the whole org, that changed after a time of the server, the deactivated ones too."""
        query = {"filter": f'lastUpdated gt "{since}"', "fields": _USER_FIELDS}
        return await self.pager.whole("users", query, area="users")

    async def groups_by_id(self, ids: Iterable[str]) -> tuple[list[ListedGroup], dict[str, str], datetime | None]:
        """Look groups up that a list did not show: found ones, those that cannot be looked at with the reason, and when.

        A group is taken to be gone only when Okta, asked for it by its id, says so.
        """
        wanted, found, asked_at = sorted(ids), [], None
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            listing = await self._groups(filter=_any("id", wanted[start : start + _IDS_AT_ONCE]))
            found += [listed_group(item) for item in listing.items]
            asked_at = asked_at or listing.asked_at
        missing = set(wanted) - {g.id for g in found}
        return found, {id_: why for id_ in sorted(missing) if (why := await self._is_there(id_))}, asked_at

    async def _is_there(self, id_: str) -> str:
        """Say why a group that is in no list cannot be read; nothing where it is gone."""
        try:
            await self.pager.get(f"{API}/groups/{quote(id_, safe='')}", area="group")
        except Missing:
            return ""
        except NotRead as e:
            return e.why
        return "the group is there, and no list shows it"

    async def _groups(self, **query: str) -> Listing:
        return await self.pager.whole("groups", {"expand": "stats", **query}, area="groups")

    def _chosen(self, group: ListedGroup) -> bool:
        return group.id in self.known.members or self.selection.takes(group.id, group.name, group.type)

    # --- members -------------------------------------------------------------------------------------------------------

    async def groups(self, found: Groups) -> list[Group]:
        """Read the members of groups, several at once; every group is in the result, whole or not. Sorted by id."""
        waiting = iter(found.listed)
        read = [self.unread(id_, why) for id_, why in found.unread.items()]

        async def work() -> None:
            for group in waiting:
                read.append(await self._group(group))

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self.pager.budget.most, len(found.listed))):
                workers.create_task(work())
        return sorted(read, key=lambda g: g.id)

    async def everybody(self) -> Group:
        """Read the group that Okta puts everybody into: a list of people, and a count that comes from elsewhere."""
        try:
            listing = await self._groups(filter=_any("type", ["BUILT_IN"]))
        except NotRead as e:
            return self.unread(EVERYONE, f"the group Everyone could not be looked up: {e.why}")
        found = [g for g in map(listed_group, listing.items) if g.name == _EVERYBODY]
        if len(found) != 1:
            return self.unread(
                EVERYONE, "Okta shows no group Everyone to this credential: an administrator role may hide it"
            )
        self.everyone = found[0].id
        return replace(await self._group(found[0]), id=EVERYONE, name=EVERYONE)

    def unread(self, id_: str, why: str) -> Group:
        """Give a group of which nothing was read."""
        self.unanswered.add(id_)
        return self._told(ListedGroup(id_, self.known.names.get(id_, ""), "", None, "", ""), (), 0, why)

    async def _group(self, listed: ListedGroup) -> Group:
        """Read one group until its members and its count agree, or it is plain that they will not."""
        pages, listing = 0, Listing((), 0, None)
        why = ""
        for read in range(READS):
            try:
                if read:
                    listed = await self._again(listed)
                path = f"groups/{quote(listed.id, safe='')}/users"
                listing = await self.pager.whole(path, {}, area="members", expected=listed.users_count)
            except NotRead as e:
                self.unanswered.add(listed.id)
                pages, why = pages + e.pages, e.why
                listing = Listing(e.items, e.pages, None) if e.items else listing
                if not e.again:
                    break
                continue
            self.unanswered.discard(listed.id)
            pages, why = pages + listing.pages, _disagreement(listed, listing)
            if not why or listed.users_count is None:  # where there is no count, another look brings none
                break
        return self._told(listed, listing.items, pages, why)

    async def _again(self, listed: ListedGroup) -> ListedGroup:
        """Look a group up anew after a pause: counts and members may show a change at different times."""
        await asyncio.sleep(self.pager.retries.first_s * self.pager.chance())
        listing = await self._groups(filter=_any("id", [listed.id]))
        found = [g for g in map(listed_group, listing.items) if g.id == listed.id]
        return found[0] if found else replace(listed, users_count=None)

    def _told(self, listed: ListedGroup, items: Iterable[Mapping[str, object]], pages: int, why: str) -> Group:
        """Make a group of what was read of it; who is in doubt stays as they were, and strangers in doubt stay out."""
        seen = {s.identity.id: s for s in (seen_user(self.source, item) for item in items)}
        doubts = [s for s in seen.values() if s.doubt]
        self.looks[listed.id] = listed.look
        known_as = EVERYONE if listed.id == self.everyone else listed.id
        before = self.known.members.get(known_as, frozenset())
        out = [s for s in doubts if s.identity.id not in before or s.identity.id not in self.known.people]
        left_out = frozenset(s.identity.id for s in out)
        self.tell(doubts, left_out=left_out)
        for one in seen.values():
            self.see(one)
        why = why or (f"{out[0].doubt}; whoever is in doubt is left as they were" if out else "")
        certificate = Certificate(pages, len(seen), listed.users_count, self.now(), complete=not why, why=why)
        return Group(self.source, listed.id, listed.name, frozenset(seen) - left_out, certificate)

    def see(self, seen: SeenUser) -> None:
        """Keep the newest sight of a user: pages are read at different times."""
        held = self.people.get(seen.identity.id)
        if held is None or seen.updated >= held.updated:
            self.people[seen.identity.id] = seen

    def tell(self, doubts: Iterable[SeenUser], *, left_out: frozenset[str] = frozenset()) -> None:
        """Say once in a read who is in doubt, and whether they stay as they were."""
        for seen in doubts:
            id_ = seen.identity.id
            if id_ not in self.told:
                self.told.add(id_)
                self.emit("user_in_doubt", source=self.source, user=id_, why=seen.doubt, kept=id_ not in left_out)

    def identities(self, groups: Iterable[Group], earlier: Mapping[str, Identity]) -> tuple[Identity, ...]:
        """Give the members of groups as people, sorted by id: as just seen, else as they were known."""
        wanted = sorted({person for group in groups for person in group.members})
        return tuple(_present(self._identity(id_, earlier.get(id_)) for id_ in wanted))

    def _identity(self, id_: str, known: Identity | None) -> Identity | None:
        seen = self.people.get(id_)
        return settle(seen, known) if seen else known


def _disagreement(listed: ListedGroup, listing: Listing) -> str:
    """Compare the members with the count. Whether Okta counts deactivated members is not documented, so both are taken."""
    if listed.users_count is None:
        return "Okta gave no count of the members to compare with"
    count = len(listing.items)
    deactivated = sum(1 for item in listing.items if item.get("status") == "DEPROVISIONED")
    if listed.users_count in (count, count - deactivated):
        return ""
    return f"{count} members were read, and Okta counts {listed.users_count}"


def _any(name: str, values: Iterable[str]) -> str:
    return " or ".join(f'{name} eq "{v}"' for v in values)


def _by_id(groups: Iterable[ListedGroup]) -> tuple[ListedGroup, ...]:
    return tuple(sorted({g.id: g for g in groups}.values(), key=lambda g: g.id))


def _present(found: Iterable[Identity | None]) -> Iterator[Identity]:
    return (identity for identity in found if identity is not None)
