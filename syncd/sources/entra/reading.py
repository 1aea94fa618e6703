"""Read lists from Graph so that each is known to be whole, or known not to be.

A list is whole when its pages are chained to the end, each was answered, none of them and no entry came twice, and the
number of entries is the number that Graph counts by another way. That count comes from an index which lags behind changes:
so a list is read from the directory itself, and one that does not agree with its count is read again, twice, before it is
given up as incomplete. First pages and counts travel in batches, which saves nineteen calls of twenty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

from syncd.sources.entra.graph import BATCH, Ask, GraphClient, GraphReply

MOST_PAGES: Final = 10_000
MOST_BARREN: Final = 20
"""So many pages of one list, one after the other, that bring no entry, and it is taken to be without an end."""
SMALLEST: Final = 50
"""A page is made no smaller than this."""
_TOP: Final = re.compile(r"(?<=[?&]\$top=)[0-9]+")
EXPIRED: Final = "directory_expiredpagetoken"
READINGS: Final = 3
"""So often is a list read that does not agree with itself or its count."""

Take = Callable[[Mapping[str, object]], "T_co"]


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)
T_co = TypeVar("T_co", bound=HasId, covariant=True)


def query(path: str, **options: str | int) -> str:
    """Put OData options (`select`, `top`, `filter`, `count`) behind a path."""
    return f"{path}?{urlencode({f'${k}': v for k, v in options.items()}, safe='$,()', quote_via=quote)}"


@dataclass(frozen=True, slots=True)
class Collection:
    """A list to read: where it begins, and what counts it (None: Graph does not count this one)."""

    first: str
    count: str | None


@dataclass(frozen=True, slots=True)
class ListRead(Generic[T]):
    """What a list held. It is whole if `why` is empty. `again`: another look may help. `gone`: its owner does not exist."""

    items: tuple[T, ...] = ()
    pages: int = 0
    count: int = 0
    independent: int | None = None
    why: str = ""
    again: bool = False
    gone: bool = False
    late: bool = False
    """Whether a page did not come in time: a smaller one may."""
    closed: bool = False
    """Whether the pages were read to their end, whatever the count says."""

    @property
    def is_whole(self) -> bool:
        return not self.why


class Reader:
    """Reads lists, several at a time."""

    def __init__(
        self, graph: GraphClient, *, concurrency: int, settle_s: float, pause: Callable[[float], object]
    ) -> None:
        self._graph = graph
        self._concurrency = concurrency
        self._settle_s = settle_s
        self._pause = pause
        self._largest = 999

    def begin(self) -> None:
        """Begin a read: its time is counted from now, and pages are as large as they are asked for."""
        self._graph.begin()
        self._largest = 999

    def read(
        self, wanted: Sequence[Collection], take: Take[T], *, counted: Callable[[T], bool] = lambda _: True
    ) -> list[ListRead[T]]:
        """Read lists, in their order. `take` makes an item of an entry, `counted` says whether the count is of such items.

        Raises:
            SourceUnavailable: see `Graph.ask`, and what `take` raises.
        """
        readings: list[ListRead[T]] = [ListRead(again=True)] * len(wanted)
        open_ = list(range(len(wanted)))
        for number in range(READINGS):
            if number and self._graph.over:
                break
            if number:
                self._pause(number * self._settle_s)
            found = self._each([wanted[i] for i in open_], take, counted)
            for i, reading in zip(open_, found, strict=True):
                readings[i] = reading
            open_ = [i for i in open_ if readings[i].again]
            if any(readings[i].late for i in open_):
                self._largest = max(SMALLEST, min(self._largest, *(_top(wanted[i].first) for i in open_)) // 4)
            if not open_:
                break
        return readings

    def look_up(self, paths: Sequence[str]) -> list[GraphReply]:
        """Ask for single objects, in batches. That there is none is believed when Graph says so twice."""
        replies = self._all([Ask(path) for path in paths])
        absent = [i for i, reply in enumerate(replies) if reply.is_gone]
        for i, reply in zip(absent, self._all([Ask(paths[i]) for i in absent]), strict=True):
            replies[i] = reply
        return replies

    def counts(self, wanted: Sequence[str]) -> list[int | None]:
        """Ask for counts alone, in batches; None where there is none."""
        replies = self._all([Ask(path, eventual=True) for path in wanted])
        found = [reply.fields.get("@odata.count") if reply.ok else None for reply in replies]
        return [number if isinstance(number, int) else None for number in found]

    def _all(self, asks: Sequence[Ask]) -> list[GraphReply]:
        parts = [asks[i : i + BATCH] for i in range(0, len(asks), BATCH)]
        return [reply for part in self._mapped(self._graph.ask, parts) for reply in part]

    def _each(self, wanted: Sequence[Collection], take: Take[T], counted: Callable[[T], bool]) -> list[ListRead[T]]:
        half = BATCH // 2  # a first page and a count for each
        parts = [wanted[i : i + half] for i in range(0, len(wanted), half)]
        found = self._mapped(lambda part: self._some(part, take, counted), parts)
        return [reading for part in found for reading in part]

    def _mapped(self, work: Callable[[Sequence[A]], list[B]], parts: Sequence[Sequence[A]]) -> list[list[B]]:
        if len(parts) < 2:
            return [work(part) for part in parts]
        pool = ThreadPoolExecutor(min(self._concurrency, len(parts)), "entra")
        try:
            return list(pool.map(work, parts))
        finally:
            pool.shutdown(cancel_futures=True)

    def _some(self, part: Sequence[Collection], take: Take[T], counted: Callable[[T], bool]) -> list[ListRead[T]]:
        counts = [Ask(c.count, eventual=True) for c in part if c.count]
        replies = self._graph.ask([Ask(self._fitted(c.first)) for c in part] + counts)
        stated = iter(self._counted_again(counts, replies[len(part) :]))
        found = []
        for collection, first in zip(part, replies[: len(part)], strict=True):
            reading = self._chained(first, take, counted)
            found.append(_compared(reading, next(stated)) if collection.count else reading)
        return found

    def _fitted(self, path: str) -> str:
        """Give a path with no more entries in a page than came in time."""
        return _TOP.sub(lambda found: str(min(int(found[0]), self._largest)), path)

    def _counted_again(self, counts: Sequence[Ask], replies: list[GraphReply]) -> list[GraphReply]:
        """Ask once more for the counts that answers left out; that costs less than to read the lists again."""
        missing = [n for n, reply in enumerate(replies) if reply.ok and "@odata.count" not in reply.fields]
        if missing:
            for n, reply in zip(missing, self._graph.ask([counts[n] for n in missing]), strict=True):
                replies[n] = reply
        return replies

    def _chained(self, first: GraphReply, take: Take[T], counted: Callable[[T], bool]) -> ListRead[T]:
        """Follow the pages to the end, or to the first thing that is not right."""
        if not first.ok:
            return ListRead(why=first.problem, gone=first.is_gone, again=first.late, late=first.late)
        chain, endless = _Chain(take), False
        reply = first
        while link := chain.add(reply):
            path = self._graph.below(link)
            if path is None:
                chain.why = "a next link leads to another host"
            elif path in chain.links:
                chain.why = "a next link leads back"
            elif chain.pages >= MOST_PAGES or chain.barren >= MOST_BARREN:
                chain.why = f"the list does not end: {chain.pages} pages, of which the last {chain.barren} were empty"
                endless = True
            if path is None or chain.why:
                break
            chain.links.add(path)
            reply = self._graph.get(path)
        count = sum(map(counted, chain.items))
        # an expired page token is no refusal: the list can be read again from its start
        again = chain.why != "" and not endless and (reply.ok or reply.late or EXPIRED in reply.codes)
        found = ListRead(tuple(chain.items), chain.pages, count, None, chain.why, again=again, closed=not chain.why)
        return replace(found, late=reply.late)


A = TypeVar("A")
B = TypeVar("B")


class _Chain(Generic[T]):
    """Pages as they come, and what is wrong with them."""

    def __init__(self, take: Take[T]) -> None:
        self.items: list[T] = []
        self.pages = self.barren = 0
        self.links: set[str] = set()
        self.why = ""
        self._take = take
        self._ids: set[str] = set()

    def add(self, reply: GraphReply) -> object:
        """Take a page; gives its next link, or None at the end and where something is wrong."""
        value = reply.fields.get("value")
        if not reply.ok or not isinstance(value, list):
            self.why = reply.problem or "a page without entries"
            return None
        self.pages += 1
        self.barren = 0 if value else self.barren + 1
        for entry in value:
            if not self._added(entry):
                return None
        return reply.fields.get("@odata.nextLink")

    def _added(self, entry: object) -> bool:
        if not isinstance(entry, dict) or not is_id(entry.get("id")):
            self.why = "an entry without id"
            return False
        try:
            item = self._take(entry)
        except ValueError as e:
            self.why = str(e)
            return False
        if item.id in self._ids:
            self.why = "an entry came twice"
            return False
        self._ids.add(item.id)
        self.items.append(item)
        return True


def _top(path: str) -> int:
    found = _TOP.search(path)
    return int(found[0]) if found else 999


def is_id(value: object) -> bool:
    """Say whether a value can be an id: some text, all of which can be written down."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _compared(reading: ListRead[T], stated: GraphReply) -> ListRead[T]:
    """Hold a list that is closed against its count."""
    if not reading.is_whole:
        return reading
    if stated.status == 400 and "request_unsupportedquery" in stated.codes:
        return reading  # this cloud does not count
    if not stated.ok:
        return replace(reading, why=f"no count: {stated.problem}")
    number = stated.fields.get("@odata.count")
    if not isinstance(number, int):  # another look brings none
        return replace(reading, why="no count: Graph left it out")
    if number != reading.count:
        why = f"{reading.count} read, but Graph counts {number}"
        return replace(reading, independent=number, why=why, again=True)
    return replace(reading, independent=number)
