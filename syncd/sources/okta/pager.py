"""Ask an org within its limits, again where that may help, and follow lists to their end.

A list is read whole or `NotRead` says why not, and what was read of it. What is looked for in every list: an answer that is
no list, entries without an id, a next link to another host or another list, a page chain that runs in a circle, entries
that come twice, and an end that may be none (a full page without a next link).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from syncd.answers import parse_json, whole
from syncd.http.backoff import Retries
from syncd.http.rests import Rest
from syncd.http.secrets import beginning
from syncd.sources.okta.answers import Missing, NotRead, OktaReply, TokenRefused, Unanswered, advice
from syncd.sources.okta.budget import Budget

API: Final = "/api/v1"
LATE: Final = frozenset({408, 500, 504})
"""What Okta answers where a page took it too long; it asks for a smaller `limit` then (the 500 in older documents)."""
SMALLEST_HALF: Final = 25
"""A page is made no smaller than this."""
_TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
LONGEST_PAUSE_S: Final = 20.0
"""A longer rest than this, which Okta asked for, is remembered and not waited for: the thread has other things to do."""
MOST_PAGES: Final = 10_000
MOST_BARREN: Final = 20
"""So many pages of one list, one after the other, that bring no entry, and it is taken to be without an end."""
_SLACK: Final = 1000
"""So many more than twice its count may a list show before it is given up."""
MOST_BYTES: Final = 1024 * 1024 * 1024
"""The most that is read of one list: some 700,000 members."""
_FAILURES_IN_A_ROW: Final = 20
"""After so many requests that failed for good, one after the other, the org is taken to be down."""

_TIME_OVER: Final = "the time for this read (deadline_s) was over before it could be asked for"

Item = dict[str, object]


class Sender(Protocol):
    """What carries a request: the transport."""

    @property
    def renews(self) -> bool: ...

    async def get(self, path: str) -> OktaReply: ...

    def forget_token(self, authorization: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that was read to its end. `asked_at` is the server's time at the first answer."""

    items: tuple[Item, ...]
    pages: int
    asked_at: datetime | None


@dataclass(slots=True)
class _Chain:
    """The pages of one list, as far as they were read. `start` is the list's path, `last` the page asked for last."""

    start: str
    expected: int | None = None
    last: str = ""
    items: list[Item] = field(default_factory=list)
    living: int = 0
    """Entries that are not of deactivated users, which a count may leave out."""
    pages: int = 0
    barren: int = 0
    read: int = 0
    followed: set[str] = field(default_factory=set)
    asked_at: datetime | None = None

    @property
    def endless(self) -> str:
        """Say why a list has no end for us: each page leads to another one, and none leads to an end; empty where it may."""
        if self.pages >= MOST_PAGES or self.barren >= MOST_BARREN:
            return f"the list does not end: {self.pages} pages, of which the last {self.barren} brought nothing"
        if self.expected is not None and self.living > 2 * self.expected + _SLACK:
            return f"{self.living} members were read without an end, and Okta counts {self.expected}"
        return f"the list is larger than {MOST_BYTES} bytes" if self.read > MOST_BYTES else ""

    def stop(self, why: str) -> NotRead:
        """Give the error of a chain that is broken, with what was read; reading anew may help."""
        return NotRead(f"page {self.pages + 1}: {why}", items=tuple(self.items), pages=self.pages, again=True)


@dataclass(slots=True)
class Pager:
    """Reads one org, for one read. `halted` says why nothing more is asked."""

    sender: Sender
    budget: Budget
    retries: Retries
    deadline: float
    page_limit: int
    rest: Rest
    chance: Callable[[], float] = random.random
    calls: int = 0
    failures: int = 0
    halted: str = ""

    async def whole(self, path: str, query: Mapping[str, str], *, area: str, expected: int | None = None) -> Listing:
        """Read a list to a proven end; `expected` is the number of entries that it should have.

        Raises:
            NotRead: it could not be; with what was read.
        """
        start = f"{API}/{path}"
        for _ in range(2):
            chain = await self._ended(_Chain(start, expected), area, query)
            if not _twice(chain.items):
                return Listing(tuple(chain.items), chain.pages, chain.asked_at)
        raise chain.stop("entries came more than once, in two reads")

    async def _ended(self, chain: _Chain, area: str, query: Mapping[str, str]) -> _Chain:
        """Read a list, and where it ends with a full page read that page once more, as two: a lost link looks the same."""
        limit = await self._ends_full(chain, {**query, "limit": str(self.page_limit)}, area=area)
        if not limit:
            return chain
        last_page, chain.items = chain.items[-limit:], chain.items[:-limit]
        asked = dict(parse_qsl(chain.last.partition("?")[2]))
        if await self._ends_full(chain, {**asked, "limit": str(limit - 1)}, area=area):
            raise chain.stop("a full page has no next link, asked for twice with different page sizes")
        again = {item["id"] for item in chain.items}
        chain.items += [item for item in last_page if item["id"] not in again]
        return chain

    async def _ends_full(self, chain: _Chain, query: Mapping[str, str], *, area: str) -> int:
        """Follow a list from a page on; gives how many entries its last page was to have, if it is full, else 0."""
        target: str | None = f"{chain.start}?{urlencode(query, quote_via=quote)}"
        count = 0
        while target is not None:
            if why := chain.endless:  # reading it anew would not end either
                raise NotRead(why, items=tuple(chain.items), pages=chain.pages)
            try:
                reply, found = await self.get(target, area=area)
            except NotRead as e:
                e.items, e.pages = tuple(chain.items), chain.pages
                raise
            chain.followed |= {target, reply.asked}
            chain.last = reply.asked
            count = len(chain.items)
            target = _added(chain, reply, found)
        limit = _limit(chain.last) or int(query["limit"])
        return limit if len(chain.items) - count >= limit else 0

    async def get(self, path: str, *, area: str) -> tuple[OktaReply, object]:
        """Ask until there is an answer of 200 with JSON in it. A page of a list that comes late is asked for in half its size,
        and so is every other for the rest of the read.

        Raises:
            Missing: Okta says that there is no such thing.
            NotRead: there is none; where `halted` says why, there will be none for any other request either.
        """
        why, renewed, wait_s = "", False, 0.0
        for after_s in self.retries.tries(self.chance):
            await self._pause(wait_s)
            wait_s = after_s or 0.0
            asked = self._fitted(path)
            reply = await self._sent(asked, area)
            if isinstance(reply, Unanswered):
                why = str(reply)
                self._halved(asked, is_late=reply.late)
                continue
            if reply.status == 200:
                try:
                    found = parse_json(reply.body)
                except ValueError:
                    why = "the answer is not JSON" + ("" if reply.body else ": it is empty")
                    continue
                self.failures = 0
                return replace(reply, asked=asked), found
            if reply.status == 401 and self.sender.renews and not renewed:
                renewed, why = True, "the access token was refused"
                self.sender.forget_token(reply.authorization)
                continue
            if reply.status not in _TRY_AGAIN:
                raise self._refusal(reply)
            why = f"Okta answered {reply.status}{_named(reply)}"
            self._halved(asked, is_late=reply.status in LATE)
        raise self._failed(f"asked {self.retries.attempts} times: {why}")

    def _fitted(self, path: str) -> str:
        """Give a path of a list with no more entries in a page than came in time."""
        start, _, query = path.partition("?")
        if (_limit(path) or 0) <= self.page_limit:
            return path
        return f"{start}?{urlencode({**dict(parse_qsl(query)), 'limit': self.page_limit}, quote_via=quote)}"

    def _halved(self, path: str, *, is_late: bool) -> None:
        """Make pages smaller where this one came late; of several that were under way at once, each was as large."""
        limit = _limit(path) or 0
        if is_late and limit > SMALLEST_HALF:
            self.page_limit = min(self.page_limit, max(SMALLEST_HALF, limit // 2))

    async def _sent(self, path: str, area: str) -> OktaReply | Unanswered:
        """Send one request when its turn comes; gives the answer, or why there is none."""
        loop = asyncio.get_running_loop()
        try:
            await self._rested()
            async with self.budget.turn(area, deadline=self.deadline):
                self._still()
                self.calls += 1
                reply = await self.sender.get(path)
                self.budget.heard(area, reply.rate, loop.time())
        except TimeoutError:
            raise self._halt(_TIME_OVER) from None
        except TokenRefused as e:
            raise self._halt(str(e)) from None
        except Unanswered as e:
            self.budget.heard(area, None, loop.time())
            return e
        return reply

    async def _rested(self) -> None:
        """Wait for as long as Okta wants to be left alone, if that is not long."""
        self._still()
        rest_s = self.rest.left_s()
        if rest_s > LONGEST_PAUSE_S or asyncio.get_running_loop().time() + rest_s > self.deadline:
            raise self._halt(self.rest.why("Okta") if rest_s else _TIME_OVER)
        if rest_s:
            await asyncio.sleep(rest_s)

    def _still(self) -> None:
        """See that anything may be asked: others may have found meanwhile that nothing may, and the time may be over."""
        if self.halted:
            raise NotRead(self.halted)
        if asyncio.get_running_loop().time() >= self.deadline:
            raise self._halt(_TIME_OVER)

    async def _pause(self, wait_s: float) -> None:
        """Wait before the next try."""
        if wait_s and asyncio.get_running_loop().time() + wait_s > self.deadline:
            raise self._halt("the time for this read was over before an answer came")
        await asyncio.sleep(wait_s)

    def _refusal(self, reply: OktaReply) -> NotRead:
        code = _code(reply)
        hint = advice(reply.status, code, api_token=not self.sender.renews)
        why = f"Okta answered {reply.status}{_named(reply)}" + (f": {hint}" if hint else "")
        if reply.status == 401:
            return self._halt(why)
        return Missing(why) if code == "E0000007" else NotRead(why)

    def _failed(self, why: str) -> NotRead:
        self.failures += 1
        if self.failures >= _FAILURES_IN_A_ROW:
            return self._halt(f"given up after {self.failures} failures in a row; the last: {why}")
        return NotRead(why)

    def _halt(self, why: str) -> NotRead:
        self.halted = self.halted or why
        return NotRead(self.halted)


def _added(chain: _Chain, reply: OktaReply, found: object) -> str | None:
    """Add a page to a chain and give where it goes on."""
    if not isinstance(found, list):
        raise chain.stop("the answer is not a list")
    good: list[Item] = [item for item in found if isinstance(item, dict) and _is_id(item.get("id"))]
    chain.asked_at = chain.asked_at or (reply.server_time if not chain.pages else None)
    chain.items += good
    chain.living += sum(1 for item in good if item.get("status") != "DEPROVISIONED")
    chain.barren = 0 if good else chain.barren + 1
    chain.read += len(reply.body)
    if len(good) < len(found):
        raise chain.stop("an entry has no id")
    if reply.foreign is not None:
        raise chain.stop(f"the next link leads to another host ({beginning(reply.foreign, 80)}), which is not asked")
    if reply.next_path in chain.followed:
        raise chain.stop("the pages run in a circle")
    if reply.next_path is not None and reply.next_path.partition("?")[0] != chain.start:
        raise chain.stop("the next link leads to another list")
    chain.pages += 1
    return reply.next_path


def _limit(path: str) -> int | None:
    """Give how many entries a page was asked to have."""
    return whole(dict(parse_qsl(path.partition("?")[2])).get("limit"))


def _is_id(value: object) -> bool:
    """Say whether a value can be an id: some text, all of which can be written down."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _twice(items: list[Item]) -> bool:
    return len({item["id"] for item in items}) < len(items)


def _code(reply: OktaReply) -> str:
    try:
        found = parse_json(reply.body)
    except ValueError:
        return ""
    code = found.get("errorCode") if isinstance(found, dict) else None
    return beginning(code, 20) if isinstance(code, str) else ""


def _named(reply: OktaReply) -> str:
    """Name the errorCode; only that is stable, the summary is not."""
    code = _code(reply)
    return f" ({code})" if code else ""
