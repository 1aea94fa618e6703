"""Faults that the stand-in can be told to show, each at the n-th request that matches.

Requests inside of a $batch count, and suffer, like requests by themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class LieKind(StrEnum):
    """What goes wrong."""

    CUT_PAGE = "cut page"
    """The second half of the entries is missing; nothing else shows it."""
    EMPTY_PAGE = "empty page"
    """No entries and no link: the list looks empty, or ends here."""
    REPEATED_PAGE = "repeated page"
    """The page before comes once more in the place of this one; the first page leads to itself."""
    LOOPED_LINK = "looped link"
    """The next link leads to the page it is on."""
    FRESH_LINK = "fresh link"
    """Where a list ends, a next link that was never seen before, to an empty page."""
    EXPIRED_PAGE = "expired page token"
    """400 to a page that is not the first: the list was too long on the way."""
    LOST_LINK = "lost link"
    """The next link, or the delta link, is missing."""
    FOREIGN_LINK = "foreign link"
    """The next link, or the delta link, leads to another host."""
    EMPTY_502 = "empty 502"
    EMPTY_200 = "empty 200"
    WEB_PAGE = "web page"
    """200, with the log-in page of a proxy."""
    THROTTLED = "429"
    """With Retry-After."""
    THROTTLED_SILENTLY = "429 without Retry-After"
    BUSY = "503"
    BROKEN = "500"
    TIMED_OUT = "504"
    """The gateway's, in HTML, to a page of more than 100 entries."""
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    HANG = "hang"
    TRUNCATED = "truncated JSON"
    WRONG_COUNT = "wrong count"
    NO_COUNT = "no count"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 - a kind of fault
    DELTA_GONE = "410"
    """The delta token is too old: 410, with the place where to start again."""
    DELTA_LOST = "syncStateNotFound"
    DELTA_RESYNC = "resyncRequired"
    DELTA_REPLAYED = "replayed delta"
    """The delta begins with everything that it ever said, once more."""
    NULL_ENABLED = "accountEnabled null"
    """What people look like without the permission User.Read.All: only their ids are there."""
    DROPPED = "dropped from batch"
    """The answer to a request of a batch is missing; a request by itself gets an empty 502."""


@dataclass(slots=True)
class Lie:
    """One fault: from the `at`-th request on whose path matches, `times` times."""

    kind: LieKind
    path: str = ""
    """Regular expression that is searched for in path and query; empty: every request to Graph."""
    at: int = 1
    times: int = 1
    seen: int = field(default=0, init=False)
    told: int = field(default=0, init=False)

    def strikes(self, url: str) -> bool:
        """Count a request, and say whether this is one to lie about."""
        if not re.search(self.path, url):
            return False
        self.seen += 1
        hit = self.at <= self.seen < self.at + self.times
        self.told += hit
        return hit
