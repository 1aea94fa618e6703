"""Lies and failures that a stand-in can be told to show, chosen per request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from syncd.sandbox.airflow.answers import APPLICATION, AirflowAnswer, answer

When = Callable[[str, str], bool]
"""Method and path -> whether the fault is for this request."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection without an answer, before the request was worked on or after."""

    after_work: bool = False


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait before the request is worked on, and again before it is answered; the work is done even if nobody waits."""

    before_s: float = 0.0
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Instead:
    """Give this answer and do nothing."""

    answer: AirflowAnswer


@dataclass(frozen=True, slots=True)
class Cut:
    """Send this share of the body under a Content-Length that promises all of it."""

    keep: float = 0.5


@dataclass(frozen=True, slots=True)
class Forget:
    """Answer as if all was well and keep nothing of a write to users or roles."""


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Let another hand do something on the server just before the request is worked on."""

    hand: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Shrink:
    """From the second page on, say that there are fewer rows in all."""

    by: int = 1


@dataclass(frozen=True, slots=True)
class RepeatPage:
    """Give the first page whatever page was asked for."""


Fault = HangUp | Slow | Instead | Cut | Forget | Meanwhile | Shrink | RepeatPage

DOWN = HangUp()
HANG = Slow(before_s=3600)
WEB_PAGE = Instead(APPLICATION)
EMPTY_502 = Instead(AirflowAnswer(502, b"", None))
UNAUTHORIZED = Instead(answer({"detail": "Invalid credentials"}, 401))
FORBIDDEN = Instead(answer({"detail": "Forbidden"}, 403))
CRASH = Instead(AirflowAnswer(500, b"Internal Server Error", "text/plain; charset=utf-8"))


def too_many(retry_after: str | None = None) -> Instead:
    """Make the fault of a server, or a proxy before it, that has had enough; `retry_after` is the header as sent."""
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Instead(AirflowAnswer(429, b"Too Many Requests", "text/plain; charset=utf-8", headers))


def on(method: str, pattern: str) -> When:
    """Choose requests by method and path, each with shell wildcards: `on("PATCH", "*/roles/*")`."""
    return lambda called, path: fnmatchcase(called, method) and fnmatchcase(path, pattern)


class Faults:
    """The faults of one stand-in; the first one that fits a request is shown."""

    def __init__(self) -> None:
        self._set: list[tuple[Fault, When, list[int]]] = []

    def add(self, fault: Fault, when: When = on("*", "*"), *, times: int | None = None, after: int = 0) -> None:
        """Show a fault for these requests: `after` of them pass first, then `times` of them show it (None: all)."""
        self._set.append((fault, when, [after, -1 if times is None else times]))

    def clear(self) -> None:
        self._set.clear()

    def take(self, method: str, path: str) -> Fault | None:
        for fault, when, left in self._set:
            if left[1] and when(method, path):
                if left[0]:
                    left[0] -= 1
                    continue
                left[1] -= 1
                return fault
        return None


def distort(fault: Fault | None, given: AirflowAnswer, *, offset: int) -> AirflowAnswer:
    """Spoil an answer on its way out."""
    match fault:
        case Cut(keep):
            return replace(given, body=given.body[: int(len(given.body) * keep)], length=len(given.body))
        case Shrink(by) if offset and b'"total_entries"' in given.body:
            rows: dict[str, Any] = json.loads(given.body)
            return answer(rows | {"total_entries": rows["total_entries"] - by})
        case _:
            return given
